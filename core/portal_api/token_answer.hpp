// The token and client id in Portal's JSON answer to "create a client" and "new session". In the full flavour only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"

namespace portal {

inline constexpr std::size_t max_token_answer_bytes = max_provider_answer_bytes;

struct TokenAnswer {
    Secret token;           // `clientSessionToken`
    std::string client_id;  // `id`; empty where the answer has none
};

// BAD_TOKEN, with a text of its own for each cause, where the answer is not a JSON object with a token at its top level.
// `clientApiKey` is never taken: it does not expire, so it must not be on a device. No copy of the text outlives this call.
[[nodiscard]] Result<TokenAnswer> parse_token_answer(std::string_view json);

}  // namespace portal
