// A clock that only a test moves: time since boot, the date, a reboot. It is also where a test can stop a thread: each looks
// at the clock before it acts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "clock/clock.hpp"
#include "lifetime/policy.hpp"

namespace portal::test {

class ManualClock final : public Clock {
public:
    [[nodiscard]] std::int64_t boot_ms() const override {
        call_hook(false);
        const std::lock_guard lock(mutex_);
        return now_.boot_ms;
    }
    [[nodiscard]] Reading read() const override {
        call_hook(true);
        const std::lock_guard lock(mutex_);
        ++reads_[std::this_thread::get_id()];
        return now_;
    }
    // Runs before each reading, on the thread that takes it; `is_full`: of all that the clock tells.
    using Hook = std::function<void(bool is_full)>;
    void before_each_reading(Hook hook) {
        const std::lock_guard lock(mutex_);
        hook_ = std::make_shared<const Hook>(std::move(hook));
    }

    void advance(std::int64_t ms) {
        const std::lock_guard lock(mutex_);
        now_.boot_ms += ms;
        now_.unix_ms += ms;
    }
    // What a user does in the settings.
    void move_date(std::int64_t ms) {
        const std::lock_guard lock(mutex_);
        now_.unix_ms += ms;
    }
    void reboot(std::int64_t off_ms, std::int64_t age_ms = 30 * second_ms) {
        const std::lock_guard lock(mutex_);
        now_ = {age_ms, now_.unix_ms + off_ms + age_ms, now_.boot_tag + 1};
    }

    // Full readings by threads other than the caller's: one for each event that a worker runs, and one for each publication.
    [[nodiscard]] int reads_elsewhere() const {
        const std::lock_guard lock(mutex_);
        int count = 0;
        for (const auto& [thread, reads] : reads_)
            if (thread != std::this_thread::get_id()) count += reads;
        return count;
    }

private:
    void call_hook(bool is_full) const {
        std::shared_ptr<const Hook> hook;
        {
            const std::lock_guard lock(mutex_);
            hook = hook_;
        }
        if (hook != nullptr) (*hook)(is_full);
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const Hook> hook_;
    Reading now_{hour_ms, 1'700'000'000'000, 0xb001};
    mutable std::map<std::thread::id, int> reads_;
};

}  // namespace portal::test
