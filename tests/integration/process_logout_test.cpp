// A logout, and a login, in one process that shares its session with another.
#include "process_world.hpp"

using namespace portal::test;

using Watch = ProcessWorld::Watch;

TEST_CASE("A logout in one process is seen by the other at once", "[processes]") {
    ProcessWorld world;
    const auto app = world.peer();
    const auto extension = world.peer();
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    REQUIRE(app->ask("clear") == "ok");
    CHECK(extension->ask("await signed_out") == "signed_out g1 e2 persistent idle");
    CHECK(extension->ask("try") == "no_token");
    CHECK(token_of(*extension) == "sign_in_needed");
    // A push in either signs both in again.
    CHECK(extension->ask("push") == "ok");
    CHECK(app->ask("await g2") == "fresh g2 e2 persistent idle");
    CHECK(app->ask("request") == "ok 200");
    CHECK(world.mints() == 2);
}

TEST_CASE(
    "A logout and a login in one process are seen by the other within 5 s of its use, where folders can't be watched",
    "[processes]") {
    ProcessWorld world;
    const auto app = world.peer(Watch::no);
    const auto extension = world.peer(Watch::no);
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    REQUIRE(app->ask("clear") == "ok");

    world.pass_with(4 * second_ms, *extension);
    CHECK(is_token(extension->ask("try"), "g1"));
    world.pass_with(1 * second_ms, *extension);
    // This use is answered at once, and looks behind it.
    const bool reads = GENERATE(true, false);
    CHECK(is_token(reads ? extension->ask("try") : token_of(*extension), "g1"));
    CHECK(extension->ask("await signed_out") == "signed_out g1 e2 persistent idle");
    CHECK(extension->ask("try") == "no_token");
    CHECK(token_of(*extension) == "sign_in_needed");

    REQUIRE(app->ask("push") == "ok");
    REQUIRE(app->ask("await g2") == "fresh g2 e2 persistent idle");
    world.pass_with(60 * second_ms, *extension);
    CHECK((reads ? extension->ask("try") == "no_token" : token_of(*extension) == "sign_in_needed"));
    CHECK(extension->ask("await g2") == "fresh g2 e2 persistent idle");
    CHECK(extension->ask("request") == "ok 200");
    CHECK(world.mints() == 2);
}

TEST_CASE("A logout voids what another process is asking for", "[processes]") {
    ProcessWorld world;
    const auto asking = world.peer();
    REQUIRE(asking->ask("provider hold") == "ok");
    REQUIRE(asking->ask("acquire") == "ok");
    REQUIRE(asking->ask("held") == "ok");
    const auto other = world.peer();
    REQUIRE(other->ask("clear") == "ok");
    CHECK(asking->ask("acquired") == "cleared");
    CHECK(asking->ask("provider answer") == "ok");
    CHECK(asking->ask("notify store_changed") == "ok");
    CHECK(asking->ask("status") == "signed_out g0 e2 persistent idle");
    CHECK(other->ask("notify store_changed") == "ok");
    CHECK(other->ask("status") == "signed_out g0 e2 persistent idle");
}
