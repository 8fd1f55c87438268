// How far an anchor lies back, and when no clock is to be believed: across sleep, reboots, and a date that somebody set.
#include "lifetime/lifetime.hpp"

#include "support/catch.hpp"
#include "support/effect_text.hpp"

using namespace portal;
using portal::test::text_of;

namespace {

constexpr std::int64_t margin = 60'000;
constexpr std::int64_t wall = 1'700'000'000'000;
constexpr Anchor anchor{7, 5'000'000, wall};
constexpr Anchor nameless{0, 5'000'000, wall};

struct Row {
    const char* when;
    Anchor anchor;
    Reading now;
    std::int64_t ms;
    ClockVerdict verdict;
};

void check(const Row& row, std::int64_t margin_ms) {
    INFO(row.when);
    const Elapsed elapsed = elapsed_since(row.anchor, row.now, margin_ms);
    CHECK(elapsed.ms == row.ms);
    CHECK(std::string(text_of(elapsed.verdict)) == text_of(row.verdict));
}

}  // namespace

TEST_CASE("elapsed time is boot time in one boot, the larger of both clocks across boots, and else untrusted") {
    constexpr auto same_boot = ClockVerdict::same_boot;
    constexpr auto by_wall = ClockVerdict::wall;
    constexpr auto untrusted = ClockVerdict::untrusted;
    const Row rows[] = {
        {"one boot", anchor, {5'001'000, wall + 1'000, 7}, 1'000, same_boot},
        {"one boot, at once", anchor, {5'000'000, wall, 7}, 0, same_boot},
        {"one boot, the date set a year ahead", anchor, {5'001'000, wall + 365 * day_ms, 7}, 1'000, same_boot},
        {"one boot, the date set a year back", anchor, {5'001'000, wall - 365 * day_ms, 7}, 1'000, same_boot},
        {"one boot whose time ran backwards", anchor, {4'999'999, wall + 1'000, 7}, 0, untrusted},
        {"another boot, the wall saw more", anchor, {30'000, wall + 90'000, 8}, 90'000, by_wall},
        {"another boot, its age is more, within the margin", anchor, {90'000, wall + 30'000, 8}, 90'000, by_wall},
        {"another boot, one beyond the margin", anchor, {90'001, wall + 30'000, 8}, 90'001, untrusted},
        {"another boot, the wall stood still", anchor, {60'000, wall, 8}, 60'000, by_wall},
        {"another boot, the wall ran backwards", anchor, {1'000, wall - 1, 8}, 1'000, untrusted},
        {"no identity, both tell the same", nameless, {5'100'000, wall + 100'000, 0}, 100'000, same_boot},
        {"no identity, apart by the margin: the larger", nameless, {5'100'000, wall + 160'000, 0}, 160'000, same_boot},
        {"no identity, apart by the margin the other way", nameless, {5'100'000, wall + 40'000, 0}, 100'000, same_boot},
        {"no identity, one beyond the margin", nameless, {5'100'000, wall + 160'001, 0}, 100'000, untrusted},
        {"no identity, one beyond the other way", nameless, {5'100'000, wall + 39'999, 0}, 100'000, untrusted},
        {"no identity, boot time ran backwards: a reboot", nameless, {4'000, wall + 100'000, 0}, 4'000, untrusted},
        {"the identity is lost", anchor, {5'001'000, wall + 1'000, 0}, 1'000, same_boot},
        {"the identity is new", nameless, {4'000, wall + 100'000, 8}, 4'000, untrusted},
    };
    for (const Row& row : rows) check(row, margin);
}

TEST_CASE("a policy without a margin still lets the two clocks differ by a minute") {
    check({"within", anchor, {60'000, wall, 8}, 60'000, ClockVerdict::wall}, 0);
    check({"beyond", anchor, {60'001, wall, 8}, 60'001, ClockVerdict::untrusted}, 0);
}

TEST_CASE("one untrusted instant makes the token untrusted") {
    const TokenTimes times{{7, 5'000'000, wall}, {7, 5'000'000, wall + hour_ms}};
    const Reading between{1'000, wall + hour_ms - 1, 8};  // before the slide, after the issue
    CHECK(assess(Policy{}, times, 0, between).clock == ClockVerdict::untrusted);
    const Reading after{1'000, wall + hour_ms, 8};
    CHECK(assess(Policy{}, times, 0, after).clock == ClockVerdict::wall);
}

TEST_CASE("rebase tells a token's instants in this boot's time, so that the date does not matter from then on") {
    TokenTimes times{{7, 5'000'000, wall}, {7, 5'000'000 + hour_ms, wall + hour_ms}};
    const Reading now{600'000, wall + 2 * hour_ms, 8};
    REQUIRE(rebase(times, now, margin));
    CHECK(times.issued == Anchor{8, 600'000 - 2 * hour_ms, wall});
    CHECK(times.slid == Anchor{8, 600'000 - hour_ms, wall + hour_ms});

    const Reading set_back{700'000, wall - 365 * day_ms, 8};
    const Assessment at = assess(Policy{}, times, 0, set_back);
    CHECK(at.clock == ClockVerdict::same_boot);
    CHECK(at.idle_left_ms == day_ms - hour_ms - 100'000);
}

TEST_CASE("rebase leaves a token alone whose clock it cannot trust") {
    const TokenTimes before{{7, 5'000'000, wall}, {7, 5'000'000, wall}};
    TokenTimes times = before;
    CHECK_FALSE(rebase(times, {1'000, wall - 1, 8}, margin));
    CHECK(times == before);
}

TEST_CASE("a token that Portal accepted slid when it was sent, and is as old as it can be") {
    const Policy policy;
    TokenTimes times{{7, 5'000'000, wall}, {7, 5'000'000 + 3 * hour_ms, wall + 3 * hour_ms}};
    const Reading now{900'000, 1'000, 8};
    reanchor_accepted(times, policy, now, 890'000);
    CHECK(times.slid == Anchor{8, 890'000, 1'000 - 10'000});
    const std::int64_t age_ms = 3 * hour_ms + day_ms + 10'000;
    CHECK(times.issued == Anchor{8, 900'000 - age_ms, 1'000 - age_ms});
    CHECK(assess(policy, times, 0, now).clock == ClockVerdict::same_boot);
}

TEST_CASE("a request sent in the future counts from now, and an age between boots is the wall's") {
    const Policy policy;
    TokenTimes times{{6, 9'000'000, wall}, {7, 1'000, wall + 2 * day_ms}};
    const Reading now{900'000, wall, 8};
    reanchor_accepted(times, policy, now, 900'001);
    CHECK(times.slid == anchor_at(now));
    CHECK(times.issued.boot_ms == 900'000 - 3 * day_ms);
}
