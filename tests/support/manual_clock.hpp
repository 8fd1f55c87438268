// A clock that only a test moves: time since boot, the date, a reboot.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

#include "clock/clock.hpp"
#include "lifetime/policy.hpp"

namespace portal::test {

class ManualClock final : public Clock {
public:
    [[nodiscard]] std::int64_t boot_ms() const override {
        const std::lock_guard lock(mutex_);
        return now_.boot_ms;
    }
    [[nodiscard]] Reading read() const override {
        const std::lock_guard lock(mutex_);
        ++reads_[std::this_thread::get_id()];
        return now_;
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
    mutable std::mutex mutex_;
    Reading now_{hour_ms, 1'700'000'000'000, 0xb001};
    mutable std::map<std::thread::id, int> reads_;
};

}  // namespace portal::test
