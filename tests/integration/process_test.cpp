// One session in several processes, which share a folder and nothing else: who renews, who follows, who was killed. Real
// processes on a real folder; the fake Portal counts the tokens.
#include <chrono>

#include "process_world.hpp"
#include "store/sealed_record.hpp"

using namespace portal::test;

using Watch = ProcessWorld::Watch;

TEST_CASE("Two processes that need a token at once get the same one, by one request", "[processes]") {
    const Watch watch = GENERATE(Watch::yes, Watch::no);
    ProcessWorld world;
    const auto app = world.peer(watch);
    const auto extension = world.peer(watch);
    for (std::uint64_t round = 1; round <= 3; ++round) {
        INFO("round " << round);
        REQUIRE(app->ask("acquire") == "ok");
        REQUIRE(extension->ask("acquire") == "ok");
        // Who asks gets its token without time going by. Who comes second looks after the other's claim: it looks again
        // after 250 ms, doubling to 2 s.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (app->ask("ended") != "yes" && extension->ask("ended") != "yes" && std::chrono::steady_clock::now() < deadline) {
        }
        const auto all_ended = [&] { return app->ask("ended") == "yes" && extension->ask("ended") == "yes"; };
        for (int looks = 0; watch == Watch::no && looks < 40 && !all_ended(); ++looks)
            world.pass_with(250, *app, *extension);
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

TEST_CASE("A process that is killed while it asks holds up nobody: its claim dies with it", "[processes]") {
    ProcessWorld world;
    auto killed = world.peer();
    REQUIRE(killed->ask("provider hold") == "ok");
    REQUIRE(killed->ask("acquire") == "ok");
    REQUIRE(killed->ask("held") == "ok");  // the backend has made a token, and nobody else knows it
    const auto other = world.peer();
    REQUIRE(other->ask("acquire") == "ok");
    CHECK(other->ask("await elsewhere") == "none g0 e1 persistent elsewhere");
    killed->kill();

    world.pass_with(2 * second_ms, *other);  // the longest pause between two looks
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

TEST_CASE("A provider that fails in one process is left alone by the other, too", "[processes]") {
    const Watch watch = GENERATE(Watch::yes, Watch::no);
    ProcessWorld world;
    const auto app = world.peer(watch);
    const auto extension = world.peer(watch);
    REQUIRE(app->ask("provider fail") == "ok");
    CHECK(token_of(*app) == "provider_failed");
    CHECK(app->ask("quiet") == "ok");
    if (watch == Watch::yes) CHECK(token_of(*extension) == "provider_failed");
    if (watch == Watch::no) CHECK(extension->ask("notify store_changed") == "ok");
    CHECK(extension->ask("await backing_off") == "none g0 e1 persistent backing_off");
    CHECK(token_of(*extension) == "provider_failed");
    CHECK(extension->ask("asks") == "0");

    world.pass_with(8 * second_ms, *app, *extension);  // Retry-After was 5 s, and up to a quarter more
    CHECK(is_token(token_of(*extension), "g1"));
    CHECK(app->ask("asks") == "1");
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
    CHECK(process->ask("threads portal-watch") == "1");
    REQUIRE(process->ask("use 2") == "ok");
    CHECK(process->ask("close") == "ok");
    for (const char* thread : {"portal-watch", "portal-store", "portal-worker"})
        CHECK(process->ask(std::string("ended_thread ") + thread) == "ok");
}

TEST_CASE("Two processes in use do not write for each request, nor for what the other has written", "[processes]") {
    ProcessWorld world;
    const auto app = world.peer();
    const auto extension = world.peer();
    REQUIRE(is_token(token_of(*app), "g1"));
    REQUIRE(is_token(token_of(*extension), "g1"));
    const auto saves = [&, record = std::string("37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f")] {
        for (Peer* peer : {app.get(), extension.get(), app.get()}) CHECK(peer->ask("quiet") == "ok");
        return portal::version_of(file_bytes(world.store + "/" + record), 0).revision;
    };
    const std::uint64_t before = saves();
    for (int minute = 1; minute <= 10; ++minute) {
        world.pass_with(minute_ms, *app, *extension);
        CHECK(app->ask("request") == "ok 200");
        CHECK(extension->ask("request") == "ok 200");
    }
    CHECK(saves() == before);
    REQUIRE(app->ask("notify background") == "ok");  // writes the last slide
    CHECK(saves() == before + 1);
    world.pass_with(6 * minute_ms, *app, *extension);
    CHECK(extension->ask("request") == "ok 200");  // 16 minutes after its last look at a record without this slide
    CHECK(saves() <= before + 2);
}
