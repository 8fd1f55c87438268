// watch, the provider URL, and the word that is said of whatever takes longer than a second.
#include <atomic>
#include <sstream>
#include <thread>

#include "integration/cli_world.hpp"

using namespace portal::test;

namespace {

// A session whose tokens come from the app's own backend.
struct UrlWorld : CliWorld {
    UrlWorld() { provider.clear(); }
    Ran token() { return run({"--client-id", client_id, "--provider-url", server.url() + "/_app/token", "token"}); }
};

}  // namespace

TEST_CASE("watch tells what another process does to the session, as it happens") {
    CliWorld world;
    std::atomic<bool> is_over{false};
    Ran watched;
    const auto watching = world.started({"watch", "--count", "12", "--json"});
    std::thread waiting([&] {
        watched = watching->end();
        is_over = true;
    });
    // However late the watch begins, what it is told of comes in the end.
    for (int round = 0; round < 20 && !is_over; ++round) {
        CHECK(world.run({"renew"}).exit_code == 0);
        CHECK(world.run({"logout"}).exit_code == 0);
    }
    waiting.join();
    CHECK(watched.exit_code == 0);
    std::istringstream lines(watched.output);
    int count = 0;
    bool saw_token = false;
    bool saw_logout = false;
    for (std::string line; std::getline(lines, line); ++count) {
        const std::string event = json_text_of(line, "event");
        saw_token = saw_token || event == "new_token";
        saw_logout = saw_logout || (event == "cleared" && json_text_of(line, "state") == "signed_out");
        CHECK(json_number_of(line, "sequence") == count + 1);
    }
    CHECK(count == 12);
    CHECK(saw_token);
    CHECK(saw_logout);
}

TEST_CASE("watch without --json is for people") {
    CliWorld world;
    const Ran ran = world.run({"watch", "--count", "1"});
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.output, "none (first)"));
    CHECK(longest_line(ran.output) <= 80);
}

TEST_CASE("the provider URL answers with Portal's JSON, and only when a token is needed") {
    UrlWorld world;
    const Ran first = world.token();
    CHECK(first.exit_code == 0);
    CHECK(world.token().output == first.output);
    CHECK(world.mints() == 1);
    world.pass(25);
    CHECK(world.token().output != first.output);
    CHECK(world.mints() == 2);
}

TEST_CASE("a backend that knows no user asks for a sign-in, one that is down for patience") {
    UrlWorld world;
    world.answer_with(401, 1, fake_portal::Scope::app);
    CHECK(world.token().exit_code == 3);

    fake_portal::Fault outage;
    outage.status = 503;
    outage.scope = fake_portal::Scope::app;
    outage.retry_after_seconds = 120;
    world.server.arm(outage);
    const Ran ran = world.token();
    CHECK(ran.exit_code == 4);
    CHECK(contains(ran.errors, "answered HTTP 503"));
    CHECK(contains(ran.errors, "try again in 2 min"));
}

TEST_CASE("a backend that fails, one that is unreachable and one that is silent are told apart") {
    UrlWorld world;
    const auto json_error = [&](const Words& words) {
        Words all{"--json", "--client-id", world.client_id};
        all.insert(all.end(), words.begin(), words.end());
        const Ran ran = world.run(all);
        CHECK(ran.exit_code == 4);
        return ran.errors;
    };
    const std::string url = world.server.url() + "/_app/token";
    world.answer_with(503, 1, fake_portal::Scope::app);
    const std::string failing = json_error({"token", "--provider-url", url});
    CHECK(contains(failing, "The app's backend answered HTTP 503"));
    CHECK(contains(failing, "\"http_status\":503,"));
    world.answer_with(403, 1, fake_portal::Scope::app);
    CHECK(contains(json_error({"token", "--session", "b", "--provider-url", url}), "answered HTTP 403 (forbidden)"));
    const std::string unreachable = json_error({"token", "--session", "c", "--provider-url", "https://127.0.0.1:1/"});
    CHECK(contains(unreachable, "The app's backend cannot be reached"));
    CHECK(contains(unreachable, "\"http_status\":0,"));
    fake_portal::Fault silent;
    silent.kind = fake_portal::FaultKind::slow;
    silent.delay_ms = 60'000;
    silent.scope = fake_portal::Scope::app;
    world.server.arm(silent);
    CHECK(contains(json_error({"token", "--session", "d", "--provider-url", url, "--provider-timeout", "2"}),
                   "\"message\":\"The app's backend did not answer in time"));
}

TEST_CASE("the provider URL must be https, and there is one provider") {
    UrlWorld world;
    for (const char* url : {"http://backend.example/token", "backend.example", "ftp://backend.example"})
        CHECK(contains(world.run({"--provider-url", url, "token"}).errors, "--provider-url is no https URL"));
    CHECK(world.run({"--provider-url", world.server.url(), "--provider-command", "true", "token"}).exit_code == 2);
}

TEST_CASE("what takes longer than a second says so on standard error") {
    CliWorld world;
    const TempDir folder;
    const std::string told = folder.file("told");
    // As long as it takes.
    world.provider = "until grep -q waiting '" + told + "'; do sleep 0.01; done; echo a-late-token-0001";
    const std::string redirected = "exec '" PORTAL_SESSION_PROGRAM "' token 2>'" + told + "'";
    const Ran ran = run_program({"/bin/sh", "-c", redirected}, world.variables());
    CHECK(ran.output == "a-late-token-0001\n");
    CHECK(file_bytes(told) == "portal-session: waiting for a token ...\n");
}
