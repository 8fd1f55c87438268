#include "lifetime/lifetime.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/random.hpp"

namespace portal {
namespace {

// Even a policy without a margin allows the clocks to differ by what NTP does to them.
std::int64_t tolerance(std::int64_t margin_ms) { return margin_ms > 0 ? margin_ms : minute_ms; }

Elapsed within_one_boot(const Anchor& anchor, const Reading& now) {
    const std::int64_t ms = now.boot_ms - anchor.boot_ms;
    if (ms < 0) return {0, ClockVerdict::untrusted};
    return {ms, ClockVerdict::same_boot};
}

Elapsed across_boots(const Anchor& anchor, const Reading& now, std::int64_t margin_ms) {
    const std::int64_t by_wall_ms = now.unix_ms - anchor.unix_ms;
    const std::int64_t boot_age_ms = now.boot_ms;
    if (by_wall_ms < 0 || by_wall_ms < boot_age_ms - tolerance(margin_ms)) return {boot_age_ms, ClockVerdict::untrusted};
    return {std::max(by_wall_ms, boot_age_ms), ClockVerdict::wall};
}

// Either the same boot, or another: only where both clocks tell the same is it safe to believe them.
Elapsed unknown_boot(const Anchor& anchor, const Reading& now, std::int64_t margin_ms) {
    const std::int64_t by_wall_ms = now.unix_ms - anchor.unix_ms;
    const std::int64_t by_boot_ms = now.boot_ms - anchor.boot_ms;
    if (by_boot_ms < 0) return {now.boot_ms, ClockVerdict::untrusted};
    if (std::llabs(by_wall_ms - by_boot_ms) > tolerance(margin_ms)) return {by_boot_ms, ClockVerdict::untrusted};
    return {std::max(by_wall_ms, by_boot_ms), ClockVerdict::same_boot};
}

ClockVerdict worse(ClockVerdict a, ClockVerdict b) { return std::max(a, b); }

Anchor rebased_to(const Reading& now, std::int64_t ago_ms) {
    return {now.boot_tag, now.boot_ms - ago_ms, now.unix_ms - ago_ms};
}

// The smallest positive of the waits until a border.
std::int64_t sooner(std::int64_t a_ms, std::int64_t b_ms) {
    if (a_ms <= 0) return std::max<std::int64_t>(b_ms, 0);
    return b_ms <= 0 ? a_ms : std::min(a_ms, b_ms);
}

void judge(Assessment& result, const Policy& policy, std::int64_t lead_ms) {
    const std::int64_t idle_ms = result.idle_left_ms - policy.margin_ms;          // what is left before the margin
    const std::int64_t absolute_ms = result.absolute_left_ms - policy.margin_ms;  // likewise
    const std::int64_t lead_in_ms = result.absolute_left_ms - std::max(lead_ms, policy.margin_ms);
    const std::int64_t soft_in_ms = result.idle_left_ms - std::max(policy.soft_window_ms, policy.margin_ms);
    const auto is = [&](State state, Reason reason, Next next, std::int64_t changes_in_ms) {
        result.state = state;
        result.reason = reason;
        result.next = next;
        result.changes_in_ms = changes_in_ms;
    };
    if (idle_ms <= 0) return is(State::expired, Reason::idle, Next::wait, 0);
    if (absolute_ms <= 0) return is(State::overdue, Reason::absolute, Next::renew_first, idle_ms);
    if (result.clock == ClockVerdict::untrusted)
        return is(State::overdue, Reason::clock_untrusted, Next::renew_first, sooner(absolute_ms, idle_ms));
    if (lead_in_ms <= 0)
        return is(State::expiring, Reason::near_absolute, Next::give_and_renew, sooner(absolute_ms, idle_ms));
    if (soft_in_ms <= 0) return is(State::expiring, Reason::near_idle, Next::give, sooner(lead_in_ms, idle_ms));
    is(State::fresh, Reason::none, Next::give, sooner(lead_in_ms, soft_in_ms));
}

}  // namespace

Elapsed elapsed_since(const Anchor& anchor, const Reading& now, std::int64_t margin_ms) {
    if (anchor.boot_tag == 0 || now.boot_tag == 0) return unknown_boot(anchor, now, margin_ms);
    if (anchor.boot_tag == now.boot_tag) return within_one_boot(anchor, now);
    return across_boots(anchor, now, margin_ms);
}

Assessment assess(const Policy& policy, const TokenTimes& times, std::int64_t lead_ms, const Reading& now) {
    const Elapsed since_issue = elapsed_since(times.issued, now, policy.margin_ms);
    const Elapsed since_slide = elapsed_since(times.slid, now, policy.margin_ms);
    Assessment result;
    result.clock = worse(since_issue.verdict, since_slide.verdict);
    result.idle_left_ms = policy.idle_ms - since_slide.ms;
    result.absolute_left_ms = policy.absolute_ms - since_issue.ms;
    judge(result, policy, lead_ms);
    return result;
}

std::int64_t renewal_lead(const Policy& policy, std::uint64_t install_seed, std::uint64_t generation) {
    return static_cast<std::int64_t>(static_cast<double>(policy.renewal_lead_ms) *
                                     (0.5 + 0.5 * uniform(install_seed, generation)));
}

bool rebase(TokenTimes& times, const Reading& now, std::int64_t margin_ms) {
    const Elapsed since_issue = elapsed_since(times.issued, now, margin_ms);
    const Elapsed since_slide = elapsed_since(times.slid, now, margin_ms);
    if (worse(since_issue.verdict, since_slide.verdict) == ClockVerdict::untrusted) return false;
    times = {rebased_to(now, since_issue.ms), rebased_to(now, since_slide.ms)};
    return true;
}

void reanchor_accepted(TokenTimes& times, const Policy& policy, const Reading& now, std::int64_t sent_boot_ms) {
    const std::int64_t age_at_slide_ms = times.issued.boot_tag == times.slid.boot_tag
                                             ? times.slid.boot_ms - times.issued.boot_ms
                                             : times.slid.unix_ms - times.issued.unix_ms;
    const std::int64_t ago_ms = std::max<std::int64_t>(now.boot_ms - sent_boot_ms, 0);
    const std::int64_t age_ms = std::max<std::int64_t>(age_at_slide_ms, 0) + policy.idle_ms + ago_ms;
    times = {rebased_to(now, age_ms), rebased_to(now, ago_ms)};
}

}  // namespace portal
