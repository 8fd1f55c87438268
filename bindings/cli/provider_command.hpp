// The provider of the command line: the user's own command, run by `sh -c`, that prints a token or Portal's JSON answer.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <string>

namespace cli {

inline constexpr int decline_exit_code = 10;                  // of the command: the user must sign in again
inline constexpr int busy_exit_code = 75;                     // EX_TEMPFAIL: its output may be a Retry-After, in seconds
inline constexpr std::size_t max_answer_bytes = 1024 * 1024;  // of its output

// Runs the command (cli/command.hpp) for each ask. In its environment it may look for its API key; we do not.
[[nodiscard]] portal_provider provider_command(const std::string& command);

}  // namespace cli
