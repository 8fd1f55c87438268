// What both providers of the command line say to the library.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <string_view>

namespace cli {

// What a provider, or standard input, gave, as the library takes it: the text of a token, or JSON. It borrows the answer.
[[nodiscard]] portal_token_input token_input(std::string_view answer);

// The token, or Portal's JSON, with white space around it. What is wrong with it is told on standard error.
void fulfil_request(std::uint64_t id, std::string_view answer);

// Tells of a text that was taken as a token, but is more likely an error's.
void warn_if_unlikely(const portal_token_input& taken);

// No token this time; the provider may be asked again, at the earliest after these seconds, if it said so.
void fail_request(std::uint64_t id, int host_code, std::string_view retry_after = {});

}  // namespace cli
