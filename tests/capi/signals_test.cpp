// Signals are the host's: none of its handlers runs on a thread of the library.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "capi/session_rig.hpp"
#include "integration/threads_named.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

constexpr int signals_each = 50;

pthread_t receiver;
std::atomic<int> handled{0};
std::atomic<int> handled_elsewhere{0};

// Passes single bytes: a signal handler may write one.
class Channel {
public:
    Channel() {
        if (::pipe(ends_) != 0) std::abort();
    }
    ~Channel() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    void put() const { (void)!::write(ends_[1], "x", 1); }
    void take() const {
        char byte = 0;
        while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
        }
    }

private:
    int ends_[2] = {-1, -1};
};
Channel& received = *new Channel;

extern "C" void count_signal(int) {
    ++(::pthread_equal(::pthread_self(), receiver) != 0 ? handled : handled_elsewhere);
    received.put();
}

sigset_t host_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGUSR1, SIGALRM}) ::sigaddset(&signals, number);
    return signals;
}

// The only thread of the host that takes its signals.
class Receiver {
public:
    Receiver() {
        thread_ = std::thread([this] {
            receiver = ::pthread_self();
            const sigset_t signals = host_signals();
            ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
            is_there_.put();
            // Asleep, since the thread sanitizer runs a handler at once in a sleep, and behind any other call that blocks.
            while (!may_go_) ::usleep(1000);
        });
        is_there_.take();
    }
    ~Receiver() {
        may_go_ = true;
        thread_.join();
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

private:
    Channel is_there_;
    std::atomic<bool> may_go_{false};
    std::thread thread_;
};

void load_key(void*, std::uint64_t id, portal_text) {
    const std::string key(32, 'k');
    portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
}

void load_nothing(void*, std::uint64_t id, portal_text) { portal_store_loaded(id, PORTAL_ABSENT, 0, {}, nullptr); }

void save(void*, std::uint64_t id, portal_text, std::uint64_t, portal_bytes) {
    portal_store_saved(id, PORTAL_SAVED, 0, nullptr);
}

// A session that has used each kind of thread that this build has.
class BusySession {
public:
    BusySession() {
        auto options = made<portal_options>();
        options.flags = PORTAL_ALLOW_LOOPBACK;
        options.portal_url = text_of("https://127.0.0.1:1");  // where nobody listens
        const std::string directory = folder_.file("store");
        if ((portal_features() & PORTAL_FEATURE_FILE_STORE) != 0) {
            options.directory = text_of(directory);
            options.key.load = load_key;
        } else {
            options.store.load = load_nothing;
            options.store.save = save;
        }
        REQUIRE(portal_session_open(&options, &session_, nullptr) == PORTAL_OK);
        const auto token = input_of("a-token");
        REQUIRE(portal_session_push(session_, &token, nullptr) == PORTAL_OK);
        char room[PORTAL_TOKEN_MAX];
        std::size_t length = sizeof room;
        auto lease = made<portal_lease>();
        REQUIRE(portal_lease_wait(session_, nullptr, &lease, room, &length, nullptr) == PORTAL_OK);
        if ((portal_features() & PORTAL_FEATURE_HTTP) == 0) return;
        auto request = made<portal_http_request>();
        request.url = text_of("/");
        Outcome sent;
        REQUIRE(portal_send(session_, &request, sent.sent(), nullptr, nullptr) == PORTAL_OK);
        CHECK(sent.code() == PORTAL_ERR_NETWORK);
    }
    ~BusySession() {
        CHECK(portal_session_close(session_, 30'000, nullptr) == PORTAL_OK);
        portal_session_release(session_);
    }
    BusySession(const BusySession&) = delete;
    BusySession& operator=(const BusySession&) = delete;

private:
    TempDir folder_;
    portal_session* session_ = nullptr;
};

void check_threads_of_the_library() {
#if defined(__linux__)
    for (const char* name : {"portal-worker", "portal-callback", "portal-host"}) CHECK(threads_named(name) == 1);
    const bool has_files = (portal_features() & PORTAL_FEATURE_FILE_STORE) != 0;
    for (const char* name : {"portal-store", "portal-watch"}) CHECK(threads_named(name) == (has_files ? 1 : 0));
    CHECK(threads_named("portal-curl") == ((portal_features() & PORTAL_FEATURE_HTTP) != 0 ? 1 : 0));
#endif
}

TEST_CASE("A host's signal handlers run on none of the library's threads") {
    for (const int number : {SIGUSR1, SIGALRM}) std::signal(number, count_signal);
    {
        const BusySession session;  // its threads start while this thread takes the signals
        check_threads_of_the_library();
        const sigset_t signals = host_signals();
        ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        const Receiver the_only_one;
        for (int i = 0; i < signals_each; ++i) {
            for (const int number : {SIGUSR1, SIGALRM}) {
                ::kill(::getpid(), number);
                received.take();
            }
        }
        CHECK(handled == 2 * signals_each);
        CHECK(handled_elsewhere == 0);
    }
    const sigset_t signals = host_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

TEST_CASE("Opening a session leaves the caller's own signal mask alone") {
    sigset_t before;
    sigset_t after;
    ::sigemptyset(&before);
    ::sigemptyset(&after);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    const BusySession session;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int number = 1; number < NSIG; ++number) CHECK(::sigismember(&before, number) == ::sigismember(&after, number));
}

#if defined(__linux__)
// The signals that a thread blocks, as the system has them.
std::uint64_t blocked_by(const std::string& thread) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        bool is_wanted = false;
        for (std::string line; std::getline(status, line);) {
            if (line == "Name:\t" + thread) is_wanted = true;
            if (is_wanted && line.rfind("SigBlk:", 0) == 0) return std::stoull(line.substr(7), nullptr, 16);
        }
    }
    return 0;
}

TEST_CASE("A fault on a thread of the library still reaches the host's handler") {
    const BusySession session;
    const std::uint64_t blocked = blocked_by("portal-worker");
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) CHECK((blocked >> (number - 1) & 1) == 0);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD, SIGPROF}) CHECK((blocked >> (number - 1) & 1) == 1);
}
#endif

}  // namespace
