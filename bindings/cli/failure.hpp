// Why a command ended without doing its work. The one exception of this program: thrown anywhere, caught in main.
#pragma once

#include <portal_session/portal_session.h>

#include <cstdint>
#include <string>

#include "cli/exit_codes.hpp"

namespace cli {

struct Failure {
    ExitCode exit_code = ExitCode::other;
    std::string code;     // the word in --json: "sign_in_needed", "usage", ...
    std::string message;  // the cause and the next step; never a secret
    std::int64_t retry_after_ms = 0;
    std::int32_t http_status = 0;  // of Portal's or the provider URL's answer; 0: none
};

// The system lets nothing be written there: read-only, full, another user's. The one failure that a token can do without.
struct Unwritable : Failure {};

// A failure that the library does not know of.
[[nodiscard]] Failure failure(ExitCode exit_code, std::string message);

// A failure that the library told, with what the user of a command line can do about it.
[[nodiscard]] Failure failure_of(const portal_error& error);

// The same where a command is the provider: its exit code tells more than the library can.
[[nodiscard]] Failure failure_of_command(const portal_error& error);

// The same for a provider that is left alone after a failure of before, which is no second failure.
[[nodiscard]] Failure back_off_of(const portal_error& error, std::int64_t now_unix_ms);

// Throws the failure, unless `code` is PORTAL_OK.
void check(portal_code code, const portal_error& error);

// "portal-session: MESSAGE", or one line of JSON, on standard error.
void print_failure(const Failure& failure, bool json);

// The output ends in the middle of a line: what is printed on a terminal next begins a new one.
void begin_messages_on_new_line();

// Something is wrong, yet the command goes on. On standard error too.
void warn(const std::string& message);

}  // namespace cli
