// A process that uses a store once, as another user or under a limit that a test sets; its exit code says what it saw.
//   visitor visit STORE USER room|full stay|log_out     the sum of what held, see visitor.hpp
//   visitor threads STORE USER MOST -                   with that many threads at most, the main one included
// USER 0: the one that runs it.
#include "visitor.hpp"

#include <portal_session/portal_session.h>

#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

using namespace portal::test;

template <typename Struct>
Struct made() {
    Struct result;
    portal_init(&result, sizeof result);
    return result;
}

portal_token_input input_of(const char* token) {
    auto input = made<portal_token_input>();
    input.token = {token, std::strlen(token)};
    return input;
}

portal_options options_for(const std::string& store, int* released) {
    static const std::string key(32, 'k');
    auto options = made<portal_options>();
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) != 0) options.directory = {store.data(), store.size()};
    options.key.load = [](void*, std::uint64_t id, portal_text) {
        portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
    };
    // The instant at which the test's own sessions stand still.
    options.clock.read = [](void*, portal_reading* out) { *out = {3'600'000, 1'700'000'000'000, 7}; };
    options.provider.ask = [](void*, const portal_token_request* request) {
        const portal_token_input input = input_of("new-token");
        portal_request_fulfil(request->id, &input, nullptr);
    };
    options.observer = {[](void*, const portal_event*) {}, released, [](void* count) { ++*static_cast<int*>(count); }};
    return options;
}

struct Taken {
    portal_code code = PORTAL_OK;
    std::string token;
    std::uint32_t flags = 0;
};

Taken take(portal_session* session) {
    auto lease = made<portal_lease>();
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    const portal_code code = portal_lease_wait(session, nullptr, &lease, token, &length, nullptr);
    return {code, code == PORTAL_OK ? std::string(token, length) : "", lease.flags};
}

portal_code clear(portal_session* session) {
    struct Done {
        std::mutex mutex;
        std::condition_variable came;
        bool is_there = false;
        portal_code code = PORTAL_OK;
    } done;
    const portal_done told{[](void* me, portal_code code, const portal_error*) {
                               auto& self = *static_cast<Done*>(me);
                               const std::lock_guard lock(self.mutex);
                               self.code = code;
                               self.is_there = true;
                               self.came.notify_one();
                           },
                           &done, nullptr};
    if (portal_session_clear(session, &told, nullptr) != PORTAL_OK) return PORTAL_ERR_INTERNAL;
    std::unique_lock lock(done.mutex);
    done.came.wait(lock, [&] { return done.is_there; });
    return done.code;
}

int visit(const std::string& store, bool log_out) {
    int released = 0;
    const portal_options options = options_for(store, &released);
    portal_session* session = nullptr;
    if (portal_session_open(&options, &session, nullptr) != PORTAL_OK) return visit_failed;
    int seen = 0;
    const Taken first = take(session);
    if (first.code == PORTAL_OK) seen |= token_served;
    if (first.token == "old-token") seen |= old_one;
    const portal_token_input pushed = input_of("pushed-token");
    if (portal_session_push(session, &pushed, nullptr) != PORTAL_OK) return visit_failed;
    const Taken second = take(session);
    if (second.token != "pushed-token") return visit_failed;
    if (second.flags == PORTAL_LEASE_MEMORY_ONLY) seen |= memory_only;
    if (log_out && clear(session) == PORTAL_ERR_STORE_FAILED) seen |= clear_refused;
    auto lease = made<portal_lease>();
    if (log_out && portal_lease_try(session, &lease, nullptr, nullptr, nullptr) != PORTAL_ERR_NO_TOKEN) return visit_failed;
    const portal_code closed = portal_session_close(session, 60'000, nullptr);
    portal_session_release(session);
    return closed == PORTAL_OK && released == 1 ? seen : visit_failed;
}

bool limit(int resource, rlim_t most) {
    const rlimit wanted{most, most};
    return ::setrlimit(resource, &wanted) == 0;  // NOLINT: an int in this libc, an enum in that
}

int open_with_threads(const std::string& store, rlim_t most) {
    int released = 0;
    const portal_options options = options_for(store, &released);
    portal_session* session = nullptr;
    auto error = made<portal_error>();
    if (!limit(RLIMIT_NPROC, most)) return visit_failed;
    const portal_code code = portal_session_open(&options, &session, &error);
    if (code != PORTAL_OK) {
        const bool told = code == PORTAL_ERR_OUT_OF_MEMORY && std::strstr(error.message, "gave no thread: ") != nullptr;
        return told && session == nullptr && released == 1 && portal_live_objects() == 0 ? open_refused : visit_failed;
    }
    const Taken taken = take(session);
    const portal_code closed = portal_session_close(session, 60'000, nullptr);
    portal_session_release(session);
    return taken.token == "new-token" && closed == PORTAL_OK && released == 1 ? open_worked : visit_failed;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) return visit_failed;
    const std::string what = argv[1];
    const std::string store = argv[2];
    const auto user = static_cast<uid_t>(std::strtoul(argv[3], nullptr, 10));
    if (user != 0 && ::setuid(user) != 0) return visit_failed;
    int seen = visit_failed;
    if (what == "threads") {
        seen = open_with_threads(store, std::strtoul(argv[4], nullptr, 10));
    } else {
        std::signal(SIGXFSZ, SIG_IGN);
        // No file may grow: what a full disk comes to.
        if (std::strcmp(argv[4], "full") == 0 && !limit(RLIMIT_FSIZE, 0)) return visit_failed;
        seen = visit(store, std::strcmp(argv[5], "log_out") == 0);
    }
    std::_Exit(seen);  // what looks for leaks at the end would need a thread too
}
