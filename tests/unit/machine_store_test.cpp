// The record and its store: loading, locked, broken, lost; when a token is durable; slides; notices.
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

Event without_store(std::uint64_t waiter) { return event::Acquire{waiter, 35 * second_ms, 0, false, true}; }

// Used now, sent now, reported now.
void use(MachineDriver& driver) { driver.accepted(); }

}  // namespace

// ---- whose token it is ----

TEST_CASE("a session that is opened for a client never hands out a stored token of another one") {
    MachineDriver first(one_process());
    first.step(event::Opened{});
    first.loaded(LoadOutcome::absent);
    first.acquire();
    first.fulfil("token-of-a", 0, "client-a");
    first.saved();

    MachineConfig config = one_process();
    config.client_id = "client-b";
    config.owner = other_owner;
    MachineDriver second(config);
    second.step(event::Opened{});
    second.acquire();
    CHECK_FALSE(says(second.loaded(*first.stored), "Complete"));
    CHECK(second.record().token == nullptr);
    CHECK(second.told_reason == Reason::other_client);
    CHECK(second.asks == 1);
    CHECK(second.running == Running::none);  // nothing is written before the token of this client is in hand
    second.stored = first.stored;
    second.fulfil("token-of-b", 0, "client-b");
    CHECK(second.last_replaced == first.stored->version);
    CHECK(second.last_save.version.lineage != first.stored->version.lineage);
    CHECK(says(second.saved(), "Complete w1 ok"));
    CHECK(second.record().client_id == "client-b");
    CHECK(second.record().epoch > first.stored->epoch);
    CHECK(second.record().generation > first.stored->generation);
}

TEST_CASE("a token that names no client is of the client that the session was opened for, and of no other") {
    MachineConfig config = one_process();
    config.client_id = "client-a";
    MachineDriver first(config);
    first.step(event::Opened{});
    first.loaded(LoadOutcome::absent);
    first.acquire();
    first.fulfil("bare-token");
    first.saved();
    CHECK(first.stored->client_id == "client-a");

    Record cleared = stored_record(first.now, TokenState::signed_out);  // by another process
    cleared.epoch = first.record().epoch + 1;
    first.stored = cleared;
    first.step(event::StoreChanged{});
    first.settle();
    CHECK(first.record().client_id.empty());
    first.push("next-bare-token");
    CHECK(first.record().client_id == "client-a");

    MachineDriver second(config);
    second.step(event::Opened{});
    second.acquire();
    CHECK_FALSE(says(second.loaded(live_record(second.now, 0, 0)), "Complete"));  // stored by who named no client
    CHECK(second.told_reason == Reason::other_client);
    CHECK(second.asks == 1);
}

TEST_CASE("a token that was made for another Portal is not handed out, and stays until one for this Portal is there") {
    MachineConfig config = one_process();
    config.origin = "https://api.portalhq.io:443";
    MachineDriver first(config);
    first.step(event::Opened{});
    first.loaded(LoadOutcome::absent);
    first.acquire();
    first.fulfil("production-token");
    first.saved();

    config.origin = "http://127.0.0.1:8080";
    MachineDriver second(config);
    second.step(event::Opened{});
    second.acquire();
    CHECK_FALSE(says(second.loaded(*first.stored), "Complete"));
    CHECK(second.record().token == nullptr);
    CHECK(second.told_reason == Reason::other_origin);
    CHECK(second.asks == 1);
    CHECK(second.running == Running::none);
    second.fulfil("test-token");
    CHECK(second.last_replaced == first.stored->version);
    CHECK(second.last_save.origin == config.origin);
}

// ---- a new token ----

TEST_CASE("a token is on disk before it is handed out, published or told of") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    CHECK(driver.fulfil("token-1") == "Save e1 g1 live; Arm +10000");
    CHECK(driver.acquire().empty());
    CHECK(driver.saved() ==
          "Publish token g1; Complete w1 ok g1; Complete w2 ok g1; Tell new_token; Tell fresh; Arm +85800000");
}

TEST_CASE("a token that the store refuses is handed out all the same, as memory only") {
    for (const SaveOutcome outcome : {SaveOutcome::fault, SaveOutcome::unavailable}) {
        MachineDriver driver = machine_at(At::none, one_process());
        driver.acquire();
        driver.fulfil("token-1");
        const std::string effects = driver.saved(outcome);
        CHECK(says(effects, "Publish token g1 memory_only"));
        CHECK(says(effects, "Complete w1 ok g1 memory_only"));
        CHECK(says(effects, outcome == SaveOutcome::fault ? "Tell store store_failed" : "Tell store store_unavailable"));
        CHECK(driver.snapshot.counters.degraded_saves == 1);
    }
}

TEST_CASE("a store that never answers a save holds a token back for ten seconds at most") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fulfil("token-1");
    CHECK_FALSE(says(driver.run_for(10 * second_ms - 1), "Complete"));
    CHECK(says(driver.run_for(1), "Complete w1 ok g1 memory_only"));
}

TEST_CASE("a waiter's deadline does not wait for the store either") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire(second_ms);
    driver.fulfil("token-1");
    CHECK(says(driver.run_for(second_ms), "Complete w1 ok g1 memory_only"));
}

TEST_CASE("what a locked store refused is saved when it opens") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.push("token-1");
    driver.saved(SaveOutcome::unavailable);
    const std::string effects = driver.live_for(500);
    CHECK(says(effects, "Save e1 g1 live"));
    CHECK(driver.stored->token->reveal() == "token-1");
    CHECK_FALSE(driver.snapshot.memory_only);
}

// ---- loading ----

TEST_CASE("a waiter waits for the load, and at its deadline the store was unavailable") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.acquire(5 * second_ms);
    CHECK(says(driver.run_for(5 * second_ms), "Complete w1 store_unavailable"));
    CHECK(driver.asks == 0);
}

TEST_CASE("a locked store is tried again after half a second, doubling to thirty, and at once on a notice") {
    MachineDriver driver = machine_at(At::locked, one_process());
    for (const std::int64_t wait_ms : {500, 1'000, 2'000, 4'000, 8'000, 16'000, 30'000, 30'000}) {
        CHECK(driver.armed_ms - driver.now.boot_ms == wait_ms);
        CHECK(says(driver.fire_timer(), "Load"));
        driver.loaded(LoadOutcome::unavailable);
    }
    CHECK(says(driver.step(event::Foreground{}), "Load"));
    driver.loaded(LoadOutcome::unavailable);
    CHECK(says(driver.step(event::StoreChanged{}), "Load"));
    CHECK(says(driver.loaded(live_record(driver.now, 0, 0)), "Publish token g5"));
    driver.step(event::StoreChanged{});
    driver.loaded(LoadOutcome::unavailable);
    CHECK(driver.armed_ms - driver.now.boot_ms == 500);  // an answer starts it afresh
}

TEST_CASE("a locked store is not signed out: who can wait waits, and is served when it opens") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.acquire();
    CHECK(driver.told_state == State::unknown);
    driver.fire_timer();
    CHECK(says(driver.loaded(live_record(driver.now, 0, 0)), "Complete w1 ok g5"));
    CHECK(driver.asks == 0);
}

TEST_CASE("without the store a waiter gets a token in memory, and the record is left alone") {
    MachineDriver driver = machine_at(At::locked, one_process());
    CHECK(says(driver.step(without_store(1)), "Ask r1 first"));
    const std::string effects = driver.fulfil("token-1");
    CHECK(says(effects, "Complete w1 ok g?1 memory_only"));
    CHECK_FALSE(says(effects, "Save"));
}

TEST_CASE("a request that was made while the store was locked is answered for the record that opens") {
    MachineDriver driver = machine_at(At::locked, one_process());
    CHECK(says(driver.step(without_store(1)), "Ask r1 first"));
    driver.fire_timer();
    driver.loaded(live_record(driver.now, day_ms, day_ms));  // expired
    driver.fulfil("token-1");
    REQUIRE(driver.running == Running::save);
    CHECK(says(driver.saved(), "Complete w1 ok g6"));
    CHECK(driver.asks == 1);
}

TEST_CASE("when a locked store opens, a record of a higher epoch wins over what came meanwhile") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.step(without_store(1));
    driver.fulfil("token-1");
    driver.fire_timer();
    driver.loaded(stored_record(driver.now, TokenState::signed_out));
    CHECK(driver.told_state == State::signed_out);
    CHECK(driver.record().token == nullptr);
}

TEST_CASE("when a locked store opens, our token is saved as the stored generation + 1") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.step(without_store(1));
    driver.fulfil("token-1");
    driver.fire_timer();
    const std::string effects = driver.loaded(live_record(driver.now, 0, 0));
    CHECK(says(effects, "Save e2 g6 live"));
    CHECK(says(effects, "Publish token g6 memory_only"));
    CHECK(says(driver.saved(), "Publish token g6;"));
    CHECK(driver.stored->token->reveal() == "token-1");
}

TEST_CASE("a token that Portal rejects while the store is locked is given to nobody again, and not saved") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.step(without_store(1));
    driver.fulfil("token-1");
    CHECK(says(driver.rejected(), "Tell rejected"));
    CHECK(driver.told_state == State::rejected);
    CHECK_FALSE(says(driver.acquire(), "ok"));
    driver.fire_timer();
    const std::string effects = driver.loaded(live_record(driver.now, 0, 0));
    CHECK(says(effects, "Publish token g5"));
    CHECK(says(effects, "Save e2 g5 live"));  // with what the rejection has used of its allowance
    CHECK(says(effects, "ok g5"));
}

TEST_CASE("a report of another token while the store is locked counts once the record is read") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.step(without_store(1));
    driver.fulfil("token-1");
    driver.step(event::Rejected{stored_epoch, stored_generation});
    CHECK(driver.told_state == State::fresh);
}

TEST_CASE("a token pushed into a locked store ends the sign-out that it finds there") {
    MachineDriver driver = machine_at(At::locked, one_process());
    driver.push("token-1");
    driver.fire_timer();
    CHECK(says(driver.loaded(stored_record(driver.now, TokenState::signed_out)), "Save e2 g6 live"));
}

TEST_CASE("a push while the record is being read takes effect behind it") {
    MachineDriver driver = machine_at(At::loading, one_process());
    CHECK(driver.push("pushed") == "Publish unknown loading");
    CHECK(says(driver.loaded(live_record(driver.now, 0, 0)), "Save e2 g6 live"));
    driver.saved();
    CHECK(driver.stored->token->reveal() == "pushed");
}

TEST_CASE("a push while the record is being read was issued when it came, not when the store answered") {
    MachineDriver driver = machine_at(At::loading, one_process());
    const std::int64_t pushed_ms = driver.now.boot_ms;
    driver.push("pushed", minute_ms);
    driver.run_for(9 * second_ms);
    driver.loaded(LoadOutcome::absent);
    CHECK(driver.record().issued.boot_ms == pushed_ms - minute_ms);
}

TEST_CASE("reports of a lease that outlived its process count once the record is read") {
    MachineDriver accepted = machine_at(At::loading, one_process());
    accepted.advance(hour_ms);
    const Record record = live_record(accepted.now, hour_ms, day_ms);
    accepted.step(
        event::Accepted{stored_epoch, stored_generation, accepted.now.boot_tag, accepted.now.boot_ms - minute_ms});
    accepted.loaded(record);
    CHECK(accepted.record().slid.boot_ms == accepted.now.boot_ms - minute_ms);

    MachineDriver rejected = machine_at(At::loading, one_process());
    rejected.step(event::Rejected{stored_epoch, stored_generation});
    rejected.loaded(record);
    CHECK(rejected.told_state == State::rejected);
}

TEST_CASE("a 401 before the record is read counts, however many answers and older 401s came before it") {
    MachineDriver driver = machine_at(At::loading, one_process());
    const Record record = live_record(driver.now, hour_ms, day_ms);
    std::int64_t last_sent_ms = 0;
    for (int i = 40; i > 0; --i) {
        last_sent_ms = driver.now.boot_ms - i * second_ms;
        driver.step(event::Accepted{stored_epoch, stored_generation, driver.now.boot_tag, last_sent_ms});
        driver.step(event::Rejected{stored_epoch - 1, static_cast<std::uint64_t>(i)});
    }
    SECTION("the last 2xx counts too") {
        driver.loaded(record);
        CHECK(driver.record().slid.boot_ms == last_sent_ms);
    }
    SECTION("the 401") {
        driver.step(event::Rejected{stored_epoch, stored_generation});
        driver.loaded(record);
        CHECK(driver.told_state == State::rejected);
    }
}

TEST_CASE("a record that is lost under a session renames no token that it has handed out, and undoes no logout") {
    MachineDriver driver = machine_at(At::fresh);
    driver.step(event::StoreChanged{});
    driver.loaded({LoadOutcome::lost, {}, {99, 0}, {StoreCause::damaged}});
    CHECK(driver.record().epoch == stored_epoch);
    CHECK(driver.record().generation == stored_generation);
    CHECK(driver.last_save.version.lineage != 77);
    SECTION("a 401 of a lease from before counts") {
        driver.saved();
        CHECK(says(driver.step(event::Rejected{stored_epoch, stored_generation}), "Tell rejected"));
        driver.settle();
    }
    SECTION("the next token has a generation that the lost record cannot have had") {
        driver.saved();
        driver.push("token-2");
        CHECK(driver.record().generation == static_cast<std::uint64_t>(driver.now.unix_ms / 1000));
        CHECK(driver.record().epoch == stored_epoch);
    }
    SECTION("who knows of a logout after it wins") {
        driver.stored = stored_record(driver.now, TokenState::signed_out);
        driver.stored->epoch = stored_epoch + 1;
        driver.stored->version = {driver.last_save.version.lineage, 1};
        driver.saved(SaveOutcome::conflict);
        driver.settle();
        CHECK(driver.told_state == State::signed_out);
        CHECK(driver.stored->state == TokenState::signed_out);
    }
}

TEST_CASE("a slide of another boot is no slide of this one") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    const Anchor before = driver.record().slid;
    driver.step(event::Accepted{stored_epoch, stored_generation, driver.now.boot_tag + 1, driver.now.boot_ms});
    CHECK(driver.record().slid == before);
}

TEST_CASE("a broken store is memory only at once, and tried again on a notice") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.acquire();
    const std::string effects = driver.loaded(LoadOutcome::fault);
    CHECK(says(effects, "Ask r1 first"));
    CHECK(driver.snapshot.store == StoreVerdict::memory_only);
    driver.fulfil("token-1");
    driver.loaded(LoadOutcome::fault);  // what is stored is yet to be known, so it is read first
    CHECK(says(driver.step_and_settle(event::Foreground{}), "Save e1 g1 live"));
    CHECK(driver.snapshot.store == StoreVerdict::persistent);
}

TEST_CASE("after a loss generation and epoch start at the wall's seconds, and the reason is told") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.acquire();
    CHECK(says(driver.loaded(LoadOutcome::lost), "Ask r1 storage_lost"));
    CHECK(driver.told_reason == Reason::storage_lost);
    CHECK(driver.snapshot.store == StoreVerdict::lost);
    driver.fulfil("token-1");
    driver.settle();
    CHECK(driver.stored->epoch == 1'700'000'000);
    CHECK(driver.stored->generation == 1'700'000'001);
    CHECK(driver.snapshot.store == StoreVerdict::persistent);
}

TEST_CASE("a loss while a token is in memory saves that token anew") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.stored = std::nullopt;
    driver.step(event::StoreChanged{});
    CHECK(says(driver.loaded(LoadOutcome::lost), "Save e2 g5 live"));
    driver.saved();
    CHECK(driver.stored->version.revision == 1);
}

TEST_CASE("a load that comes after it was given up is a reason to look again") {
    MachineDriver driver = machine_at(At::loading, one_process());
    const std::uint64_t first = driver.operation;
    driver.run_for(10 * second_ms);
    REQUIRE(driver.told_reason == Reason::store_unavailable);
    LoadResult late;
    late.outcome = LoadOutcome::found;
    late.record = live_record(driver.now, 0, 0);
    late.version = late.record.version;
    CHECK(says(driver.step(event::Loaded{first, late}), "Load"));
    CHECK(says(driver.loaded(late.record), "Publish token g5"));
}

// ---- slides ----

TEST_CASE("slides are written once in fifteen minutes of use, on background, and on close") {
    MachineDriver driver(one_process());
    driver.now.boot_ms = 30 * day_ms;
    driver.step(event::Opened{});
    driver.stored = live_record(driver.now, 0, day_ms);
    driver.loaded(*driver.stored);
    driver.run_for(15 * minute_ms - 1);
    use(driver);
    CHECK(driver.running == Running::none);
    driver.run_for(1);
    use(driver);
    CHECK(driver.running == Running::save);
    driver.settle();
    CHECK(driver.stored->slid.boot_ms == driver.now.boot_ms);

    driver.run_for(minute_ms);
    use(driver);
    CHECK(driver.running == Running::none);
    CHECK_FALSE(says(driver.step(event::Background{5}), "Done"));
    CHECK(says(driver.saved(), "Done d5 ok"));
    CHECK(driver.stored->slid.boot_ms == driver.now.boot_ms);

    driver.run_for(minute_ms);
    use(driver);
    driver.step(event::Closed{});
    CHECK(driver.running == Running::save);
    CHECK(says(driver.saved(), "Ended"));
    CHECK(driver.stored->slid.boot_ms == driver.now.boot_ms);
}

TEST_CASE("a slide that the store refuses is tried again fifteen minutes later, and not at each report") {
    MachineDriver driver(one_process());
    driver.now.boot_ms = 30 * day_ms;
    driver.step(event::Opened{});
    driver.loaded(live_record(driver.now, 0, day_ms));
    driver.run_for(15 * minute_ms);
    use(driver);
    REQUIRE(driver.running == Running::save);
    driver.saved(SaveOutcome::fault);
    driver.run_for(15 * minute_ms - 1);
    use(driver);
    CHECK(driver.running == Running::none);
    driver.run_for(1);
    use(driver);
    CHECK(driver.running == Running::save);
}

TEST_CASE("six runs of ten minutes, twenty hours apart and each killed, cost one token") {
    std::optional<Record> stored;
    std::uint64_t asks = 0;
    Reading now{30 * day_ms, 1'700'000'000'000, 7};
    for (int run = 0; run < 6; ++run) {
        MachineConfig config = one_process();
        config.owner += static_cast<std::uint64_t>(run);
        MachineDriver driver(config);
        driver.now = now;
        driver.stored = stored;
        driver.step(event::Opened{});
        driver.settle();
        driver.acquire();
        if (driver.asks == 1) driver.fulfil("token-" + std::to_string(run));
        driver.settle();
        driver.live_for(minute_ms);
        use(driver);
        driver.live_for(9 * minute_ms);
        asks += driver.asks;
        stored = driver.stored;
        now = driver.now;
        now.boot_ms += 20 * hour_ms;
        now.unix_ms += 20 * hour_ms;
    }
    CHECK(asks == 1);
}

TEST_CASE("a late slide never moves a deadline backwards, nor one of an older generation at all") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    use(driver);
    const Anchor slid = driver.record().slid;
    driver.run_for(minute_ms);
    driver.slid_boot_ms = slid.boot_ms - 1;
    driver.step(event::Accepted{stored_epoch, stored_generation, driver.now.boot_tag, slid.boot_ms - 1});
    CHECK(driver.record().slid == slid);
    driver.step(event::Accepted{stored_epoch, stored_generation - 1, driver.now.boot_tag, driver.now.boot_ms});
    CHECK(driver.record().slid == slid);
    driver.step(event::Accepted{stored_epoch, stored_generation, driver.now.boot_tag, driver.now.boot_ms + hour_ms});
    CHECK(driver.record().slid.boot_ms == driver.now.boot_ms);  // sent in the future: now
}

TEST_CASE("a rejection reads the record again, then is written") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    CHECK(says(driver.rejected(), "Load"));
    CHECK(says(driver.loaded(*driver.stored), "Save e2 g5 rejected"));
}

// ---- notices ----

TEST_CASE("a notice is done when what it caused is over") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    CHECK_FALSE(says(driver.step(event::Foreground{1}), "Done"));
    CHECK(says(driver.loaded(*driver.stored), "Done d1 ok"));
    CHECK_FALSE(says(driver.step(event::StoreChanged{2}), "Done"));
    CHECK(says(driver.loaded(*driver.stored), "Done d2 ok"));
    CHECK(says(driver.step(event::ClockChanged{3}), "Done d3 ok"));
    CHECK(says(driver.step(event::Background{4}), "Done d4 ok"));
}

TEST_CASE("a notice that meets a conflict is done after the save that follows") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.advance(minute_ms);
    use(driver);
    driver.step(event::Background{1});
    CHECK(driver.saved(SaveOutcome::conflict) == "Load");
    CHECK_FALSE(says(driver.loaded(*driver.stored), "Done"));
    CHECK(says(driver.saved(), "Done d1 ok"));
}

TEST_CASE("why the store fails is published and told to the notice that met it, each time that it changes") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.step(event::Foreground{1});
    CHECK(driver.loaded(LoadOutcome::fault, {StoreCause::system, 13}) ==
          "Publish token g5 memory_only os=13; Done d1 store_failed os=13; Tell store store_failed; Arm +82200000");
    driver.step(event::Foreground{2});
    CHECK(driver.loaded(LoadOutcome::fault, {StoreCause::system, 5}) ==
          "Publish token g5 memory_only os=5; Done d2 store_failed os=5; Arm +82200000");
    driver.step(event::Foreground{3});
    CHECK(driver.loaded(LoadOutcome::fault, {StoreCause::system, 5}) == "Done d3 store_failed os=5; Arm +82200000");
}

TEST_CASE("why a token was lost is still known when its place is taken") {
    MachineDriver driver = machine_at(At::loading, one_process());
    CHECK(says(driver.loaded(LoadOutcome::lost, {StoreCause::damaged}), "Tell store"));
    driver.push("token-1");
    driver.settle();
    CHECK(driver.snapshot.store == StoreVerdict::persistent);
    CHECK(driver.snapshot.store_fault == StoreFault{StoreCause::damaged});
}

TEST_CASE("a store that does not answer in time is told from one that refuses") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.step(event::Foreground{1});
    CHECK(says(driver.run_for(store_call_limit_ms), "Tell store store_unavailable"));
    CHECK(driver.snapshot.store_fault == StoreFault{StoreCause::no_answer});
}

TEST_CASE("a notice that a broken store cannot serve says so") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.step(event::Foreground{1});
    CHECK(says(driver.loaded(LoadOutcome::fault), "Done d1 store_failed"));
    driver.step(event::Foreground{2});
    CHECK(says(driver.loaded(LoadOutcome::unavailable), "Done d2 store_unavailable"));
}
