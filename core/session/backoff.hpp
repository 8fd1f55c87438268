// When the provider may be asked again: full jitter after failures, Retry-After, and the allowance for rejected tokens.
#pragma once

#include <cstdint>

#include "clock/clock.hpp"
#include "lifetime/policy.hpp"
#include "session/record.hpp"

namespace portal {

inline constexpr std::int64_t backoff_first_ms = second_ms;
inline constexpr std::int64_t backoff_most_ms = 5 * minute_ms;
inline constexpr std::int64_t retry_after_most_ms = hour_ms;
// With its spread. A longer one is another boot's, or nobody's.
inline constexpr std::int64_t backoff_longest_ms = retry_after_most_ms * 5 / 4;
inline constexpr std::int64_t rejection_refill_ms = 10 * minute_ms;
inline constexpr std::int64_t rejection_allowance = 3;

// How long to wait after the n-th failure in a row (1, 2, ...). With a Retry-After: at least that (cut to an hour), plus
// a spread; without: uniform(0, min(5 min, 1 s doubling)).
[[nodiscard]] std::int64_t backoff_after(std::uint32_t failures_in_a_row, std::int64_t retry_after_ms, std::uint64_t seed);

// How much longer the provider is left alone; 0: not at all, or the back-off is another boot's.
[[nodiscard]] std::int64_t backoff_left(const Backoff& backoff, const Reading& now);

// What is left of the debt. In another boot at least that boot's age has gone by since; an instant that is yet to come is
// another boot's, too.
[[nodiscard]] std::int64_t rejection_debt(const RejectionBucket& bucket, const Reading& now);
// How long until one more token may be asked for because of a rejection; 0: now.
[[nodiscard]] std::int64_t rejection_wait(const RejectionBucket& bucket, const Reading& now);
void take_rejection(RejectionBucket& bucket, const Reading& now);

}  // namespace portal
