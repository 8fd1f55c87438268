// A session's event as a sentence.
#pragma once

#include <portal_session/portal_session.h>

#include <string>

namespace cli {

// "Portal answered 401: the token is rejected."
[[nodiscard]] std::string sentence_of(const portal_event& event);

}  // namespace cli
