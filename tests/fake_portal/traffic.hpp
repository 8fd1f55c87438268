// What the network and Portal's limit add to each answer: a delay, and 429.
#pragma once

#include <cstdint>
#include <deque>
#include <random>

namespace fake_portal {

struct TrafficOptions {
    int rate_limit_a_minute = 0;  // of requests with the API key; 0: none. Portal's is 200
    std::int64_t latency_ms = 0;
    std::int64_t jitter_ms = 0;  // up to so much is added to each latency
};

class Traffic {
public:
    Traffic(TrafficOptions options, std::uint64_t seed) : options_(options), random_(seed) {}

    // 0: the request may pass, and counts. Else the seconds until one may.
    std::int64_t seconds_to_wait(std::int64_t now_ms) {
        constexpr std::int64_t minute_ms = 60'000;
        if (options_.rate_limit_a_minute <= 0) return 0;
        while (!passed_ms_.empty() && passed_ms_.front() <= now_ms - minute_ms) passed_ms_.pop_front();
        if (passed_ms_.size() >= static_cast<std::size_t>(options_.rate_limit_a_minute))
            return (passed_ms_.front() + minute_ms - now_ms + 999) / 1000;
        passed_ms_.push_back(now_ms);
        return 0;
    }

    std::int64_t delay_ms() {
        return options_.latency_ms + std::uniform_int_distribution<std::int64_t>(0, options_.jitter_ms)(random_);
    }

private:
    TrafficOptions options_;
    std::mt19937_64 random_;
    std::deque<std::int64_t> passed_ms_;  // of the last minute
};

}  // namespace fake_portal
