// Certificates for a loopback server, made at start: a CA of its own, which only tests ever trust.
#pragma once

#include <cstdint>
#include <string>

namespace fake_portal {

enum class CertificateKind : std::uint8_t {
    good,        // for 127.0.0.1, ::1 and localhost, from yesterday for a month
    expired,     // ended yesterday
    wrong_name,  // for a name that is not this server's
    weak_key,    // RSA of 1024 bits
};

struct TlsFiles {
    std::string ca_file;           // what a client is told to trust
    std::string certificate_file;  // the server's
    std::string key_file;          // the server's, mode 0600; the CA's own key is never written
};

struct TlsPem {
    std::string ca;
    std::string certificate;
    std::string key;
};

// Both throw std::runtime_error with the step that failed.
TlsPem make_certificates(CertificateKind kind);
TlsFiles write_certificates(const std::string& directory, const TlsPem& pem);

}  // namespace fake_portal
