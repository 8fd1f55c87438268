// The provider command: how its end is understood, that it never outlives its use, and that no secret goes astray.
#include <fcntl.h>
#include <sys/stat.h>

#include <cli/provider_command.hpp>

#include "integration/cli_world.hpp"

using namespace portal::test;

namespace {

// A command that runs for ever, with a child that does too, and tells when both run.
class Endless {
public:
    explicit Endless(const TempDir& directory) : pipe_(directory.file("started")) {
        REQUIRE(::mkfifo(pipe_.c_str(), 0600) == 0);
    }
    [[nodiscard]] std::string command() const { return "sleep 1000 & echo > '" + pipe_ + "'; sleep 1000; wait"; }
    // False: it ended without. (No CHECK here: some wait on a thread of their own.)
    [[nodiscard]] bool wait_until_started() const {
        const int end = ::open(pipe_.c_str(), O_RDONLY);
        char byte = 0;
        const bool started = ::read(end, &byte, 1) == 1;
        ::close(end);
        return started;
    }

private:
    std::string pipe_;
};

}  // namespace

TEST_CASE("exit code 10 of the provider command means that the user must sign in") {
    CliWorld world;
    world.provider = "echo unused; exit 10";
    const Ran ran = world.run({"token"});
    CHECK(ran.exit_code == 3);
    CHECK(ran.output.empty());
    CHECK(contains(ran.errors, "Sign in first"));
}

TEST_CASE("the provider command may print a token, Portal's answer, or what helps nobody") {
    CliWorld world;
    world.provider = "echo '  spaced-token '";
    CHECK(world.run({"token"}).output == "spaced-token\n");
    const auto renewed = [&](const char* provider) {
        world.pass(25);
        world.provider = provider;
        return world.run({"token"});
    };
    CHECK(renewed(R"(printf '{"id":"c","clientSessionToken":"json-token"}')").output == "json-token\n");
    struct Bad {
        const char* provider;
        const char* reason;
    };
    for (const auto& [provider, reason] :
         {Bad{"true", "The token is empty"}, Bad{"echo two words", "has a space"},
          Bad{R"(printf '{"clientApiKey":"never-expires"}')", "has only `clientApiKey`"},
          Bad{R"(printf '{"id":"c"')", "not well-formed JSON"}, Bad{R"(printf '"json-string"')", "is a JSON string"},
          Bad{"echo '<html></html>'", "is markup, as of a web page"},
          Bad{"head -c 5000 /dev/zero | tr '\\0' a", "has 5000 bytes, more than 4096"}}) {
        const Ran ran = renewed(provider);
        INFO(provider << ": " << ran.errors);
        CHECK(ran.exit_code == 1);
        CHECK(contains(ran.errors, reason));
        CHECK(contains(ran.errors, "holds no token that can be used"));
        CHECK(ran.output.empty());
        CHECK_FALSE(contains(ran.errors, "never-expires"));
        CHECK_FALSE(contains(ran.errors, "two words"));
    }
}

TEST_CASE("a provider command that prints more than 1 MiB is stopped") {
    CliWorld world;
    world.provider = GENERATE("yes", "head -c 1048577 /dev/zero | tr '\\0' a");
    const Ran ran = world.run({"token"});
    CHECK(ran.exit_code == 4);
    CHECK(ran.output.empty());
    CHECK(contains(ran.errors, "1 MiB"));
}

TEST_CASE("an interrupt ends the provider command with all that it started") {
    CliWorld world;
    const Endless endless(world.store);
    world.provider = endless.command();
    const int number = GENERATE(SIGINT, SIGTERM, SIGHUP);
    const auto running = world.started({"token"});
    CHECK(endless.wait_until_started());
    running->signal(number);
    CHECK(running->end(std::chrono::seconds(10)).exit_code == -number);
    CHECK(nothing_is_left_running());
}

TEST_CASE("a provider command that outlives the token request's limit is killed with all that it started") {
    const TempDir directory;
    const Endless endless(directory);
    portal_options open;
    portal_init(&open, sizeof open);
    open.request_timeout_ms = 1000;
    open.provider = cli::provider_command(endless.command());
    portal_session* session = nullptr;
    REQUIRE(portal_session_open(&open, &session, nullptr) == PORTAL_OK);
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    bool is_started = false;
    std::thread reader([&] { is_started = endless.wait_until_started(); });
    CHECK(portal_lease_wait(session, nullptr, &lease, token, &length, nullptr) == PORTAL_ERR_PROVIDER_FAILED);
    reader.join();
    CHECK(is_started);
    CHECK(nothing_is_left_running());  // though the session is still open
    CHECK(portal_session_close(session, 20'000, nullptr) == PORTAL_OK);
    portal_session_release(session);
}

TEST_CASE("the Portal API key is the provider's business: portal-session shows and keeps none") {
    CliWorld world;
    const std::string canary = "canary-key-0123456789";
    world.api_key = canary;
    world.provider = "test \"$PORTAL_API_KEY\" = " + canary + " && echo some-token";  // it may have it
    world.answer_with(200, 1000);
    for (const Words& words : {Words{"token", "--verbose"},
                               {"status"},
                               {"explain"},
                               {"status", "--json"},
                               {"request", me, "-i"},
                               {"report", "200"},
                               {"token", "--provider-command", "false", "--session", "other"},
                               {"logout"}}) {
        const Ran ran = world.run(words);
        CHECK_FALSE(contains(ran.output + ran.errors, canary));
    }
    CHECK(world.holders_of(canary).empty());
    CHECK_FALSE(contains(file_bytes(PORTAL_SESSION_PROGRAM), "PORTAL_API_KEY"));
}
