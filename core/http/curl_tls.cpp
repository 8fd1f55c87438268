#include "http/curl_tls.hpp"

#include <cstdlib>

#include <openssl/ssl.h>

namespace portal {
namespace {

constexpr const char* key_log_variable = "SSLKEYLOGFILE";

// Forward secret, and encrypted.
constexpr const char* ciphers_1_2 =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:!aNULL:!eNULL:!PSK:!SRP";
constexpr const char* ciphers_1_3 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr int security_level = 2;  // 112 bits: no RSA key under 2048, no SHA-1 in a certificate

}  // namespace

// A new value takes the place of the old one, so that another thread that reads the environment sees one or the other. To
// remove the variable would move its neighbours under such a reader.
KeyLogHidden::KeyLogHidden() {
    const char* const path = std::getenv(key_log_variable);
    if (path == nullptr || *path == '\0') return;
    path_ = path;
    ::setenv(key_log_variable, "", 1);
}

KeyLogHidden::~KeyLogHidden() {
    if (!path_.empty()) ::setenv(key_log_variable, path_.c_str(), 1);
}

bool harden_tls(void* context) {
    auto* const tls = static_cast<SSL_CTX*>(context);
    ::SSL_CTX_set_keylog_callback(tls, nullptr);  // libcurl has one where the host had initialised it before
    ::SSL_CTX_set_security_level(tls, security_level);
    ::SSL_CTX_clear_options(tls, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
    // What was deciphered, a token for one, is wiped once it was read.
    ::SSL_CTX_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_COMPRESSION);
    return ::SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 && ::SSL_CTX_set_max_proto_version(tls, 0) == 1 &&
           ::SSL_CTX_set_cipher_list(tls, ciphers_1_2) == 1 && ::SSL_CTX_set_ciphersuites(tls, ciphers_1_3) == 1;
}

}  // namespace portal
