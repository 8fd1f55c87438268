// Who waits for a token: single flight, deadlines, cancel, newer_than, force, frozen processes.
#include <limits>

#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

// Nothing is stored, so that each step shows the renewal alone.
MachineConfig memory_only() {
    MachineConfig config = machine_config();
    config.has_store = false;
    return config;
}

MachineDriver opened(const MachineConfig& config = memory_only()) {
    MachineDriver driver(config);
    driver.step(event::Opened{});
    return driver;
}

MachineDriver with_token() {
    MachineDriver driver = opened();
    driver.push("token-1");
    return driver;
}

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("however many wait, one token request serves them all") {
    MachineDriver driver = opened();
    CHECK(says(driver.acquire(), "Ask r1 first attempt=1"));
    for (int i = 0; i < 99; ++i) CHECK_FALSE(says(driver.acquire(), "Ask"));
    const std::string effects = driver.fulfil("token-1");
    for (int i = 1; i <= 100; ++i) CHECK(says(effects, "Complete w" + std::to_string(i) + " ok g1"));
    CHECK(driver.asks == 1);
}

TEST_CASE("a failure too is shared by all who waited for it") {
    MachineDriver driver = opened();
    driver.acquire();
    driver.acquire();
    const std::string effects = driver.fail();
    CHECK(says(effects, "Complete w1 provider_failed"));
    CHECK(says(effects, "Complete w2 provider_failed"));
}

TEST_CASE("each waiter has a deadline of its own") {
    MachineDriver driver = opened();
    driver.acquire(20 * second_ms);
    driver.acquire(10 * second_ms);
    CHECK_FALSE(says(driver.run_for(10 * second_ms - 1), "Complete"));
    CHECK(says(driver.run_for(1), "Complete w2 timeout"));
    CHECK(says(driver.run_for(10 * second_ms), "Complete w1 timeout"));
    CHECK(says(driver.fulfil("token-1"), "Publish token g1"));  // what they waited for is welcome all the same
}

TEST_CASE("cancelling one waiter never cancels the others, nor the request") {
    MachineDriver driver = opened();
    driver.acquire();
    driver.acquire();
    const std::string cancelled = driver.step(event::Cancel{1});
    CHECK(says(cancelled, "Complete w1 cancelled"));
    CHECK_FALSE(says(cancelled, "w2"));
    CHECK_FALSE(says(cancelled, "Withdraw"));
    CHECK(driver.step(event::Cancel{1}).empty());
    const std::string effects = driver.fulfil("token-1");
    CHECK(says(effects, "Complete w2 ok g1"));
    CHECK_FALSE(says(effects, "w1"));
}

TEST_CASE("the last waiter's cancel leaves the request running, and its token is kept") {
    MachineDriver driver = opened();
    driver.acquire();
    driver.step(event::Cancel{1});
    CHECK(says(driver.fulfil("token-1"), "Publish token g1"));
    CHECK(says(driver.acquire(), "Complete w2 ok g1"));
}

TEST_CASE("a waiter is told the time to the nearer of the token's two deadlines") {
    const auto told_left_ms = [](At at) {
        MachineDriver driver = machine_at(at);
        driver.acquire();
        for (const Effect& effect : driver.effects())
            if (const auto* complete = std::get_if<effect::Complete>(&effect)) return complete->left_ms;
        return std::int64_t{-1};
    };
    CHECK(told_left_ms(At::fresh) == day_ms - hour_ms);   // idle
    CHECK(told_left_ms(At::expiring) == 10 * minute_ms);  // absolute
}

TEST_CASE("who failed with a generation is served by any newer one without another request") {
    MachineDriver driver = with_token();
    driver.push("token-2");
    CHECK(says(driver.step(event::Acquire{7, 1'000, 1}), "Complete w7 ok g2"));
    CHECK(driver.asks == 0);
    CHECK(says(driver.step(event::Acquire{8, 1'000, 2}), "Ask r1 rejected"));
    CHECK(says(driver.fulfil("token-3"), "Complete w8 ok g3"));
}

TEST_CASE("a forced renewal is served by a request made after it alone: one more follows, shared by all who forced") {
    MachineDriver driver = opened();
    driver.acquire();  // w1 waits for r1
    driver.force();
    driver.force();
    const std::string first = driver.fulfil("token-1");
    CHECK(says(first, "Complete w1 ok g1"));
    CHECK_FALSE(says(first, "Complete w2"));
    CHECK(says(first, "Ask r2 forced"));
    driver.force();  // w4 came while r2 ran
    const std::string second = driver.fulfil("token-2");
    CHECK(says(second, "Complete w2 ok g2"));
    CHECK(says(second, "Complete w3 ok g2"));
    CHECK_FALSE(says(second, "Complete w4"));
    CHECK_FALSE(says(second, "Ask"));
    driver.force();  // w5 shares the next one, which comes ten seconds after the last
    CHECK_FALSE(says(driver.run_for(force_every_ms - 1), "Ask"));
    CHECK(says(driver.run_for(1), "Ask r3 forced"));
    const std::string third = driver.fulfil("token-3");
    CHECK(says(third, "Complete w4 ok g3"));
    CHECK(says(third, "Complete w5 ok g3"));
    CHECK(driver.asks == 3);
}

TEST_CASE("a forced wait that would end before the next forced request may be made fails at once") {
    MachineDriver driver = opened();
    driver.force();
    driver.fulfil("token-1");
    driver.run_for(4 * second_ms);
    CHECK(says(driver.force(5 * second_ms), "Complete w2 provider_failed after=6000"));
    CHECK(driver.asks == 1);
}

TEST_CASE("a generation that nobody has handed out costs one token request, not one after the other") {
    for (const std::uint64_t newer_than : {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 40}) {
        MachineDriver driver = opened();
        driver.push("token-1");
        CHECK(says(driver.step(event::Acquire{1, minute_ms, newer_than}), "Ask r1"));
        CHECK(says(driver.fulfil("token-2"), "Complete w1 ok g2"));
        driver.run_for(hour_ms);
        CHECK(driver.asks == 1);
    }
}

TEST_CASE("a failure of the request before it does not end a forced wait") {
    MachineDriver driver = opened();
    driver.acquire();
    driver.force();
    const std::string effects = driver.fail();
    CHECK(says(effects, "Complete w1 provider_failed"));
    CHECK_FALSE(says(effects, "Complete w2"));
    CHECK(says(effects, "Ask r2 first attempt=2"));  // force skips our own back-off
}

TEST_CASE("a push serves all waiters but the forced, and the running request's answer is dropped") {
    MachineDriver driver = opened();
    driver.acquire();
    CHECK(says(driver.push("pushed"), "Complete w1 ok g1"));
    CHECK(driver.fulfil("late").empty());

    driver.force();
    CHECK_FALSE(says(driver.push("pushed-again"), "Complete"));
    CHECK(says(driver.fulfil("forced"), "Complete w2 ok g3"));
}

TEST_CASE("force skips our own back-off, at most once in ten seconds") {
    MachineDriver driver = opened();
    const auto left_ms = [&] { return driver.record().backoff.not_before_boot_ms - driver.now.boot_ms; };
    driver.acquire();
    driver.fail(false);
    while (left_ms() < 20 * second_ms) {  // until the back-offs last
        driver.run_for(left_ms());
        driver.acquire();
        driver.fail(false);
    }
    CHECK(says(driver.force(), "Ask"));
    driver.fail(false);
    REQUIRE(left_ms() > 10 * second_ms);
    driver.run_for(10 * second_ms - 1);
    CHECK_FALSE(says(driver.force(), "Ask"));
    CHECK(says(driver.run_for(1), "Ask"));
}

TEST_CASE("force never skips a Retry-After") {
    MachineDriver driver = opened();
    driver.acquire();
    driver.fail(true, 10 * minute_ms);
    driver.run_for(10 * minute_ms - 1);
    const std::string effects = driver.force();
    CHECK(says(effects, "Complete w2 provider_failed after="));
    CHECK_FALSE(says(effects, "Ask"));
}

TEST_CASE("a frozen process gives its waiters and its request five seconds more, once") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    CHECK_FALSE(says(driver.fire_timer(2'001), "Complete"));  // due at 10 s, and fired more than 2 s late
    CHECK_FALSE(says(driver.run_for(4'999), "Complete"));
    CHECK(says(driver.run_for(1), "Complete w1 timeout"));
}

TEST_CASE("the second freeze gives nothing more") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    driver.fire_timer(3'000);
    CHECK(says(driver.fire_timer(3'000), "Complete w1 timeout"));
}

TEST_CASE("a timer up to two seconds late is a busy machine, not a freeze") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    CHECK(says(driver.fire_timer(2'000), "Complete w1 timeout"));
}

TEST_CASE("a freeze gives the token request five seconds more too") {
    MachineDriver driver = opened();
    driver.acquire(minute_ms);
    CHECK_FALSE(says(driver.fire_timer(2'001), "Complete"));  // the request's limit, 30 s
    CHECK(says(driver.fulfil("token-1"), "Complete w1 ok g1"));
}

TEST_CASE("a freeze that ends before a deadline is near takes nothing from it") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    driver.acquire(20 * second_ms);
    driver.fire_timer(2'001);  // w1 gets its grace, w2 needs none
    CHECK(says(driver.fire_timer(), "Complete w1 timeout"));
    CHECK_FALSE(says(driver.fire_timer(2'001), "Complete w2"));  // now w2 is due, and gets its own
    CHECK(says(driver.run_for(5'000), "Complete w2 timeout"));
}

TEST_CASE("a jump of the clock that is announced is no freeze") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    driver.advance(hour_ms);
    CHECK(says(driver.step(event::ClockChanged{1}), "Complete w1 "));
}

TEST_CASE("queued events come before timers: an answer that came during the freeze serves who is overdue") {
    MachineDriver driver = opened();
    driver.acquire(10 * second_ms);
    driver.advance(hour_ms);
    CHECK(says(driver.fulfil("token-1"), "Complete w1 ok g1"));
}

TEST_CASE("without a provider a session without a token says so at once") {
    MachineConfig config = memory_only();
    config.has_provider = false;
    MachineDriver driver = opened(config);
    CHECK(says(driver.acquire(), "Complete w1 no_provider"));
    driver.push("token-1");
    CHECK(says(driver.acquire(), "Complete w2 ok g1"));
}

TEST_CASE("without a provider too a waiter waits for the record that is being read, or locked, and gets what is in it") {
    const bool is_locked = GENERATE(false, true);
    const bool without_store = GENERATE(false, true);
    CAPTURE(is_locked, without_store);
    MachineConfig config = machine_config();
    config.has_provider = false;
    MachineDriver driver = machine_at(is_locked ? At::locked : At::loading, config);
    const std::string effects = driver.step(event::Acquire{7, minute_ms, 0, false, without_store});
    if (is_locked && without_store) {
        CHECK(says(effects, "Complete w7 no_provider"));
        return;
    }
    CHECK_FALSE(says(effects, "Complete"));
    if (is_locked) driver.step(event::StoreChanged{});
    CHECK(says(driver.loaded(live_record(driver.now, hour_ms, day_ms)), "Complete w7 ok"));
}

TEST_CASE("who is held back by a failure of before is told so; who shared in a failure is not") {
    const auto is_held_back = [](const MachineDriver& driver) {
        for (const Effect& effect : driver.effects())
            if (const auto* complete = std::get_if<effect::Complete>(&effect)) return complete->held_back;
        return false;
    };
    MachineDriver driver = opened();
    driver.acquire();
    CHECK(says(driver.fail(true, 10 * minute_ms), "Complete w1 provider_failed"));
    CHECK_FALSE(is_held_back(driver));
    CHECK(says(driver.acquire(), "Complete w2 provider_failed after="));
    CHECK(is_held_back(driver));
}

TEST_CASE("a signed out session tells waiters to sign in, at once, until it is forced or pushed to") {
    MachineDriver driver = with_token();
    driver.clear();
    CHECK(says(driver.acquire(), "Complete w1 sign_in_needed"));
    CHECK(driver.step(event::Prepare{}).empty());
    CHECK(driver.asks == 0);
    CHECK(says(driver.force(), "Ask r1 forced"));
    CHECK(says(driver.fulfil("token-2"), "Complete w2 ok g2"));

    driver.clear();
    driver.push("token-3");
    CHECK(says(driver.acquire(), "Complete w3 ok g3"));
}
