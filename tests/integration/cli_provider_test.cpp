// The provider command: how its end is understood, that it never outlives its use, and that no secret goes astray.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cli/failure.hpp>
#include <cli/host.hpp>
#include <cli/provider_command.hpp>
#include <thread>

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
    CHECK(renewed(R"(printf '\357\273\277{"id":null,"clientSessionToken":"marked-token"}')").output == "marked-token\n");
    struct Bad {
        const char* provider;
        const char* reason;
    };
    for (const auto& [provider, reason] :
         {Bad{"true", "no content"}, Bad{"echo two words", "has a space"},
          Bad{R"(printf '{"clientApiKey":"never-expires"}')", "has only `clientApiKey`"},
          Bad{R"(printf '{"id":"c"')", "not well-formed JSON"}, Bad{R"(printf '"json-string"')", "is a JSON string"},
          Bad{"echo '<html></html>'", "is a web page or other markup"},
          Bad{"head -c 5000 /dev/zero | tr '\\0' a", "has 5000 bytes, more than 4096"}}) {
        const Ran ran = renewed(provider);
        INFO(provider << ": " << ran.errors);
        CHECK(ran.exit_code == 4);
        CHECK(contains(ran.errors, reason));
        CHECK(contains(ran.errors, "holds no usable token. Try again in "));
        CHECK(ran.output.empty());
        CHECK_FALSE(contains(ran.errors, "never-expires"));
        CHECK_FALSE(contains(ran.errors, "two words"));
    }
}

TEST_CASE("a run that was killed while it asked its provider does not delay the next one") {
    CliWorld world;
    const std::string pipe = world.store.file("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const std::string answers = std::exchange(world.provider, "exec cat '" + pipe + "' 2>&-");
    const auto killed = world.started({"token", "--provider-timeout", "300"});
    const int end = ::open(pipe.c_str(), O_WRONLY);  // waits until the command reads
    killed->signal(SIGKILL);
    world.provider = answers;
    good(world.run({"token"}));  // else it waits for the dead one, and gives up after 35 s
    ::close(end);                // the orphaned command ends
    CHECK(killed->end().exit_code == -SIGKILL);
    CHECK(world.mints() == 1);
}

TEST_CASE("a run with --role passes one of its role that hangs, where runs never overlap") {
    CliWorld world;
    const Endless endless(world.store);
    const std::string answers = std::exchange(world.provider, endless.command());
    const auto hanging = world.started({"token", "--role", "cron", "--provider-timeout", "300"});
    CHECK(endless.wait_until_started());
    world.provider = answers;
    good(world.run({"token", "--role", "cron"}));  // else it waits for the other's token, and gives up after 35 s
    hanging->signal(SIGTERM);
    CHECK(hanging->end().exit_code == -SIGTERM);
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
    CHECK(running->end().exit_code == -number);
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

TEST_CASE("the option --provider-timeout is how long the token request may take, and a longer wait for it goes with it") {
    CliWorld world;
    CHECK(contains(good(world.run({"explain"})), "\"request_timeout_ms\":30000"));
    CHECK(contains(good(world.run({"explain", "--provider-timeout", "45"})), "\"request_timeout_ms\":45000"));
    world.more_variables["PORTAL_SESSION_PROVIDER_TIMEOUT"] = "300";
    CHECK(contains(good(world.run({"explain"})), "\"request_timeout_ms\":300000"));

    const std::string pipe = world.store.file("token");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    cli::Options options;
    options.portal_url = world.server.url();
    options.ca_file = world.server.ca_file();
    options.allow_loopback = true;
    options.store = world.store.path();
    options.key_file = world.store.file("key");
    options.provider_command = "cat '" + pipe + "'";
    options.provider_timeout_s = 300;
    std::atomic<std::int64_t> passed_ms{0};
    const portal_clock clock{[](void* passed, portal_reading* out) {
                                 portal_clock_system(out);
                                 out->boot_ms += *static_cast<std::atomic<std::int64_t>*>(passed);
                                 out->unix_ms += *static_cast<std::atomic<std::int64_t>*>(passed);
                             },
                             &passed_ms, nullptr};
    cli::Session session(options, &clock);
    const bool sends = GENERATE(false, true);
    CAPTURE(sends);
    std::string came;
    std::thread waiter([&] {
        try {
            came = sends ? std::to_string(session.send({"POST", me, {}, false, false}).status)
                         : std::string(session.acquire(0, 0).token.reveal());
        } catch (const cli::Failure& told) {
            came = told.message;
        }
    });
    const int end = ::open(pipe.c_str(), O_WRONLY);  // waits until the command reads
    passed_ms = 240'000;
    session.notify(PORTAL_NOTICE_CLOCK_CHANGED);
    CHECK(::write(end, "a-token-after-4-min\n", 20) == 20);
    ::close(end);
    waiter.join();
    CHECK(came == (sends ? "401" : "a-token-after-4-min"));  // Portal does not know that token
}

TEST_CASE("exit code 75 of the provider command passes a Retry-After on, in seconds") {
    CliWorld world;
    world.provider = "echo 600; exit 75";
    const Ran ran = world.run({"token"});
    failed(ran, 4, "xit code was 75. Try again in 1");  // 10 min, and a quarter more at most
    CHECK(contains(ran.errors, " min"));
    world.provider = "echo a-token-000000001";
    CHECK(contains(world.run({"renew"}).errors, "is left alone until"));
    for (const char* provider : {"echo 600; exit 74", "echo soon; exit 75", "exit 75", "echo -5; exit 75"}) {
        CAPTURE(provider);
        const Ran other = world.run({"token", "--session", provider, "--provider-command", provider});
        CHECK(other.exit_code == 4);
        CHECK(contains(other.errors, "Try again in 1 s."));  // the first back-off, as without
    }
}

TEST_CASE("portal-backend and portal-session agree on how long Portal wants to be left alone") {
    CliWorld world;
    fake_portal::Fault busy;
    busy.status = 429;
    busy.retry_after_seconds = 600;
    busy.scope = fake_portal::Scope::custodian;
    world.server.arm(busy);
    const Ran ran = world.run({"token"});
    CHECK(ran.exit_code == 4);
    CHECK(contains(ran.errors, "Try again in 1"));  // 10 min, and a quarter more at most
    CHECK(contains(ran.errors, " min"));
}

TEST_CASE("a short word, or one without a digit, is taken as a token and told as an error's that it may be") {
    CliWorld world;
    int count = 0;
    const auto token = [&](const std::string& text) {
        return world.run({"token", "--session", std::to_string(++count), "--provider-command", "echo '" + text + "'"});
    };
    const std::string warning = "The new token is short or has no digit, unlike Portal's.";
    for (const std::string text : {"Unauthorized", "Error:404", "InternalServerErrorOccurred"}) {
        CHECK(done_with(token(text), warning) == text + "\n");
        CHECK_FALSE(contains(token(text).errors, text));
    }
    CHECK(done_with(world.run({"push"}, "Unauthorized"), warning).size() > 0);
    CHECK(good(token("0123456789abcdef")) == "0123456789abcdef\n");
    CHECK(good(token("ec7c0bd7-5c0c-4a4b-9a2e-6d5a2f9b1c11")) == "ec7c0bd7-5c0c-4a4b-9a2e-6d5a2f9b1c11\n");
    good(token("{\"clientSessionToken\":\"short\"}"));  // Portal's answer says what is what
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
