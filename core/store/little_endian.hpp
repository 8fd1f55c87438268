// Little-endian numbers in byte buffers: the one byte order of all that is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace portal {

// `Buffer` is a Secret or a std::string.
template <typename Int, typename Buffer>
void append_number(Buffer& out, std::type_identity_t<Int> value) {
    static_assert(std::is_integral_v<Int>);
    char bytes[sizeof(Int)];
    const auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(Int); ++i) bytes[i] = static_cast<char>(bits >> (8 * i));
    out.append(std::string_view(bytes, sizeof bytes));
}

// Takes numbers and texts from the front. A read past the end gives zero or nothing, and `complete` says so afterwards: one
// check after the last field serves them all.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    template <typename Int>
    Int number() {
        static_assert(std::is_integral_v<Int>);
        std::uint64_t bits = 0;
        const std::string_view bytes = text(sizeof(Int));
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
        return static_cast<Int>(bits);
    }

    std::string_view text(std::size_t size) {
        if (size > rest_.size()) {
            overrun_ = true;
            size = 0;
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    // Whether every read was within the bytes, and none is left over.
    [[nodiscard]] bool complete() const { return !overrun_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool overrun_ = false;
};

}  // namespace portal
