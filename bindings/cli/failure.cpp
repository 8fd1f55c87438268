#include "cli/failure.hpp"

#include <cstdio>
#include <utility>

#include "cli/text.hpp"

namespace cli {
namespace {

const char* word_of(ExitCode exit_code) {
    switch (exit_code) {
        case ExitCode::usage:
            return "usage";
        case ExitCode::store:
            return "store_failed";
        case ExitCode::refused:
            return "refused";
        default:
            return "other";
    }
}

// The library speaks to developers of apps; these speak to whoever sits at the terminal.
const char* next_step(portal_code code) {
    switch (code) {
        case PORTAL_ERR_SIGN_IN_NEEDED:
        case PORTAL_ERR_CLEARED:
            return "Sign in: `portal-session push` takes a new token, `portal-session renew` asks the provider.";
        case PORTAL_ERR_NO_PROVIDER:
            return "Give --provider-command, or pipe a token into `portal-session push`.";
        case PORTAL_ERR_CLIENT_MISMATCH:
            return "To change the user, run `portal-session logout` first.";
        case PORTAL_ERR_HOST_NOT_ALLOWED:
            return "The token goes only to the host of --portal, by https; --allow-loopback adds 127.0.0.1 and [::1].";
        default:
            return nullptr;
    }
}

}  // namespace

Failure failure(ExitCode exit_code, std::string message) { return {exit_code, word_of(exit_code), std::move(message), 0}; }

Failure failure_of(const portal_error& error) {
    Failure told{exit_code_of(error.code), portal_name(PORTAL_GROUP_CODE, error.code), error.message, error.retry_after_ms};
    if (told.message.empty()) told.message = "Failed: " + told.code + ".";
    if (error.code == PORTAL_ERR_PROVIDER_FAILED && error.os_code != 0) {
        told.message += " The provider command's exit code was " + std::to_string(error.os_code) + ".";
    }
    if (error.code == PORTAL_ERR_PROVIDER_FAILED && error.http_status != 0)
        told.message += " The provider URL answered HTTP " + std::to_string(error.http_status) + ".";
    if (const char* step = next_step(error.code)) told.message += std::string(" ") + step;
    if (error.retry_after_ms > 0) told.message += " Try again in " + format_wait(error.retry_after_ms) + ".";
    return told;
}

void check(portal_code code, const portal_error& error) {
    if (code == PORTAL_OK) return;
    portal_error told = error;
    told.code = code;
    throw failure_of(told);
}

void print_failure(const Failure& failure, bool json) {
    std::string line;
    if (json) {
        line = "{\"error\":{\"code\":" + json_text(failure.code) + ",\"message\":" + json_text(failure.message) +
               ",\"retry_after_ms\":" + std::to_string(failure.retry_after_ms) + "}}\n";
    } else {
        line = "portal-session: " + failure.message + "\n";
    }
    std::fputs(line.c_str(), stderr);
}

void warn(const std::string& message) { std::fprintf(stderr, "portal-session: %s\n", message.c_str()); }

}  // namespace cli
