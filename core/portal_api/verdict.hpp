// What an answer of Portal, or an error of its SDKs, means for the token. Pure, and in plain values: no HTTP, no JSON.
#pragma once

#include <cstdint>
#include <string_view>

namespace portal {

enum class Verdict : std::int32_t { other = 0, accepted = 1, rejected = 2, forbidden = 3, throttled = 4, unavailable = 5 };

// Whatever the caller has; the rest stays zero.
struct Answer {
    int http_status = 0;         // 0: there was none, or the SDK hides it
    std::string_view error_id;   // "SESSION_EXPIRED", ...
    std::string_view exception;  // the class or case, qualified or not: "PortalHttpUnauthorizedException", ...
    int legacy_code = 0;         // the MPC binary's old number
};

// Four rules, the first that applies:
//  1. Statuses that leave no doubt decide alone: 401 rejected, 403 forbidden (never expiry, whatever the body says), 429
//  throttled,
//     408 and 5xx unavailable.
//  2. A name that Portal's SDKs give a dead token is rejected, even beside a 2xx or 400: a wrong "rejected" costs one new
//  token,
//     a wrong "accepted" would stretch the life of a dead one.
//  3. Legacy code 202 is rejected where there is no status (HTTP 202 is a success, not that code).
//  4. 2xx is accepted; all else is other.
[[nodiscard]] Verdict verdict_of(const Answer& answer);

}  // namespace portal
