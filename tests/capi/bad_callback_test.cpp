// Bad input, callbacks: a host's function that throws, never answers, answers twice, too late or from elsewhere, closes the
// session or blocks costs its own session what it must, and nobody else anything.
#include <functional>
#include <stdexcept>
#include <thread>

#include "bad_input.hpp"

namespace {

using namespace portal::test;

[[noreturn]] void fail_badly() { throw std::runtime_error("thrown by a host"); }

// A host whose functions all throw, and its userdata, which comes back all the same.
struct ThrowingHost {
    Counted counted;
    Signal<int> called;
    static ThrowingHost& of(void* userdata) { return *static_cast<ThrowingHost*>(userdata); }
    void call() {
        called.change([](int& times) { ++times; });
        fail_badly();
    }
    static void release(void* userdata) {
        ++of(userdata).counted.released;
        fail_badly();
    }
};

TEST_CASE("Bad callback: observer, log, completions and releases that throw lose neither the token nor a userdata") {
    const NothingLeft nothing_left;
    ThrowingHost host;
    {
        SessionRig rig;
        rig.provide();
        rig.options.observer = {[](void* me, const portal_event*) { ThrowingHost::of(me).call(); }, &host,
                                ThrowingHost::release};
        rig.options.log = {[](void* me, portal_level, portal_text) { ThrowingHost::of(me).call(); }, PORTAL_LEVEL_DEBUG, 0,
                           &host, ThrowingHost::release};
        rig.open();
        const portal_acquired acquired{[](void* me, portal_code, const portal_lease*, portal_text, const portal_error*) {
                                           ThrowingHost::of(me).call();
                                       },
                                       &host, ThrowingHost::release};
        REQUIRE(portal_lease_acquire(rig.session, nullptr, acquired, nullptr, nullptr) == PORTAL_OK);
        const portal_done done{[](void* me, portal_code, const portal_error*) { ThrowingHost::of(me).call(); }, &host,
                               ThrowingHost::release};
        REQUIRE(portal_session_notify(rig.session, PORTAL_NOTICE_FOREGROUND, &done, nullptr) == PORTAL_OK);
        CHECK(rig.acquire() == "the-token");
        check_still_gives(rig, "the-token");
        rig.close();
    }
    CHECK(host.counted.released == 4);
    CHECK(host.called.get() > 4);
}

TEST_CASE("Bad callback: a clock that throws is answered for by the system's") {
    SessionRig rig;
    rig.provide();
    rig.options.clock = {[](void*, portal_reading*) { fail_badly(); }, nullptr, nullptr};
    rig.open();
    CHECK(rig.acquire() == "the-token");
    check_still_gives(rig, "the-token");
}

TEST_CASE("Bad callback: a provider that throws before its answer is one that never answers, and after it one that did") {
    SessionRig rig;
    rig.on_ask = [](const portal_token_request&) { fail_badly(); };
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    (void)rig.ask(1);
    rig.pass(30'000);
    rig.pass(5'000);
    CHECK(outcome.code() == PORTAL_ERR_PROVIDER_FAILED);
    check_told(outcome.state.get().message, "The token provider did not answer in time");
    rig.close();

    SessionRig other;
    other.on_ask = [](const portal_token_request& request) {
        const portal_token_input input = input_of("the-token");
        portal_request_fulfil(request.id, &input, nullptr);
        fail_badly();
    };
    other.open();
    CHECK(other.acquire() == "the-token");
}

TEST_CASE("Bad callback: a store that throws is unavailable after 10 s, and the session goes on in memory where told to") {
    SessionRig rig;
    rig.provide();
    rig.options.store = {[](void*, std::uint64_t, portal_text) { fail_badly(); },
                         [](void*, std::uint64_t, portal_text, std::uint64_t, portal_bytes) { fail_badly(); }, nullptr,
                         nullptr};
    rig.open();
    rig.fence();
    rig.moved_ms += 10'000;
    rig.settle();
    CHECK(rig.status().reason == PORTAL_REASON_STORE_UNAVAILABLE);
    CHECK(rig.asks.get().empty());
    Outcome outcome;
    auto wanted = made<portal_acquire_options>();
    wanted.flags = PORTAL_ACQUIRE_WITHOUT_STORE;
    REQUIRE(portal_lease_acquire(rig.session, &wanted, outcome.acquired(), nullptr, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK((outcome.state.get().lease.flags & PORTAL_LEASE_MEMORY_ONLY) != 0);
}

TEST_CASE("Bad callback: a transport that throws or never answers costs its own request its time, and others nothing") {
    SessionRig rig;
    rig.provide();
    Signal<int> sends;
    rig.options.transport.userdata = &sends;
    rig.options.transport.send = [](void* me, std::uint64_t id, const portal_http_request*) {
        auto& count = *static_cast<Signal<int>*>(me);
        count.change([](int& times) { ++times; });
        if (count.get() == 1) fail_badly();
        auto response = made<portal_http_response>();
        response.http_status = 200;
        portal_transport_answered(id, &response, nullptr);
    };
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    auto request = made<portal_http_request>();
    const std::string path = "/path";
    request.url = text_of(path);
    Outcome thrown;
    REQUIRE(portal_send(rig.session, &request, thrown.sent(), nullptr, nullptr) == PORTAL_OK);
    REQUIRE(sends.wait([](int times) { return times == 1; }));
    Outcome good;
    REQUIRE(portal_send(rig.session, &request, good.sent(), nullptr, nullptr) == PORTAL_OK);
    CHECK(good.code() == PORTAL_OK);
    rig.pass(40'000);  // the request's 30 s, and what a transport gets beyond to tell its own time-out
    CHECK(thrown.code() == PORTAL_ERR_TIMEOUT);
    check_told(thrown.state.get().message, "The deadline passed");
}

TEST_CASE("Bad callback: of two answers the first counts, whatever the second is") {
    using Answer = std::function<portal_code(std::uint64_t, portal_error*)>;
    static const portal_token_input first = input_of("first-token");
    static const portal_token_input second = input_of("second-token");
    static const portal_token_input bad = input_of("two words");
    const Answer answers[] = {
        [](std::uint64_t id, auto* error) { return portal_request_fulfil(id, &second, error); },
        [](std::uint64_t id, auto* error) { return portal_request_fulfil(id, &bad, error); },
        [](std::uint64_t id, auto* error) { return portal_request_decline(id, 0, error); },
        [](std::uint64_t id, auto* error) { return portal_request_fail(id, nullptr, error); },
    };
    for (const Answer& again : answers) {
        SessionRig rig;
        rig.open();
        Outcome outcome;
        rig.start(outcome);
        const std::uint64_t id = rig.ask(1);
        REQUIRE(portal_request_fulfil(id, &first, nullptr) == PORTAL_OK);
        check_refused(PORTAL_ERR_STALE, "nothing was done", [&](auto* error) { return again(id, error); });
        CHECK(outcome.code() == PORTAL_OK);
        check_still_gives(rig, "first-token");
        CHECK(rig.status().generation == 1);
    }
}

TEST_CASE("Bad callback: answers from many threads at once are one answer") {
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t id = rig.ask(1);
    std::atomic<int> taken{0};
    std::atomic<int> stale{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            const std::string token = "token-" + std::to_string(i);
            const portal_token_input input = input_of(token);
            const portal_code code = portal_request_fulfil(id, &input, nullptr);
            if (code == PORTAL_OK) ++taken;
            if (code == PORTAL_ERR_STALE) ++stale;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(taken == 1);
    CHECK(stale == 7);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(rig.status().generation == 1);
}

TEST_CASE("Bad callback: an answer after close is stale, and touches nothing") {
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t id = rig.ask(1);
    rig.close();
    CHECK(outcome.code() == PORTAL_ERR_CLOSED);
    check_told(outcome.state.get().message, "The session is closed");
    const portal_token_input late = input_of("late");
    check_refused(PORTAL_ERR_STALE, "nothing was done",
                  [&](auto* error) { return portal_request_fulfil(id, &late, error); });
    check_refused(PORTAL_ERR_STALE, "nothing was done", [&](auto* error) { return portal_request_decline(id, 0, error); });
    check_refused(PORTAL_ERR_STALE, "nothing was done",
                  [&](auto* error) { return portal_request_fail(id, nullptr, error); });
}

TEST_CASE("Bad callback: a session may be closed inside each of its callbacks, and everyone who waits is told") {
    enum Where { in_ask, in_event, in_acquired, in_send };
    for (const Where where : {in_ask, in_event, in_acquired, in_send}) {
        CAPTURE(static_cast<int>(where));
        struct Closer : SessionRig {
            Where where = in_ask;
            Signal<std::vector<portal_code>> codes;
            void close_inside(Where here) {
                if (here == where)
                    codes.change([&](auto& all) { all.push_back(portal_session_close(session, 60'000, nullptr)); });
            }
        } rig;
        rig.where = where;
        rig.on_ask = [&rig](const portal_token_request& request) {
            rig.close_inside(in_ask);
            const portal_token_input input = input_of("the-token");
            portal_request_fulfil(request.id, &input, nullptr);
        };
        rig.options.observer = {[](void* me, const portal_event*) { static_cast<Closer*>(me)->close_inside(in_event); },
                                &rig, nullptr};
        rig.options.transport.userdata = &rig;
        rig.options.transport.send = [](void* me, std::uint64_t, const portal_http_request*) {
            static_cast<Closer*>(me)->close_inside(in_send);
        };
        rig.open();
        const portal_acquired acquired{[](void* me, portal_code, const portal_lease*, portal_text, const portal_error*) {
                                           static_cast<Closer*>(me)->close_inside(in_acquired);
                                       },
                                       &rig, nullptr};
        REQUIRE(portal_lease_acquire(rig.session, nullptr, acquired, nullptr, nullptr) == PORTAL_OK);
        auto request = made<portal_http_request>();
        const std::string path = "/path";
        request.url = text_of(path);
        Outcome sent;
        if (portal_send(rig.session, &request, sent.sent(), nullptr, nullptr) == PORTAL_OK)
            CHECK(sent.code() == PORTAL_ERR_CLOSED);
        REQUIRE(rig.codes.wait([](const auto& all) { return !all.empty(); }));
        for (const portal_code code : rig.codes.get()) CHECK((code == PORTAL_ERR_TIMEOUT || code == PORTAL_OK));
        CHECK(rig.read() == PORTAL_ERR_CLOSED);
        rig.close();
    }
}

TEST_CASE("Bad callback: one that blocks for 3 s delays callbacks alone: reads, blocking waits, reports and clear go on") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    Gate gate;
    Gate inside;
    struct Blocking {
        Gate& gate;
        Gate& inside;
    } blocking{gate, inside};
    const portal_acquired blocked{[](void* me, portal_code, const portal_lease*, portal_text, const portal_error*) {
                                      auto& self = *static_cast<Blocking*>(me);
                                      self.inside.open();
                                      (void)self.gate.wait();
                                  },
                                  &blocking, nullptr};
    REQUIRE(portal_lease_acquire(rig.session, nullptr, blocked, nullptr, nullptr) == PORTAL_OK);
    REQUIRE(inside.wait());
    Outcome behind;
    rig.start(behind);
    rig.moved_ms += 3'000;  // they pass while it blocks
    Outcome settled;
    const portal_done done = settled.done();
    REQUIRE(portal_session_notify(rig.session, PORTAL_NOTICE_CLOCK_CHANGED, &done, nullptr) == PORTAL_OK);

    rig.fence_without_callbacks();
    check_still_gives(rig, "the-token");
    auto lease = made<portal_lease>();
    REQUIRE(rig.read(&lease) == PORTAL_OK);
    CHECK(portal_lease_report(rig.session, &lease, 200, nullptr, nullptr) == PORTAL_OK);
    const portal_token_input next = input_of("next-token");
    CHECK(portal_session_push(rig.session, &next, nullptr) == PORTAL_OK);
    rig.fence_without_callbacks();
    check_still_gives(rig, "next-token");
    CHECK(portal_session_clear(rig.session, nullptr, nullptr) == PORTAL_OK);
    CHECK(rig.read() == PORTAL_ERR_NO_TOKEN);
    CHECK(behind.state.get().times == 0);
    CHECK(portal_session_close(rig.session, 1, nullptr) == PORTAL_ERR_TIMEOUT);
    gate.open();
    CHECK(behind.code() == PORTAL_ERR_CLOSED);  // it was answered before the close, and called after it
    rig.close();
}

}  // namespace
