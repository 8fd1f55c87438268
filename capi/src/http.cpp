// portal_send, portal_verdict_of, and the answers of a host transport.
#include <algorithm>
#include <vector>

#include "host_parts.hpp"
#include "portal_api/verdict.hpp"
#include "session.hpp"

using namespace portal;
using namespace portal::capi;

namespace {

constexpr std::size_t most_headers = 256;
constexpr std::size_t most_header_bytes = 64 * 1024;

// A mistake of who calls, whatever the headers say.
Result<void> check_list(const portal_header* first, std::size_t count) {
    if (first == nullptr && count != 0) return invalid("headers is NULL, header_count is not 0: pass that many headers.");
    if (count > most_headers) return {};  // headers_of refuses it; the count may be one that was never set
    for (std::size_t i = 0; i < count; ++i)
        if ((first[i].flags & ~PORTAL_HEADER_SECRET) != 0 || first[i].reserved != 0)
            return invalid("A header has a flag or a reserved field that this library does not know: leave it zero.");
    return {};
}

Result<std::vector<HttpHeader>> headers_of(const portal_header* first, std::size_t count) {
    if (count > most_headers) return invalid("There are more than 256 headers: leave some out.");
    std::vector<HttpHeader> headers;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view name = view(first[i].name);
        const std::string_view value = view(first[i].value);
        for (const std::size_t size : {name.size(), value.size()}) bytes += std::min(size, most_header_bytes + 1);
        if (bytes > most_header_bytes) return invalid("The headers are over 64 KiB: leave some out.");
        headers.push_back({std::string(name), std::string(value)});
    }
    return headers;
}

// Before they are copied; what each may be is checked later. A body has no limit but that of an object.
Result<void> check_texts(const portal_http_request& request) {
    constexpr std::size_t most_bytes = 64 * 1024;
    if (auto checked = check_length(request.method, most_bytes, "request.method"); !checked) return checked;
    if (auto checked = check_length(request.url, most_bytes, "request.url"); !checked) return checked;
    return check_length(view(request.body).size(), PTRDIFF_MAX, "request.body");
}

Result<ClientRequest> request_of(const portal_http_request* given) {
    auto in = take(given, "request");
    if (!in) return tl::unexpected<Error>(std::move(in.error()));
    constexpr std::uint32_t known = PORTAL_REQUEST_REPLAY | PORTAL_REQUEST_NO_TOKEN;
    if ((in->flags & ~known) != 0)
        return invalid("request.flags has a bit that this library does not know: clear it, or update the library.");
    if (auto checked = check_list(in->headers, in->header_count); !checked)
        return tl::unexpected<Error>(std::move(checked.error()));
    auto headers = headers_of(in->headers, in->header_count);
    if (!headers) return tl::unexpected<Error>(std::move(headers.error()));
    if (auto checked = check_texts(*in); !checked) return tl::unexpected<Error>(std::move(checked.error()));
    ClientRequest request;
    request.without_token = (in->flags & PORTAL_REQUEST_NO_TOKEN) != 0;
    request.method = std::string(view(in->method));
    request.url = std::string(view(in->url));
    request.headers = std::move(*headers);
    request.body = Secret(view(in->body));
    request.timeout_ms = in->timeout_ms;
    request.may_replay = (in->flags & PORTAL_REQUEST_REPLAY) != 0;
    return request;
}

void deliver(const Held<portal_sent>& sent, const ClientAnswer& answer) {
    portal_error error;
    portal_init(&error, sizeof error);
    if (answer.code != Code::ok) {
        write_error(&error, answer.error);
        sent->fn(sent.userdata(), static_cast<portal_code>(answer.code), nullptr, &error);
        return;
    }
    std::vector<portal_header> headers;
    for (const HttpHeader& header : answer.response.headers)
        headers.push_back({text_of(header.name), text_of(header.value), 0, 0});
    portal_http_response out;
    portal_init(&out, sizeof out);
    out.http_status = answer.response.status;
    out.verdict = static_cast<portal_verdict>(answer.verdict);
    out.headers = headers.data();
    out.header_count = headers.size();
    out.body = {answer.response.body.reveal().data(), answer.response.body.size()};
    out.retry_after_ms = answer.retry_after_ms;
    sent->fn(sent.userdata(), PORTAL_OK, &out, nullptr);
}

Error no_answer(portal_code code, int os_code) {
    const bool is_told = code == PORTAL_ERR_TIMEOUT || code == PORTAL_ERR_CANCELLED;
    Error error = Result<void>(fail_with(is_told ? static_cast<Code>(code) : Code::network)).error();
    error.os_code = os_code;
    error.retryable = true;
    return error;
}

// INVALID_ARGUMENT: no answer that could be used, nor the word that there was none.
Result<HttpResponse> response_of(const portal_http_response& given) {
    if (given.http_status < 0 || (given.http_status == 0 && given.code == PORTAL_OK))
        return invalid("The response has neither a status nor a code: pass the one that the server, or the stack, gave.");
    if (given.http_status == 0) return tl::unexpected<Error>(no_answer(given.code, given.os_code));
    if (view(given.body).size() > max_answer_bytes) return invalid("The answer's body is over 4 MiB: it was not taken.");
    auto headers = headers_of(given.headers, given.header_count);
    if (!headers) return tl::unexpected<Error>(std::move(headers.error()));
    for (const HttpHeader& header : *headers)
        if (!is_http_token(header.name) || !is_header_value(header.value))
            return invalid("A header of the answer has a name or a value that HTTP does not allow: it was not taken.");
    HttpResponse response;
    response.status = given.http_status;
    response.retry_after_ms = given.retry_after_ms;
    response.headers = std::move(*headers);
    response.body = Secret(view(given.body));
    return response;
}

}  // namespace

portal_code portal_send(portal_session* session, const portal_http_request* request, portal_sent done, uint64_t* id,
                        portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        auto held = std::make_shared<Held<portal_sent>>(done);
        if (const auto checked = check(session); !checked) return checked;
        if (done.fn == nullptr) return invalid("done.fn is NULL: pass the function that takes the answer.");
        auto wanted = request_of(request);
        if (!wanted) return tl::unexpected<Error>(std::move(wanted.error()));
        return session->client->send(
            std::move(*wanted), [held](const ClientAnswer& answer) { deliver(*held, answer); }, id);
    });
}

portal_verdict portal_verdict_of(const portal_answer* answer) noexcept {
    try {
        const auto given = take(answer, "answer");
        if (!given || !check_texts(*given)) return PORTAL_VERDICT_OTHER;
        return static_cast<portal_verdict>(
            verdict_of({given->http_status, view(given->error_id), view(given->exception), given->legacy_code}));
    } catch (...) {
        return PORTAL_VERDICT_OTHER;
    }
}

portal_code portal_transport_answered(uint64_t id, const portal_http_response* response, portal_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        const auto given = take(response, "response");
        if (!given) return tl::unexpected<Error>(given.error());
        if (given->retry_after_ms < 0) return invalid("response.retry_after_ms is negative: pass the wait, or 0.");
        if (auto checked = check_list(given->headers, given->header_count); !checked) return checked;
        auto answer = response_of(*given);
        if (answer || answer.error().code != Code::invalid_argument) return HostTransport::answered(id, std::move(answer));
        // No other answer will come: for who waits there was none.
        auto told = HostTransport::answered(id, tl::unexpected<Error>(no_answer(PORTAL_OK, 0)));
        return told ? tl::unexpected<Error>(std::move(answer.error())) : told;
    });
}
