#include "cli/failure.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string_view>
#include <utility>

#include "cli/text.hpp"

namespace cli {
namespace {

std::atomic<bool> line_is_open{false};

void print_line(const std::string& line) {
    if (line_is_open.exchange(false)) std::fputc('\n', stderr);
    std::fputs(line.c_str(), stderr);
}

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

// The library speaks to developers of apps. Where its next step is no command's, these words take the place of its own.
const char* words_for(portal_code code) {
    switch (code) {
        case PORTAL_ERR_SIGN_IN_NEEDED:
            return "Sign in first: `portal-session push` takes a new token, `portal-session renew` asks the provider.";
        case PORTAL_ERR_CLEARED:
            return "Signed out meanwhile: `portal-session push` takes a token, `portal-session renew` asks the provider.";
        case PORTAL_ERR_NO_PROVIDER:
            return "A token is needed: give --provider-command or --provider-url, or pipe one into `portal-session push`.";
        case PORTAL_ERR_CLIENT_MISMATCH:
            return "The token belongs to another client: to change the user, run `portal-session logout` first.";
        case PORTAL_ERR_REFUSED:
            return "Portal rejects each new token: check the backend's Portal API key and environment.";
        default:
            return nullptr;
    }
}

// The library cannot know which option lists a host.
bool wants_host_option(const portal_error& error) {
    return error.code == PORTAL_ERR_HOST_NOT_ALLOWED &&
           std::string_view(error.message).find("allow-list") != std::string_view::npos;
}

// The library's texts leave a place for the wait, which it gives as a number.
void add_wait(Failure& told) {
    static constexpr std::string_view place = "when the wait is over";
    if (told.retry_after_ms <= 0) return;
    const std::string wait = "in " + format_wait(told.retry_after_ms);
    const std::size_t at = told.message.find(place);
    if (at != std::string::npos) {
        told.message.replace(at, place.size(), wait);
    } else {
        told.message += " Try again " + wait + ".";
    }
}

void copy_message(const std::string& text, portal_error& error) {
    std::snprintf(error.message, sizeof error.message, "%s", text.c_str());
}

}  // namespace

Failure failure(ExitCode exit_code, std::string message) { return {exit_code, word_of(exit_code), std::move(message)}; }

Failure failure_of(const portal_error& error) {
    Failure told{exit_code_of(error.code), portal_name(PORTAL_GROUP_CODE, error.code), error.message, error.retry_after_ms,
                 error.http_status};
    if (const char* words = words_for(error.code)) told.message = words;
    if (wants_host_option(error))
        told.message = "The token goes only to the host of --portal, by https; --allow-loopback adds 127.0.0.1 and [::1].";
    if (told.message.empty()) told.message = "Failed: " + told.code + ".";
    // A provider's silence and a server's are one code; libcurl's number tells the server's.
    if (error.code == PORTAL_ERR_TIMEOUT && error.os_code != 0) told.exit_code = ExitCode::network;
    add_wait(told);
    return told;
}

Failure failure_of_command(const portal_error& error) {
    portal_error command = error;
    command.http_status = 0;  // the command's exit code stood for one
    if (error.code == PORTAL_ERR_PROVIDER_FAILED) {
        std::string message = "The provider command gave no token.";
        if (error.os_code != 0) message += " Its exit code was " + std::to_string(error.os_code) + ".";
        copy_message(message, command);
    }
    return failure_of(command);
}

Failure back_off_of(const portal_error& error, std::int64_t now_unix_ms) {
    Failure told = failure_of(error);
    told.message = "The provider was not asked: it failed before, and is left alone until " +
                   format_local_time(now_unix_ms + error.retry_after_ms + 999) + ". Try again in " +
                   format_wait(error.retry_after_ms) + ".";
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
        line = "{\"error\":{\"code\":" + json_text(failure.code) + ",\"http_status\":" + std::to_string(failure.http_status) +
               ",\"retry_after_ms\":" + std::to_string(failure.retry_after_ms) +
               ",\"message\":" + json_text(failure.message) + "}}\n";
    } else {
        line = "portal-session: " + failure.message + "\n";
    }
    print_line(line);
}

void begin_messages_on_new_line() { line_is_open = ::isatty(STDERR_FILENO) == 1; }

void warn(const std::string& message) { print_line("portal-session: " + message + "\n"); }

}  // namespace cli
