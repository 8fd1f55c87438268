// Callbacks: on one thread, one at a time, never inside a call; and whatever they do, the rest goes on.
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

TEST_CASE("Events have one order and consecutive numbers, and a status inside is at least as new") {
    EngineRig rig;
    std::atomic<int> stale_status{0};
    rig.host->on_event = [&](const SessionEvent& event) {
        if (event.kind != EventKind::new_token) return;
        const auto status = rig.engine->status();
        if (status && status->snapshot.generation < event.generation) ++stale_status;
    };
    rig.open();
    for (int i = 0; i < 20; ++i) {
        REQUIRE(rig.engine->push(new_token("token-" + std::to_string(i))));
        rig.settle();
    }
    rig.settle();
    const std::vector<SessionEvent> events = rig.host->events();
    REQUIRE(events.size() >= 20);
    for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].sequence == i + 1);
    CHECK(rig.host->count(EventKind::new_token) == 20);
    CHECK(stale_status == 0);
}

TEST_CASE("A new token's story is told in order") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    REQUIRE(rig.engine->rejected(lease) == Code::ok);
    REQUIRE(rig.clear() == Code::ok);
    rig.settle();
    std::vector<EventKind> kinds;
    for (const SessionEvent& event : rig.host->events())
        if (event.kind != EventKind::state) kinds.push_back(event.kind);
    CHECK(kinds == std::vector<EventKind>{EventKind::renewal_started, EventKind::new_token, EventKind::rejected,
                                          EventKind::cleared});
    CHECK(rig.host->events().back().epoch == lease.epoch + 1);
}

TEST_CASE("While the observer is blocked 64 events are kept; the oldest go, and the numbers show it") {
    EngineRig rig;
    Gate gate;
    Gate blocked;
    rig.host->on_event = [&](const SessionEvent& event) {
        if (event.sequence != 1) return;
        blocked.open();
        gate.wait();
    };
    rig.open();
    REQUIRE(rig.engine->push(new_token("token")));
    REQUIRE(blocked.wait());
    AcquireOptions options;
    options.timeout_ms = minute_ms;
    for (int i = 0; i < 100; ++i) REQUIRE(rig.engine->push(new_token("token-" + std::to_string(i))));
    // A blocking wait needs no callback: behind it the worker has done all that came before.
    Wait on_worker;
    REQUIRE(rig.engine->acquire_on_worker(options, on_worker.call()));
    REQUIRE(on_worker.code() == Code::ok);
    gate.open();
    rig.settle();
    const std::vector<SessionEvent> events = rig.host->events();
    CHECK(events.size() == 1 + 64);
    CHECK(events[0].sequence == 1);
    for (std::size_t i = 2; i < events.size(); ++i) CHECK(events[i].sequence == events[i - 1].sequence + 1);
    CHECK(events[1].sequence > 30);
    CHECK(events.back().generation == 101);
}

TEST_CASE("No callback comes inside the call that causes it, and all come on one thread") {
    EngineRig rig;
    Signal<std::vector<std::thread::id>> threads;
    const auto note = [&] { threads.change([](auto& all) { all.push_back(std::this_thread::get_id()); }); };
    rig.host->on_event = [&](const SessionEvent&) { note(); };
    rig.host->on_ask = [&](const TokenRequest& request) {
        note();
        (void)Engine::fulfil(request.id, new_token("token"));
    };
    rig.open();
    const Wait wait = rig.acquire();
    const std::thread::id callback_thread = wait.thread();
    CHECK(callback_thread != std::this_thread::get_id());
    rig.settle();
    for (const std::thread::id thread : threads.get()) CHECK(thread == callback_thread);
}

TEST_CASE("A callback may make any call, and its own callbacks come after it") {
    EngineRig rig;
    rig.provide();
    rig.open();
    Signal<int> depth;
    Signal<int> most;
    std::atomic<int> refused{0};
    Gate done;
    const auto enter = [&](int by) {
        depth.change([&](int& now) { now += by; });
        most.change([&](int& seen) { seen = std::max(seen, depth.get()); });
    };
    REQUIRE(rig.engine->acquire({}, [&](Acquired) {
        enter(1);
        for (int i = 0; i < 5; ++i) {
            const auto started = rig.engine->acquire({}, [&, i](Acquired) {
                enter(1);
                enter(-1);
                if (i == 4) done.open();
            });
            if (!started) ++refused;
        }
        if (!rig.engine->prepare() || !rig.engine->status() || !rig.engine->explain()) ++refused;
        enter(-1);
    }));
    CHECK(done.wait());
    CHECK(most.get() == 1);
    CHECK(refused == 0);
}

TEST_CASE("A callback that throws costs nobody else anything") {
    EngineRig rig;
    rig.host->on_event = [](const SessionEvent&) { throw std::runtime_error("thrown by the host"); };
    rig.host->on_ask = [](const TokenRequest& request) {
        (void)Engine::fulfil(request.id, new_token("token"));
        throw 1;
    };
    rig.open();
    REQUIRE(rig.engine->acquire({}, [](Acquired) { throw 2; }));
    CHECK(rig.acquire().code() == Code::ok);
    CHECK(rig.token() == "token");
}

TEST_CASE("A provider that throws without an answer fails its waiters at the request's limit") {
    EngineRig rig;
    rig.host->on_ask = [](const TokenRequest&) { throw 1; };
    rig.open();
    const Wait wait = rig.acquire();
    (void)rig.host->wait_for_ask(1);
    rig.pass(30 * second_ms);
    CHECK(wait.code() == Code::provider_failed);
}

TEST_CASE("A blocked callback delays callbacks, but no blocking wait and no read") {
    EngineRig rig;
    Gate gate;
    Gate blocked;
    rig.open();
    (void)rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    REQUIRE(rig.engine->acquire({}, [&](Acquired) {
        blocked.open();
        gate.wait();
    }));
    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    REQUIRE(blocked.wait());
    Wait on_worker;
    REQUIRE(rig.engine->acquire_on_worker({}, on_worker.call()));
    CHECK(on_worker.code() == Code::ok);
    CHECK(rig.token() == "token");
    const Wait behind = rig.acquire();
    CHECK_FALSE(behind.is_over());
    gate.open();
    CHECK(behind.code() == Code::ok);
}

TEST_CASE("A blocked callback does not keep a token from being saved") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    Gate gate;
    rig.host->on_event = [&](const SessionEvent& event) {
        if (event.sequence == 1) gate.wait();
    };
    rig.open();
    REQUIRE(rig.engine->push(new_token("token")));
    Wait on_worker;
    REQUIRE(rig.engine->acquire_on_worker({}, on_worker.call()));
    CHECK(on_worker.token() == "token");
    CHECK(rig.store->stored()->token->equals("token"));
    gate.open();
}

TEST_CASE("A callback may close the session and let go of it") {
    EngineRig rig;
    auto released = std::make_shared<Gate>();
    rig.host->on_destroyed = [released] { released->open(); };
    rig.provide();
    rig.open();
    std::shared_ptr<Engine> mine = std::move(rig.engine);
    std::weak_ptr<Engine> watched = mine;
    rig.host.reset();
    Signal<std::vector<Code>> codes;
    REQUIRE(watched.lock()->acquire({}, [&codes, engine = std::move(mine)](Acquired acquired) mutable {
        const Code closed = engine->close(60'000);  // inside a callback it does not wait
        engine.reset();
        codes.change([&](auto& all) { all = {acquired.code, closed}; });
    }));
    REQUIRE(codes.wait([](const auto& all) { return all.size() == 2; }));
    CHECK(codes.get() == std::vector<Code>{Code::ok, Code::timeout});
    CHECK(released->wait());
}

TEST_CASE("Lines above the host's level are never made, and none holds a token") {
    const LogLevel level = GENERATE(LogLevel::off, LogLevel::warning, LogLevel::info);
    CAPTURE(static_cast<int>(level));
    EngineRig rig;
    rig.host->level = level;
    rig.open();
    (void)rig.acquire();
    REQUIRE(Engine::fulfil(rig.host->wait_for_ask(1).id, new_token("secret-token")));
    REQUIRE(rig.acquire().code() == Code::ok);
    REQUIRE(rig.engine->rejected(rig.acquire().lease()) == Code::ok);
    AcquireOptions newer;
    newer.newer_than = 1;
    const Wait fails = rig.acquire(newer);
    REQUIRE(Engine::fail_request(rig.host->wait_for_ask(2).id, {}));
    CHECK(fails.code() == Code::provider_failed);
    rig.settle();
    bool has_info = false;
    bool has_warning = false;
    for (const auto& [line_level, line] : rig.host->lines()) {
        has_info = has_info || line_level == LogLevel::info;
        has_warning = has_warning || line_level == LogLevel::warning;
        CHECK(line.find("secret-token") == std::string::npos);
    }
    CHECK(has_info == (level >= LogLevel::info));
    CHECK(has_warning == (level >= LogLevel::warning));
}

}  // namespace
