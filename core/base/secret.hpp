// A buffer for what must not leak: wiped when it goes, left out of core dumps, and with no printable form.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace portal {

// Overwrites memory in a way that no compiler removes. Registers are not covered: see the README's limits.
void wipe(void* memory, std::size_t size) noexcept;

// Pages of their own, outside the heap and outside core dumps; zeroed. Wiped and unmapped by secret_free. A forked child
// finds zeros there (Linux 4.14 and later).
void* secret_allocate(std::size_t size);
void secret_free(void* memory, std::size_t size) noexcept;

// Move-only, so that each copy of a secret is one that somebody meant to make. There is deliberately no operator<<, no
// conversion to std::string and no formatter: `reveal` is the one way in, easy to search for.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view text);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    [[nodiscard]] std::string_view reveal() const { return {data_, size_}; }
    [[nodiscard]] char* data() { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    void append(std::string_view text);
    void resize(std::size_t size);  // new bytes are zero; bytes cut off are wiped
    void reserve(std::size_t capacity);
    void clear() noexcept;

    // Takes the same time wherever the difference is.
    [[nodiscard]] bool equals(std::string_view other) const noexcept;

private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

// A token is made once and shared by all that hand it out.
using SharedSecret = std::shared_ptr<const Secret>;

}  // namespace portal
