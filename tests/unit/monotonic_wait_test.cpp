// The clock of each timed wait, read from the calls that reach the C library: the linker sends them through here.
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>

#include "base/monotonic_condition.hpp"
#include "base/thread_group.hpp"
#include "engine/engine.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/scripted_host.hpp"

namespace {

struct Made {
    std::mutex mutex;
    std::map<const pthread_cond_t*, clockid_t> clocks;  // of each condition variable that pthread_cond_init made
};
Made& made = *new Made;  // threads may still wait when the process exits

std::atomic<int> monotonic{0};
// On the wall clock, or with the clock named at the wait: old systems lack that call, and there the C++ library waits on the
// wall clock.
std::atomic<int> other{0};

class NewWaits {
public:
    // At least one timed wait has begun since, and all were monotonic.
    [[nodiscard]] bool are_monotonic() const { return monotonic > monotonic_before_ && other == other_before_; }
    // Returns when a timed wait of any kind has begun.
    void await_one() const {
        while (other == other_before_ && monotonic == monotonic_before_) std::this_thread::yield();
    }

private:
    const int monotonic_before_ = monotonic;
    const int other_before_ = other;
};

}  // namespace

extern "C" {

int __real_pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* attributes);
int __wrap_pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* attributes) {
    clockid_t clock = CLOCK_REALTIME;
    if (attributes != nullptr) ::pthread_condattr_getclock(attributes, &clock);
    {
        const std::lock_guard lock(made.mutex);
        made.clocks[condition] = clock;
    }
    return __real_pthread_cond_init(condition, attributes);
}

int __real_pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* deadline);
int __wrap_pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* deadline) {
    {
        const std::lock_guard lock(made.mutex);
        const auto found = made.clocks.find(condition);
        ++(found != made.clocks.end() && found->second == CLOCK_MONOTONIC ? monotonic : other);
    }
    return __real_pthread_cond_timedwait(condition, mutex, deadline);
}

int __real_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* deadline);
int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* deadline) {
    ++other;
    return __real_pthread_cond_clockwait(condition, mutex, clock, deadline);
}

}  // extern "C"

namespace {

using namespace portal;
using namespace portal::test;

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

TEST_CASE("A condition variable of ours waits by the monotonic clock, and ends at its deadline") {
    const NewWaits waits;
    std::mutex mutex;
    MonotonicCondition condition;
    std::unique_lock lock(mutex);
    CHECK_FALSE(condition.wait_until(lock, now() + std::chrono::milliseconds(1), [] { return false; }));
    CHECK_FALSE(condition.wait_until(lock, now() - std::chrono::hours(1), [] { return false; }));
    CHECK(condition.wait_until(lock, now() - std::chrono::hours(1), [] { return true; }));
    CHECK(waits.are_monotonic());
}

TEST_CASE("Waiting for the end of the threads follows the monotonic clock") {
    static auto& group = *new ThreadGroup;  // it outlives its thread
    const NewWaits waits;
    std::mutex held;
    std::unique_lock hold(held);
    std::thread thread = group.start_joinable("waited-for", [&] { const std::lock_guard until_released(held); });
    CHECK_FALSE(group.wait_for_end(now()));
    hold.unlock();
    thread.join();
    CHECK(waits.are_monotonic());
}

TEST_CASE("The worker waits for its next timer by the monotonic clock") {
    const auto clock = std::make_shared<ManualClock>();
    const auto host = std::make_shared<ScriptedHost>();  // its provider answers nothing: the deadline is the next timer
    const NewWaits waits;
    const auto engine = Engine::open({*make_policy({0, 0, 0, 0, 0, 0}), "test", "", clock, nullptr, host});
    const auto waiter = engine->acquire_on_worker({}, [](Acquired) {});
    REQUIRE(waiter);
    waits.await_one();
    CHECK(waits.are_monotonic());
    engine->close(30'000);
}

}  // namespace
