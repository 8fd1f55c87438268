// Runs the user's own commands by `sh -c`.
#pragma once

#include <chrono>
#include <string>

#include "cli/secret_buffer.hpp"

namespace cli {

using Deadline = std::chrono::steady_clock::time_point;

struct CommandEnd {
    int exit_code = -1;  // -1: it did not end by itself
    bool started = false;
};

// Runs the command until it ends, in a process group of its own, without input, with our environment and our standard
// error. The whole group is killed at the deadline, when `withdrawn` becomes readable or closed, when `output` is full,
// and when this program is interrupted. What an ended command left in the background goes on. One command at a time.
[[nodiscard]] CommandEnd run_command(const std::string& command, int withdrawn, Deadline deadline, SecretBuffer& output);

// 0: past it.
[[nodiscard]] int left_ms(Deadline deadline);

// Ctrl-C ends this program, and must not leave a command behind. Call once, before any session is opened.
void end_commands_when_interrupted();

}  // namespace cli
