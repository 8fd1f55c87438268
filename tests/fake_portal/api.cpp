#include "fake_portal/api.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string_view>

#include "fake_portal/json.hpp"

namespace fake_portal {
namespace {

constexpr std::uint64_t api_key_index = 0;  // the rule counts its own texts from 1

constexpr std::string_view clients_v3 = "/api/v3/custodians/me/clients";
constexpr std::string_view clients_v1 = "/api/v1/custodians/clients";

struct Endpoint {
    std::string_view method;
    std::string_view path;
    std::string_view body;
};
// What a test needs of the Client API beside clients/me: an answer of the right kind.
constexpr std::array client_endpoints{
    Endpoint{"GET", "/api/v3/clients/me/transactions", "[]"},
    Endpoint{"GET", "/api/v3/clients/me/balances", "[]"},
    Endpoint{"POST", "/api/v3/clients/me/fund", R"({"data":{"txHash":"0x0"}})"},
    Endpoint{"POST", "/api/v3/swaps/quote", R"({"data":{"quote":{"cost":"0"}}})"},
};
constexpr std::string_view rpc_prefix = "/rpc/v1/";
constexpr std::string_view rpc_answer = R"({"jsonrpc":"2.0","id":1,"result":"0x1"})";

Scope scope_of(std::string_view path) {
    if (path.starts_with("/_app/")) return Scope::app;
    if (path.starts_with("/api/v3/custodians/") || path.starts_with("/api/v1/custodians/")) return Scope::custodian;
    return Scope::client;
}

Delivery delivery_of(FaultKind kind) {
    switch (kind) {
        case FaultKind::slow:
            return Delivery::delayed;
        case FaultKind::hold:
            return Delivery::held;
        case FaultKind::drop_before:
        case FaultKind::drop_after:
            return Delivery::never;
        case FaultKind::status:
            break;
    }
    return Delivery::at_once;
}

Answer error_answer(int status, std::string_view text) { return {status, JsonObject().text("error", text).str(), {}}; }

Answer bad_json() { return error_answer(400, "The body is not a JSON object."); }

std::string utc_text(std::int64_t unix_ms, const char* format) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm utc{};
    char text[32];
    gmtime_r(&seconds, &utc);
    return {text, std::strftime(text, sizeof text, format, &utc)};
}

Answer client_details(const Client& client) {
    JsonObject answer;
    answer.text("id", client.id).text("createdAt", utc_text(client.created_ms, "%Y-%m-%dT%H:%M:%S.000Z"));
    answer.raw("custodian", R"({"id":"fake-custodian","name":"Fake custodian"})");
    answer.raw("environment", R"({"id":"fake-environment","name":"Development"})");
    answer.raw("ejectedAt", "null").flag("isAccountAbstracted", client.account_abstracted);
    answer.raw("metadata", R"({"namespaces":{}})").raw("wallets", "[]");
    return {200, answer.str(), {}};
}

// The part of `path` between two others; nothing where it has another shape.
std::optional<std::string> middle_of(std::string_view path, std::string_view before, std::string_view after) {
    if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
    if (path.size() <= before.size() + after.size()) return std::nullopt;
    const std::string_view middle = path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(middle);
}

}  // namespace

std::string http_date(std::int64_t unix_ms) { return utc_text(unix_ms, "%a, %d %b %Y %H:%M:%S GMT"); }

Api::Api(RuleOptions rule, UnauthorizedBody unauthorized_body, TrafficOptions traffic)
    : rule_(rule), traffic_(traffic, rule.seed), unauthorized_body_(unauthorized_body), api_key_(uuid_like(rule.seed, api_key_index)) {}

Outcome Api::handle(const Request& request, std::int64_t now_ms) {
    const Scope scope = scope_of(request.path);
    count(scope, request);
    const std::optional<Fault> fault = faults_.take(scope);
    Outcome outcome;
    outcome.delay_ms = traffic_.delay_ms();
    if (outcome.delay_ms > 0) outcome.delivery = Delivery::delayed;
    if (fault && fault->kind != FaultKind::status) {
        outcome.delivery = delivery_of(fault->kind);
        outcome.delay_ms += fault->delay_ms;
        if (fault->kind == FaultKind::drop_before) return outcome;
    }
    const bool replaced = fault && fault->kind == FaultKind::status;
    outcome.answer = replaced ? injected(*fault, now_ms) : answer_to(scope, request, now_ms);
    if (scope == Scope::client) rule_.answered(request.bearer, outcome.answer.status, now_ms);
    return outcome;
}

Answer Api::answer_to(Scope scope, const Request& request, std::int64_t now_ms) {
    const std::int64_t wait_s = scope == Scope::custodian ? traffic_.seconds_to_wait(now_ms) : 0;
    if (wait_s == 0) return work(scope, request, now_ms);
    Answer limited = error_answer(429, "Too many requests");
    limited.headers.emplace_back("Retry-After", std::to_string(wait_s));
    return limited;
}

void Api::count(Scope scope, const Request& request) {
    if (scope == Scope::custodian) {
        ++counters_.custodian_requests;
    } else if (scope == Scope::app) {
        ++counters_.app_requests;
    } else {
        rule_.received(request.bearer);
    }
}

Answer Api::work(Scope scope, const Request& request, std::int64_t now_ms) {
    if (scope == Scope::custodian) return custodian_api(request, now_ms);
    if (scope == Scope::app) return app(request, now_ms);
    return client_api(request, now_ms);
}

Answer Api::client_api(const Request& request, std::int64_t now_ms) {
    const Client* client = rule_.authenticate(request.bearer, now_ms);
    if (client == nullptr) return unauthorized();
    if (request.method == "GET" && request.path == "/api/v3/clients/me") return client_details(*client);
    if (request.method == "POST" && request.path.starts_with(rpc_prefix)) return {200, std::string(rpc_answer), {}};
    const auto found = std::find_if(client_endpoints.begin(), client_endpoints.end(), [&request](const Endpoint& endpoint) {
        return endpoint.method == request.method && endpoint.path == request.path;
    });
    if (found == client_endpoints.end()) return error_answer(404, "Not found");
    return {200, std::string(found->body), {}};
}

Answer Api::custodian_api(const Request& request, std::int64_t now_ms) {
    if (rule_.knows(request.bearer)) return error_answer(403, "This needs the Portal API key.");
    if (request.bearer != api_key_) return unauthorized();
    const bool is_collection = request.path == clients_v3 || request.path == clients_v1;
    if (request.method == "POST") {
        if (is_collection) return create_client(request, now_ms);
        auto client_id = middle_of(request.path, std::string(clients_v3) + '/', "/sessions");
        if (!client_id) client_id = middle_of(request.path, std::string(clients_v1) + '/', "/session");
        if (client_id) return new_session(*client_id, request, now_ms);
    } else if (request.method == "GET") {
        if (is_collection) return list_clients();
        auto client_id = middle_of(request.path, std::string(clients_v3) + '/', "");
        if (!client_id) client_id = middle_of(request.path, std::string(clients_v1) + '/', "");
        if (const Client* client = client_id ? rule_.find_client(*client_id) : nullptr) return client_details(*client);
    }
    return error_answer(404, "Not found");
}

Answer Api::app(const Request& request, std::int64_t now_ms) {
    if (request.method != "POST" || request.path != "/_app/token") return error_answer(404, "Not found");
    const auto fields = parse_object(request.body);
    if (!fields) return bad_json();
    const auto client_id = field<std::string>(*fields, "client_id");
    if (!client_id) return error_answer(400, "client_id is missing.");
    return new_session(*client_id, {}, now_ms);
}

Answer Api::create_client(const Request& request, std::int64_t now_ms) {
    const auto fields = parse_object(request.body);
    if (!fields) return bad_json();
    const Client& client = rule_.create_client(now_ms, field<bool>(*fields, "isAccountAbstracted").value_or(false));
    const auto token = rule_.mint(client.id, now_ms);
    JsonObject answer;
    answer.text("id", client.id).text("clientApiKey", client.api_key).text("clientSessionToken", token.value_or(""));
    answer.flag("isAccountAbstracted", client.account_abstracted);
    return {200, answer.str(), {}};
}

Answer Api::new_session(const std::string& client_id, const Request& request, std::int64_t now_ms) {
    if (!parse_object(request.body)) return bad_json();
    const auto token = rule_.mint(client_id, now_ms);
    if (!token) return error_answer(400, "There is no such client.");
    JsonObject answer;
    answer.text("id", client_id).text("clientSessionToken", *token);
    answer.flag("isAccountAbstracted", rule_.find_client(client_id)->account_abstracted);
    return {200, answer.str(), {}};
}

Answer Api::list_clients() const {
    std::string results;
    for (const Client& client : rule_.clients()) {
        if (!results.empty()) results += ',';
        results += client_details(client).body;
    }
    JsonObject answer;
    answer.raw("results", "[" + results + "]");
    answer.raw("metadata", JsonObject().count("total", rule_.clients().size()).str());
    return {200, answer.str(), {}};
}

Answer Api::injected(const Fault& fault, std::int64_t now_ms) const {
    Answer answer = fault.status == 401  ? unauthorized()
                    : fault.status < 400 ? Answer{fault.status, "{}", {}}
                                         : error_answer(fault.status, "This fault was armed.");
    if (fault.body) answer.body = *fault.body;
    if (!fault.location.empty()) answer.headers.emplace_back("Location", fault.location);
    if (fault.retry_after_seconds) {
        const std::int64_t seconds = *fault.retry_after_seconds;
        answer.headers.emplace_back(
            "Retry-After", fault.retry_after_as_date ? http_date(now_ms + seconds * 1000) : std::to_string(seconds));
    }
    return answer;
}

Answer Api::unauthorized() const {
    switch (unauthorized_body_) {
        case UnauthorizedBody::error_object:
            return error_answer(401, "Unauthorized");
        case UnauthorizedBody::bare_string:
            return {401, quoted("Incorrect API key format"), {}};
        case UnauthorizedBody::empty_object:
            break;
    }
    return {401, "{}", {}};
}

}  // namespace fake_portal
