// Two records of one session become one: a row for each thing that one of them may know and the other not.
#include "session/merge.hpp"

#include "session/backoff.hpp"
#include "support/catch.hpp"
#include "support/effect_text.hpp"

using namespace portal;
using portal::test::text_of;

namespace {

constexpr Reading now{day_ms, 1'700'000'000'000, 7};
constexpr std::uint64_t us = 11;
constexpr std::uint64_t them = 22;

Record record(std::uint64_t epoch, std::uint64_t generation, TokenState state, const char* token = nullptr) {
    Record made;
    made.epoch = epoch;
    made.generation = generation;
    made.state = state;
    if (token != nullptr) made.token = std::make_shared<const Secret>(token);
    return made;
}
Record live(std::uint64_t epoch, std::uint64_t generation, const char* token) {
    return record(epoch, generation, TokenState::live, token);
}
Record signed_out(std::uint64_t epoch, std::uint64_t generation) {
    return record(epoch, generation, TokenState::signed_out);
}

Ours knows() { return {us, false, false, false, false}; }
Ours is_new(bool given = false) { return {us, true, given, false, false}; }
Ours pushed() { return is_new(); }
Ours cleared(Ours ours) {
    ours.cleared_unread = true;
    return ours;
}

std::string text(const Merged& merged) {
    std::string text = "e" + std::to_string(merged.record.epoch) + " g" + std::to_string(merged.record.generation) + " " +
                       text_of(merged.record.state);
    if (merged.record.token) text += " " + std::string(merged.record.token->reveal());
    if (merged.token_is_theirs) text += ", adopted";
    if (merged.cleared_by_them) text += ", cleared";
    if (merged.differs_from_theirs) text += ", to save";
    return text;
}

}  // namespace

TEST_CASE(
    "the merge of two records: epoch before generation, a clear before a token, a token given before one that was not") {
    const struct {
        const char* when;
        Record ours;
        Ours claims;
        Record theirs;
        const char* merged;
    } rows[] = {
        {"the same", live(2, 5, "A"), knows(), live(2, 5, "A"), "e2 g5 live A"},
        {"theirs is newer", live(2, 5, "A"), knows(), live(2, 6, "B"), "e2 g6 live B, adopted"},
        {"ours is newer than a record put back", live(2, 6, "B"), knows(), live(2, 5, "A"), "e2 g6 live B, to save"},
        {"they rejected it", live(2, 5, "A"), knows(), record(2, 5, TokenState::rejected, "A"), "e2 g5 rejected A"},
        {"we rejected it", record(2, 5, TokenState::rejected, "A"), knows(), live(2, 5, "A"), "e2 g5 rejected A, to save"},
        {"we rejected an older one", record(2, 5, TokenState::rejected, "A"), knows(), live(2, 6, "B"),
         "e2 g6 live B, adopted"},

        {"our new one, they stood still", live(2, 6, "N"), is_new(), live(2, 5, "A"), "e2 g6 live N, to save"},
        {"our new one, they have that generation", live(2, 6, "N"), is_new(), live(2, 6, "B"), "e2 g6 live B, adopted"},
        {"our new one, they are ahead", live(2, 6, "N"), is_new(), live(2, 9, "B"), "e2 g9 live B, adopted"},
        {"... but ours was given", live(2, 6, "N"), is_new(true), live(2, 9, "B"), "e2 g10 live N, to save"},
        {"... given, and ahead of theirs", live(2, 12, "N"), is_new(true), live(2, 9, "B"), "e2 g12 live N, to save"},

        {"they cleared", live(2, 5, "A"), knows(), signed_out(3, 5), "e3 g5 signed_out, adopted, cleared"},
        {"they cleared, ours is new", live(2, 6, "N"), is_new(true), signed_out(3, 5),
         "e3 g5 signed_out, adopted, cleared"},
        {"they cleared and signed in", live(2, 9, "A"), knows(), live(3, 6, "B"), "e3 g6 live B, adopted, cleared"},
        {"we cleared, and had read them", signed_out(3, 5), knows(), live(2, 5, "A"), "e3 g5 signed_out, to save"},
        {"we cleared, they renewed", signed_out(3, 5), cleared(knows()), live(2, 6, "B"), "e3 g6 signed_out, to save"},
        {"we cleared, they did too", signed_out(3, 5), cleared(knows()), signed_out(3, 5), "e3 g5 signed_out, adopted"},
        {"we cleared and pushed, they cleared", live(3, 6, "N"), cleared(pushed()), signed_out(3, 5),
         "e3 g6 live N, to save"},
        {"we cleared and pushed", live(3, 6, "N"), cleared(pushed()), live(2, 8, "B"), "e3 g9 live N, to save"},
        {"they signed in after the clear", signed_out(3, 5), knows(), live(3, 6, "B"), "e3 g6 live B, adopted"},
        {"we push after the clear", live(3, 6, "N"), pushed(), signed_out(3, 5), "e3 g6 live N, to save"},
    };
    for (const auto& row : rows) {
        INFO(row.when);
        CHECK(text(merge(row.ours, row.theirs, row.claims, now)) == row.merged);
    }
}

TEST_CASE("the merged record replaces the one that was read, and keeps its seed") {
    Record ours = live(2, 5, "A");
    ours.version = {77, 3};
    ours.install_seed = 1;
    Record theirs = live(2, 4, "B");
    theirs.version = {77, 8};
    theirs.install_seed = 2;
    const Merged merged = merge(ours, theirs, knows(), now);
    CHECK(merged.record.version.revision == 8);
    CHECK(merged.record.install_seed == 2);
}

TEST_CASE("the later slide of one generation wins: by boot time in this boot, by the wall in others") {
    const auto slid = [](const Anchor& anchor) {
        Record made = live(2, 5, "A");
        made.slid = anchor;
        return made;
    };
    const Anchor early{7, 1'000, 900'000};
    const Anchor late{7, 2'000, 100'000};  // the date was set back in between
    CHECK(merge(slid(early), slid(late), knows(), now).record.slid == late);
    CHECK_FALSE(merge(slid(early), slid(late), knows(), now).differs_from_theirs);
    CHECK(merge(slid(late), slid(early), knows(), now).record.slid == late);
    CHECK_FALSE(merge(slid(late), slid(early), knows(), now).differs_from_theirs);  // a slide has its own time to be saved

    const Anchor one_boot{8, 10, 1'000'000};
    const Anchor other_boot{9, 90, 900'000};
    CHECK(merge(slid(other_boot), slid(one_boot), knows(), now).record.slid == one_boot);
    CHECK(merge(slid(one_boot), slid(other_boot), knows(), now).record.slid == one_boot);
}

TEST_CASE("times that are told in this boot's time are trusted, and win as a pair over any that are not") {
    Record trusted = live(2, 5, "A");
    trusted.issued = {7, -5'000, 1};
    trusted.slid = {7, 1'000, 1};
    Record untrusted = live(2, 5, "A");
    untrusted.issued = {8, 1, 2'000'000};
    untrusted.slid = {8, 2, 3'000'000};  // the date was set back after it
    for (const Record& merged : {merge(trusted, untrusted, knows(), now).record, merge(untrusted, trusted, knows(), now).record}) {
        CHECK(merged.issued == trusted.issued);
        CHECK(merged.slid == trusted.slid);
    }
}

TEST_CASE("a newer generation brings its slide, however early") {
    Record ours = live(2, 5, "A");
    ours.slid = {7, 9'000, 9'000};
    Record theirs = live(2, 6, "B");
    theirs.slid = {7, 1'000, 1'000};
    CHECK(merge(ours, theirs, knows(), now).record.slid == theirs.slid);
}

TEST_CASE("a foreign live claim stays; ours stays where there is none; a dead one goes") {
    const Claim ours{us, 7, now.boot_ms - 10, now.boot_ms + 10};
    const Claim theirs{them, 7, now.boot_ms - 10, now.boot_ms + 10};
    const Claim lapsed{them, 7, now.boot_ms - 10, now.boot_ms};
    const auto claimed = [](const Claim& claim) {
        Record made = live(2, 5, "A");
        made.claim = claim;
        return made;
    };
    CHECK(merge(claimed(ours), claimed(theirs), knows(), now).record.claim.owner == them);
    CHECK(merge(claimed(ours), claimed(lapsed), knows(), now).record.claim.owner == us);
    CHECK(merge(claimed(ours), claimed({}), knows(), now).record.claim.owner == us);
    CHECK(merge(claimed({}), claimed(lapsed), knows(), now).record.claim.owner == 0);
    CHECK(merge(claimed({}), claimed(ours), knows(), now).record.claim.owner == 0);  // ended here already
    CHECK(merge(claimed(theirs), claimed({}), knows(), now).record.claim.owner == 0);
}

TEST_CASE("a claim is live from its start to its limit, in its boot") {
    const Claim claim{them, 7, 100, 200};
    CHECK_FALSE(is_live(claim, {99, 0, 7}));
    CHECK(is_live(claim, {100, 0, 7}));
    CHECK(is_live(claim, {199, 0, 7}));
    CHECK_FALSE(is_live(claim, {200, 0, 7}));
    CHECK_FALSE(is_live(claim, {150, 0, 8}));
    CHECK_FALSE(is_live({0, 7, 100, 200}, {150, 0, 7}));
}

TEST_CASE("the longer back-off of one generation holds, and none of another boot") {
    const auto waiting = [](std::uint64_t boot_tag, std::int64_t until_ms) {
        Record made = live(2, 5, "A");
        made.backoff = {1, false, boot_tag, until_ms};
        return made;
    };
    CHECK(merge(waiting(7, 100), waiting(7, 200), knows(), now).record.backoff.not_before_boot_ms == 200);
    CHECK(merge(waiting(7, 300), waiting(7, 200), knows(), now).record.backoff.not_before_boot_ms == 300);
    CHECK(merge(waiting(7, 100), waiting(6, 900), knows(), now).record.backoff.not_before_boot_ms == 100);
    CHECK(merge(waiting(6, 900), waiting(7, 100), knows(), now).record.backoff.not_before_boot_ms == 100);
}

TEST_CASE("what either has used of the allowance for rejections is used") {
    const auto used = [](std::int64_t debt_ms, std::int64_t at_ms) {
        Record made = live(2, 5, "A");
        made.rejections = {debt_ms, 7, at_ms};
        return made;
    };
    const std::int64_t at_ms = now.boot_ms - minute_ms;
    CHECK(merge(used(600'000, at_ms), used(1'200'000, at_ms), knows(), now).record.rejections.debt_ms == 1'200'000);
    CHECK(merge(used(1'200'000, at_ms), used(600'000, at_ms + 1'000), knows(), now).record.rejections.debt_ms == 1'200'000);
}

TEST_CASE("a reboot forgives of the allowance for rejections only what the new boot's age pays") {
    Record ours = live(2, 5, "A");
    Record theirs = ours;
    theirs.rejections = {1'800'000, 6, 900'000'000};
    const Reading booted{minute_ms, now.unix_ms, 7};
    CHECK(rejection_debt(merge(ours, theirs, knows(), booted).record.rejections, booted) == 1'740'000);
    ours.rejections = {600'000, 7, 50'000};
    CHECK(rejection_debt(merge(ours, theirs, knows(), booted).record.rejections, booted) == 1'740'000);
}

TEST_CASE("a client, once named, stays bound for its epoch") {
    Record ours = live(2, 5, "A");
    ours.client_id = "alice";
    Record theirs = live(2, 6, "B");
    CHECK(merge(ours, theirs, knows(), now).record.client_id == "alice");
    theirs.client_id = "bob";
    CHECK(merge(ours, theirs, knows(), now).record.client_id == "bob");
    CHECK(merge(ours, signed_out(3, 5), knows(), now).record.client_id.empty());
}

TEST_CASE("the side whose epoch loses gives neither its claim nor its allowance") {
    Record loser = live(2, 5, "A");
    loser.claim = {them, 7, now.boot_ms - 10, now.boot_ms + 10};
    loser.rejections = {1'800'000, 7, 1'000};
    const Record ours = live(3, 5, "B");
    const Record kept = merge(ours, loser, knows(), now).record;
    CHECK(kept.claim == Claim{});
    CHECK(kept.rejections == RejectionBucket{});

    Record theirs = live(3, 6, "B");
    const Record taken = merge(loser, theirs, knows(), now).record;
    CHECK(taken.rejections == RejectionBucket{});
}
