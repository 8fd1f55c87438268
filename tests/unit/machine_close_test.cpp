// Close, wherever the session stands: everybody is answered, the last slide is written, and it ends.
#include "support/catch.hpp"
#include "support/machine_states.hpp"

using namespace portal;
using namespace portal::test;

namespace {

using Running = MachineDriver::Running;

bool says(const std::string& effects, const std::string& what) { return effects.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a session that is closed ends wherever it stood, once its store has answered") {
    for (const auto make : {machine_at, renewing_at}) {
        for (int at = 0; at <= static_cast<int>(At::signed_out); ++at) {
            INFO(at);
            MachineDriver driver = make(static_cast<At>(at), machine_config());
            std::string effects = driver.step(event::Closed{});
            effects += driver.settle();
            CHECK(driver.ended());
            CHECK(effects.substr(effects.size() - 5) == "Ended");
        }
    }
}

TEST_CASE("a session that is closed ends although its store never answers") {
    for (const auto make : {machine_at, renewing_at}) {
        for (int at = 0; at <= static_cast<int>(At::signed_out); ++at) {
            INFO(at);
            MachineDriver driver = make(static_cast<At>(at), machine_config());
            driver.step(event::Closed{});
            driver.run_for(30 * second_ms);
            CHECK(driver.ended());
        }
    }
}

TEST_CASE("close answers every waiter and withdraws the request") {
    MachineDriver driver = machine_at(At::none);
    driver.acquire();
    driver.acquire();
    driver.settle();
    const std::string effects = driver.step(event::Closed{});
    CHECK(says(effects, "Withdraw r1"));
    CHECK(says(effects, "Complete w1 closed"));
    CHECK(says(effects, "Complete w2 closed"));
    CHECK(driver.fulfil("late").empty());
    CHECK(says(driver.settle(), "Ended"));
    CHECK(driver.stored->claim.owner == 0);
}

TEST_CASE("who comes between close and its end is told so") {
    MachineDriver driver = machine_at(At::fresh);
    driver.advance(minute_ms);
    driver.accepted();
    driver.step(event::Closed{});
    REQUIRE(driver.running == Running::save);
    CHECK(says(driver.acquire(), "Complete w1 closed"));
    driver.step(event::Foreground{3});
    driver.push("late");
    const std::string effects = driver.settle();
    CHECK(says(effects, "Done d3"));
    CHECK(says(effects, "Ended"));
    CHECK(driver.stored->token->reveal() == "stored-token");
}

TEST_CASE("nothing happens after the end") {
    MachineDriver driver = machine_at(At::fresh);
    driver.step(event::Closed{});
    REQUIRE(driver.ended());
    CHECK(driver.acquire().empty());
    CHECK(driver.step(event::Timer{}).empty());
    CHECK(driver.step(event::Closed{}).empty());
}

TEST_CASE("a clear that close follows is on disk before the end") {
    MachineDriver driver = machine_at(At::fresh);
    driver.clear(4);
    driver.step(event::Closed{});
    CHECK_FALSE(driver.ended());
    const std::string effects = driver.settle();
    CHECK(says(effects, "Done d4 ok"));
    CHECK(says(effects, "Ended"));
    CHECK(driver.stored->state == TokenState::signed_out);
}

TEST_CASE("a clear while loading that close follows is on disk before the end") {
    MachineDriver driver = machine_at(At::loading);
    driver.stored = live_record(driver.now, 0, 0);
    driver.clear(4);
    driver.step(event::Closed{});
    CHECK(says(driver.settle(), "Done d4 ok"));
    CHECK(driver.ended());
    CHECK(driver.stored->state == TokenState::signed_out);
}

TEST_CASE("a token that waits for the store when close comes is kept for the next run") {
    MachineDriver driver = machine_at(At::none);
    driver.acquire();
    driver.settle();
    driver.fulfil("token-1");
    CHECK(says(driver.step(event::Closed{}), "Complete w1 closed"));
    CHECK(says(driver.settle(), "Ended"));
    CHECK(driver.stored->token->reveal() == "token-1");
}
