// A system that has no thread to give: open says so, whichever thread is the one too many, and nothing is left behind.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "session_rig.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

enum Verdict : int { opened = 1, refused = 2, wrong = 3 };

// Of a user that has no other process, where this process may choose; else the limit counts others too, and only 1 is sure.
void limit_threads(rlim_t most) {
    if (::getuid() == 0 && ::setuid(static_cast<uid_t>(1'900'000'000 + ::getpid() % 1'000'000)) != 0) ::_exit(wrong);
    const rlimit limit{most, most};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(wrong);
}

// Every kind of thread is wanted: for callbacks, for the host's parts and, where they are built in, for files and HTTP.
Verdict open_with(rlim_t most_threads, const std::string& directory) {
    Counted counted;
    auto options = made<portal_options>();
    options.observer = {[](void*, const portal_event*) {}, &counted, Counted::release};
    options.provider.ask = [](void*, const portal_token_request* request) {
        const portal_token_input input = input_of("the-token");
        portal_request_fulfil(request->id, &input, nullptr);
    };
    static const char key[32] = {1};
    options.key.load = [](void*, std::uint64_t id, portal_text) {
        portal_key_loaded(id, PORTAL_FOUND, {key, 32}, nullptr);
    };
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) != 0) options.directory = text_of(directory);
    limit_threads(most_threads);

    portal_session* session = nullptr;
    auto error = made<portal_error>();
    const portal_code code = portal_session_open(&options, &session, &error);
    if (code != PORTAL_OK) {
        const bool told = code == PORTAL_ERR_OUT_OF_MEMORY && error.code == code &&
                          std::string(error.message).find("gave no thread: ") != std::string::npos;
        return told && session == nullptr && counted.released == 1 && portal_live_objects() == 0 ? refused : wrong;
    }
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const portal_code waited = portal_lease_wait(session, nullptr, &lease, token, &length, nullptr);
    const portal_code closed = portal_session_close(session, 60'000, nullptr);
    portal_session_release(session);
    return waited == PORTAL_OK && closed == PORTAL_OK && counted.released == 1 ? opened : wrong;
}

// In a process of its own, which no thread runs in yet.
int outcome_with(rlim_t most_threads) {
    const TempDir folder;
    if (::chmod(folder.path().c_str(), 0777) != 0) return wrong;
    const pid_t child = ::fork();
    if (child == 0) ::_exit(open_with(most_threads, folder.file("store")));
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return wrong;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_CASE("Where the system has no thread to give, open fails with a code, and a session that opened works") {
    const bool has_store = (portal_features() & PORTAL_FEATURE_FILE_STORE) != 0;
    const rlim_t needed = has_store ? 5 : 4;  // with the main thread: worker, callbacks, host, files
    CHECK(outcome_with(1) == refused);
    if (::getuid() != 0) return;  // what else this user runs is counted, and not known
    for (rlim_t most = 2; most < needed; ++most) {
        CAPTURE(most);
        CHECK(outcome_with(most) == refused);
    }
    CHECK(outcome_with(needed) == opened);
    CHECK(outcome_with(needed + 20) == opened);
}

}  // namespace
