// What the program does: one function for each command. Each opens a session, does its work and closes it.
#pragma once

#include "cli/exit_codes.hpp"
#include "cli/options.hpp"

namespace cli {

ExitCode token(const Options& options);
ExitCode report(const Options& options);
ExitCode request(const Options& options);
ExitCode push(const Options& options);
ExitCode status(const Options& options);
ExitCode explain(const Options& options);
ExitCode renew(const Options& options);
ExitCode logout(const Options& options);
ExitCode watch(const Options& options);
ExitCode exec(const Options& options);
ExitCode completion(const Options& options);
ExitCode doctor(const Options& options);
ExitCode demo(const Options& options);

}  // namespace cli
