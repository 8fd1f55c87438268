// A session's status, for people and for scripts.
#pragma once

#include <portal_session/portal_session.h>

#include <string>

#include "cli/exit_codes.hpp"
#include "cli/options.hpp"

namespace cli {

// What the user can do where the stored record is not for this session as it was opened; null: it is.
[[nodiscard]] const char* advice_for(portal_reason reason);

// All that is known, as a table; coloured where `colours`.
[[nodiscard]] std::string status_table(const portal_status& status, const Options& options, bool colours,
                                       std::size_t width = 80);

// The state, the time left, and what happens next.
[[nodiscard]] std::string status_short(const portal_status& status, const Options& options, bool colours,
                                       std::size_t width = 80);

// `status --check`: 0 only if a request would be sent with a good token, without asking the provider first.
[[nodiscard]] ExitCode check_code_of(const portal_status& status);

// One line: "fresh: 23 h 59 min left".
[[nodiscard]] std::string status_line(const portal_status& status);

// One line of JSON, without a line end.
[[nodiscard]] std::string status_json(const portal_status& status, const Options& options);

// Whether standard output wants colours: a terminal that nobody asked to be plain.
[[nodiscard]] bool wants_colours(const Options& options);

}  // namespace cli
