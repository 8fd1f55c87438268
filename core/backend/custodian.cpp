#include "backend/custodian.hpp"

#include <atomic>
#include <future>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "http/retry_after.hpp"
#include "portal_api/verdict.hpp"

namespace portal {
namespace {

constexpr std::string_view clients_path = "/api/v3/custodians/me/clients";

std::uint64_t next_request_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

// As one segment of a path: no byte of it can end the segment or start a query.
std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        if (is_unreserved(c)) {
            result += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            result += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return result;
}

std::string refusal_of(int status) {
    if (status == 401)
        return "Portal refuses the API key (HTTP 401): pass the Portal API key of this environment, from its dashboard.";
    if (status == 403)
        return "Portal forbids this to the key (HTTP 403): pass a Portal API key, not a client's key or token.";
    if (status == 404)
        return "Portal knows no such client (HTTP 404): check the client id, and that the key is of the same environment.";
    if (status >= 300 && status <= 399)
        return "The server redirects (HTTP " + std::to_string(status) +
               "), and the key is sent to no other place: give its final URL.";
    return "Portal refuses the request (HTTP " + std::to_string(status) + "): check the client id and the Portal URL.";
}

Error error_of(const HttpResponse& response) {
    Error error;
    error.http_status = response.status;
    error.retry_after_ms = retry_after_ms(response.header("retry-after"), response.header("date"));
    const Verdict verdict = verdict_of({response.status, {}, {}, 0});
    if (verdict == Verdict::throttled || verdict == Verdict::unavailable) {
        error.code = Code::provider_failed;
        error.retryable = true;
        error.message = (verdict == Verdict::throttled ? "Portal has had too many requests with this key (HTTP "
                                                       : "Portal is not available (HTTP ") +
                        std::to_string(response.status) + "): try again later.";
    } else {
        error.code = Code::refused;
        error.message = refusal_of(response.status);
    }
    return error;
}

}  // namespace

Custodian::Custodian(std::unique_ptr<Transport> transport, Url portal_url, Secret api_key)
    : transport_(std::move(transport)), portal_url_(std::move(portal_url)), api_key_(std::move(api_key)) {}

Result<Custodian> Custodian::make(std::unique_ptr<Transport> transport, Url portal_url, Secret api_key) {
    if (!check_token(api_key.reveal()))
        return fail(Code::invalid_argument,
                    "The Portal API key is empty, or has a byte that cannot stand in an HTTP header: pass it as the "
                    "dashboard shows it.");
    return Custodian(std::move(transport), std::move(portal_url), std::move(api_key));
}

Result<CustodianAnswer> Custodian::create_client(bool account_abstracted) {
    return post(clients_path, account_abstracted ? R"({"isAccountAbstracted":true})" : "{}");
}

Result<CustodianAnswer> Custodian::new_session(std::string_view client_id) {
    if (auto good = check_client_id(client_id); !good) return tl::unexpected(std::move(good.error()));
    return post(std::string(clients_path) + "/" + percent_encode(client_id) + "/sessions");
}

Result<CustodianAnswer> Custodian::post(std::string_view path, std::string_view body) {
    const auto url = resolve(portal_url_, path);
    if (!url) return tl::unexpected(url.error());
    HttpRequest request;
    request.method = "POST";
    request.url = url->text();
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    request.bearer = Secret(api_key_.reveal());
    request.body = Secret(body);
    request.max_body_bytes = max_token_answer_bytes;

    // Shared: the answer's thread may still be inside set_value when the wait below is over.
    const auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
    transport_->send(next_request_id(), std::move(request),
                     [promise](auto answer) { promise->set_value(std::move(answer)); });
    auto response = promise->get_future().get();
    if (!response) return tl::unexpected(std::move(response.error()));
    if (verdict_of({response->status, {}, {}, 0}) != Verdict::accepted) return tl::unexpected(error_of(*response));
    auto token = parse_token_answer(response->body.reveal());
    if (!token) return tl::unexpected(std::move(token.error()));
    return CustodianAnswer{std::move(response->body), std::move(*token)};
}

}  // namespace portal
