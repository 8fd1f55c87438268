// The provider of the command line: the user's own command, run by `sh -c`, that prints a token or Portal's JSON answer.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <string>

namespace cli {

inline constexpr int decline_exit_code = 10;                  // of the command: the user must sign in again
inline constexpr int busy_exit_code = 75;                     // EX_TEMPFAIL: its output may be a Retry-After, in seconds
inline constexpr std::size_t max_answer_bytes = 1024 * 1024;  // of its output

// The command runs in a process group of its own, without input, with our environment (where it may look for its API key;
// we do not) and with our standard error. The whole group is killed at the request's limit, when the request is withdrawn,
// and when this program is interrupted.
[[nodiscard]] portal_provider provider_command(const std::string& command);

// Ctrl-C ends this program, and must not leave a provider command behind. Call once, before any session is opened.
void end_commands_when_interrupted();

}  // namespace cli
