#include "base/monotonic_condition.hpp"

#include <cerrno>
#include <ctime>
#include <new>

namespace portal {
namespace {

timespec timespec_of(std::chrono::nanoseconds duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec result{};
    result.tv_sec = static_cast<decltype(result.tv_sec)>(seconds.count());
    result.tv_nsec = static_cast<decltype(result.tv_nsec)>((duration - seconds).count());
    return result;
}

}  // namespace

#if defined(__APPLE__)

MonotonicCondition::MonotonicCondition() {
    if (::pthread_cond_init(&condition_, nullptr) != 0) throw std::bad_alloc();
}

bool MonotonicCondition::wait_once(std::unique_lock<std::mutex>& lock, Instant deadline) {
    const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    const timespec relative = timespec_of(left);
    return ::pthread_cond_timedwait_relative_np(&condition_, lock.mutex()->native_handle(), &relative) != ETIMEDOUT;
}

#else

MonotonicCondition::MonotonicCondition() {
    pthread_condattr_t attributes;
    if (::pthread_condattr_init(&attributes) != 0) throw std::bad_alloc();
    // The clock of std::chrono::steady_clock in libstdc++ and libc++.
    ::pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    const int failed = ::pthread_cond_init(&condition_, &attributes);
    ::pthread_condattr_destroy(&attributes);
    if (failed != 0) throw std::bad_alloc();
}

bool MonotonicCondition::wait_once(std::unique_lock<std::mutex>& lock, Instant deadline) {
    const timespec absolute = timespec_of(deadline.time_since_epoch());
    return ::pthread_cond_timedwait(&condition_, lock.mutex()->native_handle(), &absolute) != ETIMEDOUT;
}

#endif

}  // namespace portal
