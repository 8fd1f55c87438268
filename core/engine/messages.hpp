// The words for how an operation ended: the cause, and what to do next.
#pragma once

#include "base/error.hpp"
#include "session/effect.hpp"

namespace portal {

[[nodiscard]] std::string message_for(Code code);
[[nodiscard]] Error error_for(const effect::Complete& completed);
[[nodiscard]] Error error_for(const effect::Done& done);
// For a line of the log: the word for the cause, and what the system calls its number.
[[nodiscard]] std::string text_of(const StoreFault& fault);

[[gnu::cold]] tl::unexpected<Error> fail_with(Code code);

}  // namespace portal
