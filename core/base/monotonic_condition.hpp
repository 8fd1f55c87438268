// A condition variable whose timed wait follows CLOCK_MONOTONIC on every platform.
#pragma once

#include <pthread.h>

#include <chrono>
#include <mutex>

namespace portal {

// std::condition_variable::wait_until converts a steady instant to wall time where pthread_cond_clockwait is missing
// (Android before API 30, Apple systems): a date that is set back then delays the wake-up. Use this type for each timed
// wait; std::condition_variable is fine for a wait without a limit.
class MonotonicCondition {
public:
    using Instant = std::chrono::steady_clock::time_point;

    MonotonicCondition();  // throws std::bad_alloc
    ~MonotonicCondition() { ::pthread_cond_destroy(&condition_); }
    MonotonicCondition(const MonotonicCondition&) = delete;
    MonotonicCondition& operator=(const MonotonicCondition&) = delete;

    void notify_one() noexcept { ::pthread_cond_signal(&condition_); }
    void notify_all() noexcept { ::pthread_cond_broadcast(&condition_); }

    template <typename Predicate>
    void wait(std::unique_lock<std::mutex>& lock, Predicate is_done) {
        while (!is_done()) ::pthread_cond_wait(&condition_, lock.mutex()->native_handle());
    }

    // What the predicate says at the end.
    template <typename Predicate>
    bool wait_until(std::unique_lock<std::mutex>& lock, Instant deadline, Predicate is_done) {
        while (!is_done())
            if (!wait_once(lock, deadline)) return is_done();
        return true;
    }

private:
    // False: the deadline has passed. True: woken, perhaps for nothing.
    bool wait_once(std::unique_lock<std::mutex>& lock, Instant deadline);

    pthread_cond_t condition_;
};

}  // namespace portal
