#include "cli/provider_url.hpp"

#include <fcntl.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "cli/failure.hpp"
#include "cli/header_lines.hpp"
#include "cli/provider_answer.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

constexpr std::size_t max_header_bytes = 16 * 1024;

portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }

portal_text header(const portal_http_response& response, const char* name) {
    for (std::size_t i = 0; i < response.header_count; ++i) {
        const portal_text found = response.headers[i].name;
        if (found.length == std::strlen(name) && ::strncasecmp(found.data, name, found.length) == 0)
            return response.headers[i].value;
    }
    return {};
}

portal_backend_answer answer_of(portal_code code, const portal_http_response* response, const portal_error* error) {
    portal_backend_answer answer;
    portal_init(&answer, sizeof answer);
    answer.flags = PORTAL_ANSWER_BARE_TOKEN;
    if (code == PORTAL_OK) {
        answer.http_status = response->http_status;
        answer.retry_after = header(*response, "retry-after");
        answer.date = header(*response, "date");
        answer.token_or_body = {static_cast<const char*>(response->body.data), response->body.length};
    } else {
        answer.code = code;
        if (error != nullptr) answer.os_code = error->os_code;
        if (error != nullptr && (error->flags & PORTAL_FLAG_TLS) != 0) answer.flags |= PORTAL_ANSWER_TLS;
    }
    return answer;
}

void answered(void* userdata, portal_code code, const portal_http_response* response, const portal_error* error) {
    if (error != nullptr) warn(std::string("The provider could not be asked. ") + error->message);
    answer_request(*static_cast<const std::uint64_t*>(userdata), answer_of(code, response, error));
}

}  // namespace

portal_provider ProviderUrl::callbacks() {
    portal_provider provider{};
    provider.ask = [](void* userdata, const portal_token_request* request) {
        try {
            static_cast<ProviderUrl*>(userdata)->ask(*request);
        } catch (const Failure& failure) {
            warn(failure.message);
            fail_request(request->id, 0);
        } catch (...) {  // no memory, no thread: nothing may be thrown through the library
            fail_request(request->id, 0);
        }
    };
    provider.withdrawn = [](void* userdata, std::uint64_t) { static_cast<ProviderUrl*>(userdata)->stop(); };
    provider.userdata = this;
    return provider;
}

void ProviderUrl::stop() {
    withdrawn_.write_end.close();  // the worker sees its end, and kills the command
    if (worker_.joinable()) worker_.join();
    withdrawn_.read_end.close();
}

void ProviderUrl::ask(const portal_token_request& request) {
    const Ask ask{request.id, request.timeout_ms,
                  request.client_id.length == 0
                      ? "{}"
                      : "{\"client_id\": " + json_text({request.client_id.data, request.client_id.length}) + "}"};
    if (!header_command_.empty()) {
        stop();
        withdrawn_ = open_pipe();
        const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ask.timeout_ms);
        worker_ = std::thread([this, ask, deadline] { ask_with_headers_of_command(ask, deadline); });
        return;
    }
    SecretBuffer text(header_file_.empty() ? 1 : max_header_bytes);
    if (!header_file_.empty()) {
        const File file = File(::open(header_file_.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file.is_open() || !read_all(file.get(), text))
            throw failure(ExitCode::usage, system_error("--provider-header-file: cannot read", header_file_, errno) + ".");
    }
    send(ask, header_lines(text.reveal(), "--provider-header-file"));
}

void ProviderUrl::ask_with_headers_of_command(const Ask& ask, Deadline deadline) {
    try {
        SecretBuffer text(max_header_bytes);
        const CommandEnd end = run_command(header_command_, withdrawn_.read_end.get(), deadline, text);
        if (end.exit_code == 0) {
            send(ask, header_lines(text.reveal(), "--provider-header-command"));
            return;
        }
        warn("The header command failed, so the backend was not asked. Exit code: " + std::to_string(end.exit_code) + ".");
        fail_request(ask.id, std::max(end.exit_code, 0));
    } catch (const Failure& failure) {
        warn(failure.message);
        fail_request(ask.id, 0);
    } catch (...) {
        fail_request(ask.id, 0);
    }
}

void ProviderUrl::send(const Ask& ask, const std::vector<portal_header>& more_headers) {
    static constexpr std::string_view json = "application/json";
    std::vector<portal_header> headers{{text_of("Accept"), text_of(json), 0, 0}, {text_of("Content-Type"), text_of(json), 0, 0}};
    headers.insert(headers.end(), more_headers.begin(), more_headers.end());
    portal_http_request out;
    portal_init(&out, sizeof out);
    out.flags = PORTAL_REQUEST_NO_TOKEN;
    out.method = text_of("POST");
    out.url = text_of(url_);
    out.headers = headers.data();
    out.header_count = headers.size();
    out.body = {ask.body.data(), ask.body.size()};
    out.timeout_ms = ask.timeout_ms - ask.timeout_ms / 10;  // so that the waiters learn who was slow
    const portal_sent sent{answered, new std::uint64_t(ask.id),
                           [](void* userdata) { delete static_cast<std::uint64_t*>(userdata); }};
    portal_error error;
    portal_init(&error, sizeof error);
    if (portal_send(session_, &out, sent, nullptr, &error) == PORTAL_OK) return;
    warn(std::string("The provider could not be asked. --provider-url: ") + error.message);
    fail_request(ask.id, 0);
}

}  // namespace cli
