// The one error type of the core. The codes are the C API's (capi/src/enums.cpp holds the proof that they agree).
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/expected.hpp"

namespace portal {

enum class Code : std::int32_t {
    ok = 0,
    invalid_argument = -1,
    closed = -2,
    buffer_too_small = -3,
    unsupported = -4,
    out_of_memory = -5,
    internal = -6,
    in_callback = -7,
    stale = -8,
    no_token = -9,
    timeout = -10,
    cancelled = -11,
    cleared = -12,
    sign_in_needed = -13,
    provider_failed = -14,
    no_provider = -15,
    bad_token = -16,
    client_mismatch = -17,
    store_unavailable = -18,
    store_failed = -19,
    host_not_allowed = -20,
    network = -21,
    policy = -22,
    refused = -23,
    token_too_old = -24,
    repeated_token = -25,
};

// Why the app's provider has no token, where no HTTP status of the backend says it.
enum class FailureCause : std::uint8_t {
    unknown,      // the status says it, or nobody does
    unreachable,  // no connection to the backend, or it broke
    tls,          // a connection that cannot be trusted
    timed_out,    // the backend did not answer in time
    unanswered,   // the provider did not answer within the token request's limit
};

// `message` says the cause and the next step. It is made here, never copied from outside: outside text may hold a token.
struct Error {
    Code code = Code::internal;
    std::string message;
    int http_status = 0;
    int os_code = 0;
    std::int64_t retry_after_ms = 0;
    bool retryable = false;
    bool tls = false;
};

template <typename T>
using Result = tl::expected<T, Error>;

// Out of line: there are hundreds of calls, and an app carries each.
[[gnu::cold]] tl::unexpected<Error> fail(Code code, std::string message);
[[gnu::cold]] tl::unexpected<Error> fail(Code code, const char* message);

}  // namespace portal
