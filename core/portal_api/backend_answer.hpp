// What the app's own backend answered to the request for a token, and what that means for the token request. One rule for
// every platform. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"

namespace portal {

enum class BackendOutcome : std::uint8_t { fulfil, decline, fail };

struct BackendVerdict {
    BackendOutcome outcome = BackendOutcome::fail;
    bool retryable = false;  // of a failure: the session may ask again by itself

    bool operator==(const BackendVerdict&) const = default;
};

// The table of portal_request_answer (portal_session.h). Status 0: no answer came.
[[nodiscard]] BackendVerdict backend_verdict_of(int http_status);

// Where the token stands in the body of a 2xx answer.
struct TokenText {
    std::string_view text;  // without the blanks and the byte order mark around it
    bool is_json = false;   // `text` is the whole JSON answer
};

// `may_be_bare`: the body may be the token itself. BAD_TOKEN, with a text of its own for each, where the body is too long,
// empty, a web page, or plain text that must not be a token.
[[nodiscard]] Result<TokenText> find_token(std::string_view body, bool may_be_bare);

}  // namespace portal
