#include "portal_api/verdict.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace portal {
namespace {

constexpr int legacy_invalid_api_key = 202;

constexpr std::array<std::string_view, 5> dead_token_names = {
    "AUTH_FAILED",
    "SESSION_EXPIRED",
    "INVALID_API_KEY",
    "PortalHttpUnauthorizedException",
    "PortalRequestsError.unauthorized",
};

// Equal, or qualified by a package, module or outer class: "io.portalhq.X", "Outer$X", "PortalSwift.X".
bool is_named(std::string_view text, std::string_view name) {
    if (!ends_with(text, name)) return false;
    if (text.size() == name.size()) return true;
    const char before = text[text.size() - name.size() - 1];
    return before == '.' || before == '$' || before == '/' || before == ':';
}

bool names_dead_token(std::string_view text) {
    // Swift prints an enum case without payload by its bare name.
    return text == "unauthorized" || std::any_of(dead_token_names.begin(), dead_token_names.end(),
                                                 [&](std::string_view name) { return is_named(text, name); });
}

}  // namespace

Verdict verdict_of(const Answer& answer) {
    const int status = answer.http_status;
    if (status == 401) return Verdict::rejected;
    if (status == 403) return Verdict::forbidden;
    if (status == 429) return Verdict::throttled;
    if (status == 408 || (status >= 500 && status <= 599)) return Verdict::unavailable;
    if (names_dead_token(answer.error_id) || names_dead_token(answer.exception)) return Verdict::rejected;
    if (status == 0 && answer.legacy_code == legacy_invalid_api_key) return Verdict::rejected;
    return status >= 200 && status <= 299 ? Verdict::accepted : Verdict::other;
}

}  // namespace portal
