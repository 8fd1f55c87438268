// Retry-After, the header by which a server says how long to leave it alone. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace portal {

// A bound so far off that it only keeps sums from overflowing; how long anyone really waits is the session's rule.
inline constexpr std::int64_t max_retry_after_ms = 100LL * 366 * 24 * 3600 * 1000;

// `value` is Retry-After: seconds or an HTTP date. A date is judged by `date`, the same answer's own Date header, never by
// the device's clock, which may be days off. 0: not known (no value, a bad one, a date in the past or without a Date to
// judge it by).
[[nodiscard]] std::int64_t retry_after_ms(std::string_view value, std::string_view date);

}  // namespace portal
