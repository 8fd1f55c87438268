// What libcurl's codes mean to whoever has to mend it: each cause told apart, with the next step.
#pragma once

#include <string>

#include "base/error.hpp"

namespace portal {

// `verify_result` is OpenSSL's word on the certificate (CURLINFO_SSL_VERIFYRESULT).
[[nodiscard]] Error curl_error(int curl_code, long verify_result);

// We ended the transfer ourselves.
[[nodiscard]] tl::unexpected<Error> curl_stopped(int curl_code, std::string message);

}  // namespace portal
