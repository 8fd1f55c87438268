// How many tokens a way of renewing costs on a trace: the ways of today's apps, ours, and the fewest that are possible.
#pragma once

#include <cstdint>

#include "planner/server_rule.hpp"
#include "planner/trace.hpp"

namespace portal::planner {

struct Cost {
    std::uint64_t tokens = 0;
    std::uint64_t rejected = 0;  // requests that Portal answered with 401

    Cost& operator+=(const Cost& other) {
        tokens += other.tokens;
        rejected += other.rejected;
        return *this;
    }
    bool operator==(const Cost&) const = default;
};

enum class Way : std::uint8_t {
    every_launch,  // a new token after 30 minutes without use
    every_day,     // one a calendar day (UTC)
    fixed_time,    // good for 24 hours from its issue, whatever happens
    wait_for_401,  // used until Portal rejects it
    optimum,       // told by the server: a new one exactly where the present one is dead; no way needs fewer
};

// One user's uses; each is one request, repeated with a new token after a 401.
[[nodiscard]] Cost replay(Way way, const Uses& uses, ServerRule rule);

// The same through the session machine itself: sliding, with the 7-day stop. `seed` is the install's: the lead's jitter.
[[nodiscard]] Cost replay_session(const Policy& policy, std::uint64_t seed, const Uses& uses, ServerRule rule);

}  // namespace portal::planner
