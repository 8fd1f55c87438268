// engine/published_token: what readers and reporters see, to the millisecond, without an engine.
#include "engine/published_token.hpp"

#include <array>
#include <string>

#include "support/catch.hpp"
#include "support/engine_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr std::uint64_t boot = 7;
constexpr std::int64_t start_ms = hour_ms;

Reading at(std::int64_t boot_ms) { return {boot_ms, 1'700'000'000'000 + boot_ms, boot}; }

struct PublishedRig {
    Policy policy = test_policy();
    PublishedToken published{policy, "", 1};
    Snapshot snapshot = live(1);

    // A token that was issued at `start_ms`.
    static Snapshot live(std::uint64_t generation) {
        Snapshot snapshot;
        snapshot.standing = State::fresh;
        snapshot.standing_reason = Reason::none;
        snapshot.times = {anchor_at(at(start_ms)), anchor_at(at(start_ms))};
        snapshot.usable = true;
        snapshot.generation = generation;
        snapshot.epoch = snapshot.least_epoch = 1;
        snapshot.first_name = {1, generation};
        snapshot.is_known = true;
        return snapshot;
    }
    // Nothing is read yet.
    static Snapshot loading() {
        Snapshot snapshot;
        snapshot.epoch = snapshot.provisional_epoch = snapshot.first_name.epoch = first_provisional + 5;
        return snapshot;
    }
    void publish(const Snapshot& next, std::int64_t now_ms, const std::string& token = "the-token", const std::string& client = "") {
        published.publish({next, next.usable ? std::make_shared<const Secret>(token) : nullptr, client}, at(now_ms), judged);
    }
    void publish() { publish(snapshot, start_ms); }

    Code read(std::int64_t now_ms) {
        wake = Wake::none;
        length = room.size();
        return published.read(now_ms, lease, room.data(), &length, wake);
    }
    std::string token() { return {room.data(), length}; }

    // A lease of what is published, sent at that instant.
    static Lease sent(std::int64_t ms, std::uint64_t generation = 1) {
        Lease lease;
        lease.generation = generation;
        lease.epoch = 1;
        lease.sent_boot_ms = ms;
        lease.boot_tag = boot;
        return lease;
    }
    Wake accept(const Lease& reported, std::int64_t now_ms) {
        Wake result = Wake::none;
        CHECK(published.accepted(reported, now_ms, result) == Code::ok);
        return result;
    }
    // Whether the worker gets an event.
    bool reject(const Lease& reported) {
        const std::size_t before = posted.size();
        CHECK(published.rejected(reported, post()) == Code::ok);
        return posted.size() > before;
    }
    PublishedToken::Post post() {
        return [this](Fence::Ticket ticket) { posted.push_back(ticket); };
    }
    void push() { CHECK(published.push(0, post()) == Code::ok); }
    void clear() { CHECK(published.clear(post()) == Code::ok); }
    // The worker runs its step for the oldest event that it has not come to.
    void judge_next() {
        judged = posted[judged_count++];
        published.judge(judged);
    }

    std::vector<Fence::Ticket> posted;
    std::size_t judged_count = 0;
    Fence::Ticket judged = 0;  // by the step behind the next publication
    Lease lease;
    Wake wake = Wake::none;
    std::array<char, max_token_bytes> room{};
    std::size_t length = 0;
};

TEST_CASE("Before anything is published there is no token and the session is loading") {
    PublishedRig rig;
    CHECK(rig.read(start_ms) == Code::no_token);
    CHECK(rig.published.status(at(start_ms)).state == State::unknown);
    CHECK(rig.published.status(at(start_ms)).reason == Reason::loading);
}

TEST_CASE("A read gives the token and a lease of this instant") {
    PublishedRig rig;
    rig.publish();
    REQUIRE(rig.read(start_ms + 1000) == Code::ok);
    CHECK(rig.token() == "the-token");
    CHECK(rig.lease.generation == 1);
    CHECK(rig.lease.epoch == 1);
    CHECK(rig.lease.boot_tag == boot);
    CHECK(rig.lease.sent_boot_ms == start_ms + 1000);
    CHECK(rig.lease.sent_unix_ms == at(start_ms + 1000).unix_ms);
    CHECK(rig.lease.left_ms == day_ms - 1000);
    CHECK_FALSE(rig.lease.overdue);
    CHECK_FALSE(rig.lease.memory_only);
}

TEST_CASE("A lease says of a token that is in memory alone that it is") {
    PublishedRig rig;
    rig.snapshot.memory_only = true;
    rig.publish();
    REQUIRE(rig.read(start_ms) == Code::ok);
    CHECK(rig.lease.memory_only);
}

TEST_CASE("A buffer that is too small learns the length it needs, and gets no byte") {
    PublishedRig rig;
    rig.publish();
    std::array<char, 9> room{};
    std::size_t length = 8;
    Wake wake = Wake::none;
    CHECK(rig.published.read(start_ms, rig.lease, room.data(), &length, wake) == Code::buffer_too_small);
    CHECK(length == 9);
    CHECK(room[0] == '\0');
    CHECK(rig.published.read(start_ms, rig.lease, room.data(), &length, wake) == Code::ok);
    CHECK(std::string(room.data(), length) == "the-token");
    CHECK(rig.published.read(start_ms, rig.lease, nullptr, nullptr, wake) == Code::ok);
}

TEST_CASE("Tokens of every length come out whole") {
    PublishedRig rig;
    for (const std::size_t size : {1u, 7u, 8u, 9u, 15u, 16u, 4095u, 4096u}) {
        CAPTURE(size);
        std::string token(size, 'x');
        token.back() = 'y';
        Snapshot next = PublishedRig::live(size);
        rig.publish(next, start_ms, token);
        REQUIRE(rig.read(start_ms) == Code::ok);
        CHECK(rig.token() == token);
    }
}

TEST_CASE("A token is readable until the margin before its idle deadline, and a slide moves that") {
    PublishedRig rig;
    rig.publish();
    const std::int64_t end_ms = start_ms + day_ms - minute_ms;
    CHECK(rig.read(end_ms - 1) == Code::ok);
    CHECK(rig.read(end_ms) == Code::no_token);
    rig.accept(PublishedRig::sent(start_ms + hour_ms), start_ms + 2 * hour_ms);
    CHECK(rig.read(end_ms + hour_ms - 1) == Code::ok);
    CHECK(rig.read(end_ms + hour_ms) == Code::no_token);
}

TEST_CASE("A slide never moves back, never counts from the future, and never helps another generation") {
    PublishedRig rig;
    rig.publish();
    const std::int64_t end_ms = start_ms + day_ms - minute_ms;
    rig.accept(PublishedRig::sent(start_ms + hour_ms), start_ms + 2 * hour_ms);
    rig.accept(PublishedRig::sent(start_ms + minute_ms), start_ms + 2 * hour_ms);  // a late answer
    CHECK(rig.read(end_ms + hour_ms - 1) == Code::ok);

    rig.accept(PublishedRig::sent(start_ms + 5 * hour_ms), start_ms + 2 * hour_ms);  // sent in the future: now, then
    CHECK(rig.read(end_ms + 2 * hour_ms - 1) == Code::ok);
    CHECK(rig.read(end_ms + 2 * hour_ms) == Code::no_token);

    rig.publish(PublishedRig::live(2), start_ms, "token-2");
    rig.accept(PublishedRig::sent(start_ms + 3 * hour_ms, 1), start_ms + 3 * hour_ms);
    CHECK(rig.read(end_ms - 1) == Code::ok);
    CHECK(rig.read(end_ms) == Code::no_token);
}

TEST_CASE("A slide that was sent in another boot counts for nothing") {
    PublishedRig rig;
    rig.publish();
    Lease other = PublishedRig::sent(start_ms + hour_ms);
    other.boot_tag = boot + 1;
    CHECK(rig.accept(other, start_ms + hour_ms) == Wake::none);
    CHECK(rig.read(start_ms + day_ms - minute_ms) == Code::no_token);
}

TEST_CASE("A report wakes the worker only when something is to be written") {
    PublishedRig rig;
    rig.snapshot.slide_due_boot_ms = start_ms + 15 * minute_ms;
    rig.publish();
    CHECK(rig.accept(PublishedRig::sent(start_ms + 15 * minute_ms - 1), start_ms + hour_ms) == Wake::none);
    CHECK(rig.accept(PublishedRig::sent(start_ms + 15 * minute_ms), start_ms + hour_ms) == Wake::accepted);

    rig.snapshot.slide_due_boot_ms = never_ms;  // nothing to write to: but the end of a soft window is news
    rig.snapshot.generation = 2;
    rig.publish();
    const std::int64_t soft_ms = start_ms + day_ms - 10 * minute_ms;
    CHECK(rig.accept(PublishedRig::sent(soft_ms - 1, 2), soft_ms - 1) == Wake::none);
    rig.snapshot.generation = 3;
    rig.publish();
    CHECK(rig.accept(PublishedRig::sent(soft_ms, 3), soft_ms) == Wake::accepted);
}

TEST_CASE("An accepted report of an untrusted token always wakes the worker") {
    PublishedRig rig;
    rig.snapshot.untrusted = true;
    rig.snapshot.overdue_until_boot_ms = never_ms;
    rig.publish();
    REQUIRE(rig.read(start_ms + 1) == Code::ok);
    CHECK(rig.lease.overdue);
    CHECK(rig.accept(PublishedRig::sent(start_ms + 1), start_ms + 1) == Wake::accepted);
}

TEST_CASE("A rejected token is dead before the report returns, and only its own generation is") {
    PublishedRig rig;
    rig.publish();
    CHECK_FALSE(rig.reject(PublishedRig::sent(start_ms, 0)));  // a newer one holds
    CHECK(rig.reject(PublishedRig::sent(start_ms, 3)));        // handed out and not yet published, perhaps
    CHECK_FALSE(rig.reject(PublishedRig::sent(start_ms, 3)));
    CHECK(rig.read(start_ms) == Code::ok);
    CHECK(rig.reject(PublishedRig::sent(start_ms, 1)));
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.publish(PublishedRig::live(2), start_ms, "token-2");
    CHECK(rig.read(start_ms) == Code::ok);
    CHECK(rig.token() == "token-2");
    rig.publish(PublishedRig::live(3), start_ms, "token-3");  // by a step that knew nothing of the report
    CHECK(rig.read(start_ms) == Code::no_token);
}

TEST_CASE("A report of a lease from before a clear is stale") {
    PublishedRig rig;
    rig.publish();
    rig.clear();
    Wake wake = Wake::none;
    CHECK(rig.published.accepted(PublishedRig::sent(start_ms), start_ms, wake) == Code::stale);
    CHECK(rig.published.rejected(PublishedRig::sent(start_ms), rig.post()) == Code::stale);
    CHECK(wake == Wake::none);
    CHECK(rig.posted.size() == 1);
}

TEST_CASE("What is reported before the record was read goes to the worker, and a rejected token is never shown") {
    PublishedRig rig;
    rig.publish(PublishedRig::loading(), start_ms);
    CHECK(rig.accept(PublishedRig::sent(start_ms, 5), start_ms) == Wake::accepted);
    CHECK(rig.reject(PublishedRig::sent(start_ms, 5)));
    rig.publish(PublishedRig::live(5), start_ms);  // the record, before the worker has got to the report
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.publish(PublishedRig::live(6), start_ms);
    CHECK(rig.read(start_ms) == Code::ok);
}

TEST_CASE("A lease of another process's provisional numbers is stale, and one of this session's goes to the worker") {
    PublishedRig rig;
    Snapshot next = PublishedRig::live(7);
    next.provisional_epoch = first_provisional + 5;
    rig.publish(next, start_ms);
    Lease lease = PublishedRig::sent(start_ms, first_provisional + 6);
    lease.epoch = first_provisional + 4;
    CHECK(rig.published.rejected(lease, rig.post()) == Code::stale);
    lease.epoch = first_provisional + 5;
    CHECK(rig.accept(lease, start_ms) == Wake::accepted);
    CHECK(rig.reject(lease));
    CHECK(rig.read(start_ms) == Code::no_token);  // until the worker has said which token that is
    rig.judge_next();
    rig.publish(next, start_ms);
    CHECK(rig.read(start_ms) == Code::ok);
}

TEST_CASE("A clear before the record is read voids what a step that knew nothing of it has read") {
    PublishedRig rig;
    rig.publish(PublishedRig::loading(), start_ms);
    rig.clear();
    Snapshot stored = PublishedRig::live(9);
    stored.epoch = stored.least_epoch = 5;
    rig.publish(stored, start_ms);
    CHECK(rig.read(start_ms) == Code::no_token);
    Lease kept = PublishedRig::sent(start_ms, 9);  // over a relaunch
    kept.epoch = 5;
    CHECK(rig.published.rejected(kept, rig.post()) == Code::stale);
}

TEST_CASE("A push before the record is read keeps the stored token from its readers") {
    PublishedRig rig;
    rig.publish(PublishedRig::loading(), start_ms);
    rig.push();
    rig.publish(PublishedRig::live(9), start_ms);
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.judge_next();
    rig.publish(PublishedRig::live(10), start_ms, "pushed");
    CHECK(rig.read(start_ms) == Code::ok);
    CHECK(rig.token() == "pushed");
}

TEST_CASE("What was made for a caller passes only if no report, push or clear has come since") {
    PublishedRig rig;
    rig.publish();
    const Fence::Token token{1, 1};
    CHECK(rig.published.admit(rig.judged, token) == Code::ok);
    rig.reject(PublishedRig::sent(start_ms, 1));
    CHECK(rig.published.admit(0, token) == Code::stale);
    CHECK(rig.published.admit(0, {1, 2}) == Code::ok);
    rig.judge_next();
    CHECK(rig.published.admit(0, token) == Code::stale);
    CHECK(rig.published.admit(rig.judged, token) == Code::ok);
    rig.push();
    CHECK(rig.published.admit(rig.judged, {1, 2}) == Code::stale);
    rig.clear();
    CHECK(rig.published.admit(rig.judged, {1, 2}) == Code::cleared);
    CHECK(rig.published.close(rig.post()));
    CHECK(rig.published.admit(rig.posted.back(), {1, 2}) == Code::closed);
}

TEST_CASE("A dead token is readable again once the worker has judged what came and says that it lives") {
    PublishedRig rig;
    rig.publish();
    rig.push();
    (void)rig.reject(PublishedRig::sent(start_ms, 1));
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.publish();  // decided on before
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.judge_next();
    rig.publish();
    CHECK(rig.read(start_ms) == Code::no_token);
    rig.judge_next();
    rig.publish();
    CHECK(rig.read(start_ms) == Code::ok);
}

TEST_CASE("A token that was numbered anew after it was handed out dies by a report of any of its names") {
    PublishedRig rig;
    rig.snapshot = PublishedRig::live(10);
    rig.snapshot.first_name = {1, 6};
    SECTION("that is published") {
        rig.publish();
        const std::uint64_t named = GENERATE(6, 7, 10);
        CHECK(rig.reject(PublishedRig::sent(start_ms, named)));
        CHECK(rig.read(start_ms) == Code::no_token);
        CHECK(rig.published.status(at(start_ms)).state == State::rejected);
    }
    SECTION("that was numbered by a step which knew nothing of the report") {
        Snapshot earlier = PublishedRig::live(6);
        rig.publish(earlier, start_ms);
        CHECK(rig.reject(PublishedRig::sent(start_ms, 6)));
        rig.publish();
        CHECK(rig.read(start_ms) == Code::no_token);
    }
    SECTION("that waits to be handed over by its earlier name") {
        rig.publish();
        CHECK(rig.reject(PublishedRig::sent(start_ms, 10)));
        CHECK(rig.published.admit(rig.judged, {1, 6}) == Code::stale);
    }
    SECTION("that waits to be handed over by any of them while the next token is published") {
        rig.publish();
        const std::uint64_t named = GENERATE(6, 7, 10);
        CHECK(rig.reject(PublishedRig::sent(start_ms, named)));
        rig.judge_next();
        rig.publish(PublishedRig::live(11), start_ms);
        CHECK(rig.published.admit(0, {1, GENERATE(6, 10)}) == Code::stale);
        CHECK(rig.published.admit(0, {1, 11}) == Code::ok);
    }
    SECTION("and not by a report of the one before it") {
        rig.publish();
        CHECK_FALSE(rig.reject(PublishedRig::sent(start_ms, 5)));
        CHECK(rig.read(start_ms) == Code::ok);
    }
}

TEST_CASE("A report of a generation that never comes takes nothing from later marks") {
    PublishedRig rig;
    rig.publish(PublishedRig::loading(), start_ms);
    CHECK(rig.reject(PublishedRig::sent(start_ms, 1'700'000'000)));
    rig.judge_next();
    rig.publish();
    CHECK(rig.reject(PublishedRig::sent(start_ms, 1)));
    rig.publish();  // decided on before
    CHECK(rig.read(start_ms) == Code::no_token);
}

TEST_CASE("A report on one token does not keep the next from its readers") {
    PublishedRig rig;
    rig.publish();
    (void)rig.reject(PublishedRig::sent(start_ms, 1));
    rig.publish(PublishedRig::live(2), start_ms, "token-2");
    CHECK(rig.read(start_ms) == Code::ok);
}

TEST_CASE("A clear takes the token, and nothing that was published for before brings it back") {
    PublishedRig rig;
    rig.publish();
    rig.clear();
    CHECK(rig.read(start_ms) == Code::no_token);
    CHECK(rig.published.status(at(start_ms)).state == State::signed_out);
    CHECK(rig.published.status(at(start_ms)).snapshot.epoch == 2);
    rig.publish(PublishedRig::live(9), start_ms);  // of epoch 1: a late answer
    CHECK(rig.read(start_ms) == Code::no_token);
    Snapshot next = PublishedRig::live(10);
    next.epoch = next.least_epoch = 2;
    rig.judge_next();
    rig.publish(next, start_ms, "token-10");
    CHECK(rig.read(start_ms) == Code::ok);
}

TEST_CASE("An overdue token is readable only while there is no way to a newer one, and says so") {
    PublishedRig rig;
    const std::int64_t week_ms = start_ms + 7 * day_ms;
    rig.snapshot.times.slid = anchor_at(at(week_ms - hour_ms));
    rig.publish(rig.snapshot, week_ms - hour_ms);
    CHECK(rig.read(week_ms - minute_ms - 1) == Code::ok);
    CHECK_FALSE(rig.lease.overdue);
    CHECK(rig.read(week_ms - minute_ms) == Code::no_token);
    rig.snapshot.overdue_until_boot_ms = week_ms + minute_ms;
    rig.publish(rig.snapshot, week_ms);
    CHECK(rig.read(week_ms + minute_ms - 1) == Code::ok);
    CHECK(rig.lease.overdue);
    CHECK(rig.read(week_ms + minute_ms) == Code::no_token);
}

TEST_CASE("The first read inside the lead, and the first past the recheck, wake the worker once per publication") {
    PublishedRig rig;
    const std::int64_t week_ms = start_ms + 7 * day_ms;
    rig.snapshot.times.slid = anchor_at(at(week_ms - 8 * hour_ms));
    rig.snapshot.lead_ms = 4 * hour_ms;
    rig.snapshot.recheck_boot_ms = week_ms - 5 * hour_ms;
    rig.publish(rig.snapshot, week_ms - 8 * hour_ms);
    (void)rig.read(week_ms - 5 * hour_ms - 1);
    CHECK(rig.wake == Wake::none);
    (void)rig.read(week_ms - 5 * hour_ms);
    CHECK(rig.wake == Wake::recheck);
    (void)rig.read(week_ms - 5 * hour_ms + 1);
    CHECK(rig.wake == Wake::none);
    for (int publication = 0; publication < 2; ++publication) {
        (void)rig.read(week_ms - 4 * hour_ms);
        CHECK(rig.wake == Wake::prepare);
        (void)rig.read(week_ms - 4 * hour_ms);
        CHECK(rig.wake != Wake::prepare);
        rig.publish(rig.snapshot, week_ms - 4 * hour_ms);
    }
}

TEST_CASE("A read that gives no token looks at the record again too: another process may have one") {
    PublishedRig rig;
    rig.snapshot.usable = false;
    rig.snapshot.standing = State::signed_out;
    rig.snapshot.recheck_boot_ms = start_ms + minute_ms;
    rig.publish();
    CHECK(rig.read(start_ms + minute_ms - 1) == Code::no_token);
    CHECK(rig.wake == Wake::none);
    CHECK(rig.read(start_ms + minute_ms) == Code::no_token);
    CHECK(rig.wake == Wake::recheck);
    CHECK(rig.read(start_ms + minute_ms) == Code::no_token);
    CHECK(rig.wake == Wake::none);
}

TEST_CASE("The status follows time, slides and reports without a publication") {
    PublishedRig rig;
    rig.publish();
    CHECK(rig.published.status(at(start_ms)).state == State::fresh);
    CHECK(rig.published.status(at(start_ms + day_ms - 10 * minute_ms)).state == State::expiring);
    CHECK(rig.published.status(at(start_ms + day_ms - minute_ms)).state == State::expired);
    rig.accept(PublishedRig::sent(start_ms + hour_ms), start_ms + hour_ms);
    CHECK(rig.published.status(at(start_ms + day_ms - minute_ms)).state == State::fresh);
    CHECK(rig.published.status(at(start_ms + day_ms)).token.idle_left_ms == hour_ms);
}

TEST_CASE("The status says rejected as soon as the report has returned, and of a push alone it does not") {
    PublishedRig rig;
    rig.publish();
    rig.push();
    CHECK(rig.published.status(at(start_ms)).state == State::fresh);
    (void)rig.reject(PublishedRig::sent(start_ms, 1));
    CHECK(rig.published.status(at(start_ms)).state == State::rejected);
    CHECK(rig.published.status(at(start_ms)).reason == Reason::rejected);
    CHECK_FALSE(rig.published.status(at(start_ms)).snapshot.usable);
    CHECK(rig.published.is_spent("the-token", at(start_ms)));
    rig.publish();  // decided on before
    CHECK(rig.published.status(at(start_ms)).state == State::rejected);
    rig.publish(PublishedRig::live(2), start_ms, "token-2");
    CHECK(rig.published.status(at(start_ms)).state == State::fresh);
}

TEST_CASE("A client id binds once it is published, until a clear") {
    PublishedRig rig;
    CHECK(rig.published.accepts_client("anybody"));
    rig.publish(rig.snapshot, start_ms, "the-token", "client-1");
    CHECK(rig.published.accepts_client("client-1"));
    CHECK(rig.published.accepts_client(""));
    CHECK_FALSE(rig.published.accepts_client("client-2"));
    rig.clear();
    CHECK(rig.published.accepts_client("client-2"));
}

TEST_CASE("After close nothing is given and nothing is published") {
    PublishedRig rig;
    rig.publish();
    CHECK(rig.published.close(rig.post()));
    CHECK_FALSE(rig.published.close(rig.post()));
    CHECK(rig.read(start_ms) == Code::closed);
    rig.publish();
    CHECK(rig.read(start_ms) == Code::closed);
}

}  // namespace
