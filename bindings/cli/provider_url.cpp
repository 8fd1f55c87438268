#include "cli/provider_url.hpp"

#include <string_view>

#include "cli/failure.hpp"
#include "cli/provider_answer.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

portal_text text_of(std::string_view text) { return {text.data(), text.size()}; }

// The request's id is all that the answer needs.
void answered(void* userdata, portal_code code, const portal_http_response* response, const portal_error* error) {
    const std::uint64_t id = *static_cast<const std::uint64_t*>(userdata);
    const int status = code == PORTAL_OK ? response->http_status : 0;
    if (status >= 200 && status <= 299) {
        fulfil_request(id, {static_cast<const char*>(response->body.data), response->body.length});
    } else if (status == 401 || status == 403) {
        portal_request_decline(id, status, nullptr);
    } else {
        if (error != nullptr) warn(std::string("The provider could not be asked. ") + error->message);
        portal_failure failure;
        portal_init(&failure, sizeof failure);
        if (status == 0 || status == 429 || status >= 500) failure.flags = PORTAL_FAILURE_RETRYABLE;
        failure.http_status = status;
        failure.retry_after_ms = status == 0 ? 0 : response->retry_after_ms;
        portal_request_fail(id, &failure, nullptr);
    }
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
    out.timeout_ms = request.timeout_ms;
    const portal_sent sent{answered, new std::uint64_t(request.id),
                           [](void* userdata) { delete static_cast<std::uint64_t*>(userdata); }};
    portal_error error;
    portal_init(&error, sizeof error);
    if (portal_send(session_, &out, sent, nullptr, &error) == PORTAL_OK) return;
    warn(std::string("The provider could not be asked. --provider-url: ") + error.message);
    fail_request(request.id, 0);
}

}  // namespace cli
