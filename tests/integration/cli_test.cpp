// portal-session, run as a program: what each command prints, keeps, and ends with.
#include <sys/stat.h>

#include "integration/cli_world.hpp"

using namespace portal::test;

namespace {

mode_t mode_of(const std::string& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
}

}  // namespace

TEST_CASE("token prints the token alone, and asks the provider only where it must") {
    CliWorld world;
    const std::string first = good(world.run({"token"}));
    CHECK(first.size() == 36 + 1);
    CHECK(first.back() == '\n');
    CHECK(good(world.run({"token"})) == first);
    CHECK(good(world.run({"token", "--header"})) == "Authorization: Bearer " + first);
    const std::string json = good(world.run({"--json", "token"}));
    CHECK(json_text_of(json, "token") + "\n" == first);
    CHECK(json_number_of(json, "left_ms") > 23 * 3600 * 1000);
    CHECK(world.mints() == 1);
    world.pass(25);
    const std::string second = good(world.run({"token"}));
    CHECK(second != first);
    CHECK(world.mints() == 2);
    CHECK(mode_of(world.store.path() + "/key") == 0600);
    CHECK(file_bytes(world.store.path() + "/key").size() == 32);
    CHECK(world.holders_of(second.substr(0, 36)).empty());
}

TEST_CASE("near the seven days one command renews behind its output, for all that follow") {
    CliWorld world;
    const std::string first = good(world.run({"token"}));
    for (int use = 0; use < 8; ++use) {
        world.pass(20);
        good(world.run({"request", me}));
    }
    CHECK(world.mints() == 1);
    world.pass(6);  // two hours are left
    CHECK(good(world.run({"token"})) == first);
    CHECK(world.mints() == 2);
    const std::string second = good(world.run({"token"}));
    CHECK(second != first);
    good(world.run({"request", me}));
    CHECK(good(world.run({"token"})) == second);
    CHECK(world.mints() == 2);
    CHECK(world.server.counters().total.rejected == 0);
}

TEST_CASE("report tells what Portal answered to the last token, and token --rejected does both") {
    CliWorld world;
    failed(world.run({"report", "200"}), 2, "`portal-session token` comes first");
    failed(world.run({"token", "--rejected"}), 2, "`portal-session token` comes first");
    const std::string first = good(world.run({"token"}));
    world.pass(20);
    good(world.run({"token"}));
    CHECK(contains(good(world.run({"report", "503"})), "3 h 59 min left"));
    CHECK(contains(good(world.run({"report", "200"})), "23 h 59 min left"));
    CHECK(contains(good(world.run({"report", "401"})), "rejected"));
    const std::string second = good(world.run({"token"}));
    CHECK(second != first);
    const std::string third = good(world.run({"token", "--rejected"}));
    CHECK(third != second);
    CHECK(good(world.run({"token"})) == third);
    CHECK(world.mints() == 3);
}

TEST_CASE("request sends with the token and prints the body, whatever the status") {
    CliWorld world;
    CHECK(json_text_of(good(world.run({"request", me})), "id") == world.client_id);
    CHECK(good(world.run({"request", "get", me})) == good(world.run({"request", "GET", me})));
    CHECK(contains(good(world.run({"request", "-i", me})), "HTTP 200\n"));
    CHECK(contains(good(world.run({"request", "--data", "{}", "/api/v3/clients/me/fund"})), "txHash"));
    CHECK(contains(good(world.run({"request", "POST", "/rpc/v1/eip155/1", "--data", "-"}, R"({"id":1})")), "jsonrpc"));

    const Ran missing = world.run({"request", "/api/v3/nothing"});
    CHECK(missing.exit_code == 6);
    CHECK(contains(missing.output, "Not found"));
    CHECK(without_progress(missing.errors) == "portal-session: Portal answered 404.\n");
    world.answer_with(401);
    CHECK(json_text_of(good(world.run({"request", me})), "id") == world.client_id);  // replayed
    world.answer_with(401);
    const Ran rejected = world.run({"request", "--data", "{}", "/api/v3/clients/me/fund"});
    CHECK(rejected.exit_code == 6);
    CHECK(contains(rejected.errors, "the next command gets a new one"));
    CHECK(world.mints() == 2);
    CHECK(world.server.counters().total.slides == 7);
}

TEST_CASE("push signs in with a token or Portal's answer from standard input, and only with the same user's") {
    CliWorld world;
    const std::string provider = std::exchange(world.provider, "");
    failed(world.run({"token"}), 3, "--provider-command");
    CHECK(contains(good(world.run({"push"}, "first-token-0001\n")), "fresh"));
    CHECK(good(world.run({"token"})) == "first-token-0001\n");
    good(world.run({"push"}, R"({"id":"one","clientSessionToken":"second-token"})"));
    CHECK(good(world.run({"token"})) == "second-token\n");
    failed(world.run({"push"}, R"({"id":"two","clientSessionToken":"third-token"})"), 1, "portal-session logout");
    failed(world.run({"push"}, R"({"id":"one","clientApiKey":"never-expires"})"), 1, "clientApiKey");
    failed(world.run({"push"}, ""), 1, "token");
    failed(world.run({"push"}, "two words"), 1, "token");
    failed(world.run({"push"}, "<html></html>\n"), 1, "The token is markup");
    failed(world.run({"push"}, std::string(5000, 'a')), 1, "token");
    CHECK(good(world.run({"token"})) == "second-token\n");
    CHECK(world.holders_of("second-token").empty());
}

TEST_CASE("logout leaves no token, no client and no lease, and holds until a sign-in") {
    CliWorld world;
    const std::string token = good(world.run({"token"})).substr(0, 36);
    CHECK(contains(good(world.run({"logout"})), "signed out"));
    CHECK(world.holders_of(token).empty());
    CHECK(world.holders_of(world.client_id).empty());
    for (const std::string& name : world.store.names()) CHECK(name.rfind("lease-", 0) != 0);
    failed(world.run({"token"}), 3, "Sign in");
    failed(world.run({"request", me}), 3, "Sign in");
    CHECK(contains(good(world.run({"status"})), "signed out"));
    CHECK(world.mints() == 1);
    CHECK(contains(good(world.run({"renew"})), "fresh"));
    CHECK(good(world.run({"token"})).substr(0, 36) != token);
    CHECK(world.mints() == 2);
}

TEST_CASE("a store that takes nothing is exit code 5 to what is all about storing, and the system's reason is told") {
    CliWorld world;
    const std::string key = world.store.path() + "/key";
    write_bytes(key, std::string(32, 'k'));
    std::filesystem::permissions(key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    // As on a full disk: no file may have a byte.
    world.before_program = {"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"};
    failed(world.run({"push"}, "first-token\n"), 5, "--verbose says why");
    const Ran verbose = world.run({"token", "--verbose"});
    CHECK(verbose.exit_code == 0);
    CHECK(contains(verbose.errors, "This token is not stored"));
    CHECK(contains(verbose.errors, "Why: store_failed: system "));
}

TEST_CASE("status says the state, the time left and what happens next, and everything with -v or as JSON") {
    CliWorld world;
    CHECK(contains(good(world.run({"status"})), "no token yet"));
    CHECK(world.mints() == 0);  // looking costs nothing
    good(world.run({"token"}));
    world.pass(2);
    CHECK(contains(good(world.run({"status"})), "fresh: 21 h 59 min left\nEach successful request keeps it alive."));
    const std::string table = world.run({"status", "-v"}).output;
    for (const char* part : {"State", "fresh", "Idle deadline", "21 h 59 min left", "Absolute deadline", "6 d 21 h left",
                             "Generation", "Clock", "Store", "persistent", "This run"})
        CHECK(contains(table, part));
    CHECK_FALSE(contains(table, "\033"));
    CHECK(longest_line(table) <= 80);
    const std::string json = good(world.run({"status", "--json"}));
    CHECK(json_text_of(json, "state") == "fresh");
    CHECK(json_text_of(json, "store") == "persistent");
    CHECK(json_text_of(json, "clock") == "same_boot");
    CHECK(json_number_of(json, "generation") == 1);
    CHECK(json_number_of(json, "idle_left_ms") > 21.9 * 3600 * 1000);
    CHECK(json_number_of(json, "absolute_deadline_unix_ms") > 1.6e12);
    CHECK(fake_portal::parse_object(good(world.run({"explain"}))));
    world.pass(24);
    CHECK(contains(good(world.run({"status"})), "expired"));
    CHECK(world.mints() == 1);
}

TEST_CASE("a mistake in the call is exit code 2, with the way to the help") {
    CliWorld world;
    failed(world.run({}), 2, "--help");
    failed(world.run({"tokens"}), 2, "no command `tokens`. Did you mean `token`? See `portal-session --help`");
    failed(world.run({"--no-such-option"}), 2, "no option --no-such-option.");
    const Ran secret = world.run({"token", "--no-such-option=sesame"});
    failed(secret, 2, "no option --no-such-option. See `portal-session --help`");
    CHECK_FALSE(contains(secret.errors, "sesame"));
    failed(world.run({"token", "more"}), 2, "a word too many behind `token`");
    failed(world.run({"request", "api/v3/clients/me"}), 2, "start it with '/' (as /api/v3/clients/me) or with https://");
    failed(world.run({"report"}), 2, "STATUS");
    failed(world.run({"report", "42"}), 2, "STATUS: it takes a whole number from 100 to 599. See `portal-session --help`");
    failed(world.run({"request", "", me}), 2, "METHOD is empty");
    failed(world.run({"watch", "--count", "0"}), 2, "--count: it takes a whole number from 1 to ");
    failed(world.run({"--ca-file"}), 2, "--ca-file: 1 required FILE missing");
    failed(world.run({"request"}), 2, "PATH");
    const Ran ran = world.run({"--json", "report", "42"});
    CHECK(ran.exit_code == 2);
    CHECK(fake_portal::parse_object(ran.errors));
    CHECK(contains(good(world.run({"--help"})), "Exit codes:"));
    CHECK(contains(good(world.run({"token", "--help"})), "--header"));
    CHECK(contains(good(world.run({"--version"})), "portal-session "));
}

TEST_CASE("every other end has its exit code and its reason, in JSON too") {
    CliWorld world;
    failed(world.run({"request", "https://example.com/"}), 7, "--allow-loopback");
    failed(world.run({"token", "--portal", "http://api.portalhq.io"}), 7, "https");
    failed(world.run({"request", "http://api.portalhq.io/"}), 7, "https");
    CHECK(world.mints() == 0);

    world.provider = "exit 3";
    failed(world.run({"token"}), 4, "xit code was 3");
    failed(world.run({"token"}), 4, "Try again in ");
    const Ran json = world.run({"token", "--json"});
    CHECK(json.exit_code == 4);
    CHECK(json.output.empty());
    CHECK(contains(json.errors, "\"retry_after_ms\":"));
    CHECK(fake_portal::parse_object(json.errors));

    world.pass(2);
    world.provider = "'" PORTAL_BACKEND_PROGRAM "' new-session " + world.client_id;
    good(world.run({"token"}));
    good(world.run({"logout"}));
    failed(world.run({"report", "200"}), 2, "comes first");  // the lease went with the logout
    good(world.run({"renew"}));
    world.answer_with(401, 1000);
    Ran refused;
    for (int i = 0; i < 5; ++i) refused = world.run({"request", me});
    failed(refused, 6, "Try again in ");
    CHECK(world.mints() == 2 + 3);
    world.server.stop();
    failed(world.run({"request", me, "--session", "other", "--provider-command", "echo some-token"}), 8,
           "could not be connected");
}

TEST_CASE("a provider that is left alone after a failure is told as such, with the time until then") {
    CliWorld world;
    world.provider.clear();
    fake_portal::Fault busy;
    busy.status = 429;
    busy.retry_after_seconds = 600;  // longer than this test takes on a slow machine
    busy.scope = fake_portal::Scope::any;
    world.server.arm(busy);
    const auto run = [&](const Words& words) {
        Words all{"--client-id", world.client_id, "--provider-url", world.server.url() + "/_app/token"};
        all.insert(all.end(), words.begin(), words.end());
        return world.run(all);
    };
    const Ran first = run({"token"});
    failed(first, 4, "The app's backend answered HTTP 429 (too many requests): try again in ");
    CHECK_FALSE(contains(first.errors, "not asked"));
    for (const Words& words : {Words{"token"}, Words{"request", me}}) {  // it would work now
        const Ran held_back = run(words);
        failed(held_back, 4, "The provider was not asked: it failed before, and is left alone until ");
        CHECK(contains(held_back.errors, ". Try again in "));
    }
    CHECK(world.mints() == 0);
}

TEST_CASE("renew and report say so where nothing changed") {
    CliWorld world;
    world.provider = "echo the-token-000001";
    good(world.run({"renew"}));
    const Ran again = world.run({"renew"});
    CHECK(again.exit_code == 0);
    CHECK(contains(again.errors, "the same token again: nothing is renewed"));
    good(world.run({"token"}));
    world.pass(1);
    world.provider = "echo other-token-0002";
    good(world.run({"renew"}));
    const Ran late = world.run({"report", "401"});
    CHECK(late.exit_code == 0);
    CHECK(contains(late.errors, "to an older token than the one that holds now, so it changed nothing"));
    CHECK(good(world.run({"token"})) == "other-token-0002\n");
    CHECK(contains(good(world.run({"report", "401"})), "rejected"));
}

TEST_CASE("a store or a key that cannot be used is exit code 5, and says what to do") {
    CliWorld world;
    const std::string file = world.store.file("a-file");
    write_bytes(file, "x");
    failed(world.run({"token", "--store", file}), 5, "not a folder");
    failed(world.run({"token", "--store", file + "/below"}), 5, "--store");
    const std::string key = world.store.file("the-key");
    write_bytes(key, std::string(31, 'k'));
    ::chmod(key.c_str(), 0600);
    failed(world.run({"token", "--key-file", key}), 5, "32 bytes");
    write_bytes(key, std::string(32, 'k'));
    ::chmod(key.c_str(), 0640);
    failed(world.run({"token", "--key-file", key}), 5, "chmod 600");
    CHECK(world.mints() == 0);
    ::chmod(key.c_str(), 0600);
    const std::string token = good(world.run({"token", "--key-file", key}));

    // With another key nothing is trusted and nothing is touched, until a new token takes the place.
    const std::string other_key = world.store.file("other-key");
    write_bytes(other_key, std::string(32, 'x'));
    ::chmod(other_key.c_str(), 0600);
    CHECK(contains(good(world.run({"status", "--key-file", other_key})), "give the right one by --key-file"));
    CHECK(good(world.run({"token", "--key-file", key})) == token);
    const Ran replaced = world.run({"token", "--key-file", other_key});
    CHECK(done_with(replaced, "A new token replaces what was stored. The key file does not open") != token);
    CHECK(world.mints() == 2);
}

TEST_CASE("sessions of one store do not know each other") {
    CliWorld world;
    const std::string one = good(world.run({"token", "--session", "one"}));
    const std::string two = good(world.run({"--session", "two", "token"}));
    CHECK(one != two);
    good(world.run({"logout", "--session", "one"}));
    CHECK(good(world.run({"token", "--session", "two"})) == two);
}

TEST_CASE("the log says what happens and never the token") {
    CliWorld world;
    const Ran ran = world.run({"token", "--verbose"});
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.errors, "The provider is asked for a token: first."));
    CHECK_FALSE(contains(ran.errors, "(none)"));
    CHECK_FALSE(contains(ran.errors, ran.output.substr(0, 36)));
    CHECK_FALSE(contains(world.run({"explain"}).output, ran.output.substr(0, 36)));
}
