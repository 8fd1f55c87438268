// The planner: known traces by hand, and on random ones the session machine against the fewest tokens that are possible.
#include <algorithm>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "planner/replay.hpp"
#include "support/catch.hpp"

using namespace portal;
using namespace portal::planner;

namespace {

constexpr std::int64_t start = 1'700'006'400'000;  // a midnight, UTC

// No margin and no lead: to the millisecond what Portal does.
Policy exact_policy(std::int64_t margin_ms = policy_none, std::int64_t lead_ms = policy_none) {
    Policy wanted;
    wanted.margin_ms = margin_ms;
    wanted.renewal_lead_ms = lead_ms;
    return make_policy(wanted).value();
}

Uses hours_in(std::initializer_list<double> hours) {
    Uses uses;
    for (const double each : hours) uses.push_back(start + static_cast<std::int64_t>(each * static_cast<double>(hour_ms)));
    return uses;
}

// Once every `every_hours`, from `start` to `start + days`.
Uses regular(double every_hours, int days) {
    Uses uses;
    for (double hour = 0; hour <= days * 24.0; hour += every_hours) uses.push_back(hours_in({hour}).front());
    return uses;
}

Cost ours(const Uses& uses, ServerRule rule = ServerRule::a) { return replay_session(exact_policy(), 1, uses, rule); }

// Gaps from seconds to days, so that each border of the rule is met, now and then exactly.
Uses random_uses() {
    const auto gaps = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::oneOf(
        rc::gen::inRange<std::int64_t>(0, hour_ms), rc::gen::inRange<std::int64_t>(hour_ms, day_ms),
        rc::gen::inRange<std::int64_t>(day_ms - 2 * minute_ms, day_ms + 2 * minute_ms),
        rc::gen::element<std::int64_t>(0, day_ms - 1, day_ms, 12 * hour_ms, 8 * hour_ms, 7 * day_ms)));
    Uses uses;
    std::int64_t now_ms = start;
    for (const std::int64_t gap_ms : gaps) uses.push_back(now_ms += gap_ms);
    return uses;
}

// The fewest tokens by trying every set of uses to mint at.
std::uint64_t fewest_by_trying(const Uses& uses, ServerRule rule) {
    std::uint64_t fewest = uses.size();
    for (std::uint64_t set = 0; set < (1ULL << uses.size()); ++set) {
        std::uint64_t minted = 0;
        ServerToken token;
        bool works = true;
        for (std::size_t i = 0; i < uses.size() && works; ++i) {
            if ((set >> i) & 1) {
                ++minted;
                token = {uses[i], uses[i]};
            }
            works = minted > 0 && accepts(rule, token, uses[i]);
            slide(token, uses[i]);
        }
        if (works) fewest = std::min(fewest, minted);
    }
    return fewest;
}

std::vector<Uses> read(std::initializer_list<const char*> lines) {
    Trace trace;
    for (const char* line : lines) REQUIRE(trace.add_line(line));
    return trace.users();
}

}  // namespace

TEST_CASE("three launches within a day cost three tokens by launch, and one where the token slides") {
    const Uses uses = hours_in({0, 0.4, 9, 9.1, 23});
    CHECK(replay(Way::every_launch, uses, ServerRule::a) == Cost{3, 0});
    CHECK(replay(Way::every_day, uses, ServerRule::a) == Cost{1, 0});
    CHECK(replay(Way::fixed_time, uses, ServerRule::a) == Cost{1, 0});
    CHECK(replay(Way::wait_for_401, uses, ServerRule::a) == Cost{1, 0});
    CHECK(replay(Way::optimum, uses, ServerRule::a) == Cost{1, 0});
    CHECK(ours(uses) == Cost{1, 0});
}

TEST_CASE("a use every 20 hours for a week costs a token a use where nothing slides, and two where the 7 days are known") {
    const Uses uses = regular(20, 7);  // at 0, 20, ... 160
    REQUIRE(uses.size() == 9);
    CHECK(replay(Way::every_day, uses, ServerRule::a) == Cost{7, 0});
    CHECK(replay(Way::fixed_time, uses, ServerRule::a) == Cost{5, 0});
    CHECK(replay(Way::wait_for_401, uses, ServerRule::a) == Cost{1, 0});
    const Uses longer = regular(20, 8);  // and at 180: past 168
    CHECK(replay(Way::wait_for_401, longer, ServerRule::a) == Cost{2, 1});
    CHECK(replay(Way::optimum, longer, ServerRule::a) == Cost{2, 0});
    CHECK(ours(longer) == Cost{2, 0});
}

TEST_CASE("a token is dead at the very instant of its 24 hours and of its 7 days") {
    CHECK(replay(Way::optimum, hours_in({0, 24}), ServerRule::a) == Cost{2, 0});
    CHECK(replay(Way::fixed_time, hours_in({0, 12, 24}), ServerRule::a) == Cost{2, 0});
    CHECK(replay(Way::optimum, regular(12, 7), ServerRule::a) == Cost{2, 0});
    CHECK(replay(Way::optimum, regular(12, 7), ServerRule::b) == Cost{1, 0});
    CHECK(replay(Way::every_launch, hours_in({0, 0.5, 1.0001}), ServerRule::a) == Cost{2, 0});
}

TEST_CASE("a day of silence costs a token, and a failed request only where the client waits for it") {
    const Uses uses = hours_in({0, 24, 47.9});
    CHECK(replay(Way::wait_for_401, uses, ServerRule::a) == Cost{2, 1});
    CHECK(ours(uses) == Cost{2, 0});
    CHECK(replay(Way::optimum, uses, ServerRule::a) == Cost{2, 0});
}

TEST_CASE("a server of reading B lets the last slide run out, and the session still meets no 401") {
    const Uses uses = hours_in({0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 185});
    CHECK(replay(Way::optimum, uses, ServerRule::a) == Cost{2, 0});
    CHECK(replay(Way::optimum, uses, ServerRule::b) == Cost{2, 0});
    CHECK(replay(Way::optimum, hours_in({0, 20, 40, 60, 80, 100, 120, 140, 160, 180}), ServerRule::b) == Cost{1, 0});
    CHECK(ours(uses, ServerRule::b) == Cost{2, 0});
}

TEST_CASE("no uses cost no token") {
    CHECK(replay(Way::every_launch, {}, ServerRule::a) == Cost{});
    CHECK(ours({}) == Cost{});
}

TEST_CASE("a lead renews behind the request, at most once more for each 7-day stop") {
    const Uses uses = regular(1, 21);
    const auto with_lead = [](const Uses& each) {
        return replay_session(exact_policy(policy_none, 6 * hour_ms), 7, each, ServerRule::a);
    };
    CHECK(ours(uses) == Cost{4, 0});
    CHECK(with_lead(uses) == Cost{4, 0});
    // It pays off only if the user comes back after the stop.
    Uses week = regular(1, 7);
    week.pop_back();
    CHECK(ours(week) == Cost{1, 0});
    CHECK(with_lead(week) == Cost{2, 0});
}

TEST_CASE("on random traces the session without a lead mints as few tokens as can be, and meets no 401") {
    CHECK(rc::check([] {
        const Uses uses = random_uses();
        RC_ASSERT(ours(uses) == replay(Way::optimum, uses, ServerRule::a));
        RC_ASSERT(ours(uses, ServerRule::b).rejected == 0U);
    }));
}

TEST_CASE("on random traces a margin costs at most the tokens that a window shorter by it must cost") {
    CHECK(rc::check([] {
        const Uses uses = random_uses();
        const Policy policy = exact_policy(minute_ms);
        std::uint64_t greedy = 0;
        std::int64_t issued_ms = 0;
        std::int64_t slid_ms = 0;
        for (const std::int64_t now_ms : uses) {
            const bool alive =
                now_ms - slid_ms < policy.idle_ms - minute_ms && now_ms - issued_ms < policy.absolute_ms - minute_ms;
            if (greedy == 0 || !alive) {
                ++greedy;
                issued_ms = now_ms;
            }
            slid_ms = now_ms;
        }
        RC_ASSERT(replay_session(policy, 1, uses, ServerRule::a) == (Cost{greedy, 0}));
    }));
}

TEST_CASE("no set of mints on a random trace is smaller than the optimum") {
    CHECK(rc::check([] {
        Uses uses = random_uses();
        uses.resize(std::min<std::size_t>(uses.size(), 10));
        RC_ASSERT(replay(Way::optimum, uses, ServerRule::a).tokens == fewest_by_trying(uses, ServerRule::a));
        RC_ASSERT(replay(Way::optimum, uses, ServerRule::b).tokens == fewest_by_trying(uses, ServerRule::b));
    }));
}

TEST_CASE("a trace is read in any order, with its heading, comments and either separator") {
    const auto users = read({"user,seconds", "# of May", "", "bob,20", "ann 30\r", "ann\t10", " ann , 20 "});
    CHECK(users == std::vector<Uses>{{10'000, 20'000, 30'000}, {20'000}});
}

TEST_CASE("a line that is not understood is named by its number") {
    for (const char* line : {"ann", "ann,", ",5", "ann,-1", "ann,1.5", "ann,5,6", "ann,1700000000000", "ann,x"}) {
        Trace trace;
        REQUIRE(trace.add_line("ann,1"));
        const auto added = trace.add_line(line);
        REQUIRE_FALSE(added);
        CHECK(added.error().message.substr(0, 7) == "Line 2 ");
    }
}

TEST_CASE("a user's week is active if it holds a use, from Monday to Sunday") {
    // 2023-11-15 was a Wednesday; the Monday after it is five days later.
    const std::int64_t wednesday = start;
    CHECK(active_user_weeks({}) == 0);
    CHECK(active_user_weeks({{wednesday, wednesday + 5 * day_ms - 1}}) == 1);
    CHECK(active_user_weeks({{wednesday, wednesday + 5 * day_ms}, {wednesday}}) == 3);
}
