#include "cli/provider_answer.hpp"

#include <portal_session/portal_session.h>

#include "cli/text.hpp"

namespace cli {

void fulfil_request(std::uint64_t id, std::string_view answer) {
    const std::string_view token = trimmed(answer);
    portal_token_input input;
    portal_init(&input, sizeof input);
    if (!token.empty() && token.front() == '{') input.flags = PORTAL_TOKEN_JSON;
    input.token = {token.data(), token.size()};
    portal_request_fulfil(id, &input, nullptr);
}

void fail_request(std::uint64_t id, int host_code) {
    portal_failure failure;
    portal_init(&failure, sizeof failure);
    failure.flags = PORTAL_FAILURE_RETRYABLE;
    failure.host_code = host_code;
    portal_request_fail(id, &failure, nullptr);
}

}  // namespace cli
