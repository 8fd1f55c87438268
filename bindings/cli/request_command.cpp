#include <unistd.h>

#include <cctype>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/host.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

constexpr std::size_t max_body_bytes = 4 * 1024 * 1024;

std::string upper_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

// The body, where it comes from standard input, is in `stdin_body`.
Request request_of(const Options& options, SecretBuffer& stdin_body) {
    Request request;
    request.has_body = options.has_data;
    if (options.has_data && options.data == "-") {
        if (!read_all(STDIN_FILENO, stdin_body)) throw failure(ExitCode::other, "Cannot read standard input.");
        if (stdin_body.room() == 0) throw failure(ExitCode::usage, "A body may have 4 MiB at most.");
        request.body = stdin_body.reveal();
    } else {
        request.body = options.data;
    }
    const bool has_method = options.request.size() == 2;
    if (has_method && options.request[0].empty()) throw failure(ExitCode::usage, "METHOD is empty: leave it out for GET.");
    request.method = has_method ? upper_case(options.request[0]) : options.has_data ? "POST" : "GET";
    request.path = options.request.back();
    return request;
}

Failure refusal(const Response& response) {
    std::string message = "Portal answered " + std::to_string(response.status) + ".";
    if (response.verdict == PORTAL_VERDICT_REJECTED)
        message += " The token is no longer good; the next command gets a new one.";
    if (response.retry_after_ms > 0) message += " Try again in " + format_wait(response.retry_after_ms) + ".";
    Failure told = failure(ExitCode::refused, message);
    told.code = portal_name(PORTAL_GROUP_VERDICT, response.verdict);
    told.retry_after_ms = response.retry_after_ms;
    told.http_status = response.status;
    return told;
}

}  // namespace

ExitCode request(const Options& options) {
    SecretBuffer stdin_body(options.data == "-" ? max_body_bytes + 1 : 1);
    const Request asked = request_of(options, stdin_body);
    Session session(options);
    const Response response = session.send(asked);
    std::string head;
    if (options.include) head = "HTTP " + std::to_string(response.status) + "\n" + response.headers + "\n";
    const std::string_view body = response.body.reveal();
    const bool ends_line = body.empty() || body.back() == '\n' || ::isatty(STDOUT_FILENO) != 1;
    if (!write_all(STDOUT_FILENO, head) || !write_all(STDOUT_FILENO, body) ||
        !write_all(STDOUT_FILENO, ends_line ? "" : "\n")) {
        throw failure(ExitCode::other, "Cannot write to standard output.");
    }
    session.finish_renewal();
    if (response.status < 200 || response.status > 299) throw refusal(response);
    return ExitCode::ok;
}

}  // namespace cli
