// What each TLS connection of ours keeps to, whatever the process has inherited by its environment.
#pragma once

#include <string>

namespace portal {

// Makes libcurl find no SSLKEYLOGFILE for as long as it lives: libcurl opens that file when it is initialised.
class KeyLogHidden {
public:
    KeyLogHidden();
    ~KeyLogHidden();
    KeyLogHidden(const KeyLogHidden&) = delete;
    KeyLogHidden& operator=(const KeyLogHidden&) = delete;

private:
    std::string path_;
};

// Undoes what OPENSSL_CONF or SSLKEYLOGFILE may have done to an SSL_CTX. False: OpenSSL refuses, so it must not be used.
[[nodiscard]] bool harden_tls(void* context);

}  // namespace portal
