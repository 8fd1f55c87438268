#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/header_lines.hpp"
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
    request.timeout_ms = options.request_timeout_s * 1000;
    for (const std::string& line : options.request_headers)
        for (const portal_header& header : header_lines(line, "-H")) request.headers.push_back(header);
    return request;
}

// A text without a line end gets one where a person reads it, or an error would stand on its line.
void write_answer(const Options& options, std::string_view head, std::string_view body) {
    File file;
    if (!options.output_file.empty()) {
        file = File(::open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file.is_open())
            throw failure(ExitCode::other, system_error("-o: cannot write", options.output_file, errno) + ".");
    }
    const int output = file.is_open() ? file.get() : STDOUT_FILENO;
    const bool shares_a_terminal = ::isatty(output) == 1;
    // A pipe gets the body as it is, and often ends on the terminal where errors go too.
    if (!body.empty() && body.back() != '\n' && !shares_a_terminal) begin_messages_on_new_line();
    const bool ends_line = body.empty() || body.back() == '\n' || !shares_a_terminal;
    if (!write_all(output, head) || !write_all(output, body) || !write_all(output, ends_line ? "" : "\n"))
        throw failure(ExitCode::other, system_error("Cannot write to", file.is_open() ? options.output_file : "standard output",
                                                    errno) + ".");
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
    write_answer(options, head, body);
    session.finish_renewal();
    if (response.status < 200 || response.status > 299) throw refusal(response);
    return ExitCode::ok;
}

}  // namespace cli
