// The lower-case word for each value, as logs, explain and the C API's portal_name say it.
#pragma once

#include "session/record_store.hpp"
#include "session/status.hpp"
#include "base/error.hpp"

namespace portal {

[[nodiscard]] const char* name_of(Code code);
[[nodiscard]] const char* name_of(State state);
[[nodiscard]] const char* name_of(Reason reason);
[[nodiscard]] const char* name_of(ClockVerdict verdict);
[[nodiscard]] const char* name_of(StoreVerdict verdict);
[[nodiscard]] const char* name_of(StoreCause cause);
[[nodiscard]] const char* name_of(Renewal renewal);
[[nodiscard]] const char* name_of(EventKind kind);

}  // namespace portal
