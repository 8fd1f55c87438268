#include "backend/custodian.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace portal;

namespace {

constexpr const char* good_json = R"({"id":"client-1","clientApiKey":"never","clientSessionToken":"tok-1"})";

struct Seen {
    std::string method, url, bearer, body;
};

// Answers each request with what it was told to, and keeps what was asked.
class ScriptedTransport final : public Transport {
public:
    ScriptedTransport(Result<HttpResponse> answer, std::vector<Seen>& seen) : answer_(std::move(answer)), seen_(seen) {}

    void send(std::uint64_t, HttpRequest request, std::function<void(Result<HttpResponse>)> answer) override {
        seen_.push_back(
            {request.method, request.url, std::string(request.bearer.reveal()), std::string(request.body.reveal())});
        answer(std::move(answer_));
    }
    void cancel(std::uint64_t) override {}

private:
    Result<HttpResponse> answer_;
    std::vector<Seen>& seen_;
};

HttpResponse response(int status, const char* body, std::vector<HttpHeader> headers = {}) {
    HttpResponse result;
    result.status = status;
    result.headers = std::move(headers);
    result.body = Secret(body);
    return result;
}

Custodian custodian(Result<HttpResponse> answer, std::vector<Seen>& seen,
                    const char* portal_url = "https://api.portalhq.io") {
    auto made = Custodian::make(std::make_unique<ScriptedTransport>(std::move(answer), seen), *parse_url(portal_url),
                                Secret("key-1"));
    REQUIRE(made.has_value());
    return std::move(*made);
}

}  // namespace

TEST_CASE("both calls post to Portal's v3 paths with the key, and take any 2xx") {
    std::vector<Seen> seen;
    const auto created = custodian(response(201, good_json), seen).create_client();
    REQUIRE(created.has_value());
    CHECK(created->token.token.reveal() == "tok-1");
    CHECK(created->token.client_id == "client-1");
    CHECK(created->json.reveal() == good_json);
    CHECK(custodian(response(200, good_json), seen, "https://gw.example/portal/").new_session("client-1").has_value());
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].method == "POST");
    CHECK(seen[0].url == "https://api.portalhq.io/api/v3/custodians/me/clients");
    CHECK(seen[0].bearer == "key-1");
    CHECK(seen[0].body == "{}");
    CHECK(seen[1].url == "https://gw.example/portal/api/v3/custodians/me/clients/client-1/sessions");
}

TEST_CASE("a client id stays one segment of the path") {
    std::vector<Seen> seen;
    CHECK(custodian(response(200, good_json), seen).new_session("a/b?c#d%2e:@\\\"~-._").has_value());
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].url ==
          "https://api.portalhq.io/api/v3/custodians/me/clients/a%2Fb%3Fc%23d%252e%3A%40%5C%22~-._/sessions");
    for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\n"), std::string("."),
                                   std::string(".."), std::string("\xc3\xb6"), std::string(257, 'x')}) {
        INFO(bad);
        CHECK(custodian(response(200, good_json), seen).new_session(bad).error().code == Code::invalid_argument);
    }
    CHECK(seen.size() == 1);
}

TEST_CASE("each refusal and each outage is told apart, with the next step and the time to wait") {
    struct Row {
        int status;
        Code code;
        std::string reason;
        bool retryable;
        std::int64_t retry_after_ms;
    };
    for (const Row& row : std::vector<Row>{{302, Code::refused, "redirects", false, 7000},
                                           {400, Code::refused, "refuses the request (HTTP 400)", false, 7000},
                                           {401, Code::refused, "refuses the API key", false, 7000},
                                           {403, Code::refused, "forbids", false, 7000},
                                           {404, Code::refused, "no such client", false, 7000},
                                           {429, Code::provider_failed, "too many requests", true, 7000},
                                           {500, Code::provider_failed, "not available (HTTP 500)", true, 7000},
                                           {503, Code::provider_failed, "not available (HTTP 503)", true, 7000}}) {
        INFO(row.status);
        std::vector<Seen> seen;
        const auto answer =
            custodian(response(row.status, R"({"error":"sesame"})", {{"Retry-After", "7"}}), seen).create_client();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().code == row.code);
        CHECK(answer.error().http_status == row.status);
        CHECK(answer.error().retryable == row.retryable);
        CHECK(answer.error().retry_after_ms == row.retry_after_ms);
        CHECK(answer.error().message.find(row.reason) != std::string::npos);
        CHECK(answer.error().message.find("sesame") == std::string::npos);
        CHECK(answer.error().message.size() < 256);
    }
}

TEST_CASE("an answer without a token, and no answer at all, are passed on as what they are") {
    std::vector<Seen> seen;
    CHECK(custodian(response(200, R"({"clientApiKey":"x"})"), seen).create_client().error().code == Code::bad_token);
    CHECK(custodian(fail(Code::network, "No network."), seen).create_client().error().code == Code::network);
}

TEST_CASE("a key that cannot stand in a header is refused") {
    std::vector<Seen> seen;
    for (const char* key : {"", "a b", "a\r\nX: b"}) {
        auto transport = std::make_unique<ScriptedTransport>(response(200, good_json), seen);
        const auto made = Custodian::make(std::move(transport), *parse_url("https://api.portalhq.io"), Secret(key));
        CHECK(made.error().code == Code::invalid_argument);
    }
}
