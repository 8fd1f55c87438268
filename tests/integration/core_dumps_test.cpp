// The programs crash with a key and a token in their memory, where the system would write a core dump.
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <string>

#include "integration/cli_world.hpp"
#include "integration/hostile_server.hpp"
#include "support/signal.hpp"

using namespace portal::test;

namespace {

// Runs a program in that folder, with core dumps as large as may be.
Words dumping_in(const std::string& folder) {
    return {"/bin/sh", "-c", "cd \"$0\" && ulimit -c $(ulimit -H -c) && exec \"$@\"", folder};
}

bool has_core(const TempDir& folder) {
    for (const std::string& name : folder.names())
        if (name.rfind("core", 0) == 0) return true;
    return false;
}

// Whether this system writes core dumps into the folder of what crashed.
bool writes_core_dumps() {
    std::string pattern;
    std::ifstream("/proc/sys/kernel/core_pattern") >> pattern;
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    return !pattern.empty() && pattern[0] != '|' && pattern[0] != '/' && limit.rlim_max == RLIM_INFINITY;
}

}  // namespace

TEST_CASE("a program that crashes leaves a core dump where the system writes them") {
    const TempDir folder;
    Words words = dumping_in(folder.path());
    for (const char* word : {"/bin/sh", "-c", "kill -ABRT $$"}) words.emplace_back(word);
    CHECK(run_program(words).exit_code == -SIGABRT);
    CHECK(has_core(folder) == writes_core_dumps());
}

TEST_CASE("portal-session writes no core dump when it crashes") {
    CliWorld world;
    const TempDir folder;
    world.before_program = dumping_in(folder.path());
    world.provider = "kill -ABRT $PPID";
    CHECK(world.run({"token"}).exit_code == -SIGABRT);
    CHECK_FALSE(has_core(folder));
}

TEST_CASE("portal-backend writes no core dump when it crashes") {
    const TempDir folder;
    Gate asked;
    const HostileServer server([&](HostilePeer& peer) {
        asked.open();
        peer.is_left_within(30'000);
    });
    Words words = dumping_in(folder.path());
    for (const char* word : {PORTAL_BACKEND_PROGRAM, "new-session", "client-1"}) words.emplace_back(word);
    Running backend(words,
                    {"PORTAL_API_KEY=key-of-the-app", "PORTAL_SESSION_PORTAL=" + server.url(),
                     "PORTAL_SESSION_CA_FILE=" + server.ca_file(), "PORTAL_SESSION_ALLOW_LOOPBACK=1"},
                    "");
    REQUIRE(asked.wait());
    backend.signal(SIGABRT);
    CHECK(backend.end().exit_code == -SIGABRT);
    CHECK_FALSE(has_core(folder));
}
