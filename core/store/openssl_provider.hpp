// AES-256-GCM and SHA-256 of OpenSSL's default provider, through the provider's own functions (provider-cipher(7),
// provider-digest(7)) and not through EVP: EVP's first fetch makes an object for each algorithm that there is, and its look
// for engines reads the host's openssl.cnf. That was two thirds of the time to the first token of a process.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

struct ossl_lib_ctx_st;  // OpenSSL's OSSL_LIB_CTX

namespace portal::openssl {

// A library context of our own is what OpenSSL advises libraries to have: the host's configuration and ours don't touch.
ossl_lib_ctx_st* library();

using Sha256 = std::array<unsigned char, 32>;
// False where OpenSSL has no such algorithm, or fails.
bool sha256(std::string_view text, Sha256& digest);

// One message, sealed or opened: begin, authenticate, transform, (set_tag to open), finish, (get_tag after sealing). Each is
// false where OpenSSL fails; `finish` of one that is opened, also where the message is not authentic.
class Aes256Gcm {
public:
    enum class Direction { seal, open };

    Aes256Gcm();
    ~Aes256Gcm();
    Aes256Gcm(const Aes256Gcm&) = delete;
    Aes256Gcm& operator=(const Aes256Gcm&) = delete;

    bool begin(Direction direction, std::string_view key, std::string_view nonce);
    bool authenticate(std::string_view text);
    bool transform(std::string_view in, char* out);
    bool finish();
    bool get_tag(char* tag, std::size_t size);
    bool set_tag(std::string_view tag);

private:
    void* context_;  // null where OpenSSL has no such cipher, or no memory
};

}  // namespace portal::openssl
