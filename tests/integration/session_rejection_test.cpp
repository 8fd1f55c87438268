// What Portal says against a token, and what is not against it: 401, 403, 429, 5xx, a redirect.
#include "integration/tls_world.hpp"

using namespace portal::test;
using fake_portal::FaultKind;
using fake_portal::Scope;

TEST_CASE("a 401 costs one token, and a GET is sent once more with it, unseen by the user") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.answer_with(401);
    const Sent answer = app.get();
    CHECK(answer.status == 200);
    CHECK(answer.verdict == PORTAL_VERDICT_ACCEPTED);
    CHECK(world.mints() == 2);
    CHECK(world.counted().requests == 3);
    CHECK(world.counted().rejected == 1);
    const auto by_token = world.server.counters().by_token;
    REQUIRE(by_token.size() == 2);
    CHECK(by_token[1].requests == 1);
    CHECK(app.status().mints_rejected == 1);
    CHECK(app.status().rejections == 1);
}

TEST_CASE("a POST is sent again after a 401 only where the caller said that it may be") {
    World world;
    App app(world);
    CHECK(app.post().status == 200);
    world.answer_with(401);
    const Sent refused = app.post();
    CHECK(refused.code == PORTAL_OK);
    CHECK(refused.status == 401);
    CHECK(refused.verdict == PORTAL_VERDICT_REJECTED);
    CHECK(world.counted().requests == 2);
    CHECK(app.status().state == PORTAL_STATE_REJECTED);
    auto lease = made<portal_lease>();
    CHECK(portal_lease_try(app.session, &lease, nullptr, nullptr, nullptr) == PORTAL_ERR_NO_TOKEN);
    CHECK(app.lease().code == PORTAL_OK);
    CHECK(world.mints() == 2);

    world.answer_with(401);
    CHECK(app.post(PORTAL_REQUEST_REPLAY).status == 200);
    CHECK(world.counted().requests == 4);
    CHECK(world.mints() == 3);
}

TEST_CASE("a request is sent again once, whatever the second answer is") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.answer_with(401, 2);
    const Sent answer = app.get();
    CHECK(answer.status == 401);
    CHECK(answer.verdict == PORTAL_VERDICT_REJECTED);
    CHECK(world.counted().requests == 3);
    CHECK(world.mints() == 2);
    CHECK(app.status().state == PORTAL_STATE_REJECTED);
}

TEST_CASE("each body that Portal is known to send with a 401 means the same") {
    fake_portal::ServerOptions options;
    options.unauthorized_body =
        GENERATE(fake_portal::UnauthorizedBody::empty_object, fake_portal::UnauthorizedBody::error_object,
                 fake_portal::UnauthorizedBody::bare_string);
    World world(options);
    App app(world);
    CHECK(app.get().status == 200);
    world.answer_with(401);
    CHECK(app.post().verdict == PORTAL_VERDICT_REJECTED);
    CHECK(app.status().state == PORTAL_STATE_REJECTED);
}

TEST_CASE("a token that a new one revoked is mended by one more") {
    fake_portal::ServerOptions options;
    options.rule.revoke_on_mint = true;
    World world(options);
    App phone(world);
    App tablet(world);
    CHECK(phone.get().status == 200);
    CHECK(tablet.get().status == 200);  // and the phone's is dead
    CHECK(phone.get().status == 200);
    CHECK(world.mints() == 3);
    CHECK(world.counted().rejected == 1);
}

TEST_CASE("a Portal that answers 401 to everything gets three tokens at once, six an hour, and the caller a time to wait") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.answer_with(401, 1'000'000);
    Sent last;
    for (int i = 0; i < 20; ++i) last = app.get();
    CHECK(last.code == PORTAL_ERR_REFUSED);
    CHECK(last.retry_after_ms > 0);
    CHECK(last.retry_after_ms <= 10 * minute_ms);
    CHECK(last.message.find("rejects each new token") != std::string::npos);
    CHECK(world.mints() == 1 + 3);
    CHECK(app.lease(PORTAL_ACQUIRE_FORCE).code == PORTAL_ERR_REFUSED);

    for (int minute = 0; minute < 3 * 60; ++minute) {
        world.advance(minute_ms);
        CHECK(app.get().status != 200);
    }
    CHECK(world.mints() <= 1 + 3 + 3 * 6);
    CHECK(world.mints() >= 1 + 3 + 3 * 6 - 1);  // and it does not give up

    world.server.clear();
    world.advance(10 * minute_ms);
    CHECK(app.get().status == 200);
}

TEST_CASE("a day of 401 to everything costs no more than three tokens and six an hour, in no hour") {
    World world;
    App app(world);
    world.answer_with(401, 1'000'000);
    std::vector<std::uint64_t> mints;  // at each step, from the start on
    constexpr int steps_an_hour = 12;
    for (int step = 0; step <= 24 * steps_an_hour; ++step) {
        CHECK(app.get().status != 200);
        CHECK(app.post().status != 200);
        (void)app.lease(PORTAL_ACQUIRE_FORCE);
        mints.push_back(world.mints());
        if (step >= steps_an_hour) CHECK(mints.back() - mints[mints.size() - 1 - steps_an_hour] <= 3 + 6);
        world.advance(hour_ms / steps_an_hour);
    }
    CHECK(mints.back() <= 1 + 3 + 24 * 6);
    CHECK(mints.back() >= 23 * 6);  // and it does not give up
    CHECK(app.status().mints_rejected + app.status().mints_forced + 1 == mints.back());
}

TEST_CASE("403, 429, 5xx and a redirect go to the caller and change nothing") {
    World world;
    App app(world);
    const Leased before = app.lease();
    world.advance(hour_ms);
    const auto expect = [&](int status, portal_verdict verdict) {
        world.answer_with(status);
        const Sent answer = app.get();
        INFO(status);
        CHECK(answer.code == PORTAL_OK);
        CHECK(answer.status == status);
        CHECK(answer.verdict == verdict);
        CHECK(answer.retry_after_ms == 0);
    };
    expect(403, PORTAL_VERDICT_FORBIDDEN);
    expect(429, PORTAL_VERDICT_THROTTLED);
    expect(500, PORTAL_VERDICT_UNAVAILABLE);
    expect(503, PORTAL_VERDICT_UNAVAILABLE);
    expect(404, PORTAL_VERDICT_OTHER);
    expect(302, PORTAL_VERDICT_OTHER);
    CHECK(app.status().state == PORTAL_STATE_FRESH);
    CHECK(app.status().idle_left_ms == 23 * hour_ms);
    CHECK(app.status().renewal == PORTAL_RENEWAL_IDLE);
    CHECK(world.counted().requests == 6);  // none was sent twice
    CHECK(app.lease().token == before.token);
    CHECK(world.mints() == 1);
}

TEST_CASE("the time that Portal names to wait reaches the caller, as seconds or as a date by Portal's own clock") {
    World world;
    world.clock.unix_ms += 40 * day_ms;  // the phone's date is wrong: only the answer's own Date counts
    App app(world);
    CHECK(app.get().status == 200);
    fake_portal::Fault fault;
    fault.scope = Scope::client;
    fault.status = GENERATE(429, 503);
    fault.retry_after_seconds = 90;
    fault.retry_after_as_date = GENERATE(false, true);
    world.server.arm(fault);
    const Sent answer = app.get();
    CHECK(answer.status == fault.status);
    CHECK(answer.retry_after_ms == 90 * second_ms);
    CHECK(app.get().status == 200);  // waiting is up to the caller
}

TEST_CASE("a backend that names a time to wait is left alone for it, and the callers are told") {
    World world;
    App app(world);
    fake_portal::Fault fault;
    fault.scope = Scope::app;
    fault.status = 429;
    fault.retry_after_seconds = 120;
    world.server.arm(fault);
    const Sent failed = app.get();
    CHECK(failed.code == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(failed.retry_after_ms >= 120 * second_ms);
    CHECK(failed.retry_after_ms <= 150 * second_ms);
    world.advance(119 * second_ms);
    CHECK(app.get().code == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(app.lease(PORTAL_ACQUIRE_FORCE).code == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(world.server.counters().api.app_requests == 1);
    world.advance(31 * second_ms);
    CHECK(app.get().status == 200);
    CHECK(world.server.counters().api.app_requests == 2);
}

TEST_CASE("a redirect is not followed, and the place it names gets nothing") {
    World world;
    const fake_portal::Server elsewhere;
    App app(world);
    CHECK(app.get().status == 200);
    fake_portal::Fault fault;
    fault.scope = Scope::client;
    fault.status = GENERATE(301, 302, 307, 308);
    fault.location = elsewhere.url() + me;
    world.server.arm(fault);
    CHECK(app.get().status == fault.status);
    CHECK(elsewhere.counters().total.requests == 0);
}
