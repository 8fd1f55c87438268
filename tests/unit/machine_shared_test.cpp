// What one process makes of the record that another wrote: as few requests and as few writes as can be.
#include "session/merge.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

using Running = MachineDriver::Running;

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

// Another process has saved.
void they_save(MachineDriver& driver, Record record) {
    record.version.revision = driver.stored->version.revision + 1;
    driver.stored = std::move(record);
}

}  // namespace

TEST_CASE("a claim that is known from an earlier read is looked at again before anybody is asked, and never overwritten") {
    MachineDriver driver = machine_at(At::expired);
    Record claimed = *driver.stored;
    claimed.claim = {other_owner, driver.now.boot_tag, driver.now.boot_ms, driver.now.boot_ms + 30 * second_ms};
    they_save(driver, claimed);
    driver.step_and_settle(event::StoreChanged{});
    driver.advance(second_ms);

    SECTION("it is still there") {
        CHECK(says(driver.acquire(), "Load"));
        CHECK(says(driver.settle(), "Arm +250"));
        CHECK(driver.asks == 0);
        CHECK(driver.stored->claim.owner == other_owner);
        CHECK(driver.snapshot.renewal == Renewal::elsewhere);
    }
    SECTION("it has ended meanwhile") {
        claimed.claim = {};
        they_save(driver, claimed);
        driver.acquire();
        CHECK(says(driver.settle(), "Ask r1 idle"));
    }
}

TEST_CASE("after a decline that another process has mended, its back-off is a failure of the provider and no sign-out") {
    MachineDriver driver = machine_at(At::none);
    driver.acquire();
    driver.settle();
    driver.decline();
    driver.settle();
    Record theirs = live_record(driver.now, 0, 0);
    theirs.epoch = driver.stored->epoch;
    theirs.generation = driver.stored->generation + 1;
    they_save(driver, theirs);
    driver.step_and_settle(event::StoreChanged{});
    CHECK(driver.told_state == State::fresh);
    theirs.state = TokenState::rejected;
    theirs.backoff = {1, false, driver.now.boot_tag, driver.now.boot_ms + minute_ms};
    they_save(driver, theirs);
    driver.step_and_settle(event::StoreChanged{});
    std::string effects = driver.acquire();
    effects += driver.settle();
    CHECK(says(effects, "provider_failed"));
    CHECK_FALSE(says(effects, "sign_in_needed"));
}

TEST_CASE("a 401 of a token that was handed out before its save met another's, and was numbered anew, counts") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire(second_ms);
    driver.saved();  // the claim
    driver.fulfil("ours");
    CHECK(says(driver.run_for(second_ms), "ok g6"));
    Record theirs = live_record(driver.now, 0, 0);
    theirs.generation = 9;
    theirs.token = std::make_shared<const Secret>("theirs");
    theirs.version = {77, 12};
    driver.stored = theirs;
    driver.saved(SaveOutcome::conflict);
    driver.settle();
    REQUIRE(driver.record().generation == 10);
    SECTION("by its first name") { driver.step(event::Rejected{stored_epoch, 6}); }
    SECTION("by its last name") { driver.step(event::Rejected{stored_epoch, 10}); }
    CHECK(driver.told_state == State::rejected);
}

TEST_CASE("a waiter for a newer token is not served the one that failed it, by another name") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire(second_ms);
    driver.saved();
    driver.fulfil("ours");
    driver.run_for(second_ms);
    Record theirs = live_record(driver.now, 0, 0);
    theirs.generation = 9;
    theirs.version = {77, 12};
    driver.stored = theirs;
    driver.saved(SaveOutcome::conflict);
    driver.settle();
    event::Acquire newer{50, 30 * second_ms};
    newer.newer_than = 6;
    CHECK_FALSE(says(driver.step(newer), "ok g10"));
}

TEST_CASE("a waiter for a newer token is not served the one that failed it, by a name of a later epoch") {
    MachineConfig config = machine_config();
    config.client_id = "client-b";
    MachineDriver driver(config);
    driver.step(event::Opened{});
    Record theirs = live_record(driver.now, 0, 0);
    theirs.client_id = "client-a";
    driver.loaded(theirs);
    driver.acquire(second_ms);
    driver.fulfil("ours", 0, "client-b");
    REQUIRE(driver.running == MachineDriver::Running::save);
    REQUIRE(says(driver.run_for(second_ms), "Complete w1 ok"));  // the store is slow
    const std::uint64_t handed_out = driver.record().generation;
    theirs.epoch += 2;
    theirs.generation += 9;
    theirs.version.revision += 3;
    driver.stored = theirs;
    driver.saved(SaveOutcome::conflict);
    driver.settle();
    REQUIRE(driver.record().token->reveal() == "ours");
    REQUIRE(driver.record().generation > handed_out);
    event::Acquire newer{50, 30 * second_ms};
    newer.newer_than = handed_out;
    CHECK_FALSE(says(driver.step(newer), "Complete w50 ok"));
}

TEST_CASE("a clear that another process has done meanwhile, for us or by itself, is not done once more") {
    MachineDriver driver = machine_at(At::fresh);
    driver.clear(4);
    Record theirs = stored_record(driver.now, TokenState::signed_out);
    theirs.epoch = stored_epoch + 1;
    they_save(driver, theirs);
    CHECK(says(driver.settle(), "Done d4 ok"));
    CHECK(driver.stored->epoch == stored_epoch + 1);
    CHECK(driver.stored->version.revision == 10);  // nothing was written
    CHECK(driver.running == Running::none);
    CHECK(driver.record().state == TokenState::signed_out);

    // A token that was pushed after the clear is written next.
    driver.push("pushed");
    driver.settle();
    CHECK(driver.stored->token->reveal() == "pushed");
}

TEST_CASE("a token that is pushed after a clear survives that another process did the clear") {
    MachineDriver driver = machine_at(At::fresh);
    driver.clear();
    driver.push("pushed");
    Record theirs = stored_record(driver.now, TokenState::signed_out);
    theirs.epoch = stored_epoch + 1;
    theirs.generation = 40;
    they_save(driver, theirs);
    driver.settle();
    CHECK(driver.stored->state == TokenState::live);
    CHECK(driver.stored->token->reveal() == "pushed");
    CHECK(driver.stored->epoch == stored_epoch + 1);
    CHECK(driver.stored->generation == 41);
}

TEST_CASE("a record that says all that we know is not written again") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire();  // the claim meets a token of another process
    Record theirs = live_record(driver.now, 0, 0);
    theirs.generation = stored_generation + 1;
    they_save(driver, theirs);
    CHECK(says(driver.settle(), "Complete w1 ok g6"));
    CHECK(driver.stored->version.revision == 10);
    CHECK(driver.running == Running::none);
}

TEST_CASE("where another process has kept the token alive meanwhile, nobody is asked for a new one") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire();
    Record theirs = *driver.stored;
    theirs.slid = anchor_at(driver.now);
    they_save(driver, theirs);
    CHECK(says(driver.settle(), "Complete w1 ok g5"));
    CHECK(driver.asks == 0);
    CHECK(driver.stored->claim.owner == 0);
    CHECK(driver.stored->version.revision == 10);
    CHECK(driver.snapshot.renewal == Renewal::idle);

    driver.force();  // which needs a newer one all the same
    they_save(driver, *driver.stored);
    driver.settle();
    CHECK(driver.asks == 1);
}

TEST_CASE("a slide that is later than the stored one is no reason to write at once, and is not forgotten") {
    MachineDriver driver;
    driver.now.boot_ms = 30 * day_ms;
    driver.step(event::Opened{});
    driver.stored = live_record(driver.now, 0, day_ms);
    driver.loaded(*driver.stored);
    driver.advance(minute_ms);
    driver.accepted();
    they_save(driver, *driver.stored);
    CHECK(says(driver.step(event::StoreChanged{}), "Load"));
    CHECK_FALSE(says(driver.settle(), "Save"));
    CHECK(says(driver.step(event::Background{}), "Save"));
    CHECK(driver.last_save.slid.boot_ms == driver.now.boot_ms);
}

TEST_CASE("while the store takes no save, loads that work neither say that it does nor hurry the next try") {
    MachineDriver driver = machine_at(At::fresh);
    driver.push("pushed");
    CHECK(says(driver.saved(SaveOutcome::unavailable), "Tell store"));
    std::int64_t wait_ms = 500;
    for (int tries = 0; tries < 8; ++tries) {
        CHECK(driver.armed_ms - driver.now.boot_ms == wait_ms);
        CHECK(says(driver.fire_timer(), "Load"));
        const std::string effects = driver.loaded(*driver.stored);
        CHECK(says(effects, "Save"));
        CHECK_FALSE(says(effects, "Tell store"));
        CHECK_FALSE(says(driver.saved(SaveOutcome::unavailable), "Tell store"));
        CHECK(driver.snapshot.store == StoreVerdict::locked);
        wait_ms = std::min<std::int64_t>(wait_ms * 2, 30 * second_ms);
    }
    driver.fire_timer();
    CHECK(says(driver.settle(), "Tell store"));
    CHECK(driver.snapshot.store == StoreVerdict::persistent);
    CHECK(driver.stored->token->reveal() == "pushed");
}

TEST_CASE("an acquire that is 60 s past the last look at the record looks again, behind its answer") {
    for (const At at : {At::fresh, At::signed_out}) {
        MachineDriver driver = machine_at(at);
        driver.advance(minute_ms - 1);
        CHECK_FALSE(says(driver.acquire(), "Load"));
        driver.advance(1);
        const std::string effects = driver.acquire();
        CHECK(says(effects, "Complete w2"));
        CHECK(says(effects, "Load"));
    }
}

TEST_CASE("a claim that finds another's failure leaves the provider alone, but where it is forced and may be") {
    const auto meets = [](bool asked_by_server, bool forced) {
        MachineDriver driver = machine_at(At::expired);
        forced ? driver.force() : driver.acquire();
        Record theirs = *driver.stored;
        theirs.backoff = {1, asked_by_server, driver.now.boot_tag, driver.now.boot_ms + 20 * second_ms};
        they_save(driver, theirs);
        const std::string effects = driver.settle();
        CHECK(driver.asks == (says(effects, "Complete w1 provider_failed after=20000") ? 0 : 1));
        return driver.asks;
    };
    CHECK(meets(false, false) == 0);
    CHECK(meets(true, false) == 0);
    CHECK(meets(true, true) == 0);
    CHECK(meets(false, true) == 1);
}

TEST_CASE("a back-off longer than any, wherever it comes from, hides no true one and holds nobody up") {
    for (const std::int64_t forged_ms : {std::int64_t{1} << 53, std::numeric_limits<std::int64_t>::max()}) {
        MachineDriver driver = machine_at(At::expired);
        driver.acquire();
        driver.settle();
        driver.fail(true, minute_ms);
        driver.settle();
        Record theirs = *driver.stored;
        theirs.backoff = {1, true, driver.now.boot_tag, forged_ms};
        they_save(driver, theirs);
        driver.step_and_settle(event::StoreChanged{});
        CHECK(driver.snapshot.renewal == Renewal::backing_off);
        CHECK(says(driver.acquire(), "provider_failed"));
        CHECK(driver.asks == 1);
    }
}
