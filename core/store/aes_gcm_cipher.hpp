// The cipher of the file store: AES-256-GCM, SHA-256 and HMAC by OpenSSL's EVP.
#pragma once

#include "store/cipher.hpp"

namespace portal {

// Once the process has begun to exit, every call fails with INTERNAL: by then OpenSSL takes down what it works with.
class AesGcmCipher final : public Cipher {
public:
    [[nodiscard]] Result<std::string> seal(std::string_view key, std::string_view authenticated,
                                           std::string_view plain) const override;
    [[nodiscard]] Result<Secret> open(std::string_view key, std::string_view authenticated,
                                      std::string_view sealed) const override;
    [[nodiscard]] Result<Mac> mac(std::string_view key, std::string_view text) const override;
    [[nodiscard]] Result<std::string> sha256_hex(std::string_view text) const override;
};

}  // namespace portal
