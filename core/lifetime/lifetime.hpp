// Portal's lifetime rule as pure functions: where a token stands at an instant, and what to do about it.
#pragma once

#include <cstdint>

#include "clock/clock.hpp"
#include "lifetime/policy.hpp"

namespace portal {

enum class State : std::int32_t {
    unknown = 0,
    none = 1,
    fresh = 2,
    expiring = 3,
    overdue = 4,
    expired = 5,
    rejected = 6,
    signed_out = 7,
};

enum class Reason : std::int32_t {
    none = 0,
    loading = 1,
    store_unavailable = 2,
    first = 3,
    near_idle = 4,
    idle = 5,
    near_absolute = 6,
    absolute = 7,
    rejected = 8,
    cleared = 9,
    declined = 10,
    storage_lost = 11,
    clock_untrusted = 12,
    forced = 13,
    other_client = 14,
    other_origin = 15,
    wrong_key = 16,
    other_version = 17,
};

enum class ClockVerdict : std::int32_t { same_boot = 0, wall = 1, untrusted = 2 };

// How far an anchor lies back. Untrusted: `ms` is the least that must have passed, whatever the clocks say.
struct Elapsed {
    std::int64_t ms = 0;
    ClockVerdict verdict = ClockVerdict::same_boot;
};
[[nodiscard]] Elapsed elapsed_since(const Anchor& anchor, const Reading& now, std::int64_t margin_ms);

// The two instants that a token's life hangs on.
struct TokenTimes {
    Anchor issued;
    Anchor slid;

    bool operator==(const TokenTimes&) const = default;
};

enum class Next : std::uint8_t {
    give,            // hand it out
    give_and_renew,  // hand it out, and start a renewal behind it
    renew_first,     // a new one first; this one if none can be had
    wait,            // only a new one will do
};

struct Assessment {
    State state = State::expired;  // fresh, expiring, overdue or expired
    Reason reason = Reason::none;
    Next next = Next::wait;
    ClockVerdict clock = ClockVerdict::same_boot;
    std::int64_t idle_left_ms = 0;      // negative: past
    std::int64_t absolute_left_ms = 0;  // negative: past
    std::int64_t changes_in_ms = 0;     // until state or reason changes by itself; 0: it does not
};

// `lead_ms` is the token's own renewal lead (renewal_lead below).
[[nodiscard]] Assessment assess(const Policy& policy, const TokenTimes& times, std::int64_t lead_ms, const Reading& now);

// The policy's lead times uniform(0.5, 1): the same for the same install and generation, spread over installs.
[[nodiscard]] std::int64_t renewal_lead(const Policy& policy, std::uint64_t install_seed, std::uint64_t generation);

// The same instants told in this boot's time, so that from now on only boot time counts. False: the clock can't be
// trusted, and `times` is as it was.
[[nodiscard]] bool rebase(TokenTimes& times, const Reading& now, std::int64_t margin_ms);

// Portal accepted an untrusted token that was sent at `sent_boot_ms`: makes anchors to count on again. Issued lies back by
// the most it can: an accepted token slid at most the idle time before, so its age is at most the age at the last slide
// that we know, plus the idle time.
void reanchor_accepted(TokenTimes& times, const Policy& policy, const Reading& now, std::int64_t sent_boot_ms);

}  // namespace portal
