// What libcurl's codes mean to whoever has to mend it: each cause told apart, with the next step.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace portal {

// How a transfer ended, and how far it had come.
struct CurlEnd {
    int curl_code = 0;
    long verify_result = 0;       // OpenSSL's word on the certificate (CURLINFO_SSL_VERIFYRESULT)
    long proxy_status = 0;        // the proxy's answer to CONNECT; 0: no proxy was asked, or it did not answer
    bool is_connected = false;    // TLS included
    bool has_begun = false;       // the first byte of the answer came
    bool has_status = false;      // and its status line, in HTTP
    std::string_view curl_words;  // CURLOPT_ERRORBUFFER: read for OpenSSL's number alone, never shown
};

[[nodiscard]] Error curl_error(const CurlEnd& end);

// We ended the transfer ourselves.
[[nodiscard]] tl::unexpected<Error> curl_stopped(int curl_code, std::string message);

}  // namespace portal
