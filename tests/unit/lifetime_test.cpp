// Where a token stands, to the millisecond: each state of the lifetime rule, each of its borders, one clock at work.
#include "lifetime/lifetime.hpp"

#include "support/catch.hpp"
#include "support/effect_text.hpp"

using namespace portal;
using portal::test::text_of;

namespace {

constexpr std::int64_t lead = 4 * hour_ms;
constexpr Reading start{30 * day_ms, 1'700'000'000'000, 7};

Anchor ago(std::int64_t ms) { return {start.boot_tag, start.boot_ms - ms, start.unix_ms - ms}; }

struct Row {
    const char* when;
    std::int64_t since_slide_ms;
    std::int64_t since_issue_ms;
    State state;
    Reason reason;
    Next next;
    std::int64_t changes_in_ms;
};

void check(const Policy& policy, std::int64_t lead_ms, const Row& row) {
    INFO(row.when);
    const Assessment at = assess(policy, {ago(row.since_issue_ms), ago(row.since_slide_ms)}, lead_ms, start);
    CHECK(std::string(text_of(at.state)) == text_of(row.state));
    CHECK(std::string(text_of(at.reason)) == text_of(row.reason));
    CHECK(static_cast<int>(at.next) == static_cast<int>(row.next));
    CHECK(at.changes_in_ms == row.changes_in_ms);
    CHECK(at.idle_left_ms == policy.idle_ms - row.since_slide_ms);
    CHECK(at.absolute_left_ms == policy.absolute_ms - row.since_issue_ms);
    CHECK(at.clock == ClockVerdict::same_boot);
}

}  // namespace

TEST_CASE("each state and each border of the lifetime rule holds to the millisecond") {
    // 24 h = 86'400'000, 7 d = 604'800'000; margin 60'000, soft window 600'000, this token's lead 14'400'000.
    const Row rows[] = {
        {"just issued", 0, 0, State::fresh, Reason::none, Next::give, 85'800'000},
        {"the last of fresh before the soft window", 85'799'999, 85'799'999, State::fresh, Reason::none, Next::give, 1},
        {"the soft window begins", 85'800'000, 85'800'000, State::expiring, Reason::near_idle, Next::give, 540'000},
        {"the last before the margin", 86'339'999, 86'339'999, State::expiring, Reason::near_idle, Next::give, 1},
        {"the margin of the idle deadline", 86'340'000, 86'340'000, State::expired, Reason::idle, Next::wait, 0},
        {"the last before the idle deadline", 86'399'999, 86'399'999, State::expired, Reason::idle, Next::wait, 0},
        {"the idle deadline", 86'400'000, 86'400'000, State::expired, Reason::idle, Next::wait, 0},
        {"long after", 500'000'000, 500'000'000, State::expired, Reason::idle, Next::wait, 0},
        {"the last before the lead", 0, 590'399'999, State::fresh, Reason::none, Next::give, 1},
        {"the lead begins", 0, 590'400'000, State::expiring, Reason::near_absolute, Next::give_and_renew, 14'340'000},
        {"in the lead and in the soft window", 86'000'000, 590'400'000, State::expiring, Reason::near_absolute,
         Next::give_and_renew, 340'000},
        {"in the soft window, the lead is next", 85'800'000, 590'399'900, State::expiring, Reason::near_idle, Next::give,
         100},
        {"the last before the absolute margin", 0, 604'739'999, State::expiring, Reason::near_absolute,
         Next::give_and_renew, 1},
        {"the margin of the absolute deadline", 0, 604'740'000, State::overdue, Reason::absolute, Next::renew_first,
         86'340'000},
        {"the absolute deadline", 1'000, 604'800'000, State::overdue, Reason::absolute, Next::renew_first, 86'339'000},
        {"the last of overdue", 86'339'999, 691'139'998, State::overdue, Reason::absolute, Next::renew_first, 1},
        {"past both", 86'340'000, 691'139'999, State::expired, Reason::idle, Next::wait, 0},
    };
    for (const Row& row : rows) check(Policy{}, lead, row);
}

TEST_CASE("without margin, soft window and lead the borders are Portal's own") {
    Policy policy;
    policy.margin_ms = policy.soft_window_ms = policy.renewal_lead_ms = 0;
    const Row rows[] = {
        {"the last of idle", 86'399'999, 86'399'999, State::fresh, Reason::none, Next::give, 1},
        {"the idle deadline", 86'400'000, 86'400'000, State::expired, Reason::idle, Next::wait, 0},
        {"the last of absolute", 0, 604'799'999, State::fresh, Reason::none, Next::give, 1},
        {"the absolute deadline", 0, 604'800'000, State::overdue, Reason::absolute, Next::renew_first, 86'400'000},
    };
    for (const Row& row : rows) check(policy, 0, row);
}

TEST_CASE("a lead or a soft window smaller than the margin never hides the margin") {
    Policy policy;
    policy.soft_window_ms = 1;
    const Row rows[] = {
        {"no soft window is left of it", 86'339'999, 86'339'999, State::fresh, Reason::none, Next::give, 1},
        {"expired at the margin", 86'340'000, 86'340'000, State::expired, Reason::idle, Next::wait, 0},
        {"no lead is left of it", 0, 604'739'999, State::fresh, Reason::none, Next::give, 1},
        {"overdue at the margin", 0, 604'740'000, State::overdue, Reason::absolute, Next::renew_first, 86'340'000},
    };
    for (const Row& row : rows) check(policy, 1, row);
}

TEST_CASE("a token whose clock cannot be trusted is overdue at its best") {
    const auto at = [](std::int64_t boot_age_ms, std::int64_t wall_passed_ms) {
        return assess(Policy{}, {ago(0), ago(0)}, lead, {boot_age_ms, start.unix_ms + wall_passed_ms, 8});
    };
    const Assessment set_back = at(1'000, -1);
    CHECK(set_back.state == State::overdue);
    CHECK(set_back.reason == Reason::clock_untrusted);
    CHECK(set_back.next == Next::renew_first);
    CHECK(set_back.changes_in_ms == 86'339'000);  // the boot's age alone ends it then

    const Assessment too_old_by_boot_age = at(86'340'000, -1);
    CHECK(too_old_by_boot_age.state == State::expired);
    CHECK(too_old_by_boot_age.reason == Reason::idle);
}

TEST_CASE("the renewal lead is spread over the second half of the policy's, the same each time") {
    const Policy policy;
    std::int64_t least = policy.renewal_lead_ms;
    std::int64_t most = 0;
    for (std::uint64_t generation = 1; generation <= 1000; ++generation) {
        const std::int64_t lead_ms = renewal_lead(policy, 42, generation);
        CHECK(lead_ms == renewal_lead(policy, 42, generation));
        least = std::min(least, lead_ms);
        most = std::max(most, lead_ms);
    }
    CHECK(least >= 3 * hour_ms);
    CHECK(least < 3 * hour_ms + 5 * minute_ms);
    CHECK(most < 6 * hour_ms);
    CHECK(most > 6 * hour_ms - 5 * minute_ms);
    CHECK(renewal_lead(policy, 42, 1) != renewal_lead(policy, 43, 1));
    CHECK(renewal_lead(policy, 42, 1) != renewal_lead(policy, 42, 2));
}

TEST_CASE("no renewal lead is no lead for any token") {
    Policy policy;
    policy.renewal_lead_ms = 0;
    CHECK(renewal_lead(policy, 42, 1) == 0);
}
