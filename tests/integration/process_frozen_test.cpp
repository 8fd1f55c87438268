// Processes that are frozen, as a phone freezes an app or its extension: while they ask, while they save, for a day.
#include "process_world.hpp"

using namespace portal::test;

using Watch = ProcessWorld::Watch;

TEST_CASE("A process that is frozen while it asks holds up nobody, and its late answer harms no newer token",
          "[processes]") {
    const Watch watch = GENERATE(Watch::yes, Watch::no);
    ProcessWorld world;
    const auto frozen = world.peer(watch);
    REQUIRE(frozen->ask("provider hold") == "ok");
    REQUIRE(frozen->ask("acquire") == "ok");
    REQUIRE(frozen->ask("held") == "ok");
    frozen->freeze();

    const auto other = world.peer(watch);
    REQUIRE(other->ask("acquire") == "ok");
    CHECK(other->ask("await elsewhere") == "none g0 e1 persistent elsewhere");
    world.pass_with(31 * second_ms, *other);
    const std::string newer = other->ask("acquired");
    CHECK(is_token(newer, "g1"));
    CHECK(world.mints() == 2);

    frozen->thaw();
    CHECK(frozen->ask("provider answer") == "ok");  // its own token, late
    CHECK(frozen->ask("acquired") == newer);
    CHECK(frozen->ask("notify store_changed") == "ok");
    CHECK(other->ask("notify store_changed") == "ok");
    CHECK(frozen->ask("try") == newer);
    CHECK(other->ask("try") == newer);
    CHECK(frozen->ask("request") == "ok 200");
    CHECK(world.mints() == 2);
    CHECK(is_token(token_of(*world.peer()), "g1"));
}

TEST_CASE("An extension that was frozen for a day goes on with what the app has kept alive", "[processes]") {
    const Watch watch = GENERATE(Watch::yes, Watch::no);
    ProcessWorld world;
    const auto app = world.peer(watch);
    const auto extension = world.peer(watch);
    REQUIRE(is_token(token_of(*app), "g1"));
    const std::string token = token_of(*extension);
    REQUIRE(is_token(token, "g1"));
    extension->freeze();
    for (int hours = 0; hours < 24; hours += 6) {
        world.pass_with(6 * hour_ms, *app);
        REQUIRE(app->ask("request") == "ok 200");
        REQUIRE(app->ask("notify background") == "ok");
    }
    extension->thaw();
    // Without a look at the store it can't know that the token lives: no read gives it, a wait does.
    const std::string read = extension->ask("try");
    CHECK((read == "no_token" || read == token));
    CHECK(token_of(*extension) == token);
    CHECK(extension->ask("request") == "ok 200");
    CHECK(world.mints() == 1);
}

TEST_CASE("An extension that was frozen while the app got a new token adopts it", "[processes]") {
    ProcessWorld world(manual_clock(true));  // a new token ends the older one
    const auto app = world.peer();
    const auto extension = world.peer();
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    extension->freeze();
    world.pass_with(26 * hour_ms, *app);
    const std::string newer = token_of(*app);
    REQUIRE(is_token(newer, "g2"));
    extension->thaw();
    CHECK(token_of(*extension) == newer);
    CHECK(extension->ask("request") == "ok 200");
    CHECK(world.mints() == 2);
    CHECK(world.server.counters().total.rejected == 0);
}

TEST_CASE("A process that is frozen inside a save costs the others a moment of trying, and no token", "[processes]") {
    ProcessWorld world;
    const auto app = world.peer();
    const std::string first = token_of(*app);
    REQUIRE(is_token(first, "g1"));
    REQUIRE(app->ask("quiet") == "ok");
    const auto frozen = world.frozen_saver();

    // Reads need no lock.
    CHECK(app->ask("try") == first);
    const auto extension = world.peer();
    CHECK(token_of(*extension) == first);
    // A new token is handed out all the same; what could not be saved is told of once, however often it is tried again.
    world.pass_with(25 * hour_ms, *app);
    const std::string newer = token_of(*app);
    CHECK(is_token(newer, "g2 e1 memory_only"));
    CHECK(app->ask("status") == "fresh g2 e1 locked idle");
    for (int tries = 0; tries < 3; ++tries) CHECK(app->ask("notify foreground") == "store_unavailable");
    CHECK(app->ask("status") == "fresh g2 e1 locked idle");
    CHECK(app->ask("events store") == "1");
    CHECK(app->ask("request") == "ok 200");

    frozen->thaw();
    CHECK(frozen->end() == 0);
    world.pass(30 * second_ms);
    CHECK(app->ask("await persistent") == "fresh g2 e1 persistent idle");
    CHECK(extension->ask("await g2") == "fresh g2 e1 persistent idle");
    CHECK(extension->ask("request") == "ok 200");
    CHECK(world.mints() == 2);
}

TEST_CASE("A logout while another process is frozen inside a save is remembered, and wins", "[processes]") {
    ProcessWorld world;
    auto app = world.peer();
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(app->ask("quiet") == "ok");
    const auto frozen = world.frozen_saver();
    CHECK(app->ask("clear") == "store_unavailable");
    CHECK(app->ask("try") == "no_token");
    app->kill();
    frozen->thaw();
    CHECK(frozen->end() == 0);  // it has put the old token back

    app = world.peer();
    CHECK(app->ask("await signed_out") == "signed_out g1 e2 persistent idle");
    CHECK(app->ask("try") == "no_token");
    CHECK(token_of(*app) == "sign_in_needed");
    CHECK(app->ask("push") == "ok");
    CHECK(app->ask("quiet") == "ok");
    CHECK(is_token(token_of(*world.peer()), "g2"));
}
