// The fence against the worker: a report of 401, a push and a clear are true when they return, wherever the worker stands.
#include <memory>
#include <string>

#include "support/catch.hpp"
#include "support/record_samples.hpp"
#include "stopped_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

// A session that is about to read a record of epoch 5.
struct StoredRig : StoppedRig {
    StoredRig() {
        store = std::make_shared<MemoryStore>();
        Record record = sample_record(7, "stored-token");
        record.epoch = 5;
        record.issued = record.slid = anchor_at(clock->read());
        record.claim = {};
        record.backoff = {};
        record.rejections = {};
        store->put(record);
        store->hold();
        open();
        REQUIRE(store->wait_for_held(1));
        settle_without_store();
    }
    // The worker has taken the record in, and has not yet published it.
    void stop_before_publication_of_the_record() {
        worker->arm(1);
        store->release();
        REQUIRE(worker->is_reached());
    }
    [[nodiscard]] Lease lease_of_the_record() const {
        Lease lease;
        lease.epoch = 5;
        lease.generation = 12;
        lease.boot_tag = clock->read().boot_tag;
        return lease;
    }

private:
    void settle_without_store() { fence(); }
};

// The callback thread is busy until the gate opens.
struct BusyRig : StoppedRig {
    Gate gate;
    BusyRig() { open_with("token"); }
    ~BusyRig() { gate.open(); }
    Wait completed() {
        engine->call_back([this] { gate.wait(); });
        Wait wait = acquire();
        fence();  // the worker has completed it
        return wait;
    }
};

TEST_CASE("A clear that returns before the stored record is published keeps its token from every read") {
    StoredRig rig;
    rig.stop_before_publication_of_the_record();
    REQUIRE(rig.engine->clear({}));
    CHECK(rig.token().empty());
    REQUIRE(rig.worker->step());  // it has published, and not come to the clear
    CHECK(rig.token().empty());
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.token().empty());
    CHECK(rig.state() == State::signed_out);
    CHECK(rig.store->stored()->state == TokenState::signed_out);
    CHECK(rig.store->stored()->epoch == 6);
}

TEST_CASE("A push that returns before the stored record is published takes the place of its token") {
    StoredRig rig;
    rig.stop_before_publication_of_the_record();
    REQUIRE(rig.engine->push(new_token("pushed")));
    CHECK(rig.token().empty());
    REQUIRE(rig.worker->step());  // it has published, and not come to the push
    CHECK(rig.token().empty());
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.token() == "pushed");
}

TEST_CASE("A push that returns before the record is read takes the place of its token") {
    StoredRig rig;
    REQUIRE(rig.engine->push(new_token("pushed")));
    rig.stop_before_publication_of_the_record();
    CHECK(rig.token().empty());
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.token() == "pushed");
}

TEST_CASE("A report of 401 for a lease that outlived its process, before the record is published, holds") {
    StoredRig rig;
    rig.stop_before_publication_of_the_record();
    CHECK(rig.engine->rejected(rig.lease_of_the_record()) == Code::ok);
    CHECK(rig.token().empty());
    rig.worker->let_go();
    rig.settle();
    CHECK(rig.token().empty());
    CHECK(rig.state() == State::rejected);
}

TEST_CASE("A report of 401 for a token that is handed out and not yet stored holds once the store answers") {
    StoppedRig rig;
    rig.store = std::make_shared<MemoryStore>(false);
    rig.open();
    rig.settle();
    rig.store->hold();
    AcquireOptions options;
    options.timeout_ms = second_ms;
    Wait wait = rig.acquire(options);
    (void)Engine::fulfil(rig.host->wait_for_ask(1).id, new_token("token-1"));
    REQUIRE(rig.store->wait_for_held(1));
    rig.clock->advance(second_ms);
    (void)rig.engine->notify(Notice::clock_changed, {});
    REQUIRE(wait.code() == Code::ok);  // better than none
    CHECK(rig.engine->rejected(wait.lease()) == Code::ok);
    rig.store->release();
    rig.settle();
    CHECK(rig.token().empty());
    CHECK(rig.state() == State::rejected);
}

TEST_CASE("A completion that waits for a busy callback thread is CLEARED by a clear") {
    BusyRig rig;
    const Wait wait = rig.completed();
    REQUIRE(rig.engine->clear({}));
    rig.gate.open();
    CHECK(wait.code() == Code::cleared);
    CHECK(wait.token().empty());
    CHECK(wait.calls() == 1);
}

TEST_CASE("A completion that waits for a busy callback thread waits again once its token is rejected or replaced") {
    const bool by_push = GENERATE(true, false);
    CAPTURE(by_push);
    BusyRig rig;
    Lease lease;
    REQUIRE(rig.read(&lease) == Code::ok);
    const Wait wait = rig.completed();
    if (by_push) {
        REQUIRE(rig.engine->push(new_token("next")));
    } else {
        CHECK(rig.engine->rejected(lease) == Code::ok);
    }
    rig.gate.open();
    if (!by_push) (void)Engine::fulfil(rig.host->wait_for_ask(1).id, new_token("next"));
    CHECK(wait.code() == Code::ok);
    CHECK(wait.token() == "next");
    rig.settle();
    CHECK(wait.calls() == 1);
    CHECK(Engine::open_operations() == 0);
}

TEST_CASE("A wait that was sent back to wait can be cancelled, and ends by its own deadline") {
    const bool by_cancel = GENERATE(true, false);
    CAPTURE(by_cancel);
    BusyRig rig;
    Lease lease;
    REQUIRE(rig.read(&lease) == Code::ok);
    std::uint64_t id = 0;
    rig.engine->call_back([&] { rig.gate.wait(); });
    AcquireOptions options;
    options.timeout_ms = minute_ms;
    const Wait wait = rig.acquire(options, &id);
    rig.fence();
    CHECK(rig.engine->rejected(lease) == Code::ok);
    rig.gate.open();
    REQUIRE(rig.host->wait_for_ask(1).id != 0);  // it waits again
    if (by_cancel) {
        REQUIRE(Engine::cancel(id));
        CHECK(wait.code() == Code::cancelled);
    } else {
        rig.pass(minute_ms);
        rig.pass(wake_grace_ms);  // a timer that fires before the notice takes the jump for a frozen process
        CHECK(wait.calls() == 1);
        CHECK(wait.code() != Code::ok);
    }
    rig.settle();
    CHECK(wait.calls() == 1);
}

TEST_CASE("A blocking wait whose answer is on its way is CLEARED by a clear") {
    StoppedRig rig;
    rig.open_with("token");
    rig.caller->arm(1);  // it has asked the worker, and has not looked at the answer
    Acquired acquired;
    Caller waiting([&] { acquired = rig.engine->wait({}); });
    REQUIRE(rig.caller->is_reached());
    rig.fence();
    REQUIRE(rig.engine->clear({}));
    rig.caller->let_go();
    waiting.join();
    CHECK(acquired.code == Code::cleared);
    CHECK(acquired.token == nullptr);
}

TEST_CASE("Every clear that returns OK while the session closes is answered, and its tombstone is stored") {
    constexpr int rounds = 200;
    int begun = 0;
    for (int round = 1; round <= rounds; ++round) {
        StoppedRig rig;
        rig.store = std::make_shared<MemoryStore>(false);
        rig.open_with("token");
        std::atomic<bool> is_called{false};
        std::atomic<bool> is_back{false};
        Done done;
        bool is_begun = false;
        std::thread clearing([&] {
            is_called = true;
            is_begun = rig.engine->clear(done.call()).has_value();
            is_back = true;
        });
        while (!is_called.load()) {
        }
        // Close comes later in each round: from before the clear's first step to behind its last.
        for (int looks = 0; !is_back.load() && (looks < 20 * round || round == rounds); ++looks) {
        }
        CHECK(rig.engine->close(30'000) == Code::ok);
        clearing.join();
        if (!is_begun) continue;
        ++begun;
        CHECK(done.codes().size() == 1);
        CHECK(rig.store->stored()->state == TokenState::signed_out);
    }
    CHECK(begun > 0);
}

}  // namespace
