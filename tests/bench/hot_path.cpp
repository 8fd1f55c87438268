// Counts what reading a valid token and reporting a 2xx take: one clock read each, no memory, no lock, no system call.
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <portal_session/portal_session.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

#include "support/allocations.hpp"

namespace {

constexpr int rounds = 1000;
// Of this thread: the library's own may still be about something.
thread_local long locks = 0;
thread_local long clock_reads = 0;

template <typename Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Defined in the program, these take the place of the C library's for every library in it.
#pragma GCC visibility push(default)
extern "C" {
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
    ++locks;
    return real(mutex);
}
int clock_gettime(clockid_t clock, timespec* now) noexcept {
    static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
    ++clock_reads;
    return real(clock, now);
}
}
#pragma GCC visibility pop

namespace {

portal_session* session_with_token() {
    portal_options options;
    portal_init(&options, sizeof options);
    portal_session* session = nullptr;
    portal_session_open(&options, &session, nullptr);
    portal_token_input input;
    portal_init(&input, sizeof input);
    const char token[] = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d";
    input.token = {token, sizeof token - 1};
    portal_session_push(session, &input, nullptr);
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char read[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof read;
    portal_lease_wait(session, nullptr, &lease, read, &length, nullptr);
    return session;
}

bool read_and_report(portal_session* session) {
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char token[PORTAL_TOKEN_MAX];
    bool good = true;
    for (int i = 0; i < rounds; ++i) {
        std::size_t length = sizeof token;
        good = portal_lease_try(session, &lease, token, &length, nullptr) == PORTAL_OK && good;
        good = portal_lease_report(session, &lease, 200, nullptr, nullptr) == PORTAL_OK && good;
    }
    return good;
}

// From now on any system call of this thread but the last one kills the process.
void allow_only_exit() {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog program{sizeof rules / sizeof *rules, rules};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(2);
}

// In a child of its own, with a session of its own: the filter is this thread's alone.
bool makes_no_system_call(bool and_then_one) {
    const pid_t child = ::fork();
    if (child == 0) {
        portal_session* session = session_with_token();
        read_and_report(session);
        allow_only_exit();
        const bool good = read_and_report(session);
        if (and_then_one) ::syscall(SYS_getppid);
        ::syscall(SYS_exit_group, good ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int failures = 0;
int checks = 0;

void check(bool good, const char* sentence) {
    ++checks;
    if (!good) ++failures;
    std::printf("%-72s %s\n", sentence, good ? "ok" : "FAILED");
}

}  // namespace

int main() {
    portal_session* session = session_with_token();
    read_and_report(session);
    read_and_report(session);

    const long reads_before = clock_reads;
    const long locks_before = locks;
    const auto allocations_before = portal::test::allocations();
    const bool good = read_and_report(session);
    const auto allocations = portal::test::allocations() - allocations_before;
    check(locks_before > 0 && allocations_before > 0, "memory and locks are counted");
    check(good, "a valid token is read and a 2xx reported");
    check(allocations == 0, "no memory is taken");
    check(locks == locks_before, "no mutex is locked");
    check(clock_reads - reads_before == 2 * rounds, "the clock is read once for each");
    check(makes_no_system_call(false), "no system call is made");
    check(!makes_no_system_call(true), "a system call would be seen");

    portal_session_close(session, 10'000, nullptr);
    portal_session_release(session);
    std::printf("%d passed, %d failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
