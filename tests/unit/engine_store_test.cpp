// The engine and its store: durable before handed out, degraded but never lying, shared by two as by two processes.
#include <cerrno>
#include <vector>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"
#include "support/record_samples.hpp"

namespace {

using namespace portal;
using namespace portal::test;

Record live_record(const ManualClock& clock) {
    Record record = sample_record(7, "stored-token");
    record.issued = record.slid = anchor_at(clock.read());
    record.claim = {};
    record.backoff = {};
    record.rejections = {};
    return record;
}

TEST_CASE("A stored token is read at open, and nobody is asked") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.store->put(live_record(*rig.clock));
    rig.open();
    const Wait wait = rig.acquire();
    CHECK(wait.token() == "stored-token");
    CHECK(wait.lease().generation == 12);
    CHECK(wait.lease().epoch == 3);
    CHECK_FALSE(wait.lease().memory_only);
    CHECK(rig.host->asks().empty());
}

TEST_CASE("A new token is durable before it is handed out") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>(false);
    rig.open();
    const Wait wait = rig.acquire();
    const TokenRequest request = rig.host->wait_for_ask(1);
    rig.store->hold();
    REQUIRE(Engine::fulfil(request.id, new_token("token")));
    REQUIRE(rig.store->wait_for_held(1));
    CHECK_FALSE(wait.is_over());
    CHECK(rig.read() == Code::no_token);
    rig.store->release();
    CHECK(wait.token() == "token");
    CHECK_FALSE(wait.lease().memory_only);
    CHECK(rig.store->stored()->token->equals("token"));
}

TEST_CASE("A store that fails costs durability, not the token") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>(false);
    rig.open();
    rig.settle();
    rig.store->saves_end(SaveOutcome::fault);
    const Wait wait = rig.acquire();
    CHECK(wait.token() == "token-1");
    CHECK(wait.lease().memory_only);
    CHECK(rig.engine->status()->snapshot.store == StoreVerdict::memory_only);
    CHECK(rig.engine->status()->snapshot.counters.degraded_saves == 1);
}

TEST_CASE("Why the store fails is in explain and, as a warning, in the log") {
    EngineRig rig;
    rig.host->level = LogLevel::warning;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>(false);
    rig.open();
    rig.settle();
    CHECK(contains(*rig.engine->explain(), R"("store_fault":{"cause":"none","os_code":0})"));
    rig.store->saves_end(SaveOutcome::fault, {StoreCause::system, ENOSPC});
    REQUIRE(rig.acquire().code() == Code::ok);
    rig.settle();
    CHECK(contains(*rig.engine->explain(), R"("store_fault":{"cause":"system","os_code":28})"));
    CHECK(contains(*rig.engine->explain(), R"("code":"store_failed","generation":1,"epoch":1,"os_code":28)"));
    const auto lines = rig.host->lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].first == LogLevel::warning);
    CHECK(lines[0].second == "store: fresh (none), store_failed: system 28 (No space left on device)");
}

TEST_CASE("A crypto library that does not work is named, and not the folder") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.store->loads_end(LoadOutcome::fault, {StoreCause::cipher});
    rig.open();
    Done done;
    REQUIRE(rig.engine->notify(Notice::foreground, done.call()));
    CHECK(done.code() == Code::store_failed);
    CHECK(contains(done.error().message, "crypto library"));
    CHECK_FALSE(contains(done.error().message, "folder"));
    CHECK(contains(*rig.engine->explain(), R"("store_fault":{"cause":"cipher","os_code":0})"));
}

TEST_CASE("While the store is locked nobody is told that there is no token, and waiters wait for it") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.store->put(live_record(*rig.clock));
    rig.store->loads_end(LoadOutcome::unavailable);
    rig.open();
    rig.settle();
    CHECK(rig.state() == State::unknown);
    CHECK(rig.engine->status()->reason == Reason::store_unavailable);
    AcquireOptions brief;
    brief.timeout_ms = second_ms;
    const Wait gives_up = rig.acquire(brief);
    const Wait patient = rig.acquire();
    rig.settle();
    rig.pass(second_ms);
    CHECK(gives_up.code() == Code::store_unavailable);
    rig.store->loads_end(std::nullopt);
    CHECK(rig.notify(Notice::store_changed) == Code::ok);
    CHECK(patient.token() == "stored-token");
    CHECK(rig.host->asks().empty());
}

TEST_CASE("A locked store is tried again by time alone") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.store->put(live_record(*rig.clock));
    rig.store->loads_end(LoadOutcome::unavailable);
    rig.open();
    rig.settle();
    const int loads = rig.store->loads();
    rig.pass(499);
    CHECK(rig.store->loads() == loads);
    rig.store->loads_end(std::nullopt);
    rig.pass(1);
    rig.settle();
    CHECK(rig.token() == "stored-token");
}

TEST_CASE("WITHOUT_STORE asks the provider and goes on in memory; when the store opens, its record is read first") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.store->put(live_record(*rig.clock));
    rig.store->loads_end(LoadOutcome::unavailable);
    rig.open();
    rig.settle();
    AcquireOptions options;
    options.without_store = true;
    const Wait wait = rig.acquire(options);
    CHECK(wait.token() == "token-1");
    CHECK(wait.lease().memory_only);
    CHECK(rig.store->stored()->token->equals("stored-token"));
    rig.store->loads_end(std::nullopt);
    CHECK(rig.notify(Notice::foreground) == Code::ok);
    CHECK(rig.store->stored()->token->equals("token-1"));
    CHECK(rig.store->stored()->generation == 13);
    CHECK(rig.token() == "token-1");
}

TEST_CASE("A store call without an answer counts as unavailable after 10 s, and a late answer is still looked at") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    rig.store->put(live_record(*rig.clock));
    rig.store->hold();
    rig.open();
    REQUIRE(rig.store->wait_for_held(1));
    Done done;
    rig.clock->advance(10 * second_ms);
    REQUIRE(rig.engine->notify(Notice::clock_changed, done.call()));
    CHECK(done.code() == Code::ok);
    CHECK(rig.engine->status()->reason == Reason::store_unavailable);
    rig.store->release();
    CHECK(rig.acquire().token() == "stored-token");
}

TEST_CASE("Two engines on one store ask for one token") {
    const auto store = std::make_shared<MemoryStore>();
    EngineRig a;
    EngineRig b;
    b.clock = a.clock;
    a.store = b.store = store;
    a.open();
    b.open();
    const Wait first = a.acquire();
    const TokenRequest request = a.host->wait_for_ask(1);
    const Wait second = b.acquire();
    b.settle();
    CHECK(b.engine->status()->snapshot.renewal == Renewal::elsewhere);
    REQUIRE(Engine::fulfil(request.id, new_token("shared-token")));
    CHECK(first.token() == "shared-token");
    b.pass(250);
    b.pass(500);
    CHECK(second.token() == "shared-token");
    CHECK(b.host->asks().empty());
    CHECK(second.lease().generation == first.lease().generation);
}

TEST_CASE("An engine that stops while it asks keeps the other waiting only until its claim lapses") {
    const auto store = std::make_shared<MemoryStore>();
    EngineRig a;
    EngineRig b;
    b.clock = a.clock;
    a.store = b.store = store;
    a.open();
    b.provide();
    b.open();
    (void)a.acquire();
    (void)a.host->wait_for_ask(1);  // and never answers
    const Wait wait = b.acquire();
    for (int i = 0; i < 40 && !wait.is_over(); ++i) b.pass(second_ms);
    CHECK(wait.token() == "token-1");
    CHECK(b.host->asks().size() == 1);
}

TEST_CASE("A save that meets another's is merged and tried again") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    rig.settle();
    rig.store->conflict_once();
    CHECK(rig.acquire().token() == "token-1");
    rig.settle();
    CHECK(rig.store->stored()->token->equals("token-1"));
    CHECK(rig.engine->status()->snapshot.store == StoreVerdict::persistent);
}

TEST_CASE("The record is read again behind the first read that is 60 s past the last one") {
    const auto store = std::make_shared<MemoryStore>();
    EngineRig a;
    EngineRig b;
    b.clock = a.clock;
    a.store = b.store = store;
    a.provide();
    a.open();
    (void)a.with_token();
    a.settle();
    b.open();
    REQUIRE(b.acquire().token() == "token-1");
    REQUIRE(a.engine->push(new_token("newer")));
    REQUIRE(a.acquire().token() == "newer");
    a.settle();
    b.clock->advance(minute_ms - 1);
    CHECK(b.token() == "token-1");
    b.settle();
    CHECK(b.token() == "token-1");
    b.clock->advance(1);
    CHECK(b.token() == "token-1");  // answered at once
    b.settle();
    CHECK(b.token() == "newer");
}

TEST_CASE("Over a reboot with the date set back the token is renewed first, and used if that fails") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    (void)rig.with_token();
    REQUIRE(rig.engine->close(30'000) == Code::ok);
    rig.clock->reboot(hour_ms);
    rig.clock->move_date(-2 * day_ms);
    rig.host = std::make_shared<ScriptedHost>();
    rig.open();
    rig.settle();
    CHECK(rig.state() == State::overdue);
    CHECK(rig.engine->status()->reason == Reason::clock_untrusted);
    CHECK(rig.read() == Code::no_token);
    const Wait wait = rig.acquire();
    ProviderFailure failure;
    failure.retry_after_ms = minute_ms;
    REQUIRE(Engine::fail_request(rig.host->wait_for_ask(1).id, failure));
    CHECK(wait.token() == "token-1");
    CHECK(wait.lease().overdue);
    Lease lease;
    REQUIRE(rig.read(&lease) == Code::ok);
    CHECK(lease.overdue);
    REQUIRE(rig.engine->accepted(lease) == Code::ok);
    rig.settle();
    CHECK(rig.state() == State::fresh);
}

}  // namespace
