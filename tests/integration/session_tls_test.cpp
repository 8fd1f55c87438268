// A token's life over real TLS: it slides, it ends, it is renewed, and Portal never has to say 401 first.
#include "integration/tls_world.hpp"

using namespace portal::test;
using fake_portal::AbsoluteRule;
using fake_portal::FaultKind;

namespace {

fake_portal::ServerOptions by_rule(AbsoluteRule rule) {
    fake_portal::ServerOptions options;
    options.rule.absolute_rule = rule;
    return options;
}

}  // namespace

TEST_CASE("the first request asks the app's backend once, and each 2xx slides the idle deadline to its own instant") {
    World world;
    App app(world);
    CHECK(app.status().state == PORTAL_STATE_NONE);
    const Sent first = app.get();
    CHECK(first.code == PORTAL_OK);
    CHECK(first.status == 200);
    CHECK(first.verdict == PORTAL_VERDICT_ACCEPTED);
    CHECK(first.body.find(world.client_id) != std::string::npos);
    for (int i = 0; i < 5; ++i) {
        world.advance(23 * hour_ms);
        CHECK(app.status().idle_left_ms == hour_ms);
        CHECK(app.get().status == 200);
        CHECK(app.status().idle_left_ms == day_ms);
    }
    const auto counters = world.server.counters();
    CHECK(counters.total.mints == 1);
    CHECK(counters.api.app_requests == 1);
    CHECK(counters.total.slides == 6);
    CHECK(app.status().mints_first == 1);
}

TEST_CASE("a silence ends the token at the margin before its 24 hours, and the next request brings another") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.advance(day_ms - minute_ms - 1);
    CHECK(app.status().state == PORTAL_STATE_EXPIRING);
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 1);

    world.advance(day_ms - minute_ms);
    CHECK(app.status().state == PORTAL_STATE_EXPIRED);
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 2);
    CHECK(app.status().mints_idle == 1);
    CHECK(world.counted().rejected == 0);
}

TEST_CASE("sixteen days of use cost a token a week, and no 401 under either reading of the seven days") {
    const AbsoluteRule rule = GENERATE(AbsoluteRule::reading_a, AbsoluteRule::reading_b);
    World world(by_rule(rule));
    AppOptions without_lead;
    without_lead.renewal_lead_ms = -1;
    App app(world, without_lead);
    for (int use = 0; use < 16 * 8; ++use) {
        REQUIRE(app.get().status == 200);
        world.advance(3 * hour_ms);
    }
    CHECK(world.mints() == 3);
    CHECK(world.counted().rejected == 0);
    CHECK(world.counted().slides == 16 * 8);
}

TEST_CASE("near the seven days a new token is fetched behind a request, and nobody waits for it") {
    World world;
    App app(world);
    for (int use = 0; app.status().generation < 2; ++use) {
        REQUIRE(use < 7 * 12);
        REQUIRE(app.get().status == 200);
        wait_until([&] { return app.status().renewal == PORTAL_RENEWAL_IDLE; });
        world.advance(2 * hour_ms);
    }
    CHECK(world.mints() == 2);
    CHECK(app.status().mints_absolute == 1);
    CHECK(app.status().waits == 1);  // the very first
    CHECK(app.status().absolute_left_ms > 6 * day_ms);
    CHECK(world.counted().rejected == 0);
}

TEST_CASE("a token past its seven days is renewed first, and used as it is while the backend is down") {
    World world(by_rule(AbsoluteRule::reading_b));
    App app(world);
    for (int use = 0; use < 7 * 2; ++use) {
        REQUIRE(app.get().status == 200);
        world.answer_with(503, 100, fake_portal::Scope::app);
        world.advance(12 * hour_ms);
    }
    const Leased late = app.lease();
    CHECK(late.code == PORTAL_OK);
    CHECK((late.lease.flags & PORTAL_LEASE_OVERDUE) != 0);
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 1);

    world.server.clear();
    world.advance(hour_ms);  // the longest that a back-off lasts
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 2);
    CHECK(world.counted().rejected == 0);
}

TEST_CASE("an answer that is lost slides nothing here, though Portal may have slid") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.advance(hour_ms);
    for (const FaultKind kind : {FaultKind::drop_before, FaultKind::drop_after}) {
        world.arm(kind);
        const Sent lost = app.post();
        CHECK(lost.code == PORTAL_ERR_NETWORK);
        CHECK((lost.flags & PORTAL_FLAG_TLS) == 0);
        CHECK((lost.flags & PORTAL_FLAG_RETRYABLE) != 0);
        CHECK(app.status().idle_left_ms == 23 * hour_ms);
    }
    CHECK(world.counted().slides == 2);  // the second of the two slid on Portal's side
    world.advance(23 * hour_ms);
    CHECK(app.status().state == PORTAL_STATE_EXPIRED);  // by Portal an hour is left; never optimistic
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 2);
}

TEST_CASE("a request that is not idempotent is on the wire once, also when its kept-alive connection breaks") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);  // its connection is kept
    const std::uint64_t before = world.counted().requests;
    world.arm(FaultKind::drop_after);
    CHECK(app.post().code == PORTAL_ERR_NETWORK);
    CHECK(world.counted().requests == before + 1);
}

TEST_CASE("a slow answer slides from the instant its request was sent") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.advance(hour_ms);
    world.arm(FaultKind::hold);
    Sending slow = app.start({});
    REQUIRE(world.server.wait_until_held(1));
    world.advance(20 * second_ms);
    CHECK(app.status().idle_left_ms == 23 * hour_ms - 20 * second_ms);
    world.server.release();
    CHECK(taken(std::move(slow.answer)).status == 200);
    CHECK(app.status().idle_left_ms == day_ms - 20 * second_ms);
}

TEST_CASE("a thousand requests from sixteen threads at an expired token cost one token request") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.advance(25 * hour_ms);
    constexpr int threads = 16;
    constexpr int each = 63;
    std::atomic<int> good{0};
    std::vector<std::thread> users;
    for (int i = 0; i < threads; ++i)
        users.emplace_back([&] {
            std::vector<Sending> sendings;
            for (int j = 0; j < each; ++j) sendings.push_back(app.start({}));
            for (Sending& sending : sendings)
                if (sending.answer.get().status == 200) ++good;
        });
    for (std::thread& user : users) user.join();
    CHECK(good == threads * each);
    CHECK(world.mints() == 2);
    CHECK(world.server.counters().api.app_requests == 2);
    CHECK(world.counted().rejected == 0);
    CHECK(world.counted().requests == 1 + threads * each);
}
