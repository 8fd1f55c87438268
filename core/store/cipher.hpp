// What the file store needs from a crypto library: authenticated encryption, a keyed hash, a name's hash.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace portal {

inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t seal_nonce_bytes = 12;
inline constexpr std::size_t seal_tag_bytes = 16;
inline constexpr std::size_t seal_overhead_bytes = seal_nonce_bytes + seal_tag_bytes;

using Mac = std::array<char, 32>;

// Called on any thread. A key is exactly key_bytes long, else INVALID_ARGUMENT. INTERNAL: the library itself failed, which
// says nothing about the data.
class Cipher {
public:
    virtual ~Cipher() = default;

    // Nonce, ciphertext, tag. The nonce is made here, fresh and random: no caller can repeat one.
    [[nodiscard]] virtual Result<std::string> seal(std::string_view key, std::string_view authenticated,
                                                   std::string_view plain) const = 0;
    // STORE_FAILED: not sealed with this key and this authenticated text, or damaged since.
    [[nodiscard]] virtual Result<Secret> open(std::string_view key, std::string_view authenticated,
                                              std::string_view sealed) const = 0;
    // HMAC-SHA-256.
    [[nodiscard]] virtual Result<Mac> mac(std::string_view key, std::string_view text) const = 0;
    [[nodiscard]] virtual Result<std::string> sha256_hex(std::string_view text) const = 0;
};

}  // namespace portal
