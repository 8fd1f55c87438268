#include "cli/provider_answer.hpp"

#include "cli/failure.hpp"
#include "cli/text.hpp"

namespace cli {

// The library's rule for a backend's body: text that starts like JSON is JSON, all else may be a token.
portal_token_input token_input(std::string_view text) {
    static constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    text = trimmed(text);
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) text = trimmed(text.substr(byte_order_mark.size()));
    portal_token_input input;
    portal_init(&input, sizeof input);
    if (!text.empty() && std::string_view("{[\"").find(text.front()) != std::string_view::npos)
        input.flags = PORTAL_TOKEN_JSON;
    input.token = {text.data(), text.size()};
    return input;
}

void answer_request(std::uint64_t id, const portal_backend_answer& answer) {
    portal_error error;
    portal_init(&error, sizeof error);
    const portal_code code = portal_request_answer(id, &answer, &error);
    const bool has_token = answer.http_status >= 200 && answer.http_status <= 299;
    if (code == PORTAL_OK && has_token) warn_if_unlikely(token_input({answer.token_or_body.data, answer.token_or_body.length}));
    if (code != PORTAL_OK && code != PORTAL_ERR_STALE) warn(error.message);
}

// Portal's tokens are UUIDs today. Nothing promises that, so this refuses none.
void warn_if_unlikely(const portal_token_input& taken) {
    const std::string_view text(taken.token.data, taken.token.length);
    if (taken.flags == PORTAL_TOKEN_JSON || (text.size() >= 16 && text.find_first_of("0123456789") != text.npos)) return;
    warn("The new token is short or has no digit, unlike Portal's. If it is an error's text, let the provider tell the "
         "error by its exit code or HTTP status.");
}

void fail_request(std::uint64_t id, int host_code, std::string_view retry_after) {
    portal_failure failure;
    portal_init(&failure, sizeof failure);
    failure.flags = PORTAL_FAILURE_RETRYABLE;
    failure.host_code = host_code;
    failure.retry_after = {retry_after.data(), retry_after.size()};
    portal_request_fail(id, &failure, nullptr);
}

}  // namespace cli
