// Asking for tokens and taking them: what counts as an answer, back-off, the rejection bucket, overdue tokens, decline.
#include <set>
#include <sstream>
#include <string>

#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

MachineConfig one_process() {
    MachineConfig config = machine_config();
    config.shared_store = false;  // no claims: the provider is asked at once
    return config;
}

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

}  // namespace

// ---- what an answer may be ----

TEST_CASE("a late answer is adopted if nothing newer was") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    CHECK(says(driver.live_for(30 * second_ms), "Complete w1 provider_failed"));
    driver.step(event::Fulfilled{1, offer_of("late")});
    CHECK(says(driver.settle(), "Publish token g1"));
}

TEST_CASE("the next need after a limit waits for the same request once more, and its late answer serves it") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire(10 * minute_ms);
    driver.live_for(40 * second_ms);  // r1 has outlived its limit; the retry joins it
    REQUIRE(driver.request == 1);
    driver.acquire();
    driver.step(event::Fulfilled{1, offer_of("late")});
    CHECK(says(driver.settle(), "Complete w2 ok g1"));
    CHECK(driver.asks == 1);
}

TEST_CASE("a provider that never answers is asked one thing at a time, and each ask is withdrawn before the next") {
    MachineDriver driver = machine_at(At::none, one_process());
    std::set<std::string> open;
    const auto follow = [&](const std::string& effects) {
        std::istringstream words(effects);
        for (std::string word, request; words >> word;) {
            if (word != "Ask" && word != "Withdraw") continue;
            words >> request;
            request = request.substr(0, request.find(';'));
            if (word == "Ask")
                open.insert(request);
            else
                open.erase(request);
            REQUIRE(open.size() <= 1);
        }
    };
    for (int second = 0; second < 12 * 60; ++second) {
        follow(driver.acquire());
        follow(driver.live_for(second_ms));
    }
    CHECK(driver.asks > 3);
    follow(driver.step(event::Closed{}));
    CHECK(open.empty());
}

TEST_CASE("a late answer is dropped once there is a newer token") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.live_for(30 * second_ms);
    driver.push("pushed");
    driver.settle();
    driver.step(event::Fulfilled{1, offer_of("late")});
    CHECK(driver.record().generation == 1);
    CHECK(driver.record().token->reveal() == "pushed");
}

TEST_CASE("an answer is taken once, and one to no request is nothing") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fulfil("token-1");
    driver.settle();
    CHECK(driver.fulfil("token-2").empty());
    CHECK(driver.fail().empty());
    CHECK(driver.decline().empty());
    CHECK(driver.step(event::Fulfilled{77, offer_of("token-3")}).empty());
    CHECK(driver.record().generation == 1);
}

TEST_CASE("an answer to a request from before a clear is dropped, and the provider was told to stop") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    CHECK(says(driver.step_and_settle(event::Cleared{1}), "Withdraw r1"));
    CHECK(driver.fulfil("old").empty());
    CHECK(driver.record().token == nullptr);
}

TEST_CASE("a late request too is withdrawn by a clear") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.live_for(30 * second_ms);
    CHECK(says(driver.clear(), "Withdraw r1"));
    driver.settle();
    CHECK(driver.step(event::Fulfilled{1, offer_of("late")}).empty());
    CHECK(driver.record().token == nullptr);
}

TEST_CASE("issued is the instant of the request less the age, and counts as the first slide") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    const std::int64_t asked_ms = driver.now.boot_ms;
    driver.live_for(20 * second_ms);
    driver.fulfil("token-1", hour_ms);
    CHECK(driver.record().issued.boot_ms == asked_ms - hour_ms);
    CHECK(driver.record().slid == driver.record().issued);
}

TEST_CASE("an age that leaves less than the margin is too old, a failure") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    CHECK(says(driver.fulfil("token-1", day_ms - minute_ms), "Complete w1 token_too_old"));
    driver.live_for(5 * minute_ms);
    driver.acquire();
    driver.fulfil("token-1", day_ms - minute_ms - 1);
    CHECK(says(driver.settle(), "Complete w2 ok g1"));
}

TEST_CASE("the same token again is a failure where it is the reason for the renewal, and no new generation") {
    for (const At at : {At::expired, At::rejected}) {
        MachineDriver driver = machine_at(at, one_process());
        driver.acquire();
        CHECK(says(driver.fulfil("stored-token"), "Complete w1 repeated_token"));
        CHECK(driver.record().generation == stored_generation);
    }
    MachineDriver overdue = machine_at(At::overdue, one_process());
    overdue.acquire();
    const std::string effects = overdue.fulfil("stored-token");
    CHECK(says(effects, "Complete w1 ok g5 overdue"));
    CHECK(says(effects, "Tell renewal_failed repeated_token"));
}

TEST_CASE("the same token again is a success that changes nothing where it is still good") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    const Anchor issued = driver.record().issued;
    driver.force();
    driver.live_for(1'000);
    CHECK(says(driver.fulfil("stored-token"), "Complete w1 ok g5"));
    CHECK(driver.record().issued == issued);
    CHECK(driver.record().generation == stored_generation);
    CHECK(says(driver.acquire(), "Complete w2 ok g5"));
}

TEST_CASE("a backend that repeats the token in the lead is not asked at each read") {
    MachineDriver driver = machine_at(At::expiring, one_process());
    driver.acquire();
    REQUIRE(driver.asks == 1);
    CHECK(says(driver.fulfil("stored-token"), "Tell renewal_failed repeated_token"));
    CHECK(says(driver.acquire(), "Complete w2 ok g5"));
    driver.step(event::Prepare{});
    CHECK(driver.asks == 1);
}

TEST_CASE("a token of another client is a mismatch; the first that names one binds the session until clear") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.push("token-1");
    driver.settle();
    driver.step_and_settle(event::Pushed{offer_of("token-2", "alice")});
    CHECK(driver.record().client_id == "alice");
    CHECK(says(driver.step(event::Pushed{offer_of("token-3", "bob")}), "Tell renewal_failed client_mismatch"));
    CHECK(driver.record().token->reveal() == "token-2");
    driver.step_and_settle(event::Pushed{offer_of("token-4")});  // one that names none is taken
    CHECK(driver.record().client_id == "alice");

    driver.force();
    CHECK(says(driver.fulfil("token-5", 0, "bob"), "client_mismatch"));

    driver.step_and_settle(event::Cleared{0});
    driver.step_and_settle(event::Pushed{offer_of("token-6", "bob")});
    CHECK(driver.record().client_id == "bob");
}

TEST_CASE("a push that fails leaves the token that was there to be read again") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    const std::string effects = driver.push("too-old", day_ms);
    CHECK(says(effects, "Publish token g5"));
    CHECK(says(effects, "Tell renewal_failed token_too_old"));
}

// ---- failures ----

TEST_CASE("inside the back-off waiters get an error with the time to wait, at once, and nobody is asked") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fail(false, 100 * second_ms);
    driver.settle();
    const std::int64_t left_ms = driver.record().backoff.not_before_boot_ms - driver.now.boot_ms;
    CHECK(left_ms >= 100 * second_ms);
    driver.live_for(1'000);
    CHECK(says(driver.acquire(), "Complete w2 provider_failed after=" + std::to_string(left_ms - 1'000)));
    CHECK(driver.asks == 1);
}

TEST_CASE("a retryable failure asks again by itself once the back-off is over") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fail(true, 100 * second_ms);
    driver.settle();
    driver.live_for(100 * second_ms - 1);
    CHECK(driver.asks == 1);
    driver.live_for(26 * second_ms);
    CHECK(driver.asks == 2);
}

TEST_CASE("a failure that is not retryable is not retried before somebody comes after the back-off") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fail(false, 100 * second_ms);
    driver.settle();
    driver.acquire();  // inside the back-off: no reason to ask later
    driver.live_for(hour_ms);
    CHECK(driver.asks == 1);
    CHECK(says(driver.acquire(), "Ask r2 first attempt=2"));
}

TEST_CASE("the same holds for reads in the lead") {
    MachineDriver driver = machine_at(At::expiring, one_process());
    driver.acquire();
    driver.fail(false, 100 * second_ms);
    driver.settle();
    driver.step(event::Prepare{});
    driver.live_for(200 * second_ms);
    CHECK(driver.asks == 1);
    driver.step(event::Prepare{});
    CHECK(driver.asks == 2);
}

TEST_CASE("a fresh token goes on being handed out when a renewal failed") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.force();
    CHECK(says(driver.fail(), "Complete w1 provider_failed"));
    CHECK(says(driver.acquire(), "Complete w2 ok g5"));
}

TEST_CASE("a new token ends the back-off and the count of failures") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    driver.fail();
    driver.settle();
    driver.push("token-1");
    CHECK(driver.record().backoff.failures_in_a_row == 0);
    driver.settle();
    CHECK(driver.snapshot.renewal == Renewal::idle);
}

// ---- the bucket ----

TEST_CASE("rejected tokens cost at most three requests, and one more each ten minutes; forcing does not help") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    int tokens = 0;
    const auto reject_and_ask = [&](bool force) {
        driver.rejected();
        driver.settle();
        const std::uint64_t asks = driver.asks;
        const std::string effects = force ? driver.force() : driver.acquire();
        if (driver.asks == asks) return effects;
        driver.settle();
        driver.fulfil("token-" + std::to_string(++tokens));
        return driver.settle();
    };
    for (int i = 0; i < 3; ++i) CHECK(says(reject_and_ask(false), " ok g"));
    CHECK(says(reject_and_ask(false), "Complete w4 refused after=600000"));
    CHECK(says(driver.force(), "Complete w5 refused after=600000"));
    driver.live_for(10 * minute_ms - 1);
    CHECK(says(driver.acquire(), "Complete w6 refused after=1"));
    driver.live_for(1);
    CHECK(says(reject_and_ask(true), "Complete w7 ok g"));
    CHECK(says(reject_and_ask(false), "Complete w8 refused after=600000"));
    CHECK(driver.asks == 4);
}

TEST_CASE("a 401 while a request runs joins it") {
    MachineDriver driver = machine_at(At::expiring, one_process());
    driver.acquire();
    driver.rejected();
    driver.settle();
    driver.acquire();
    CHECK(driver.asks == 1);
    driver.fulfil("token-2");
    CHECK(says(driver.settle(), "Complete w2 ok g6"));
}

TEST_CASE("a 401 to an old generation or an old epoch rejects nothing") {
    MachineDriver driver = machine_at(At::fresh, one_process());
    driver.push("token-2");
    driver.settle();
    CHECK_FALSE(says(driver.step(event::Rejected{stored_epoch, stored_generation}), "rejected"));
    CHECK_FALSE(says(driver.step(event::Rejected{stored_epoch - 1, stored_generation + 1}), "rejected"));
    CHECK(driver.record().state == TokenState::live);
    CHECK(says(driver.step(event::Rejected{stored_epoch, stored_generation + 1}), "Tell rejected"));
}

// ---- overdue ----

TEST_CASE("an overdue token is handed out, flagged, at the first failure and while the back-off lasts") {
    MachineDriver driver = machine_at(At::overdue, one_process());
    CHECK_FALSE(says(driver.acquire(), "Complete"));
    CHECK(driver.snapshot.overdue_until_boot_ms <= driver.now.boot_ms);
    CHECK(says(driver.fail(false, minute_ms), "Complete w1 ok g5 overdue"));
    driver.settle();
    CHECK(says(driver.acquire(), "Complete w2 ok g5 overdue"));
    CHECK(driver.snapshot.overdue_until_boot_ms == driver.record().backoff.not_before_boot_ms);
    driver.live_for(76 * second_ms);
    CHECK(says(driver.acquire(), "Ask r2 absolute"));
}

TEST_CASE("an overdue token is handed out at the request's limit") {
    MachineDriver driver = machine_at(At::overdue, one_process());
    driver.acquire();
    CHECK(says(driver.live_for(30 * second_ms), "Complete w1 ok g5 overdue"));
}

TEST_CASE("an overdue token is handed out at the waiter's own deadline") {
    MachineDriver driver = machine_at(At::overdue, one_process());
    driver.acquire(second_ms);
    CHECK(says(driver.live_for(second_ms), "Complete w1 ok g5 overdue"));
}

TEST_CASE("an overdue token is not handed out where the provider declined") {
    MachineDriver driver = machine_at(At::overdue, one_process());
    driver.acquire();
    CHECK(says(driver.decline(), "Complete w1 sign_in_needed"));
    CHECK(says(driver.acquire(), "Complete w2 sign_in_needed"));
}

TEST_CASE("a 2xx on a token whose clock was untrusted makes an anchor to count on") {
    MachineDriver driver(one_process());
    driver.now = {hour_ms, 1'700'000'000'000, 8};
    driver.step(event::Opened{});
    Record record =
        live_record({day_ms, driver.now.unix_ms + day_ms, 7}, 0, hour_ms);  // from the future of a date set back
    driver.stored = record;
    driver.loaded(record);
    CHECK(driver.told_state == State::overdue);
    CHECK(driver.told_reason == Reason::clock_untrusted);
    CHECK(says(driver.acquire(), "Ask r1 clock_untrusted"));
    CHECK(says(driver.fail(false, minute_ms), "Complete w1 ok g5 overdue"));
    driver.settle();
    driver.accepted();
    driver.settle();
    CHECK(driver.told_state == State::fresh);
    CHECK(driver.record().slid == anchor_at(driver.now));
    CHECK(driver.record().issued.boot_ms == driver.now.boot_ms - hour_ms - day_ms);
}

// ---- decline ----

TEST_CASE("after a decline nobody is asked until a push, a forced renewal or a new process") {
    MachineDriver driver = machine_at(At::none, one_process());
    driver.acquire();
    CHECK(says(driver.decline(), "Complete w1 sign_in_needed"));
    driver.settle();
    CHECK(says(driver.acquire(), "Complete w2 sign_in_needed"));
    driver.step(event::Prepare{});
    driver.live_for(day_ms);
    CHECK(driver.asks == 1);
    CHECK(says(driver.force(), "Ask r2"));
    driver.decline();
    driver.settle();
    driver.push("token-1");
    driver.settle();
    CHECK(says(driver.acquire(), "Complete w4 ok g1"));
    driver.live_for(day_ms);
    CHECK(says(driver.acquire(), "Ask r3 idle"));
}

TEST_CASE("a token that is still good is handed out after a decline until it ends") {
    MachineDriver driver = machine_at(At::expiring, one_process());
    driver.acquire();
    driver.decline();
    driver.settle();
    CHECK(says(driver.acquire(), "Complete w2 ok g5"));
    driver.live_for(10 * minute_ms);
    REQUIRE(driver.told_state == State::overdue);
    CHECK(says(driver.acquire(), "Complete w3 sign_in_needed"));
    CHECK(driver.asks == 1);
}

TEST_CASE("prepare starts a renewal that is due, and none that is not") {
    for (const At at : {At::fresh, At::signed_out}) {
        MachineDriver driver = machine_at(at, one_process());
        driver.step(event::Prepare{});
        CHECK(driver.asks == 0);
    }
    for (const At at : {At::none, At::expiring, At::overdue, At::expired, At::rejected}) {
        MachineDriver driver = machine_at(at, one_process());
        driver.step(event::Prepare{});
        CHECK(driver.asks == 1);
    }
}

TEST_CASE("prepare while the record is being read waits for it") {
    MachineDriver driver = machine_at(At::loading, one_process());
    driver.step(event::Prepare{});
    CHECK(driver.asks == 0);
    driver.loaded(LoadOutcome::absent);
    CHECK(driver.asks == 1);
}
