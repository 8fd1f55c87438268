// What callers do takes effect before it returns, on every thread; and costs the worker nothing that it need not know.
#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"
#include "support/record_samples.hpp"

namespace {

using namespace portal;
using namespace portal::test;

TEST_CASE("A late 401 for an old generation changes nothing") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease old = rig.with_token();
    REQUIRE(rig.engine->rejected(old) == Code::ok);
    AcquireOptions newer;
    newer.newer_than = old.generation;
    REQUIRE(rig.acquire(newer).token() == "token-2");
    CHECK(rig.engine->rejected(old) == Code::ok);
    CHECK(rig.token() == "token-2");
    rig.settle();
    CHECK(rig.token() == "token-2");
    CHECK(rig.host->asks().size() == 2);
    CHECK(rig.engine->status()->snapshot.counters.rejections == 1);
}

TEST_CASE("Many 401s of one generation cost one new token") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int i = 0; i < 16; ++i) {
        threads.emplace_back([&] {
            if (rig.engine->rejected(lease) != Code::ok) return;
            AcquireOptions newer;
            newer.newer_than = lease.generation;
            if (rig.acquire(newer).token() == "token-2") ++good;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good == 16);
    CHECK(rig.host->asks().size() == 2);
    CHECK(rig.engine->status()->snapshot.counters.mints_rejected == 1);
}

TEST_CASE("A server that answers 401 to everything is asked for three tokens, then REFUSED says how long to wait") {
    EngineRig rig;
    rig.provide();
    rig.open();
    AcquireOptions newer;
    for (int i = 0; i < 3; ++i) {
        const Lease lease = rig.acquire(newer).lease();
        REQUIRE(lease.generation == static_cast<std::uint64_t>(i + 1));
        REQUIRE(rig.engine->rejected(lease) == Code::ok);
        newer.newer_than = lease.generation;
    }
    const Lease last = rig.acquire(newer).lease();
    REQUIRE(last.generation == 4);
    REQUIRE(rig.engine->rejected(last) == Code::ok);
    newer.newer_than = 4;
    const Wait refused = rig.acquire(newer);
    CHECK(refused.code() == Code::refused);
    CHECK(refused.error().retry_after_ms > 0);
    CHECK(refused.error().retry_after_ms <= 10 * minute_ms);
    rig.pass(10 * minute_ms);
    CHECK(rig.acquire(newer).code() == Code::ok);
}

// N threads read while one takes the token away: no read that begins after that has returned gives the old one.
template <typename TakeAway>
void no_later_read_gives(EngineRig& rig, const std::string& old_token, TakeAway&& take_away) {
    std::atomic<bool> is_away{false};
    std::atomic<bool> stop{false};
    std::atomic<int> reads{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&] {
            while (!stop.load()) {
                const bool was_away = is_away.load();
                const bool got_old = rig.token() == old_token;
                if (was_away && got_old) ++wrong;
                ++reads;
            }
        });
    }
    while (reads.load() < 100) std::this_thread::yield();
    take_away();
    is_away = true;
    const int then = reads.load();
    while (reads.load() < then + 2000) std::this_thread::yield();
    stop = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(wrong == 0);
}

TEST_CASE("After a report of 401 no later read on any thread gives that token") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    no_later_read_gives(rig, "token-1", [&] { CHECK(rig.engine->rejected(lease) == Code::ok); });
}

TEST_CASE("After a push no later read on any thread gives the old token") {
    EngineRig rig;
    rig.provide();
    rig.open();
    (void)rig.with_token();
    no_later_read_gives(rig, "token-1", [&] { CHECK(rig.engine->push(new_token("pushed"))); });
    rig.settle();
    CHECK(rig.token() == "pushed");
}

TEST_CASE("After a clear no later read on any thread gives the token") {
    EngineRig rig;
    rig.provide();
    rig.open();
    (void)rig.with_token();
    no_later_read_gives(rig, "token-1", [&] { CHECK(rig.engine->clear({})); });
    CHECK(rig.read() == Code::no_token);
}

TEST_CASE("After a close no later read on any thread gives the token") {
    EngineRig rig;
    rig.provide();
    rig.open();
    (void)rig.with_token();
    no_later_read_gives(rig, "token-1", [&] { rig.engine->close(0); });
    CHECK(rig.read() == Code::closed);
}

TEST_CASE("An acquire after a push is served by it") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    for (int i = 0; i < 50; ++i) {
        const std::string text = "pushed-" + std::to_string(i);
        REQUIRE(rig.engine->push(new_token(text)));
        REQUIRE(rig.acquire().token() == text);
    }
    CHECK(rig.host->asks().empty());
}

TEST_CASE("Reports of 2xx do not wake the worker, until there is something to write") {
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    Lease lease = rig.with_token();
    rig.settle();
    const int saves = rig.store->saves();
    const int before = rig.clock->reads_elsewhere();
    for (int i = 0; i < 1000; ++i) {
        rig.clock->advance(10);
        lease = rig.engine->stamped(lease);
        REQUIRE(rig.engine->accepted(lease) == Code::ok);
    }
    CHECK(rig.clock->reads_elsewhere() == before);
    rig.settle();
    CHECK(rig.store->saves() == saves);

    rig.clock->advance(15 * minute_ms);
    REQUIRE(rig.engine->accepted(rig.engine->stamped(lease)) == Code::ok);
    rig.settle();
    CHECK(rig.store->saves() == saves + 1);
    CHECK(rig.store->stored()->slid.boot_ms == rig.clock->boot_ms());
}

TEST_CASE("A stamped lease is of the boot and the instant in which it was stamped") {
    EngineRig rig;
    rig.provide();
    rig.open();
    const Lease lease = rig.with_token();
    rig.clock->reboot(hour_ms);
    const Reading now = rig.clock->read();
    const Lease stamped = rig.engine->stamped(lease);
    CHECK(stamped.boot_tag == now.boot_tag);
    CHECK(stamped.boot_tag != lease.boot_tag);
    CHECK(stamped.sent_boot_ms == now.boot_ms);
    CHECK(stamped.sent_unix_ms == now.unix_ms);
}

TEST_CASE("The last slide is written on background and on close") {
    const bool by_close = GENERATE(false, true);
    CAPTURE(by_close);
    EngineRig rig;
    rig.provide();
    rig.store = std::make_shared<MemoryStore>();
    rig.open();
    const Lease lease = rig.with_token();
    rig.settle();
    rig.clock->advance(minute_ms);
    REQUIRE(rig.engine->accepted(rig.engine->stamped(lease)) == Code::ok);
    CHECK(rig.store->stored()->slid.boot_ms == rig.clock->boot_ms() - minute_ms);
    if (by_close) {
        CHECK(rig.engine->close(30'000) == Code::ok);
    } else {
        CHECK(rig.notify(Notice::background) == Code::ok);
    }
    CHECK(rig.store->stored()->slid.boot_ms == rig.clock->boot_ms());
}

TEST_CASE("The first read inside the lead wakes the worker, those behind it do not") {
    EngineRig rig;
    rig.policy = *make_policy({0, 0, 0, 0, 0, 0});
    rig.open();
    const Wait wait = rig.acquire();
    (void)Engine::fulfil(rig.host->wait_for_ask(1).id, new_token("token-1"));
    Lease lease = wait.lease();
    for (int day = 0; day < 6; ++day) {
        rig.pass(day_ms - 2 * minute_ms);
        REQUIRE(rig.engine->accepted(rig.engine->stamped(lease)) == Code::ok);
    }
    rig.pass(day_ms - 2 * minute_ms);  // 14 min before the absolute deadline: inside any lead
    rig.settle();
    REQUIRE(rig.read() == Code::ok);
    (void)rig.host->wait_for_ask(2);
    rig.settle();
    REQUIRE(rig.read() == Code::ok);  // the first one behind the publication that says "asking"
    rig.settle();
    const int before = rig.clock->reads_elsewhere();
    for (int i = 0; i < 1000; ++i) REQUIRE(rig.read() == Code::ok);
    CHECK(rig.clock->reads_elsewhere() == before);
    CHECK(rig.host->asks().size() == 2);
}

TEST_CASE("What is reported while the record is still being read counts once it is") {
    EngineRig rig;
    rig.store = std::make_shared<MemoryStore>();
    Record record = sample_record();
    record.epoch = 1;
    record.issued = record.slid = anchor_at(rig.clock->read());
    record.claim = {};
    record.backoff = {};
    record.rejections = {};
    rig.store->put(record);
    rig.store->hold();
    rig.open();
    REQUIRE(rig.store->wait_for_held(1));
    Lease lease;  // kept over a relaunch
    lease.generation = record.generation;
    lease.epoch = record.epoch;
    lease.boot_tag = record.slid.boot_tag;
    lease.sent_boot_ms = rig.clock->boot_ms();
    const bool is_rejected = GENERATE(false, true);
    CAPTURE(is_rejected);
    rig.clock->advance(second_ms);
    if (is_rejected) {
        CHECK(rig.engine->rejected(lease) == Code::ok);
    } else {
        lease.sent_boot_ms += second_ms;
        CHECK(rig.engine->accepted(lease) == Code::ok);
    }
    rig.store->release();
    rig.settle();
    CHECK(rig.state() == (is_rejected ? State::rejected : State::fresh));
    CHECK(rig.read() == (is_rejected ? Code::no_token : Code::ok));
    if (!is_rejected) CHECK(rig.engine->status()->token.idle_left_ms == day_ms);
}

}  // namespace
