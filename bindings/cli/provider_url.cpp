#include "cli/provider_url.hpp"

#include <strings.h>

#include <cstring>
#include <string_view>

#include "cli/failure.hpp"
#include "cli/provider_answer.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

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
        } catch (...) {  // no memory: nothing may be thrown through the library
            fail_request(request->id, 0);
        }
    };
    provider.userdata = this;
    return provider;
}

void ProviderUrl::ask(const portal_token_request& request) {
    const std::string body = request.client_id.length == 0
                                 ? "{}"
                                 : "{\"client_id\": " + json_text({request.client_id.data, request.client_id.length}) + "}";
    static constexpr std::string_view json = "application/json";
    const portal_header headers[] = {{text_of("Accept"), text_of(json), 0, 0},
                                     {text_of("Content-Type"), text_of(json), 0, 0}};
    portal_http_request out;
    portal_init(&out, sizeof out);
    out.flags = PORTAL_REQUEST_NO_TOKEN;
    out.method = text_of("POST");
    out.url = text_of(url_);
    out.headers = headers;
    out.header_count = 2;
    out.body = {body.data(), body.size()};
    out.timeout_ms = request.timeout_ms - request.timeout_ms / 10;  // so that the waiters learn who was slow
    const portal_sent sent{answered, new std::uint64_t(request.id),
                           [](void* userdata) { delete static_cast<std::uint64_t*>(userdata); }};
    portal_error error;
    portal_init(&error, sizeof error);
    if (portal_send(session_, &out, sent, nullptr, &error) == PORTAL_OK) return;
    warn(std::string("The provider could not be asked. --provider-url: ") + error.message);
    fail_request(request.id, 0);
}

}  // namespace cli
