// The fake Portal over real TLS: that the tests' truth answers as its contract says.
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <httplib.h>

#include "fake_portal/server.hpp"
#include "support/catch.hpp"

using namespace fake_portal;

namespace {

constexpr const char* me = "/api/v3/clients/me";
constexpr const char* json = "application/json";

// "" where there is no such field: enough for answers whose values need no escape.
std::string text_field(const std::string& body, std::string_view name) {
    const std::string before = "\"" + std::string(name) + "\":\"";
    const auto begin = body.find(before);
    if (begin == std::string::npos) return {};
    const auto value = begin + before.size();
    return body.substr(value, body.find('"', value) - value);
}

std::unique_ptr<httplib::SSLClient> connect(const Server& server, const std::string& ca_file) {
    const std::string& url = server.url();
    auto client = std::make_unique<httplib::SSLClient>("127.0.0.1", std::stoi(url.substr(url.rfind(':') + 1)));
    client->set_ca_cert_path(ca_file.c_str());
    client->enable_server_certificate_verification(true);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    return client;
}

// Without a credential: no such header.
httplib::Headers bearer(const std::string& credential) {
    if (credential.empty()) return {};
    return {{"Authorization", "Bearer " + credential}};
}

ServerOptions manual_clock() {
    ServerOptions options;
    options.manual_clock = true;
    return options;
}

// A server whose clock stands still, one client of it, and a connection.
struct Fixture {
    explicit Fixture(ServerOptions options = manual_clock())
        : server(std::move(options)), http(connect(server, server.ca_file())) {
        const auto answer = http->Post("/api/v3/custodians/me/clients", bearer(server.api_key()), "{}", json);
        REQUIRE(answer);
        REQUIRE(answer->status == 200);
        client_id = text_field(answer->body, "id");
        client_api_key = text_field(answer->body, "clientApiKey");
        token = text_field(answer->body, "clientSessionToken");
    }
    // 0: no answer.
    int get(const char* path, const std::string& credential) {
        const auto answer = http->Get(path, bearer(credential));
        return answer ? answer->status : 0;
    }
    int post(const std::string& path, const std::string& credential, const std::string& body = "{}") {
        const auto answer = http->Post(path.c_str(), bearer(credential), body, json);
        return answer ? answer->status : 0;
    }
    void arm(FaultKind kind, int status = 503, Scope scope = Scope::any) {
        Fault fault;
        fault.kind = kind;
        fault.status = status;
        fault.scope = scope;
        server.arm(fault);
    }
    Server server;
    std::unique_ptr<httplib::SSLClient> http;
    std::string client_id;
    std::string client_api_key;
    std::string token;
};

}  // namespace

TEST_CASE("the fake slides a token at a request over TLS and rejects it when its time is over") {
    Fixture fixture;
    fixture.server.advance(24 * hour_ms - 1);
    CHECK(fixture.get(me, fixture.token) == 200);
    fixture.server.advance(24 * hour_ms);
    CHECK(fixture.get(me, fixture.token) == 401);
    CHECK(fixture.get(me, fixture.client_api_key) == 200);

    const Snapshot counters = fixture.server.counters();
    CHECK(counters.total.mints == 1);
    CHECK(counters.total.requests == 3);
    CHECK(counters.total.slides == 1);
    CHECK(counters.total.rejected == 1);
    CHECK(counters.api.custodian_requests == 1);
    CHECK(counters.by_token.at(0).client_id == fixture.client_id);
}

TEST_CASE("the fake has the paths of the Client API, and they need a credential") {
    Fixture fixture;
    for (const char* path : {me, "/api/v3/clients/me/transactions", "/api/v3/clients/me/balances"}) {
        CHECK(fixture.get(path, fixture.token) == 200);
        CHECK(fixture.get(path, "unknown") == 401);
    }
    for (const char* path : {"/api/v3/clients/me/fund", "/api/v3/swaps/quote", "/rpc/v1/eip155/1"}) {
        CHECK(fixture.post(path, fixture.token) == 200);
        CHECK(fixture.post(path, "unknown") == 401);
    }
    CHECK(fixture.get("/api/v3/elsewhere", fixture.token) == 404);
    CHECK(fixture.http->Get(me)->status == 401);
}

TEST_CASE("the fake mints by both versions of the Custodian API and tells the wrong credentials apart") {
    Fixture fixture;
    const std::string& key = fixture.server.api_key();
    CHECK(fixture.post("/api/v3/custodians/me/clients/" + fixture.client_id + "/sessions", key) == 200);
    CHECK(fixture.post("/api/v1/custodians/clients/" + fixture.client_id + "/session", key) == 200);
    CHECK(fixture.post("/api/v1/custodians/clients", key, "") == 200);
    CHECK(fixture.server.counters().total.mints == 4);
    CHECK(fixture.get("/api/v3/custodians/me/clients", key) == 200);
    CHECK(fixture.get(("/api/v3/custodians/me/clients/" + fixture.client_id).c_str(), key) == 200);
    CHECK(fixture.get("/api/v3/custodians/me/clients/nobody", key) == 404);

    CHECK(fixture.post("/api/v3/custodians/me/clients/nobody/sessions", key) == 400);
    CHECK(fixture.post("/api/v3/custodians/me/clients", key, "[") == 400);
    CHECK(fixture.post("/api/v3/custodians/me/clients", fixture.token) == 403);
    CHECK(fixture.post("/api/v3/custodians/me/clients", fixture.client_api_key) == 403);
    CHECK(fixture.post("/api/v3/custodians/me/clients", "unknown") == 401);
    CHECK(fixture.server.counters().total.mints == 4);
}

TEST_CASE("the app's backend mints without a key, with faults of its own") {
    Fixture fixture;
    const std::string body = "{\"client_id\":\"" + fixture.client_id + "\"}";
    fixture.arm(FaultKind::status, 503, Scope::app);
    CHECK(fixture.get(me, fixture.token) == 200);
    CHECK(fixture.http->Post("/_app/token", body, json)->status == 503);
    const auto answer = fixture.http->Post("/_app/token", body, json);
    REQUIRE(answer);
    CHECK(text_field(answer->body, "id") == fixture.client_id);
    CHECK(fixture.get(me, text_field(answer->body, "clientSessionToken")) == 200);
    CHECK(fixture.server.counters().api.app_requests == 2);
}

TEST_CASE("the body of a 401 is one of the three that Portal's pages show") {
    const auto body_of = [](UnauthorizedBody kind) {
        ServerOptions options = manual_clock();
        options.unauthorized_body = kind;
        Fixture fixture(options);
        return fixture.http->Get(me, bearer("unknown"))->body;
    };
    CHECK(body_of(UnauthorizedBody::empty_object) == "{}");
    CHECK(body_of(UnauthorizedBody::error_object).starts_with("{\"error\":\""));
    CHECK(body_of(UnauthorizedBody::bare_string).starts_with("\""));
}

TEST_CASE("an armed status is answered once, slides nothing and carries its headers") {
    Fixture fixture;
    Fault fault;
    fault.status = 429;
    fault.retry_after_seconds = 30;
    fixture.server.arm(fault);
    fault.retry_after_as_date = true;
    fixture.server.arm(fault);
    CHECK(fixture.http->Get(me, bearer(fixture.token))->get_header_value("Retry-After") == "30");
    const auto dated = fixture.http->Get(me, bearer(fixture.token));
    CHECK(dated->status == 429);
    CHECK(dated->get_header_value("Retry-After") == http_date(fixture.server.now_ms() + 30'000));
    CHECK(fixture.server.counters().total.slides == 0);

    Fault redirect;
    redirect.status = 302;
    redirect.location = "https://elsewhere.invalid/";
    fixture.server.arm(redirect);
    CHECK(fixture.http->Get(me, bearer(fixture.token))->get_header_value("Location") == redirect.location);
    CHECK(fixture.get(me, fixture.token) == 200);
    CHECK(fixture.server.counters().total.slides == 1);
}

TEST_CASE("a drop before the work leaves the token, a drop after it has slid it") {
    Fixture fixture;
    fixture.arm(FaultKind::drop_before);
    CHECK(fixture.get(me, fixture.token) == 0);
    CHECK(fixture.server.counters().total.slides == 0);
    fixture.arm(FaultKind::drop_after);
    CHECK(fixture.get(me, fixture.token) == 0);
    CHECK(fixture.server.counters().total.slides == 1);
    fixture.arm(FaultKind::drop_after, 0, Scope::custodian);
    CHECK(fixture.post("/api/v3/custodians/me/clients/" + fixture.client_id + "/sessions", fixture.server.api_key()) == 0);
    CHECK(fixture.server.counters().total.mints == 2);
    CHECK(fixture.get(me, fixture.token) == 200);
}

TEST_CASE("a held answer holds up no other connection, and slid the token when it arrived") {
    Fixture fixture;
    fixture.arm(FaultKind::hold);
    std::atomic<int> held_status{0};
    std::thread waiter([&fixture, &held_status] {
        const auto http = connect(fixture.server, fixture.server.ca_file());
        held_status = http->Get(me, bearer(fixture.token))->status;
    });
    CHECK(fixture.server.wait_until_held(1));
    CHECK(fixture.server.counters().total.slides == 1);
    CHECK(fixture.get(me, fixture.token) == 200);
    CHECK(held_status == 0);
    CHECK(fixture.server.release() == 1);
    waiter.join();
    CHECK(held_status == 200);
}

TEST_CASE("a slow answer is the right one, later") {
    Fixture fixture;
    Fault fault;
    fault.kind = FaultKind::slow;
    fault.delay_ms = 1;
    fixture.server.arm(fault);
    CHECK(fixture.get(me, fixture.token) == 200);
    CHECK(fixture.server.counters().total.slides == 1);
    CHECK(fixture.server.counters().armed == 0);
}

TEST_CASE("many connections at once are all answered") {
    Fixture fixture;
    std::atomic<int> accepted{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&fixture, &accepted] {
            const auto http = connect(fixture.server, fixture.server.ca_file());
            for (int n = 0; n < 8; ++n) accepted += http->Get(me, bearer(fixture.token))->status == 200 ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(accepted == 128);
    CHECK(fixture.server.counters().total.slides == 128);
}

TEST_CASE("the fake stops at once with connections open and answers held, and starts again with all it knew") {
    Fixture fixture;
    const std::string url = fixture.server.url();
    const auto idle = connect(fixture.server, fixture.server.ca_file());
    REQUIRE(idle->Get(me, bearer(fixture.token)));
    fixture.arm(FaultKind::hold);
    std::atomic<bool> answered{true};
    std::thread waiter([&fixture, &answered] {
        const auto http = connect(fixture.server, fixture.server.ca_file());
        answered = static_cast<bool>(http->Get(me, bearer(fixture.token)));
    });
    CHECK(fixture.server.wait_until_held(1));

    const auto before = std::chrono::steady_clock::now();
    fixture.server.stop();
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));  // held: a minute
    waiter.join();
    CHECK_FALSE(answered);
    CHECK(fixture.get(me, fixture.token) == 0);

    fixture.server.start();
    CHECK(fixture.server.url() == url);
    CHECK(fixture.get(me, fixture.token) == 200);
    CHECK(fixture.server.counters().total.slides == 3);
}

TEST_CASE("the Date of an answer is the server's, skew and all") {
    ServerOptions options = manual_clock();
    options.clock_skew_ms = -90'000;
    Fixture fixture(options);
    const std::int64_t real_ms = std::time(nullptr) * std::int64_t{1000};
    CHECK(fixture.server.now_ms() < real_ms - 80'000);
    fixture.server.advance(hour_ms);
    CHECK(fixture.http->Get(me, bearer(fixture.token))->get_header_value("Date") == http_date(fixture.server.now_ms()));
}

TEST_CASE("HTTP's date has the form that the standard gives") {
    CHECK(http_date(784'111'777'000) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("a client that checks certificates refuses another CA, an expired one and a wrong name") {
    const Server other;
    const Server server;
    CHECK_FALSE(connect(server, other.ca_file())->Get(me));
    CHECK(connect(server, server.ca_file())->Get(me));
    for (const CertificateKind kind : {CertificateKind::expired, CertificateKind::wrong_name}) {
        ServerOptions options;
        options.certificate = kind;
        const Server bad(options);
        CHECK_FALSE(connect(bad, bad.ca_file())->Get(me));
    }
}

TEST_CASE("the control API moves the clock, arms faults and shows the counters without a token") {
    Fixture fixture;
    const std::int64_t before = fixture.server.now_ms();
    CHECK(fixture.post("/_fake/advance", "", R"({"seconds": 1.5})") == 200);
    CHECK(fixture.server.now_ms() == before + 1500);
    CHECK(fixture.post("/_fake/faults", "", R"({"kind":"status","status":418,"scope":"client","body":"tea"})") == 200);
    CHECK(fixture.server.counters().armed == 1);
    const auto tea = fixture.http->Get(me, bearer(fixture.token));
    CHECK(tea->status == 418);
    CHECK(tea->body == "tea");
    CHECK(fixture.post("/_fake/faults", "", R"({"kind":"drop_before","times":3})") == 200);
    CHECK(fixture.post("/_fake/clear", "", "") == 200);
    CHECK(fixture.get(me, fixture.token) == 200);

    const auto counters = fixture.http->Get("/_fake/counters");
    REQUIRE(counters);
    CHECK(counters->body.find("\"mints\":1,\"requests\":2,\"slides\":1,\"rejected\":0") != std::string::npos);
    CHECK(counters->body.find("\"by_token\":{\"1\":{\"client_id\":\"" + fixture.client_id) != std::string::npos);
    CHECK(counters->body.find(fixture.token) == std::string::npos);
}

TEST_CASE("the control API says what it does not understand") {
    Fixture fixture;
    for (const char* body : {R"({"kind":"nonsense"})", R"({"status":429})", R"({"kind":"status","tims":2})",
                             R"({"kind":"status","times":0})", R"({"kind":"status","status":"429"})", "[]", "{"}) {
        CAPTURE(body);
        CHECK(fixture.post("/_fake/faults", "", body) == 400);
    }
    CHECK(fixture.post("/_fake/advance", "", R"({"seconds":-1})") == 400);
    CHECK(fixture.post("/_fake/advance", "", "") == 400);
    CHECK(fixture.post("/_fake/elsewhere", "") == 404);
    CHECK(fixture.server.counters().armed == 0);
}
