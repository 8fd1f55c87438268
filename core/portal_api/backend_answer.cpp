#include "portal_api/backend_answer.hpp"

#include <string>

#include "base/text.hpp"

namespace portal {
namespace {

std::string_view trimmed(std::string_view body) {
    constexpr std::string_view blanks = " \t\r\n";
    body = without_byte_order_mark(body);
    const std::size_t first = body.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return body.substr(first, body.find_last_not_of(blanks) - first + 1);
}

}  // namespace

BackendVerdict backend_verdict_of(int http_status) {
    if (http_status >= 200 && http_status <= 299) return {BackendOutcome::fulfil, false};
    switch (http_status) {
        case 0:
        case 407:  // a proxy's word, not the backend's
        case 408:
        case 429:
            return {BackendOutcome::fail, true};
        case 401:
            return {BackendOutcome::decline, false};
        default:  // 403 too: firewalls and proxies send it, and a decline would last
            return {BackendOutcome::fail, http_status >= 500 && http_status <= 599};
    }
}

Result<TokenText> find_token(std::string_view body, bool may_be_bare) {
    if (body.size() > max_provider_answer_bytes)
        return fail(Code::bad_token, "The backend's answer has " + std::to_string(body.size()) +
                                         " bytes, more than 1 MiB: pass Portal's answer to a new session alone.");
    const std::string_view text = trimmed(body);
    if (text.empty())
        return fail(Code::bad_token,
                    "The backend answered with success and no content: let it pass on Portal's answer to a new session.");
    if (text.front() == '<')
        return fail(Code::bad_token,
                    "The backend's answer is a web page or other markup, no token: check the provider's URL, and whether "
                    "the network wants a sign-in first.");
    if (text.front() == '{' || text.front() == '[' || text.front() == '"') return TokenText{text, true};
    if (may_be_bare) return TokenText{text, false};
    return fail(Code::bad_token,
                "The backend's answer is not JSON: let it pass on Portal's answer, or set PORTAL_ANSWER_BARE_TOKEN if it "
                "answers with the token alone.");
}

}  // namespace portal
