// What a process holds of a token, seen from outside: in use it is in no core dump, and after a logout it is nowhere at
// all.
#include <portal_session/portal_session.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

#include "integration/secret_world.hpp"
#include "support/canary.hpp"
#include "support/catch.hpp"
#include "support/process_memory.hpp"

using namespace portal::test;

namespace {

void is_nowhere(const SecretHost& host, const Canary& canary, View view) {
    const Scan scan = scan_memory(host.process(), canary, view);
    INFO(scan.text());
    CHECK(scan.sightings.empty());
    CHECK(scan.bytes > 1'000'000);
}

// Whether this system writes a core dump into the folder of the process that crashed.
bool writes_core_dumps() {
    std::string pattern;
    std::ifstream("/proc/sys/kernel/core_pattern") >> pattern;
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    return !pattern.empty() && pattern[0] != '|' && pattern[0] != '/' && limit.rlim_max == RLIM_INFINITY;
}

}  // namespace

TEST_CASE("a token in use is in memory, and in no core dump") {
    const Canary token(random_text(canary_bytes));
    const Canary careless(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.renew_with(token.text());
    host.use("try");
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("report 200");
    host.use("background");
    host.give("keep", careless.text());

    CHECK_FALSE(scan_memory(host.process(), token, View::everything).sightings.empty());  // so it can be found
    CHECK_FALSE(scan_memory(host.process(), careless, View::core_dump).sightings.empty());
    is_nowhere(host, token, View::core_dump);
    const std::string core = host.crash();
    CHECK(core.empty() != writes_core_dumps());
    CHECK_FALSE(token.is_in(core));
    if (!core.empty()) CHECK(careless.is_in(core));
}

TEST_CASE("after a logout no region of memory holds a token that the session had") {
    const Canary first(random_text(canary_bytes));
    const Canary second(random_text(canary_bytes));
    const Canary third(random_text(PORTAL_TOKEN_MAX));
    const Canary refused(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.renew_with(first.text());
    host.use("try");
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("echo");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("report 401");
    CHECK(host.ask("try") == "no_token");
    host.use("acquire");
    CHECK(host.ask("fulfil", first.text()) == "repeated_token");
    CHECK(host.ask("acquired") == "repeated_token");
    host.give("push", second.text());
    host.use("wait");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    CHECK(host.ask("push", refused.text() + " x") == "bad_token");
    host.use("background");
    host.give("push", third.text());
    host.use("wait");
    host.use("foreground");
    CHECK(host.ask("request /api/v3/clients/me") == "200");
    host.use("explain");
    CHECK_FALSE(scan_memory(host.process(), third, View::everything).sightings.empty());

    host.use("clear");
    for (const Canary* token : {&first, &second, &third, &refused}) is_nowhere(host, *token, View::everything);
    CHECK(host.ask("wait") == "sign_in_needed");
    host.use("close");
    for (const Canary* token : {&first, &second, &third}) is_nowhere(host, *token, View::everything);
}

TEST_CASE("a session that closes leaves no token in memory either") {
    const Canary token(random_text(canary_bytes));
    SecretHost host;
    host.use("open");
    host.give("push", token.text());
    host.use("wait");
    host.use("background");
    host.use("forget");  // what the host's own store has
    CHECK_FALSE(scan_memory(host.process(), token, View::everything).sightings.empty());
    host.use("close");
    is_nowhere(host, token, View::everything);
}
