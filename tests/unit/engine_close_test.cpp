// Close: in every situation everybody is answered, everything is given back, and the threads end with the last session.
#include <dirent.h>

#include <atomic>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "support/catch.hpp"
#include "support/engine_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr std::int64_t wait_ms = 30'000;

// The library's, by their names: a sanitizer has threads too.
std::size_t thread_count() {
    std::size_t count = 0;
    DIR* const tasks = ::opendir("/proc/self/task");
    while (const dirent* entry = ::readdir(tasks)) {
        std::string name;
        std::getline(std::ifstream(std::string("/proc/self/task/") + entry->d_name + "/comm"), name);
        if (starts_with(name, "portal-")) ++count;
    }
    ::closedir(tasks);
    return count;
}

// A thread that has told of its end is gone an instant later. While threads go, a look at the folder may miss one that is
// there still: only two looks that agree count.
bool thread_count_becomes(std::size_t wanted) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        if (thread_count() == wanted && thread_count() == wanted) return true;
        std::this_thread::yield();
    }
    return false;
}

TEST_CASE("Close answers every waiter with CLOSED, withdraws the token request, and gives the host back") {
    EngineRig rig;
    auto released = std::make_shared<std::atomic<int>>(0);
    rig.host->on_destroyed = [released] { ++*released; };
    rig.open();
    const auto host = std::weak_ptr<ScriptedHost>(rig.host);
    const Wait a = rig.acquire();
    const Wait b = rig.acquire();
    Wait on_worker;
    REQUIRE(rig.engine->acquire_on_worker({}, on_worker.call()));
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.host.reset();
    CHECK(rig.engine->close(wait_ms) == Code::ok);
    for (const Wait& wait : {a, b, on_worker}) {
        CHECK(wait.is_over());
        CHECK(wait.code() == Code::closed);
        CHECK(wait.calls() == 1);
    }
    CHECK(*released == 1);
    CHECK(Engine::fulfil(request.id, new_token("late")).error().code == Code::stale);
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("After close every call says CLOSED, for ever") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    CHECK(rig.engine->close(wait_ms) == Code::ok);
    for (int i = 0; i < 2; ++i) {
        CHECK(rig.read() == Code::closed);
        Wait wait;
        CHECK(rig.engine->acquire({}, wait.call()).error().code == Code::closed);
        CHECK(rig.engine->acquire_on_worker({}, wait.call()).error().code == Code::closed);
        CHECK_FALSE(wait.is_over());
        CHECK(rig.engine->accepted(lease) == Code::closed);
        CHECK(rig.engine->rejected(lease) == Code::closed);
        CHECK(rig.engine->prepare().error().code == Code::closed);
        CHECK(rig.engine->push(new_token("token")).error().code == Code::closed);
        CHECK(rig.engine->clear({}).error().code == Code::closed);
        CHECK(rig.engine->notify(Notice::foreground, {}).error().code == Code::closed);
        CHECK(rig.engine->status().error().code == Code::closed);
        CHECK(rig.engine->explain().error().code == Code::closed);
        CHECK(rig.engine->close(wait_ms) == Code::ok);
    }
}

TEST_CASE("Close with a blocked callback is a TIMEOUT; the session ends when that returns") {
    EngineRig rig;
    auto released = std::make_shared<Gate>();
    rig.host->on_destroyed = [released] { released->open(); };
    Gate gate;
    rig.host->on_ask = [&](const TokenRequest&) { gate.wait(); };
    rig.open();
    const Wait wait = rig.acquire();
    (void)rig.host->wait_for_ask(1);
    rig.host.reset();
    CHECK(rig.engine->close(1) == Code::timeout);
    CHECK(rig.engine->close(0) == Code::timeout);
    CHECK(rig.read() == Code::closed);
    CHECK_FALSE(wait.is_over());
    gate.open();
    CHECK(rig.engine->close(wait_ms) == Code::ok);
    CHECK(wait.code() == Code::closed);
    CHECK(released->wait());
}

TEST_CASE("Two threads may close at once, and both see the end") {
    for (int round = 0; round < 30; ++round) {
        EngineRig rig;
        rig.provide();
        rig.open();
        (void)rig.acquire();
        Code codes[2] = {Code::internal, Code::internal};
        std::thread other([&] { codes[0] = rig.engine->close(wait_ms); });
        codes[1] = rig.engine->close(wait_ms);
        other.join();
        REQUIRE(codes[0] == Code::ok);
        REQUIRE(codes[1] == Code::ok);
    }
}

TEST_CASE("Calls that race with close are answered once or refused") {
    for (int round = 0; round < 25; ++round) {
        EngineRig rig;
        rig.provide();
        rig.store = round % 2 == 0 ? std::make_shared<MemoryStore>() : nullptr;
        rig.open();
        // Each thread calls until it is refused, so that some call is always under way when the end comes.
        std::atomic<int> started{0};
        std::atomic<int> answered{0};
        std::vector<std::thread> callers;
        for (int i = 0; i < 4; ++i) {
            callers.emplace_back([&, i] {
                for (;;) {
                    const bool is_started =
                        i == 0   ? rig.engine->clear([&](const Error&) { ++answered; }).has_value()
                        : i == 1 ? rig.engine->notify(Notice::foreground, [&](const Error&) { ++answered; }).has_value()
                        : i == 2 ? rig.engine->acquire({}, [&](Acquired) { ++answered; }).has_value()
                                 : rig.engine->acquire_on_worker({}, [&](Acquired) { ++answered; }).has_value();
                    if (!is_started) return;
                    ++started;
                    // No faster than they are answered: on a loaded machine the backlog would grow without end.
                    while (started.load() - answered.load() > 100) std::this_thread::yield();
                }
            });
        }
        while (started.load() < 50) std::this_thread::yield();
        const Code closed = rig.engine->close(wait_ms);
        for (std::thread& caller : callers) caller.join();
        REQUIRE(closed == Code::ok);
        REQUIRE(answered == started);
        REQUIRE(Engine::open_operations() == 0);
    }
}

TEST_CASE("Close waits for the store, so that the last state is written") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    rig.settle();
    rig.store->hold();
    REQUIRE(rig.engine->push(new_token("token")));
    REQUIRE(rig.store->wait_for_held(1));
    CHECK(rig.engine->close(1) == Code::timeout);
    rig.store->release();
    CHECK(rig.engine->close(wait_ms) == Code::ok);
    CHECK(rig.store->stored()->token->equals("token"));
}

TEST_CASE("A session that is never closed gives all back when it is let go of") {
    auto released = std::make_shared<Gate>();
    {
        auto host = std::make_shared<ScriptedHost>();
        host->on_destroyed = [released] { released->open(); };
        (void)Engine::open({test_policy(), "test", "", std::make_shared<ManualClock>(), nullptr, std::move(host)});
    }
    CHECK(released->wait());
}

TEST_CASE("What a provider says while the session closes fails nobody: its waiters are told CLOSED") {
    EngineRig rig;
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.engine->ignore_provider();  // its own request ends with the session, ahead of the close
    CHECK(Engine::fail_request(request.id, {}).error().code == Code::stale);
    CHECK_FALSE(wait.is_over());
    CHECK(rig.engine->close(wait_ms) == Code::ok);
    CHECK(wait.code() == Code::closed);
}

TEST_CASE("The threads are a fixed few, end with the last session, and begin anew with the next") {
    REQUIRE(thread_count_becomes(0));
    for (int round = 0; round < 3; ++round) {
        std::vector<std::unique_ptr<EngineRig>> rigs;
        for (int i = 0; i < 8; ++i) {
            rigs.push_back(std::make_unique<EngineRig>());
            rigs.back()->provide();
            rigs.back()->open();
            REQUIRE(rigs.back()->acquire().code() == Code::ok);
        }
        CHECK(thread_count() == 2);  // worker and callbacks: memory stores need no thread
        while (rigs.size() > 1) {
            CHECK(rigs.back()->engine->close(wait_ms) == Code::ok);
            rigs.pop_back();
        }
        CHECK(rigs.front()->acquire().code() == Code::ok);
        CHECK(rigs.front()->engine->close(wait_ms) == Code::ok);
        CHECK(thread_count_becomes(0));
    }
}

TEST_CASE("Opening while the last session ends always gives one that works") {
    for (int round = 0; round < 100; ++round) {
        EngineRig old;
        old.open();
        Code closed = Code::internal;
        std::thread closing([&] { closed = old.engine->close(wait_ms); });
        EngineRig next;
        next.provide();
        next.open();
        const Code acquired = next.acquire().code();
        closing.join();
        REQUIRE(acquired == Code::ok);
        REQUIRE(closed == Code::ok);
    }
}

}  // namespace
