// Logout: final, whatever was under way.
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"
#include "support/record_samples.hpp"

namespace {

using namespace portal;
using namespace portal::test;

TEST_CASE("A logout beats the answer to a request that was made before it") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    CHECK(rig.clear() == Code::ok);
    CHECK(wait.code() == Code::cleared);
    CHECK(rig.host->withdrawn() == std::vector<std::uint64_t>{request.id});
    CHECK(Engine::fulfil(request.id, new_token("late")).error().code == Code::stale);
    rig.settle();
    CHECK(rig.state() == State::signed_out);
    CHECK(rig.read() == Code::no_token);
    CHECK(rig.store->stored()->state == TokenState::signed_out);
    CHECK(rig.store->stored()->token == nullptr);
}

TEST_CASE("An answer and a logout may race: when the logout has returned, no token comes back") {
    for (int round = 0; round < 50; ++round) {
        EngineRig rig;
        rig.open();
        (void)rig.acquire();
        const TokenRequest request = rig.host->wait_for_ask(1);
        std::atomic<bool> go{false};
        std::thread answering([&] {
            while (!go.load()) std::this_thread::yield();
            (void)Engine::fulfil(request.id, new_token("racing"));
        });
        go = true;
        REQUIRE(rig.clear() == Code::ok);
        CHECK(rig.read() == Code::no_token);
        answering.join();
        rig.settle();
        REQUIRE(rig.read() == Code::no_token);
        REQUIRE(rig.state() == State::signed_out);
    }
}

TEST_CASE("A push that names its epoch never signs in again after a logout, however they race") {
    for (int round = 0; round < 200; ++round) {
        EngineRig rig;
        rig.open();
        rig.settle();
        const std::uint64_t epoch = rig.engine->status()->snapshot.epoch;
        std::atomic<int> pushes{0};
        std::vector<std::thread> pushers;
        for (int i = 0; i < 4; ++i) {
            pushers.emplace_back([&, i] {
                for (int n = 0;; ++n) {  // until the epoch is over
                    NewToken token = new_token("racing-" + std::to_string(i) + "-" + std::to_string(n));
                    token.expected_epoch = epoch;
                    if (!rig.engine->push(std::move(token))) return;
                    ++pushes;
                    // No faster than the worker takes them: each holds a page.
                    if (n % 16 == 15) rig.settle();
                }
            });
        }
        while (pushes.load() < 20) std::this_thread::yield();
        REQUIRE(rig.engine->clear({}));
        for (std::thread& pusher : pushers) pusher.join();
        rig.settle();
        REQUIRE(rig.state() == State::signed_out);
    }
}

TEST_CASE("A push of another epoch is stale, one of this epoch signs in") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    REQUIRE(rig.clear() == Code::ok);
    NewToken old = new_token("fetched-before");
    old.expected_epoch = lease.epoch;
    CHECK(rig.engine->push(std::move(old)).error().code == Code::stale);
    NewToken next = new_token("fetched-after");
    next.expected_epoch = rig.engine->status()->snapshot.epoch;
    CHECK(rig.engine->push(std::move(next)));
    CHECK(rig.acquire().token() == "fetched-after");
}

TEST_CASE("Signed out, nobody waits and nobody is asked; force asks") {
    EngineRig rig;
    rig.provide();
    rig.open();
    (void)rig.with_token();
    REQUIRE(rig.clear() == Code::ok);
    CHECK(rig.acquire().code() == Code::sign_in_needed);
    CHECK(rig.host->asks().size() == 1);
    AcquireOptions force;
    force.force = true;
    CHECK(rig.acquire(force).token() == "token-2");
}

TEST_CASE("Reports of leases from before the logout are stale for ever") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    REQUIRE(rig.engine->clear({}));
    CHECK(rig.engine->accepted(lease) == Code::stale);
    REQUIRE(rig.engine->push(new_token("next")));
    REQUIRE(rig.acquire().code() == Code::ok);
    CHECK(rig.engine->rejected(lease) == Code::stale);
    CHECK(rig.token() == "next");
}

TEST_CASE("A logout while the record is being read wins over it, in an epoch above it") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    Record record = sample_record();
    record.claim = {};
    record.issued = record.slid = anchor_at(rig.clock->read());
    rig.store->put(record);
    rig.store->hold();
    rig.open();
    REQUIRE(rig.store->wait_for_held(1));
    Done done;
    REQUIRE(rig.engine->clear(done.call()));
    rig.store->release();
    CHECK(done.code() == Code::ok);
    CHECK(rig.read() == Code::no_token);
    CHECK(rig.state() == State::signed_out);
    CHECK(rig.store->stored()->state == TokenState::signed_out);
    CHECK(rig.store->stored()->epoch > record.epoch);
    CHECK(rig.store->stored()->token == nullptr);
}

TEST_CASE("A store that refuses the logout is said to done, and tried again on foreground") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    (void)rig.with_token();
    rig.settle();
    const auto [outcome, code] = GENERATE(std::make_pair(SaveOutcome::unavailable, Code::store_unavailable),
                                          std::make_pair(SaveOutcome::fault, Code::store_failed));
    rig.store->saves_end(outcome, {StoreCause::system, ENOSPC});
    Done done;
    REQUIRE(rig.engine->clear(done.call()));
    CHECK(done.code() == code);
    CHECK(done.error().os_code == ENOSPC);
    CHECK(contains(done.error().message, "No space left on device"));
    CHECK(rig.read() == Code::no_token);
    CHECK(rig.store->stored()->token != nullptr);
    rig.store->saves_end(std::nullopt);
    CHECK(rig.notify(Notice::foreground) == Code::ok);
    CHECK(rig.store->stored()->token == nullptr);
    CHECK(rig.state() == State::signed_out);
}

TEST_CASE("Whoever keeps something of the session hears of a logout once, before it is done, whichever process it is of") {
    const auto store = std::make_shared<MemoryStore>();
    std::atomic<int> heard_by_a{0};
    std::atomic<int> heard_by_b{0};
    EngineRig a;
    EngineRig b;
    b.clock = a.clock;
    a.store = b.store = store;
    a.cleared = [&] { ++heard_by_a; };
    b.cleared = [&] { ++heard_by_b; };
    a.provide();
    a.open();
    b.open();
    (void)a.with_token();
    REQUIRE(b.notify(Notice::store_changed) == Code::ok);
    REQUIRE(a.clear() == Code::ok);
    CHECK(heard_by_a == 1);
    REQUIRE(b.notify(Notice::store_changed) == Code::ok);
    CHECK(heard_by_b == 1);
    CHECK(heard_by_a == 1);
}

TEST_CASE("A logout in one engine is seen by the other on its store, whose waiters get CLEARED") {
    const auto store = std::make_shared<MemoryStore>();
    EngineRig a;
    EngineRig b;
    b.clock = a.clock;
    a.store = b.store = store;
    a.provide();
    a.open();
    b.open();
    (void)a.with_token();
    REQUIRE(b.notify(Notice::store_changed) == Code::ok);
    REQUIRE(b.token() == "token-1");
    AcquireOptions force;
    force.force = true;
    const Wait waiting = b.acquire(force);
    (void)b.host->wait_for_ask(1);
    REQUIRE(a.clear() == Code::ok);
    REQUIRE(b.token() == "token-1");
    a.clock->advance(minute_ms);
    (void)b.read();  // answered at once; behind it the record is read again
    CHECK(waiting.code() == Code::cleared);
    CHECK(b.read() == Code::no_token);
    b.settle();
    CHECK(b.state() == State::signed_out);
    CHECK(b.host->withdrawn().size() == 1);
}

}  // namespace
