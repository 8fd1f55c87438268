// One session in several processes, which share a folder and nothing else: who renews, who follows, who was killed, who
// was frozen. Real processes on a real folder; the fake Portal counts the tokens.
#include "process_world.hpp"

using namespace portal::test;

using Watch = ProcessWorld::Watch;

namespace {

bool is_token(const std::string& answer, const std::string& generation) { return answer.rfind("ok " + generation + " ", 0) == 0; }

}  // namespace

TEST_CASE("Two processes that need a token at once get the same one, by one request", "[processes]") {
    const Watch watch = GENERATE(Watch::yes, Watch::no);
    ProcessWorld world;
    const auto app = world.peer(watch);
    const auto extension = world.peer(watch);
    for (std::uint64_t round = 1; round <= 3; ++round) {
        INFO("round " << round);
        REQUIRE(app->ask("acquire") == "ok");
        REQUIRE(extension->ask("acquire") == "ok");
        // Who comes second looks after the other's claim: it looks again after 250 ms, doubling to 2 s.
        const auto all_ended = [&] { return app->ask("ended") == "yes" && extension->ask("ended") == "yes"; };
        for (int looks = 0; watch == Watch::no && looks < 40 && !all_ended(); ++looks) world.pass_with(250, *app, *extension);
        const std::string app_token = app->ask("acquired");
        const std::string extension_token = extension->ask("acquired");
        CHECK(is_token(app_token, "g" + std::to_string(round)));
        CHECK(app_token == extension_token);
        CHECK(world.mints() == round);
        CHECK(app->ask("request") == "ok 200");
        CHECK(extension->ask("request") == "ok 200");
        world.pass_with(25 * hour_ms, *app, *extension);  // both idle: the token expires
    }
    CHECK(world.server.counters().total.rejected == 0);
}

TEST_CASE("A process that is killed while it asks holds up nobody for longer than its claim", "[processes]") {
    ProcessWorld world;
    auto killed = world.peer();
    REQUIRE(killed->ask("provider hold") == "ok");
    REQUIRE(killed->ask("acquire") == "ok");
    REQUIRE(killed->ask("held") == "ok");  // the backend has made a token, and nobody else knows it
    const auto other = world.peer();
    REQUIRE(other->ask("acquire") == "ok");
    CHECK(other->ask("await elsewhere") == "none g0 e1 persistent elsewhere");
    killed->kill();

    world.pass_with(29 * second_ms, *other);
    CHECK(other->ask("status") == "none g0 e1 persistent elsewhere");
    world.pass_with(2 * second_ms, *other);
    CHECK(is_token(other->ask("acquired"), "g1"));
    CHECK(world.mints() == 2);
    CHECK(other->ask("asks") == "1");
}

TEST_CASE("A claim is void in another boot", "[processes]") {
    ProcessWorld world;
    auto killed = world.peer();
    REQUIRE(killed->ask("provider hold") == "ok");
    REQUIRE(killed->ask("acquire") == "ok");
    REQUIRE(killed->ask("held") == "ok");
    killed->kill();
    world.clock.reboot(10 * second_ms);  // well inside the claim's 30 s by wall time
    world.server.advance(10 * second_ms);

    const auto next = world.peer();
    CHECK(is_token(token_of(*next), "g1"));
    CHECK(world.mints() == 2);
}

TEST_CASE("A process that is frozen while it asks holds up nobody, and its late answer harms no newer token", "[processes]") {
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

TEST_CASE("A logout in one process is seen by the other at once", "[processes][logout]") {
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

TEST_CASE("A logout and a login in one process are seen by the other within 60 s of its use, where folders can't be watched",
          "[processes][logout]") {
    ProcessWorld world;
    const auto app = world.peer(Watch::no);
    const auto extension = world.peer(Watch::no);
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    REQUIRE(app->ask("clear") == "ok");

    world.pass_with(59 * second_ms, *extension);
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

TEST_CASE("A logout voids what another process is asking for", "[processes][logout]") {
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

TEST_CASE("A 401 in one process, where another has a newer token already, makes no further one", "[processes]") {
    ProcessWorld world(manual_clock(true));
    const auto app = world.peer(Watch::no);
    const auto extension = world.peer(Watch::no);
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    REQUIRE(app->ask("acquire force") == "ok");
    const std::string newer = app->ask("acquired");
    REQUIRE(is_token(newer, "g2"));

    CHECK(extension->ask("request") == "ok 200");  // the old token, a 401, the newer token
    CHECK(world.server.counters().total.rejected == 1);
    CHECK(extension->ask("try") == newer);
    CHECK(extension->ask("asks") == "0");
    CHECK(world.mints() == 2);
    CHECK(app->ask("try") == newer);
    CHECK(app->ask("request") == "ok 200");
}

TEST_CASE("Two opens of one name in one process behave as two processes do", "[processes]") {
    ProcessWorld world;
    const auto process = world.peer();
    REQUIRE(process->ask("open") == "ok");
    REQUIRE(process->ask("acquire") == "ok");
    REQUIRE(process->ask("use 0") == "ok");
    REQUIRE(process->ask("acquire") == "ok");
    const std::string token = process->ask("acquired");
    CHECK(is_token(token, "g1"));
    REQUIRE(process->ask("use 1") == "ok");
    CHECK(process->ask("acquired") == token);
    CHECK(world.mints() == 1);

    // The end of one is not the end of the other.
    CHECK(process->ask("close") == "ok");
    REQUIRE(process->ask("use 0") == "ok");
    CHECK(process->ask("request") == "ok 200");
    REQUIRE(process->ask("open") == "ok");
    REQUIRE(process->ask("await g1") == "fresh g1 e1 persistent idle");
    CHECK(process->ask("clear") == "ok");
    REQUIRE(process->ask("use 0") == "ok");
    CHECK(process->ask("await signed_out") == "signed_out g1 e2 persistent idle");
    CHECK(process->ask("close") == "ok");
    REQUIRE(process->ask("use 2") == "ok");
    CHECK(process->ask("close") == "ok");
}
