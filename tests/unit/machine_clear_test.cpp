// Clear: at once for readers, durable before it is done, and final whatever the store does.
#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

using Running = MachineDriver::Running;

MachineConfig one_process() {
    MachineConfig config = machine_config();
    config.shared_store = false;
    return config;
}

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a clear is done when its tombstone is on disk, with no byte of the token and the client") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    CHECK(says(driver.clear(4), "Save e3 g5 signed_out"));
    CHECK(driver.last_save.token == nullptr);
    CHECK(driver.last_save.client_id.empty());
    CHECK(driver.last_save.issued == Anchor{});
    CHECK(driver.last_save.install_seed == 0);
    CHECK(driver.record().token == nullptr);
    CHECK(says(driver.saved(), "Done d4 ok"));
}

TEST_CASE("a clear whose key is not destroyed yet is finished, and voids no login that came after its tombstone") {
    MachineDriver driver = machine_at(At::fresh);
    driver.clear(4);
    driver.stored = driver.last_save;
    driver.running = Running::none;
    CHECK(says(driver.step(event::Saved{driver.operation, {SaveOutcome::unavailable, {StoreCause::key}, true}}),
               "Done d4 store_unavailable"));
    SECTION("nobody has finished it") {
        driver.fire_timer();
        LoadResult result{LoadOutcome::found, *driver.stored, driver.stored->version};
        result.logout.is_unfinished = true;
        CHECK(says(driver.loaded(result), "Save e3 g5 signed_out"));
        CHECK(driver.record().epoch == 3);
    }
    SECTION("another process has, and has signed in") {
        Record login = live_record(driver.now, 0, 0);
        login.epoch = 3;
        login.generation = 6;
        login.version = {driver.stored->version.lineage, driver.stored->version.revision + 2};
        driver.stored = login;
        driver.live_for(second_ms);
        CHECK(driver.told_state == State::fresh);
        CHECK(driver.stored->state == TokenState::live);
        CHECK(driver.stored->epoch == 3);
    }
}

TEST_CASE("a clear while the record is being read wins over it") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.acquire();
    CHECK(says(driver.clear(4), "Complete w1 cleared"));
    CHECK(says(driver.loaded(live_record(driver.now, 0, 0)), "Save e3 g5 signed_out"));
    CHECK(says(driver.saved(), "Done d4 ok"));
}

TEST_CASE("a clear while the store is locked is tried at once: its mark outlives the process") {
    MachineDriver driver = machine_at(At::locked, one_process());
    CHECK(says(driver.clear(4), "Save e0 g0 signed_out"));
    CHECK(says(driver.saved(SaveOutcome::unavailable), "Done d4 store_unavailable"));
    driver.fire_timer();
    CHECK(says(driver.loaded(live_record(driver.now, 0, 0)), "Save e3 g5 signed_out"));
    CHECK(driver.told_state == State::signed_out);
}

TEST_CASE("a clear while loading marks a store that turns out to be locked") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.clear(4);
    CHECK(says(driver.loaded(LoadOutcome::unavailable), "Save e0 g0 signed_out"));
    CHECK(says(driver.saved(SaveOutcome::conflict), "Load"));  // the mark is there, the revision was not known
    CHECK(says(driver.loaded(LoadOutcome::unavailable), "Done d4 store_unavailable"));
    CHECK(driver.running == Running::none);
    CHECK(says(driver.step(event::Foreground{}), "Save e0 g0 signed_out"));  // and again at each foreground
}

TEST_CASE("a clear that the store refuses is tried again on foreground") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.clear(4);
    CHECK(says(driver.saved(SaveOutcome::fault), "Done d4 store_failed"));
    const std::string effects = driver.step_and_settle(event::Foreground{});
    CHECK(says(effects, "Save e3 g5 signed_out"));
    CHECK(driver.stored->state == TokenState::signed_out);
}

TEST_CASE("a clear while a token waits for the store: the token is neither handed out nor kept") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fulfil("token-1");
    CHECK(says(driver.clear(4), "Complete w1 cleared"));
    const std::string effects = driver.settle();
    CHECK_FALSE(says(effects, "Tell new_token"));
    CHECK_FALSE(says(effects, "Publish token"));
    CHECK(says(effects, "Done d4 ok"));
    CHECK(driver.stored->state == TokenState::signed_out);
    CHECK(driver.stored->token == nullptr);
}

TEST_CASE("a token pushed right after a clear waits for the tombstone, whatever the store was busy with") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.step(event::StoreChanged{});
    driver.clear(4);
    driver.push("token-of-the-next-user");
    CHECK(says(driver.loaded(*driver.stored), "Save e3 g5 signed_out"));
    CHECK(says(driver.saved(), "Done d4 ok"));
    CHECK(says(driver.settle(), "Publish token g6"));
    CHECK(driver.stored->epoch == 3);
    CHECK(driver.stored->token->reveal() == "token-of-the-next-user");
}

TEST_CASE("a token that was asked for in ignorance of a sign-out is dropped when it comes") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.step(event::Acquire{1, 35 * second_ms, 0, false, true});
    REQUIRE(driver.asks == 1);
    driver.fire_timer();
    Record record = stored_record(driver.now, TokenState::signed_out);
    record.generation = 0;  // cleared before there was a token: only the epoch tells
    driver.loaded(record);
    driver.fulfil("of-nobody");
    CHECK(driver.record().state == TokenState::signed_out);
    CHECK(driver.record().token == nullptr);
}

TEST_CASE("an erase that another run left unfinished is finished first") {
    MachineDriver driver = machine_at(At::loading, one_process());
    LoadResult result;
    result.outcome = LoadOutcome::found;
    result.record = live_record(driver.now, 0, 0);
    result.logout = {true, result.record.epoch + 1, true};
    const std::string effects = driver.loaded(result);
    CHECK_FALSE(says(effects, "Publish token"));
    CHECK(says(effects, "Save e3 g5 signed_out"));
    CHECK(driver.told_state == State::signed_out);
}

TEST_CASE("a token that came while the store was locked outlives the unfinished erase that it finds there") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.push("token-of-after");
    driver.fire_timer();
    LoadResult result;
    result.outcome = LoadOutcome::found;
    result.record = live_record(driver.now, 0, 0);
    result.logout = {true, result.record.epoch + 1, true};
    CHECK(says(driver.loaded(result), "Save e3 g5 signed_out"));
    CHECK(says(driver.saved(), "Save e3 g6 live"));
    CHECK(driver.last_save.token->reveal() == "token-of-after");
}

TEST_CASE("a token pushed before the first load outlives the logout that the load finds") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.push("token-of-after");
    LoadResult result;
    SECTION("beside a record, unfinished") {
        result.outcome = LoadOutcome::found;
        result.record = live_record(driver.now, 0, 0);
        result.logout = {true, result.record.epoch + 1, true};
    }
    SECTION("as a witness alone") {
        result.outcome = LoadOutcome::absent;
        result.logout = {true, 3, false};
    }
    CHECK(says(driver.loaded(result), "Save e3"));
    CHECK(driver.last_save.state == TokenState::signed_out);
    CHECK(says(driver.saved(), "Save e3"));
    REQUIRE(driver.last_save.token != nullptr);
    CHECK(driver.last_save.token->reveal() == "token-of-after");
}
