// Effects as text that a person reads and a table can hold: "Save e1 g1 live; Publish token g1; Complete w1 ok g1".
#pragma once

#include <string>

#include "session/effect.hpp"

namespace portal::test {

[[nodiscard]] const char* text_of(State state);
[[nodiscard]] const char* text_of(Reason reason);
[[nodiscard]] const char* text_of(ClockVerdict verdict);
[[nodiscard]] const char* text_of(Code code);
[[nodiscard]] const char* text_of(TokenState state);
[[nodiscard]] const char* text_of(Renewal renewal);
[[nodiscard]] const char* text_of(StoreVerdict verdict);
[[nodiscard]] const char* text_of(EventKind kind);

// Times are told as what is left at `now_boot_ms`.
[[nodiscard]] std::string text_of(const Effect& effect, std::int64_t now_boot_ms);
[[nodiscard]] std::string text_of(const Effects& effects, std::int64_t now_boot_ms);

}  // namespace portal::test
