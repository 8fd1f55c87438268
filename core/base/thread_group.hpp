// The threads that the library starts, and the count of them, which tells when all have ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "base/monotonic_condition.hpp"

namespace portal {

// Counts threads until they are really gone, thread-local destructors included, and the sessions that they serve. It must
// outlive its threads, so the process's one is never destroyed.
class ThreadGroup {
public:
    static ThreadGroup& of_process();  // a forked child has one of its own

    // Runs `work` on a thread of its own; `start` never joins it. The name, of 15 characters at most, shows in debuggers.
    // It blocks all signals but those of its own faults. Throws std::system_error where the system has no thread to give.
    void start(const char* name, std::function<void()> work) { start_joinable(name, std::move(work)).detach(); }
    [[nodiscard]] std::thread start_joinable(const char* name, std::function<void()> work);
    void begin_session();
    void end_session();
    // True: the threads have ended, or a session has need of them. False: neither until the deadline.
    bool wait_for_end(std::chrono::steady_clock::time_point deadline);

private:
    class Member;

    void leave();

    std::mutex mutex_;
    MonotonicCondition changed_;
    std::size_t alive_ = 0;
    std::size_t sessions_ = 0;
};

}  // namespace portal
