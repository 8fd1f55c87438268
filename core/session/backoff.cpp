#include "session/backoff.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace portal {
namespace {

// Of two instants that a record may hold, whatever they are.
std::uint64_t ms_between(std::int64_t earlier_ms, std::int64_t later_ms) {
    return static_cast<std::uint64_t>(later_ms) - static_cast<std::uint64_t>(earlier_ms);
}

}  // namespace

std::int64_t backoff_after(std::uint32_t failures_in_a_row, std::int64_t retry_after_ms, std::uint64_t seed) {
    const double chance = uniform(seed, failures_in_a_row);
    if (retry_after_ms > 0) {
        const std::int64_t asked_ms = std::min(retry_after_ms, retry_after_most_ms);
        const std::int64_t spread_ms = std::max(second_ms, asked_ms / 4);
        return asked_ms + static_cast<std::int64_t>(chance * static_cast<double>(spread_ms));
    }
    const std::uint32_t doublings = std::min<std::uint32_t>(failures_in_a_row == 0 ? 0 : failures_in_a_row - 1, 20);
    const std::int64_t ceiling_ms = std::min(backoff_most_ms, backoff_first_ms << doublings);
    return static_cast<std::int64_t>(chance * static_cast<double>(ceiling_ms));
}

std::int64_t backoff_left(const Backoff& backoff, const Reading& now) {
    if (backoff.boot_tag != now.boot_tag || backoff.not_before_boot_ms <= now.boot_ms) return 0;
    const std::uint64_t left_ms = ms_between(now.boot_ms, backoff.not_before_boot_ms);
    return left_ms > backoff_longest_ms ? 0 : static_cast<std::int64_t>(left_ms);
}

std::int64_t rejection_debt(const RejectionBucket& bucket, const Reading& now) {
    constexpr std::int64_t most_ms = rejection_allowance * rejection_refill_ms;
    const bool is_of_this_boot = bucket.boot_tag == now.boot_tag && bucket.boot_ms <= now.boot_ms;
    const std::uint64_t paid_ms =
        is_of_this_boot ? ms_between(bucket.boot_ms, now.boot_ms) : static_cast<std::uint64_t>(std::max<std::int64_t>(now.boot_ms, 0));
    const std::int64_t owed_ms = std::clamp<std::int64_t>(bucket.debt_ms, 0, most_ms);
    return owed_ms - static_cast<std::int64_t>(std::min<std::uint64_t>(paid_ms, static_cast<std::uint64_t>(owed_ms)));
}

std::int64_t rejection_wait(const RejectionBucket& bucket, const Reading& now) {
    return std::max<std::int64_t>(rejection_debt(bucket, now) - (rejection_allowance - 1) * rejection_refill_ms, 0);
}

void take_rejection(RejectionBucket& bucket, const Reading& now) {
    bucket = {rejection_debt(bucket, now) + rejection_refill_ms, now.boot_tag, now.boot_ms};
}

}  // namespace portal
