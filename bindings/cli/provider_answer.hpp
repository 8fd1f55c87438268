// What both providers of the command line pass to the library.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <string_view>

namespace cli {

// Standard input's text as `push` passes it on: a token, or JSON. It borrows the text.
[[nodiscard]] portal_token_input token_input(std::string_view text);

// Answers the token request by the library's one rule, and prints what is wrong with the token, if anything.
void answer_request(std::uint64_t id, const portal_backend_answer& answer);

// Warns of a text that was taken as a token but looks more like an error message.
void warn_if_unlikely(const portal_token_input& taken);

// No token this time. The provider may be asked again, at the earliest after these seconds.
void fail_request(std::uint64_t id, int host_code, std::string_view retry_after = {});

}  // namespace cli
