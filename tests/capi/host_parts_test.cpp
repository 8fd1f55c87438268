// The host's transport, key, provider and log, as the session uses them.
#include "bad_input.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

struct Sent {
    std::uint64_t id = 0;
    std::string method;
    std::string url;
    std::string authorization;
    bool is_marked_secret = false;
};

struct TransportRig : SessionRig {
    Signal<std::vector<Sent>> sent;
    Signal<std::vector<std::uint64_t>> cancelled;
    std::function<void(std::uint64_t)> on_send;

    TransportRig() {
        provide();
        options.transport = {[](void* data, std::uint64_t id, const portal_http_request* request) {
                                 auto& rig = *static_cast<TransportRig*>(data);
                                 Sent seen{id, string_of(request->method), string_of(request->url), "", false};
                                 for (std::size_t i = 0; i < request->header_count; ++i) {
                                     if (string_of(request->headers[i].name) != "Authorization") continue;
                                     seen.authorization = string_of(request->headers[i].value);
                                     seen.is_marked_secret = (request->headers[i].flags & PORTAL_HEADER_SECRET) != 0;
                                 }
                                 rig.sent.change([&](auto& all) { all.push_back(seen); });
                                 if (rig.on_send) rig.on_send(id);
                             },
                             [](void* data, std::uint64_t id) {
                                 static_cast<TransportRig*>(data)->cancelled.change([&](auto& all) { all.push_back(id); });
                             },
                             this, nullptr};
    }
    ~TransportRig() { close(); }

    std::uint64_t send(Outcome& outcome, const std::string& url = "/path", std::uint32_t flags = 0, const std::string& method = "") {
        auto request = made<portal_http_request>();
        request.url = text_of(url);
        request.method = text_of(method);
        request.flags = flags;
        std::uint64_t id = 0;
        REQUIRE(portal_send(session, &request, outcome.sent(), &id, nullptr) == PORTAL_OK);
        return id;
    }
    Sent wait_for_send(std::size_t number) {
        REQUIRE(sent.wait([=](const auto& all) { return all.size() >= number; }));
        return sent.get()[number - 1];
    }
    static portal_code answer(std::uint64_t id, std::int32_t status, const std::string& body = "") {
        auto response = made<portal_http_response>();
        response.http_status = status;
        response.body = {body.data(), body.size()};
        return portal_transport_answered(id, &response, nullptr);
    }
};

TEST_CASE("A send carries the token, marked secret, to a URL that was made of checked parts") {
    TransportRig rig;
    rig.on_send = [](std::uint64_t id) { TransportRig::answer(id, 200, "{\"me\":1}"); };
    rig.open();
    Outcome outcome;
    (void)rig.send(outcome, "https://API.portalhq.io:443/api/v3/clients/me?x=1");
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(outcome.state.get().http_status == 200);
    CHECK(outcome.state.get().verdict == PORTAL_VERDICT_ACCEPTED);
    CHECK(outcome.state.get().body == "{\"me\":1}");
    const Sent sent = rig.wait_for_send(1);
    CHECK(sent.method == "GET");
    CHECK(sent.url == "https://api.portalhq.io/api/v3/clients/me?x=1");
    CHECK(sent.authorization == "Bearer the-token");
    CHECK(sent.is_marked_secret);
    CHECK(rig.asks.get().size() == 1);
}

TEST_CASE("A header that HTTP does not allow, or that is not the app's to write, is refused at once and said which") {
    struct Row {
        const char* cause;
        std::string name;
        std::string value;
        bool is_own_without_token = false;  // then the app may write it
    };
    const auto [cause, name, value, is_own_without_token] = GENERATE(
        Row{"The request's header 2 has a name", "", "x"}, Row{"The request's header 2 has a name", "X Y", "x"},
        Row{"The request's header 2 has a name", "X:", "x"}, Row{"The request's header 2 has a value", "X", "a\r\nY: b"},
        Row{"The request's header 2 has a value", "X", std::string("a\0b", 3)},
        Row{"The request's header 2 has a value", "X", "a\x01"}, Row{"The request's header 2 has a value", "X", "\x7f"},
        Row{"The header Host ", "Host", "other.example"}, Row{"The header Content-Length ", "content-LENGTH", "5"},
        Row{"The header Transfer-Encoding ", "Transfer-Encoding", "chunked"},
        Row{"The header Connection ", "connection", "close"}, Row{"The header TE ", "te", "trailers"},
        Row{"The header Upgrade ", "Upgrade", "h2c"}, Row{"The header Authorization ", "authorization", "Bearer x", true});
    const std::uint32_t flags = GENERATE(0u, PORTAL_REQUEST_NO_TOKEN);
    CAPTURE(name, value, flags);
    TransportRig rig;
    rig.on_send = [](std::uint64_t id) { TransportRig::answer(id, 204); };
    rig.open();
    const portal_header headers[] = {{text_of("X-Good"), text_of("tab\tand \xc3\xbc"), 0, 0},
                                     {text_of(name), text_of(value), 0, 0}};
    auto request = made<portal_http_request>();
    request.url = text_of("https://api.portalhq.io/path");
    request.flags = flags;
    request.headers = headers;
    request.header_count = 2;
    std::uint64_t id = 0;
    Outcome outcome;
    if (is_own_without_token && flags != 0) {
        CHECK(portal_send(rig.session, &request, outcome.sent(), &id, nullptr) == PORTAL_OK);
        CHECK(outcome.code() == PORTAL_OK);
        return;
    }
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, cause,
                  [&](auto* error) { return portal_send(rig.session, &request, outcome.sent(), &id, error); });
    rig.settle();
    CHECK(id == 0);
    CHECK(outcome.state.get().times == 0);
    CHECK(outcome.state.get().released == 1);
    CHECK(rig.asks.get().empty());
    CHECK(rig.sent.get().empty());
}

TEST_CASE("After a 401 an idempotent request is sent once more with a newer token, others are not") {
    TransportRig rig;
    rig.open();
    const std::string method = GENERATE("GET", "POST", "PUT");
    const bool may_replay = GENERATE(false, true);
    CAPTURE(method, may_replay);
    Outcome outcome;
    (void)rig.send(outcome, "/path", may_replay ? PORTAL_REQUEST_REPLAY : 0, method);
    rig.wait_for_send(1);
    rig.provide("newer-token");
    // The provider answers on the callback thread, which the answer below reaches behind this.
    CHECK(TransportRig::answer(rig.wait_for_send(1).id, 401) == PORTAL_OK);
    const bool replays = method != "POST" || may_replay;
    if (replays) {
        const Sent again = rig.wait_for_send(2);
        CHECK(again.authorization == "Bearer newer-token");
        CHECK(again.method == method);
        CHECK(TransportRig::answer(again.id, 401) == PORTAL_OK);  // and no third time
    }
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(outcome.state.get().http_status == 401);
    CHECK(outcome.state.get().verdict == PORTAL_VERDICT_REJECTED);
    rig.settle();
    CHECK(rig.sent.get().size() == (replays ? 2u : 1u));
    CHECK(rig.read() == PORTAL_ERR_NO_TOKEN);
}

TEST_CASE("A request to the app's own backend carries no token and is not reported") {
    TransportRig rig;
    rig.on_send = [](std::uint64_t id) { TransportRig::answer(id, 401); };
    rig.open();
    Outcome outcome;
    (void)rig.send(outcome, "https://backend.example.com/token", PORTAL_REQUEST_NO_TOKEN, "POST");
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(rig.wait_for_send(1).authorization.empty());
    CHECK(rig.asks.get().empty());
}

TEST_CASE("The transport's own retry_after_ms is handed on") {
    TransportRig rig;
    rig.on_send = [](std::uint64_t id) {
        auto response = made<portal_http_response>();
        response.http_status = 429;
        response.retry_after_ms = 2500;
        portal_transport_answered(id, &response, nullptr);
    };
    rig.open();
    Outcome outcome;
    (void)rig.send(outcome);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(outcome.state.get().verdict == PORTAL_VERDICT_THROTTLED);
    CHECK(outcome.state.get().retry_after_ms == 2500);
}

TEST_CASE("A response that cannot be used ends its request with NETWORK; a mistake in the call leaves it open") {
    // Static, since a row is made once and the test runs again for each.
    static const std::vector<portal_header> many(257, {text_of("X"), text_of("y"), 0, 0});
    static const std::string large(65 * 1024, 'x');
    static const portal_header split{text_of("X"), text_of("a\r\nY: b"), 0, 0};
    static const portal_header nameless{text_of(""), text_of("x"), 0, 0};
    static const portal_header long_one{text_of("X"), text_of(large), 0, 0};
    static const portal_header flagged{text_of("X"), text_of("y"), 2, 0};
    static const portal_header reserved{text_of("X"), text_of("y"), 0, 1};
    struct Row {
        std::int32_t status;
        std::int64_t retry_after_ms;
        const portal_header* headers;
        std::size_t header_count;
        bool is_an_answer = true;
    };
    const auto& [status, retry_after_ms, headers, header_count, is_an_answer] =
        GENERATE(Row{-1, 0, nullptr, 0}, Row{0, 0, nullptr, 0}, Row{200, 0, many.data(), 257}, Row{200, 0, &split, 1},
                     Row{200, 0, &nameless, 1}, Row{200, 0, &long_one, 1}, Row{200, -1, nullptr, 0, false},
                     Row{200, 0, nullptr, 1, false}, Row{200, 0, &flagged, 1, false}, Row{200, 0, &reserved, 1, false});
    CAPTURE(status, retry_after_ms, header_count, is_an_answer);
    TransportRig rig;
    rig.open();
    Outcome outcome;
    (void)rig.send(outcome);
    const std::uint64_t id = rig.wait_for_send(1).id;
    auto response = made<portal_http_response>();
    response.http_status = status;
    response.retry_after_ms = retry_after_ms;
    response.headers = headers;
    response.header_count = header_count;
    check_refused(PORTAL_ERR_INVALID_ARGUMENT, "",
                  [&](auto* error) { return portal_transport_answered(id, &response, error); });
    CHECK(TransportRig::answer(id, 200) == (is_an_answer ? PORTAL_ERR_STALE : PORTAL_OK));
    CHECK(outcome.code() == (is_an_answer ? PORTAL_ERR_NETWORK : PORTAL_OK));
}

TEST_CASE("A send that is cancelled is answered once, the transport is told, and its answer is stale") {
    TransportRig rig;
    rig.open();
    Outcome outcome;
    const std::uint64_t id = rig.send(outcome);
    const Sent sent = rig.wait_for_send(1);
    CHECK(portal_cancel(id, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_ERR_CANCELLED);
    CHECK(rig.cancelled.wait([&](const auto& all) { return all == std::vector<std::uint64_t>{sent.id}; }));
    CHECK(TransportRig::answer(sent.id, 200) == PORTAL_ERR_STALE);
    CHECK(outcome.state.get().times == 1);
}

TEST_CASE("A send that is cancelled before it has left never leaves, even if its token is there by then") {
    Gate gate;
    Gate blocked;
    TransportRig rig;
    rig.on_ask = [&](const portal_token_request& request) {
        const portal_token_input token = input_of("the-token");
        portal_request_fulfil(request.id, &token, nullptr);
        blocked.open();
        gate.wait();
    };
    rig.open();
    Outcome outcome;
    const std::uint64_t id = rig.send(outcome);
    REQUIRE(blocked.wait());
    rig.fence_without_callbacks();  // the send's token is on its way, behind the callback that is blocked
    CHECK(portal_cancel(id, nullptr) == PORTAL_OK);
    gate.open();
    CHECK(outcome.code() == PORTAL_ERR_CANCELLED);
    rig.settle();
    CHECK(rig.sent.get().empty());
}

// A completion that stands still in its callback.
struct Blocked {
    Gate inside;
    Gate gate;
    static void fn(void* me, portal_code, const portal_lease*, portal_text, const portal_error*) {
        auto& self = *static_cast<Blocked*>(me);
        self.inside.open();
        (void)self.gate.wait();
    }
};

// A send that has its token, and whose way to the transport stands behind a busy callback thread until `let_go`.
struct HeldSend {
    Blocked before, behind;
    TransportRig rig;
    Outcome outcome;
    std::uint64_t id = 0;

    explicit HeldSend(const char* method = "GET") {
        rig.open();
        block(before);
        REQUIRE(before.inside.wait());
        id = rig.send(outcome, "/path", 0, method);
        block(behind);
        rig.fence_without_callbacks();
        before.gate.open();
        REQUIRE(behind.inside.wait());
    }
    void block(Blocked& here) {
        const portal_acquired done{Blocked::fn, &here, nullptr};
        REQUIRE(portal_lease_acquire(rig.session, nullptr, done, nullptr, nullptr) == PORTAL_OK);
    }
    void push(const char* token) {
        const portal_token_input input = input_of(token);
        CHECK(portal_session_push(rig.session, &input, nullptr) == PORTAL_OK);
    }
    void let_go() { behind.gate.open(); }
};

TEST_CASE("A send that is cancelled while its transport waits for the callback thread never reaches the transport") {
    const bool closes = GENERATE(false, true);
    CAPTURE(closes);
    HeldSend send("POST");
    if (closes) {
        CHECK(portal_session_close(send.rig.session, 0, nullptr) == PORTAL_ERR_TIMEOUT);
    } else {
        CHECK(portal_cancel(send.id, nullptr) == PORTAL_OK);
    }
    send.let_go();
    CHECK(send.outcome.code() == (closes ? PORTAL_ERR_CLOSED : PORTAL_ERR_CANCELLED));
    send.rig.close();
    CHECK(send.rig.sent.get().empty());
    CHECK(send.rig.cancelled.get().empty());  // of what was never sent the transport hears nothing
}

TEST_CASE("A clear or a push that comes just before a send leaves keeps its old token from the transport") {
    HeldSend send;
    SECTION("a clear") {
        CHECK(portal_session_clear(send.rig.session, nullptr, nullptr) == PORTAL_OK);
        send.let_go();
        CHECK(send.outcome.code() == PORTAL_ERR_CLEARED);
        CHECK(send.rig.sent.get().empty());
    }
    SECTION("a push") {
        send.push("next-token");
        send.let_go();
        const Sent sent = send.rig.wait_for_send(1);
        CHECK(sent.authorization == "Bearer next-token");
        CHECK(TransportRig::answer(sent.id, 200) == PORTAL_OK);
        CHECK(send.outcome.code() == PORTAL_OK);
    }
}

TEST_CASE("A send that was held back for a newer token never goes out with the next user's") {
    Blocked after;
    HeldSend send;
    send.push("next-token");
    send.block(after);
    send.rig.fence_without_callbacks();
    send.let_go();
    REQUIRE(after.inside.wait());  // the send was held back, and has not asked for the next token yet
    const portal_token_input other = input_of("other-users-token");
    CHECK(portal_session_switch(send.rig.session, &other, nullptr, nullptr) == PORTAL_OK);
    after.gate.open();
    CHECK(send.outcome.code() == PORTAL_ERR_CLEARED);
    CHECK(send.rig.sent.get().empty());
}

TEST_CASE("Close answers a send that is under way, and its transport is told") {
    TransportRig rig;
    rig.open();
    Outcome outcome;
    (void)rig.send(outcome);
    const Sent sent = rig.wait_for_send(1);
    rig.close();
    CHECK(outcome.state.get().code == PORTAL_ERR_CLOSED);
    CHECK(rig.cancelled.get() == std::vector<std::uint64_t>{sent.id});
    CHECK(TransportRig::answer(sent.id, 200) == PORTAL_ERR_STALE);
}

TEST_CASE("A clear and a close withdraw the token request") {
    SessionRig rig;
    rig.open();
    Outcome first;
    rig.start(first);
    const std::uint64_t cleared = rig.ask(1);
    REQUIRE(portal_session_clear(rig.session, nullptr, nullptr) == PORTAL_OK);
    CHECK(first.code() == PORTAL_ERR_CLEARED);
    rig.settle();
    CHECK(rig.withdrawn.get() == std::vector<std::uint64_t>{cleared});
    const portal_token_input late = input_of("late");
    CHECK(portal_request_fulfil(cleared, &late, nullptr) == PORTAL_ERR_STALE);

    Outcome second;
    auto force = made<portal_acquire_options>();
    force.flags = PORTAL_ACQUIRE_FORCE;
    REQUIRE(portal_lease_acquire(rig.session, &force, second.acquired(), nullptr, nullptr) == PORTAL_OK);
    const std::uint64_t closed = rig.ask(2);
    rig.close();
    CHECK(second.state.get().code == PORTAL_ERR_CLOSED);
    CHECK(rig.withdrawn.get() == std::vector<std::uint64_t>{cleared, closed});
}

struct Lines {
    Signal<std::vector<std::pair<portal_level, std::string>>> all;
    static void line(void* userdata, portal_level level, portal_text text) {
        static_cast<Lines*>(userdata)->all.change([&](auto& lines) { lines.emplace_back(level, string_of(text)); });
    }
};

TEST_CASE("Log lines come at the level that was asked for and those of smaller value, without a secret") {
    const portal_level level = GENERATE(PORTAL_LEVEL_OFF, PORTAL_LEVEL_WARNING, PORTAL_LEVEL_INFO);
    CAPTURE(static_cast<int>(level));
    Lines lines;
    SessionRig rig;
    rig.options.log = {Lines::line, level, 0, &lines, nullptr};
    rig.provide("secret-token");
    rig.open();
    REQUIRE(rig.acquire() == "secret-token");
    rig.on_ask = nullptr;
    rig.pass(24 * 3'600'000);
    Outcome fails;
    rig.start(fails);
    REQUIRE(portal_request_fail(rig.ask(2), nullptr, nullptr) == PORTAL_OK);
    CHECK(fails.code() == PORTAL_ERR_PROVIDER_FAILED);
    rig.settle();
    portal_level most = PORTAL_LEVEL_OFF;
    for (const auto& [line_level, line] : lines.all.get()) {
        most = std::max(most, line_level);
        CHECK(line.find("secret-token") == std::string::npos);
    }
    CHECK(most == level);
    rig.close();
}

TEST_CASE("The file store keeps the token over a relaunch, sealed with the host's key") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    TempDir folder;
    std::string key(32, 'k');
    SessionRig rig;
    rig.provide("canary-token-canary");
    rig.options.directory = text_of(folder.path());
    rig.options.key = {[](void* userdata, std::uint64_t id, portal_text) {
                           const auto& bytes = *static_cast<std::string*>(userdata);
                           portal_key_loaded(id, PORTAL_FOUND, {bytes.data(), bytes.size()}, nullptr);
                       },
                       nullptr, &key, nullptr};
    rig.open();
    REQUIRE(rig.acquire() == "canary-token-canary");
    rig.close();
    for (const std::string& name : folder.names())
        CHECK(file_bytes(folder.file(name)).find("canary") == std::string::npos);
    rig.on_ask = nullptr;
    rig.open();
    CHECK(rig.acquire() == "canary-token-canary");
    rig.close();
    key.assign(32, 'o');
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    (void)rig.ask(2);
    CHECK(rig.status().reason == PORTAL_REASON_WRONG_KEY);
    rig.close();
}

TEST_CASE("A clear whose key the host fails to destroy is not done, and is finished by the next try") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    TempDir folder;
    std::atomic<int> destroyed{0};
    SessionRig rig;
    rig.provide();
    rig.options.directory = text_of(folder.path());
    rig.options.key = {[](void*, std::uint64_t id, portal_text) {
                           const std::string key(32, 'k');
                           portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
                       },
                       [](void* userdata, portal_text) {
                           if (++*static_cast<std::atomic<int>*>(userdata) == 1) throw 1;
                       },
                       &destroyed, nullptr};
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    Outcome outcome;
    const portal_done done = outcome.done();
    REQUIRE(portal_session_clear(rig.session, &done, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_ERR_STORE_UNAVAILABLE);
    CHECK(rig.notify(PORTAL_NOTICE_FOREGROUND) == PORTAL_OK);
    CHECK(destroyed == 2);
    rig.close();
}

TEST_CASE("A key that never comes is unavailable after 10 s, and keeps nothing alive after close") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    TempDir folder;
    struct KeyCalls {
        Signal<std::vector<std::uint64_t>> ids;
        Counted counted;
    } calls;
    SessionRig rig;
    rig.options.directory = text_of(folder.path());
    rig.options.key = {[](void* userdata, std::uint64_t id, portal_text) {
                           static_cast<KeyCalls*>(userdata)->ids.change([&](auto& all) { all.push_back(id); });
                       },
                       nullptr, &calls, [](void* userdata) { ++static_cast<KeyCalls*>(userdata)->counted.released; }};
    rig.open();
    const portal_token_input token = input_of("the-token");
    rig.settle();
    REQUIRE(portal_session_push(rig.session, &token, nullptr) == PORTAL_OK);
    REQUIRE(calls.ids.wait([](const auto& all) { return !all.empty(); }));
    Outcome outcome;
    rig.start(outcome);
    rig.moved_ms += 10'000;
    rig.settle();
    CHECK(outcome.code() == PORTAL_OK);
    CHECK((outcome.state.get().lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0);
    CHECK(rig.status().store == PORTAL_STORE_LOCKED);
    rig.close();
    CHECK(calls.counted.released == 1);
    for (const std::uint64_t id : calls.ids.get())
        CHECK(portal_key_loaded(id, PORTAL_UNAVAILABLE, {nullptr, 0}, nullptr) == PORTAL_ERR_STALE);
}

}  // namespace
