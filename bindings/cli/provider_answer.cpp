#include "cli/provider_answer.hpp"

#include "cli/failure.hpp"
#include "cli/text.hpp"

namespace cli {

namespace {

bool is_between(std::string_view text, char first, char last) {
    return text.size() > 1 && text.front() == first && text.back() == last;
}

}  // namespace

// A token may hold any of these characters, even all; but a text in such a pair is an answer of another kind. What is cut
// short does not count, except JSON's object, whose '{' Portal's own answer has.
portal_token_input token_input(std::string_view answer) {
    const std::string_view text = trimmed(answer);
    portal_token_input input;
    portal_init(&input, sizeof input);
    const bool is_json = (!text.empty() && text.front() == '{') || is_between(text, '[', ']') || is_between(text, '"', '"');
    if (is_json) input.flags = PORTAL_TOKEN_JSON;
    input.token = {text.data(), text.size()};
    return input;
}

void fulfil_request(std::uint64_t id, std::string_view answer) {
    const portal_token_input input = token_input(answer);
    portal_error error;
    portal_init(&error, sizeof error);
    const portal_code code = portal_request_fulfil(id, &input, &error);
    if (code == PORTAL_ERR_BAD_TOKEN) warn(error.message);
    if (code == PORTAL_OK) warn_if_unlikely(input);
}

// Portal's are UUIDs. Nothing promises that they stay so: this refuses none.
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
