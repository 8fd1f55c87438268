// How long a token lives, and how early the core acts: the numbers of Portal's rule and our bounds on them.
#pragma once

#include <cstdint>

#include "base/error.hpp"

namespace portal {

inline constexpr std::int64_t second_ms = 1000;
inline constexpr std::int64_t minute_ms = 60 * second_ms;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t day_ms = 24 * hour_ms;

struct Policy {
    std::int64_t idle_ms = day_ms;                   // after the last slide
    std::int64_t absolute_ms = 7 * day_ms;           // after the issue
    std::int64_t margin_ms = minute_ms;              // clock rate, and the way to the server
    std::int64_t soft_window_ms = 10 * minute_ms;    // the end of the idle window, in which a token is `expiring`
    std::int64_t renewal_lead_ms = 6 * hour_ms;      // before the absolute deadline, times uniform(0.5, 1)
    std::int64_t request_limit_ms = 30 * second_ms;  // for one token request
};

inline constexpr std::int64_t policy_none = -1;  // margin, soft window, lead: none at all

// Checks what an app asked for. A zero field takes its default, moved into its bounds; a field out of its bounds is
// Code::policy with a text that names the field and the bounds.
[[nodiscard]] Result<Policy> make_policy(const Policy& wanted);

}  // namespace portal
