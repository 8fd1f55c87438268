// The cipher of the file store: AES-256-GCM by OpenSSL.
#pragma once

#include "store/cipher.hpp"

namespace portal {

class AesGcmCipher final : public Cipher {
public:
    [[nodiscard]] Result<std::string> seal(std::string_view key, std::string_view authenticated,
                                           std::string_view plain) const override;
    [[nodiscard]] Result<Secret> open(std::string_view key, std::string_view authenticated,
                                      std::string_view sealed) const override;
    [[nodiscard]] Result<KeyCheck> key_check(std::string_view key) const override;
    [[nodiscard]] Result<std::string> sha256_hex(std::string_view text) const override;
};

}  // namespace portal
