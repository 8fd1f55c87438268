#include "base/thread_group.hpp"

#include <pthread.h>

#include <csignal>

#include "base/fork.hpp"

namespace portal {
namespace {

void name_this_thread(const char* name) {
#if defined(__APPLE__)
    ::pthread_setname_np(name);
#else
    ::pthread_setname_np(::pthread_self(), name);
#endif
}

// While it lives, the calling thread blocks all signals but those of its own faults, and a thread that starts meanwhile does
// so from its first instruction. Signals are the host's: its handlers may need a large stack, or a certain thread's data.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t signals;
        sigfillset(&signals);  // a macro on some systems, as sigdelset is
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&signals, fault);
        ::pthread_sigmask(SIG_SETMASK, &signals, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

}  // namespace

// Made first on its thread, it is destroyed after all that is thread-local there. Not std::notify_all_at_thread_exit: that
// takes memory which is still the thread's when the process ends meanwhile, a leak to who looks for leaks.
class ThreadGroup::Member {
public:
    ~Member() {
        if (group != nullptr && made_here.holds()) group->leave();
    }
    ThreadGroup* group = nullptr;
    const MadeHere made_here;
};

ThreadGroup& ThreadGroup::of_process() {
    static constinit PerProcess<ThreadGroup> group;
    return group.get();
}

std::thread ThreadGroup::start_joinable(const char* name, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    const SignalsBlocked around_the_start;
    std::thread thread([this, name, work = std::move(work)] {
        thread_local Member member;
        member.group = this;
        name_this_thread(name);
        work();
    });
    ++alive_;
    return thread;
}

void ThreadGroup::leave() {
    const std::lock_guard lock(mutex_);
    --alive_;
    changed_.notify_all();
}

void ThreadGroup::begin_session() {
    const std::lock_guard lock(mutex_);
    ++sessions_;
    changed_.notify_all();
}

void ThreadGroup::end_session() {
    const std::lock_guard lock(mutex_);
    --sessions_;
}

bool ThreadGroup::wait_for_end(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return alive_ == 0 || sessions_ > 0; });
}

}  // namespace portal
