// The transport over libcurl. In the full flavour only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/transport.hpp"

namespace portal {

struct CurlOptions {
    std::string ca_file;  // PEM, trusted instead of the platform's own; empty: the platform's
    std::vector<std::string>
        spki_pins;  // base64 SHA-256 of public keys, one of which the server's must be; empty: any trusted
};

// No I/O and no thread before the first send. All curl transports of the process share one thread, which ends with the last
// of them. Answers run on it, one at a time: an answer hands over and returns. Destroying the transport cancels what is
// under way and returns when all of it is answered; inside an answer it returns at once, and the rest is answered after.
std::unique_ptr<Transport> make_curl_transport(CurlOptions options);

}  // namespace portal
