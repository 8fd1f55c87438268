#include "session/backoff.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace portal {
namespace {

// What is left of the debt. In another boot at least that boot's age has gone by since.
std::int64_t debt(const RejectionBucket& bucket, const Reading& now) {
    const std::int64_t paid_ms = bucket.boot_tag == now.boot_tag ? now.boot_ms - bucket.boot_ms : now.boot_ms;
    const std::int64_t most_ms = rejection_allowance * rejection_refill_ms;
    return std::clamp<std::int64_t>(bucket.debt_ms - std::max<std::int64_t>(paid_ms, 0), 0, most_ms);
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
    if (backoff.boot_tag != now.boot_tag) return 0;
    const std::int64_t left_ms = backoff.not_before_boot_ms - now.boot_ms;
    // No back-off of ours is longer: a longer one is an unknown boot's.
    return left_ms > retry_after_most_ms * 5 / 4 ? 0 : std::max<std::int64_t>(left_ms, 0);
}

std::int64_t rejection_wait(const RejectionBucket& bucket, const Reading& now) {
    return std::max<std::int64_t>(debt(bucket, now) - (rejection_allowance - 1) * rejection_refill_ms, 0);
}

void take_rejection(RejectionBucket& bucket, const Reading& now) {
    bucket = {debt(bucket, now) + rejection_refill_ms, now.boot_tag, now.boot_ms};
}

}  // namespace portal
