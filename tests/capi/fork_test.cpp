// Fork without exec: whichever lock of the library another thread holds at that instant, the child is not stuck. Sessions
// of before are closed there, and new ones work.
#include <portal_session/portal_session.h>

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "capi/session_rig.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

// For a child that is stuck. A child of the library's thread blocks all signals.
void arm_last_resort() {
    sigset_t alarm_signal;
    ::sigemptyset(&alarm_signal);
    ::sigaddset(&alarm_signal, SIGALRM);
    ::pthread_sigmask(SIG_UNBLOCK, &alarm_signal, nullptr);
    ::alarm(60);
}

// ---- threads that stop right after they took a lock of the library's ----

using Lock = int (*)(pthread_mutex_t*);

struct Stopped {
    const void* place;
    sem_t may_go_on;
    Stopped* next;
};

std::atomic<bool> stops_threads{false};
std::array<std::atomic<const void*>, 1000> places;  // in the library's code, where a lock was taken and somebody stopped
std::atomic<Stopped*> stopped{nullptr};
sem_t happened;  // a thread stopped, or the last one is done

struct Code {
    std::uintptr_t base = 0;
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    [[nodiscard]] bool holds(const void* address) const {
        return reinterpret_cast<std::uintptr_t>(address) - first < last - first;
    }
    [[nodiscard]] std::string offset_of(const void* address) const {
        char text[32];
        std::snprintf(text, sizeof text, "0x%lx", reinterpret_cast<unsigned long>(address) - base);
        return text;
    }
};

// The library's code, in this process's memory.
Code library_code() {
    Code code;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* out) {
            for (int i = 0; i < object->dlpi_phnum; ++i) {
                const auto& part = object->dlpi_phdr[i];
                const std::uintptr_t first = object->dlpi_addr + part.p_vaddr;
                const Code here{object->dlpi_addr, first, first + part.p_memsz};
                if (part.p_type == PT_LOAD && (part.p_flags & PF_X) != 0 &&
                    here.holds(::dlsym(RTLD_DEFAULT, "portal_session_open")))
                    *static_cast<Code*>(out) = here;
            }
            return 0;
        },
        &code);
    return code;
}
Code library;

bool is_new(const void* place) {
    for (auto& seen : places) {
        const void* expected = nullptr;
        if (seen.compare_exchange_strong(expected, place)) return true;
        if (expected == place) return false;
    }
    return false;
}

int place_count() {
    int count = 0;
    while (places[static_cast<std::size_t>(count)] != nullptr) ++count;
    return count;
}

void wait_for(sem_t& semaphore) {
    while (::sem_wait(&semaphore) != 0) {
    }
}

void stop_here(const void* place) {
    Stopped self{};
    self.place = place;
    ::sem_init(&self.may_go_on, 0, 0);
    self.next = stopped.load();
    while (!stopped.compare_exchange_weak(self.next, &self)) {
    }
    ::sem_post(&happened);
    wait_for(self.may_go_on);
    ::sem_destroy(&self.may_go_on);
}

}  // namespace

// Where the lock is taken. A build for size has one function that locks, so the way there tells the places apart.
const void* way_here() {
    static thread_local bool is_walking = false;  // the first walk of a thread may lock
    if (is_walking) return nullptr;
    is_walking = true;
    std::array<void*, 6> frames{};
    const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
    is_walking = false;
    std::uintptr_t way = 0;
    for (int i = 2; i < count; ++i) way = way * 31 + reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]);
    return reinterpret_cast<const void*>(way);
}

// In place of the C library's.
extern "C" [[gnu::visibility("default")]] int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static std::atomic<Lock> real{nullptr};
    if (real == nullptr) real = reinterpret_cast<Lock>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    const void* const place = __builtin_return_address(0);
    const int result = real.load()(mutex);
    if (stops_threads && library.holds(place))
        if (const void* const way = way_here(); way != nullptr && is_new(way)) stop_here(place);
    return result;
}

namespace {

// ---- a host ----

struct World {
    TempDir folder;
    std::atomic<int> released{0};
    std::atomic<bool> answers{true};
    std::atomic<portal_session*> session{nullptr};  // while it is open
};
World& world = *new World;

void count_release(void*) { ++world.released; }

void fulfil(void*, const portal_token_request* request) {
    static std::atomic<int> number{0};
    const std::string text = "token-" + std::to_string(++number);
    const auto input = input_of(text);
    if (world.answers) portal_request_fulfil(request->id, &input, nullptr);
}

void load_key(void*, std::uint64_t id, portal_text) {
    const std::string key(32, 'k');
    portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
}

void load_nothing(void*, std::uint64_t id, portal_text) { portal_store_loaded(id, PORTAL_ABSENT, 0, {}, nullptr); }

void save(void*, std::uint64_t id, portal_text, std::uint64_t, portal_bytes) {
    portal_store_saved(id, PORTAL_SAVED, 0, nullptr);
}

enum class StoreKind { memory, host, files };

portal_code open(StoreKind kind, const std::string& folder, portal_session** session) {
    auto options = made<portal_options>();
    options.flags = PORTAL_ALLOW_LOOPBACK;
    options.portal_url = text_of("https://127.0.0.1:1");  // where nobody listens
    options.clock = {[](void*, portal_reading* out) { portal_clock_system(out); }, nullptr, count_release};
    options.provider = {fulfil, [](void*, std::uint64_t) {}, nullptr, count_release};
    options.observer = {[](void*, const portal_event*) {}, nullptr, count_release};
    options.log.level = PORTAL_LEVEL_DEBUG;
    options.log.line = [](void*, portal_level, portal_text) {};
    if (kind == StoreKind::host) {
        options.store.load = load_nothing;
        options.store.save = save;
        options.store.release = count_release;
    } else if (kind == StoreKind::files) {
        options.directory = text_of(folder);
        options.key.load = load_key;
        options.key.release = count_release;
    }
    return portal_session_open(&options, session, nullptr);
}

portal_code wait(portal_session* session, portal_lease* lease, std::int64_t timeout_ms = 0, std::uint64_t newer_than = 0,
                 portal_error* error = nullptr) {
    auto options = made<portal_acquire_options>();
    options.timeout_ms = timeout_ms;
    options.newer_than = newer_than;
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    return portal_lease_wait(session, &options, lease, token, &length, error);
}

portal_code try_once(portal_session* session, portal_lease* lease, portal_error* error = nullptr) {
    char token[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof token;
    return portal_lease_try(session, lease, token, &length, error);
}

// A call that ends on the callback thread: waits without a lock that a test could stop somebody at.
struct End {
    sem_t ended;
    End() { ::sem_init(&ended, 0, 0); }
    ~End() {
        wait_for(ended);
        ::sem_destroy(&ended);
    }
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    static void note(void* end) { ::sem_post(&static_cast<End*>(end)->ended); }
    portal_done done() {
        return {[](void*, portal_code, const portal_error*) {}, this, note};
    }
};

// All that a session can be asked for, once.
void use(portal_session* session) {
    auto lease = made<portal_lease>();
    (void)wait(session, &lease);
    (void)try_once(session, &lease);
    (void)portal_lease_stamp(session, &lease, nullptr);
    (void)portal_lease_report(session, &lease, 200, nullptr, nullptr);
    (void)portal_lease_report(session, &lease, 401, nullptr, nullptr);
    const auto input = input_of("a-pushed-token");
    (void)portal_session_push(session, &input, nullptr);
    (void)portal_session_prepare(session, nullptr);
    {
        End end;
        std::uint64_t id = 0;
        const portal_acquired acquired{
            [](void*, portal_code, const portal_lease*, portal_text, const portal_error*) {}, &end, End::note};
        (void)portal_lease_acquire(session, nullptr, acquired, &id, nullptr);
        (void)portal_cancel(id, nullptr);
    }
    for (const portal_notice notice : {PORTAL_NOTICE_BACKGROUND, PORTAL_NOTICE_FOREGROUND, PORTAL_NOTICE_STORE_CHANGED}) {
        End end;
        const portal_done done = end.done();
        (void)portal_session_notify(session, notice, &done, nullptr);
    }
    if ((portal_features() & PORTAL_FEATURE_HTTP) != 0) {
        End end;
        auto request = made<portal_http_request>();
        request.url = text_of("/");
        const portal_sent sent{[](void*, portal_code, const portal_http_response*, const portal_error*) {}, &end, End::note};
        (void)portal_send(session, &request, sent, nullptr, nullptr);
    }
    auto status = made<portal_status>();
    (void)portal_session_status(session, &status, nullptr);
    std::string text(PORTAL_EXPLAIN_MAX, '\0');
    std::size_t length = text.size();
    (void)portal_session_explain(session, text.data(), &length, nullptr);
    End end;
    const portal_done done = end.done();
    (void)portal_session_clear(session, &done, nullptr);
}

// ---- in a child ----

bool says_forked(portal_code code, const portal_error& error) {
    return code == PORTAL_ERR_CLOSED && std::strstr(error.message, "fork") != nullptr;
}

// 0, or which of the checks failed.
int check_session_of_parent(portal_session* session) {
    const int released = world.released;
    auto error = made<portal_error>();
    auto lease = made<portal_lease>();
    if (!says_forked(try_once(session, &lease, &error), error)) return 1;
    if (!says_forked(wait(session, &lease, 0, 0, &error), error)) return 2;
    if (!says_forked(portal_lease_report(session, &lease, 200, nullptr, &error), error)) return 3;
    if (!says_forked(portal_lease_report(session, &lease, 401, nullptr, &error), error)) return 4;
    const auto input = input_of("of-a-child");
    if (!says_forked(portal_session_push(session, &input, &error), error)) return 5;
    if (!says_forked(portal_session_clear(session, nullptr, &error), error)) return 6;
    if (!says_forked(portal_session_allows(session, text_of("https"), text_of("a.b"), 0, &error), error)) return 7;
    if (portal_session_close(session, 1'000'000, nullptr) != PORTAL_OK) return 8;
    portal_session_release(session);
    if (portal_session_close(session, 0, nullptr) != PORTAL_ERR_INVALID_ARGUMENT) return 9;
    if (world.released != released || portal_live_objects() != 0) return 10;
    return 0;
}

int check_new_session(StoreKind kind, const std::string& folder) {
    portal_session* session = nullptr;
    auto lease = made<portal_lease>();
    if (open(kind, folder, &session) != PORTAL_OK) return 20;
    const auto input = input_of("of-a-child");
    if (portal_session_push(session, &input, nullptr) != PORTAL_OK) return 21;
    if (wait(session, &lease) != PORTAL_OK) return 22;
    if (try_once(session, &lease) != PORTAL_OK) return 23;
    world.answers = false;
    if (wait(session, &lease, 1, lease.generation) != PORTAL_ERR_TIMEOUT) return 24;  // which the worker's clock ends
    world.answers = true;
    if (portal_session_close(session, 30'000, nullptr) != PORTAL_OK) return 25;
    portal_session_release(session);
    return portal_live_objects() == 0 ? 0 : 26;
}

int check_child(StoreKind kind) {
    if (portal_session* const session = world.session)
        if (const int failed = check_session_of_parent(session); failed != 0) return failed;
    const std::string folder = world.folder.file("of-" + std::to_string(::getpid()));
    return check_new_session(kind, folder);
}

// How the child ended: 0 if it found all well; minus the signal that ended it.
template <typename Check>
int forked(Check&& check) {
    const pid_t child = ::fork();
    if (child == 0) {
        arm_last_resort();
        stops_threads = false;
        ::_exit(check());
    }
    int status = 0;
    while (::waitpid(child, &status, 0) == -1 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void live(StoreKind kind) {
    const std::string folder = world.folder.file("of-the-parent");
    portal_session* session = nullptr;
    if (open(kind, folder, &session) != PORTAL_OK) return;
    world.session = session;
    use(session);
    (void)portal_session_close(session, 30'000, nullptr);
    world.session = nullptr;
    portal_session_release(session);
}

// Each thread stops once at each place where the library takes a lock, and at each stop a child is forked.
void fork_at_each_lock(StoreKind kind) {
    INFO(static_cast<int>(kind));
    for (auto& place : places) place = nullptr;
    std::atomic<bool> is_over{false};
    int forks = 0;
    int failed = 0;
    std::string held;  // when it failed: places, by their offsets in the library's code
    stops_threads = true;
    std::thread user([&] {
        live(kind);
        is_over = true;
        ::sem_post(&happened);
    });
    while (!is_over) {
        wait_for(happened);
        Stopped* all = stopped.exchange(nullptr);
        if (all == nullptr) continue;
        ++forks;
        if (failed == 0) {
            held.clear();
            for (const Stopped* each = all; each != nullptr; each = each->next) held += library.offset_of(each->place) + ' ';
            failed = forked([&] { return check_child(kind); });
        }
        while (all != nullptr) ::sem_post(&std::exchange(all, all->next)->may_go_on);
    }
    stops_threads = false;
    user.join();
    while (Stopped* all = stopped.exchange(nullptr))  // who stopped behind the end
        while (all != nullptr) ::sem_post(&std::exchange(all, all->next)->may_go_on);
    std::printf("%d forks with a lock held, at %d places\n", forks, place_count());
    INFO("locked at " << held);
    CHECK(failed == 0);
    CHECK(forks > 25);
}

TEST_CASE("A child is not stuck, whichever lock was held at the fork, and its own sessions work") {
    ::sem_init(&happened, 0, 0);
    library = library_code();
    REQUIRE(library.first != 0);
    fork_at_each_lock(StoreKind::memory);
    fork_at_each_lock(StoreKind::host);
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) != 0) fork_at_each_lock(StoreKind::files);
    CHECK(portal_live_objects() == 0);
}

TEST_CASE("A fork takes nothing from the parent's sessions") {
    portal_session* session = nullptr;
    REQUIRE(open(StoreKind::memory, "", &session) == PORTAL_OK);
    auto lease = made<portal_lease>();
    REQUIRE(wait(session, &lease) == PORTAL_OK);
    world.session = session;
    CHECK(forked([] { return check_child(StoreKind::memory); }) == 0);
    CHECK(forked([] { return forked([] { return check_child(StoreKind::memory); }); }) == 0);
    world.session = nullptr;
    CHECK(try_once(session, &lease) == PORTAL_OK);
    CHECK(portal_lease_report(session, &lease, 200, nullptr, nullptr) == PORTAL_OK);
    CHECK(portal_session_close(session, 30'000, nullptr) == PORTAL_OK);
    portal_session_release(session);
}

// A session whose provider forks; what the child's half of the callback does is `in_child`.
int fork_in_callback(void (*in_child)()) {
    struct Forking {
        void (*in_child)();
        pid_t child = -1;
    } forking{in_child};
    auto options = made<portal_options>();
    options.provider.userdata = &forking;
    options.provider.ask = [](void* userdata, const portal_token_request* request) {
        auto& now = *static_cast<Forking*>(userdata);
        std::fflush(nullptr);  // what is not written yet would be twice
        now.child = ::fork();
        if (now.child == 0) {
            arm_last_resort();
            return now.in_child();
        }
        const auto input = input_of("token");
        portal_request_fulfil(request->id, &input, nullptr);
    };
    portal_session* session = nullptr;
    REQUIRE(portal_session_open(&options, &session, nullptr) == PORTAL_OK);
    world.session = session;
    auto lease = made<portal_lease>();
    CHECK(wait(session, &lease) == PORTAL_OK);
    world.session = nullptr;
    CHECK(portal_session_close(session, 30'000, nullptr) == PORTAL_OK);
    portal_session_release(session);
    int status = 0;
    REQUIRE(::waitpid(forking.child, &status, 0) == forking.child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_CASE("A child that was forked inside a callback may block, since it is on no thread of the library") {
    CHECK(fork_in_callback([] { ::_exit(check_child(StoreKind::memory)); }) == 0);
}

TEST_CASE("A child that was forked inside a callback ends when the callback returns there") {
    // Without what this program does at its exit: it belongs to the parent.
    CHECK(fork_in_callback([] { std::atexit([] { ::_exit(0); }); }) == 0);
}

}  // namespace
