// A system that has no thread to give: open says so, whichever thread is the one too many, and nothing is left behind.
#include <portal_session/portal_session.h>

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "capi/visitor.hpp"
#include "support/catch.hpp"
#include "support/run_program.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

int outcome_with(int most_threads) {
    const TempDir folder;
    REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
    // A user that has no other process: the limit counts all of a user's threads.
    const std::string user = ::getuid() == 0 ? std::to_string(1'900'000'002 + ::getpid() % 1'000'000) : "0";
    return Running({VISITOR_PROGRAM, "threads", folder.file("store"), user, std::to_string(most_threads), "-"}, {}, "")
        .end()
        .exit_code;
}

TEST_CASE("Where the system has no thread to give, open fails with a code, and a session that opened works") {
    const bool has_store = (portal_features() & PORTAL_FEATURE_FILE_STORE) != 0;
    const int needed = has_store ? 5 : 4;  // with the main thread: worker, callbacks, host, files
    CHECK(outcome_with(1) == open_refused);
    if (::getuid() != 0) return;  // what else this user runs is counted, and not known
    int most = 2;
    while (most < needed + 5 && outcome_with(most) == open_refused) ++most;
    CHECK(outcome_with(most) == open_worked);
    CHECK(most >= needed);
    CHECK(most <= needed + 1);  // a sanitizer may have one of its own
    CHECK(outcome_with(most + 20) == open_worked);
}

}  // namespace
