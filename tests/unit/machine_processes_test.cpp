// Several processes on one store: claims, polls, conflicts, and the clear of another.
#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

using Running = MachineDriver::Running;

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

Claim claim_of(std::uint64_t owner, const Reading& now) { return {owner, now.boot_tag, now.boot_ms, now.boot_ms + 30'000}; }

// The store holds another process's live claim, and ours has just met it.
MachineDriver waiting_elsewhere() {
    MachineDriver driver = machine_at(At::expired);
    driver.stored->claim = claim_of(other_owner, driver.now);
    ++driver.stored->version.revision;
    driver.acquire();
    driver.settle();
    return driver;
}

}  // namespace

TEST_CASE("the provider is asked once the claim is on disk") {
    MachineDriver driver = machine_at(At::none);
    CHECK(driver.acquire() == "Publish none first asking; Save e1 g0 none claim; Arm +10000");
    CHECK(driver.last_save.claim.owner == our_owner);
    CHECK(driver.last_save.claim.started_boot_ms == driver.now.boot_ms);
    CHECK(driver.last_save.claim.limit_boot_ms == driver.now.boot_ms + 30'000);
    CHECK(driver.saved() == "Tell renewal_started; Ask r1 first attempt=1; Arm +30000");
}

TEST_CASE("the outcome ends the claim, in the same save") {
    MachineDriver fulfilled = machine_at(At::none);
    fulfilled.acquire();
    fulfilled.settle();
    CHECK(says(fulfilled.fulfil("token-1"), "Save e1 g1 live;"));
    CHECK(fulfilled.last_save.claim.owner == 0);

    MachineDriver failed = machine_at(At::none);
    failed.acquire();
    failed.settle();
    CHECK(says(failed.fail(), "Save e1 g0 none failures=1;"));
    CHECK(failed.last_save.claim.owner == 0);

    MachineDriver declined = machine_at(At::none);
    declined.acquire();
    declined.settle();
    CHECK(says(declined.decline(), "Save e1 g0 none;"));
}

TEST_CASE("a failure's not-before holds for all processes") {
    MachineDriver driver = machine_at(At::expired);
    Record theirs = *driver.stored;
    ++theirs.version.revision;
    theirs.backoff = {1, true, driver.now.boot_tag, driver.now.boot_ms + minute_ms};
    driver.step(event::StoreChanged{});
    driver.loaded(theirs);
    CHECK(says(driver.acquire(), "Complete w1 provider_failed after=60000"));
    CHECK(says(driver.force(), "Complete w2 provider_failed after=60000"));  // a Retry-After is nobody's to skip
}

TEST_CASE("where another process has a live claim, its token is adopted without asking") {
    MachineDriver driver = waiting_elsewhere();
    CHECK(driver.asks == 0);
    CHECK(driver.snapshot.renewal == Renewal::elsewhere);
    Record theirs = live_record(driver.now, 0, 0);
    theirs.generation = 6;
    theirs.version = {77, 12};
    driver.stored = theirs;
    const std::string effects = driver.live_for(250);
    CHECK(says(effects, "Complete w1 ok g6"));
    CHECK(says(effects, "Tell new_token"));
    CHECK(driver.asks == 0);
    CHECK(driver.snapshot.renewal == Renewal::idle);
}

TEST_CASE("another's claim is looked at after 250 ms, doubling to two seconds") {
    MachineDriver driver = waiting_elsewhere();
    for (const std::int64_t wait_ms : {250, 500, 1'000, 2'000, 2'000}) {
        CHECK(driver.armed_ms - driver.now.boot_ms == wait_ms);
        CHECK(says(driver.fire_timer(), "Load"));
        driver.settle();
    }
}

TEST_CASE("when the other's claim ended without a token, whoever still waits claims") {
    MachineDriver driver = waiting_elsewhere();
    driver.stored->claim = {};
    ++driver.stored->version.revision;
    driver.run_for(250);
    CHECK(says(driver.settle(), "Ask r1 idle"));
}

TEST_CASE("a claim that comes with a newer token, dead already, is waited for like any other") {
    MachineDriver driver = machine_at(At::none);
    driver.acquire();
    Record theirs = live_record(driver.now, day_ms, day_ms);
    theirs.epoch = 1;
    theirs.claim = claim_of(other_owner, driver.now);
    driver.stored = theirs;
    driver.settle();
    CHECK(driver.record().generation == stored_generation);
    CHECK(driver.asks == 0);
    CHECK(driver.snapshot.renewal == Renewal::elsewhere);
}

TEST_CASE("a claim lapses with its limit, in another boot, and from the future") {
    const auto asks = [](auto change) {
        MachineDriver driver = machine_at(At::expired);
        driver.stored->claim = claim_of(other_owner, driver.now);
        change(driver.stored->claim);
        ++driver.stored->version.revision;
        driver.acquire();
        driver.settle();
        return driver.asks;
    };
    CHECK(asks([](Claim&) {}) == 0);
    CHECK(asks([](Claim& claim) { claim.limit_boot_ms -= 30'000; }) == 1);
    CHECK(asks([](Claim& claim) { ++claim.boot_tag; }) == 1);
    CHECK(asks([](Claim& claim) { ++claim.started_boot_ms; }) == 1);
}

TEST_CASE("a claim that a dead process of the same role has left holds up nobody") {
    const auto asks = [](const std::string& role, std::int64_t before_ours_ms) {
        MachineConfig config = machine_config();
        config.role = "app";
        config.process_began_boot_ms = 30 * day_ms;
        MachineDriver driver = machine_at(At::loading, config);
        Record theirs = live_record(driver.now, day_ms, day_ms);
        theirs.claim = claim_of(other_owner, driver.now);
        theirs.claim.started_boot_ms -= before_ours_ms;
        theirs.claim.role = role;
        driver.stored = theirs;
        driver.acquire();
        driver.settle();
        return driver.asks;
    };
    CHECK(asks("app", 1) == 1);
    CHECK(asks("app", 0) == 0);  // it may be this very process's
    CHECK(asks("widget", 1) == 0);
    CHECK(asks("", 1) == 0);
}

TEST_CASE("a claim whose owner the store knows to be dead holds up nobody") {
    MachineDriver driver = machine_at(At::loading);
    LoadResult result;
    result.outcome = LoadOutcome::found;
    result.record = live_record(driver.now, day_ms, day_ms);
    result.record.claim = claim_of(other_owner, driver.now);
    result.version = result.record.version;
    result.claim_owner_is_dead = true;
    driver.stored = result.record;
    driver.acquire();
    driver.loaded(result);
    driver.settle();
    CHECK(driver.asks == 1);
}

TEST_CASE("another's claim that is never ended costs no more than its limit") {
    MachineDriver driver = waiting_elsewhere();
    while (driver.asks == 0 && driver.now.boot_ms < 30 * day_ms + 40'000) {
        driver.fire_timer();
        driver.settle();
    }
    CHECK(driver.asks == 1);
    CHECK(driver.now.boot_ms <= 30 * day_ms + 32'000);
}

TEST_CASE("a store that breaks, or loses the record, while another asks: two fetches are better than one deadlock") {
    for (const LoadOutcome outcome :
         {LoadOutcome::fault, LoadOutcome::unavailable, LoadOutcome::lost, LoadOutcome::absent}) {
        INFO(static_cast<int>(outcome));
        MachineDriver driver = waiting_elsewhere();
        driver.stored = std::nullopt;
        driver.fire_timer();
        driver.loaded(outcome);
        driver.settle();
        CHECK(driver.asks == 1);
    }
}

TEST_CASE("a claim that meets a broken store asks all the same") {
    for (const SaveOutcome outcome : {SaveOutcome::fault, SaveOutcome::unavailable}) {
        MachineDriver driver = machine_at(At::expired);
        driver.acquire();
        CHECK(says(driver.saved(outcome), "Ask r1 idle"));
    }
}

TEST_CASE("a save that meets a conflict reads, merges and saves again") {
    MachineDriver driver = machine_at(At::fresh);
    driver.advance(minute_ms);
    driver.accepted();
    driver.step(event::Background{});
    driver.stored->version.revision += 5;
    driver.stored->slid.boot_ms += 1'000;  // an older slide than ours
    CHECK(says(driver.saved(SaveOutcome::conflict), "Load"));
    CHECK(says(driver.loaded(*driver.stored), "Save e2 g5 live"));
    CHECK(driver.last_save.version.revision == 15);
    CHECK(driver.last_save.slid.boot_ms == driver.now.boot_ms);
}

TEST_CASE("a save that finds a newer generation drops its own token and adopts that one") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire();
    driver.settle();
    driver.fulfil("ours");
    Record theirs = live_record(driver.now, 0, 0);
    theirs.token = std::make_shared<const Secret>("theirs");
    theirs.generation = 6;
    theirs.version = {77, 20};
    driver.stored = theirs;
    const std::string effects = driver.settle();
    CHECK(says(effects, "Complete w1 ok g6"));
    CHECK(driver.record().token->reveal() == "theirs");
    CHECK(driver.stored->token->reveal() == "theirs");
}

TEST_CASE("a clear by another process ends the session here, and who waited gets cleared") {
    MachineDriver driver = machine_at(At::expired);
    driver.acquire();
    driver.settle();
    Record theirs = stored_record(driver.now, TokenState::signed_out);
    theirs.epoch = 3;
    theirs.version = {77, 20};
    driver.stored = theirs;
    driver.step(event::StoreChanged{});
    const std::string effects = driver.loaded(theirs);
    CHECK(says(effects, "Withdraw r1"));
    CHECK(says(effects, "Complete w1 cleared"));
    CHECK(says(effects, "Tell cleared"));
    CHECK(driver.record().token == nullptr);
    CHECK(driver.fulfil("late").find("token") == std::string::npos);
    CHECK(says(driver.acquire(), "Complete w2 sign_in_needed"));
}

TEST_CASE("a clear by another process that the store refused clears what this one had read") {
    MachineDriver driver = machine_at(At::fresh);
    driver.push("token-of-before");
    driver.saved(SaveOutcome::unavailable);  // in memory alone, and handed out
    driver.fire_timer();
    LoadResult result;
    result.outcome = LoadOutcome::found;
    result.record = *driver.stored;
    result.logout = {true, result.record.epoch + 1, true};
    driver.loaded(result);
    driver.settle();
    CHECK(driver.told_state == State::signed_out);
    CHECK(driver.stored->state == TokenState::signed_out);
}

TEST_CASE("a clear here wins over what another process wrote meanwhile") {
    MachineDriver driver = machine_at(At::fresh);
    driver.clear(4);
    Record theirs = live_record(driver.now, 0, 0);
    theirs.generation = 6;
    theirs.version = {77, 20};
    driver.stored = theirs;
    CHECK(says(driver.settle(), "Done d4 ok"));
    CHECK(driver.stored->state == TokenState::signed_out);
    CHECK(driver.stored->epoch == 3);
    CHECK(driver.stored->generation == 6);
}

TEST_CASE("a claim of ours from an earlier run is nobody's") {
    MachineDriver driver = machine_at(At::loading);
    Record record = stored_record(driver.now, TokenState::none);
    record.claim = claim_of(our_owner + 1, driver.now);
    record.claim.boot_tag = driver.now.boot_tag - 1;
    driver.stored = record;
    driver.loaded(record);
    driver.acquire();
    driver.settle();
    CHECK(driver.asks == 1);
}

TEST_CASE("the record is due to be read again a minute after it was last checked") {
    MachineDriver driver = machine_at(At::fresh);
    CHECK(driver.snapshot.recheck_boot_ms == driver.now.boot_ms + minute_ms);
    driver.advance(hour_ms);
    driver.step_and_settle(event::StoreChanged{});
    CHECK(driver.snapshot.recheck_boot_ms == driver.now.boot_ms + minute_ms);
}
