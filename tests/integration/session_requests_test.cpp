// Where the token may go, whom the session trusts, and how a request ends that gets no answer.
#include "integration/tls_world.hpp"

using namespace portal::test;
using fake_portal::CertificateKind;
using fake_portal::FaultKind;
using fake_portal::Scope;

namespace {

void refused_by_tls(World& world, App& app, const std::string& reason) {
    // Without a token to get, since the backend stands behind the same certificate.
    const Sent sent = app.send({"GET", me, {}, PORTAL_REQUEST_NO_TOKEN, 0});
    INFO(sent.message);
    CHECK(sent.code == PORTAL_ERR_NETWORK);
    CHECK((sent.flags & PORTAL_FLAG_TLS) != 0);
    CHECK((sent.flags & PORTAL_FLAG_RETRYABLE) == 0);
    CHECK(sent.message.find(reason) != std::string::npos);
    CHECK(world.counted().requests == 0);
}

portal_code opened(const std::string& portal_url, std::uint32_t flags) {
    auto open = made<portal_options>();
    open.flags = flags;
    open.portal_url = text_of(portal_url);
    portal_session* session = nullptr;
    const portal_code code = portal_session_open(&open, &session, nullptr);
    CHECK((session != nullptr) == (code == PORTAL_OK));
    if (session != nullptr) portal_session_close(session, 20'000, nullptr);
    portal_session_release(session);
    return code;
}

}  // namespace

TEST_CASE("a server that cannot prove who it is gets no request, and the reason is told") {
    const World other;
    {
        World world;
        AppOptions wrong_ca;
        wrong_ca.ca_file = other.server.ca_file();
        App app(world, wrong_ca);
        refused_by_tls(world, app, "CA that is not trusted");
        CHECK(app.get().code == PORTAL_ERR_PROVIDER_FAILED);  // the backend is asked by the same rules
    }
    for (const auto& [kind, reason] :
         {std::pair{CertificateKind::wrong_name, "another name"}, std::pair{CertificateKind::expired, "has expired"}}) {
        fake_portal::ServerOptions options;
        options.certificate = kind;
        World world(options);
        App app(world);
        refused_by_tls(world, app, reason);
    }
}

TEST_CASE("a token in hand does not go to an allowed host whose certificate nobody vouches for") {
    World world;
    const fake_portal::Server impostor;  // with a CA of its own
    App app(world);
    CHECK(app.get().status == 200);
    const Sent sent = app.get(impostor.url() + me);
    CHECK(sent.code == PORTAL_ERR_NETWORK);
    CHECK((sent.flags & PORTAL_FLAG_TLS) != 0);
    CHECK(impostor.counters().total.requests == 0);
    CHECK(app.status().state == PORTAL_STATE_FRESH);
}

TEST_CASE("the token goes to the allowed hosts alone, and a refusal comes before anything is sent") {
    World world;
    App app(world);
    for (const char* url :
         {"https://example.com/", "https://evilportalhq.io/", "https://portalhq.io.evil.com/",
          "https://api.portalhq.io:8443/", "http://api.portalhq.io/", "https://localhost/", "https://10.0.0.1/",
          "https://user@api.portalhq.io/", "https://api.portalhq.io\\@example.com/"}) {
        const Sent sent = app.get(url);
        INFO(url << ": " << sent.message);
        CHECK(sent.code == PORTAL_ERR_HOST_NOT_ALLOWED);
        CHECK_FALSE(sent.message.empty());
    }
    CHECK(world.mints() == 0);  // not even a token was fetched for it
    CHECK(world.counted().requests == 0);
}

TEST_CASE("a session on loopback, or on plain http, is opened only where that was allowed") {
    CHECK(opened("https://127.0.0.1:4433", 0) == PORTAL_ERR_HOST_NOT_ALLOWED);
    CHECK(opened("http://127.0.0.1:4433", 0) == PORTAL_ERR_HOST_NOT_ALLOWED);
    CHECK(opened("http://api.portalhq.io", 0) == PORTAL_ERR_HOST_NOT_ALLOWED);
    CHECK(opened("http://api.portalhq.io", PORTAL_ALLOW_LOOPBACK) == PORTAL_ERR_HOST_NOT_ALLOWED);
    CHECK(opened("http://127.0.0.1:4433", PORTAL_ALLOW_LOOPBACK) == PORTAL_OK);
    CHECK(opened("https://api.portalhq.io", 0) == PORTAL_OK);
    CHECK(portal_live_objects() == 0);
}

TEST_CASE("a request to the app's own backend carries no token, and is encrypted all the same") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    CHECK(app.send({"GET", me, {}, PORTAL_REQUEST_NO_TOKEN, 0}).status == 401);  // nobody's request
    CHECK(app.status().state == PORTAL_STATE_FRESH);                             // so it is not the token's 401
    CHECK(app.send({"GET", "http://example.com/", {}, PORTAL_REQUEST_NO_TOKEN, 0}).code == PORTAL_ERR_HOST_NOT_ALLOWED);
    const auto by_token = world.server.counters().by_token;
    REQUIRE(by_token.size() == 1);
    CHECK(by_token[0].requests == 1);
}

TEST_CASE("a server that does not answer costs the caller its time and no more") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    world.advance(hour_ms);
    world.arm(FaultKind::hold);
    const Sent sent = app.send({"GET", me, {}, 0, 100});
    CHECK(sent.code == PORTAL_ERR_TIMEOUT);
    CHECK((sent.flags & PORTAL_FLAG_RETRYABLE) != 0);
    CHECK(sent.message.find("timed out") != std::string::npos);
    world.server.release();
    CHECK(app.status().idle_left_ms == 23 * hour_ms);  // Portal slid, but nobody here knows
    CHECK(app.get().status == 200);
}

TEST_CASE("a backend that does not answer costs the caller its time, by the session's clock, and its late token is kept") {
    World world;
    App app(world);
    world.arm(FaultKind::hold, Scope::app);
    Sending impatient = app.start({"GET", me, {}, 0, 5 * second_ms});
    Sending patient = app.start({"GET", me, {}, 0, 20 * second_ms});
    REQUIRE(world.server.wait_until_held(1));
    world.advance(6 * second_ms);
    CHECK(taken(std::move(impatient.answer)).code == PORTAL_ERR_TIMEOUT);
    world.server.release();
    CHECK(taken(std::move(patient.answer)).status == 200);
    CHECK(world.mints() == 1);
}

TEST_CASE("a request is cancelled wherever it is, answered once, and the others go on") {
    World world;
    App app(world);
    world.arm(FaultKind::hold, Scope::app);
    Sending waiting = app.start({});  // for the token
    Sending kept = app.start({});
    REQUIRE(world.server.wait_until_held(1));
    CHECK(portal_cancel(waiting.id, nullptr) == PORTAL_OK);
    CHECK(taken(std::move(waiting.answer)).code == PORTAL_ERR_CANCELLED);
    CHECK(portal_cancel(waiting.id, nullptr) == PORTAL_ERR_STALE);
    world.server.release();
    CHECK(taken(std::move(kept.answer)).status == 200);

    world.arm(FaultKind::hold);
    Sending sent = app.start({});  // to Portal
    REQUIRE(world.server.wait_until_held(1));
    CHECK(portal_cancel(sent.id, nullptr) == PORTAL_OK);
    CHECK(taken(std::move(sent.answer)).code == PORTAL_ERR_CANCELLED);
    CHECK(portal_cancel(sent.id, nullptr) == PORTAL_ERR_STALE);
    world.server.release();
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 1);
}

TEST_CASE("closing a session answers what is under way, each once") {
    World world;
    Sending waiting;
    Sending sent;
    {
        App app(world);
        CHECK(app.get().status == 200);
        world.arm(FaultKind::hold);
        sent = app.start({});
        REQUIRE(world.server.wait_until_held(1));
        world.answer_with(401);
        world.arm(FaultKind::hold, Scope::app);
        waiting = app.start({});  // for a new token
        REQUIRE(world.server.wait_until_held(2));
        CHECK(portal_session_close(app.session, 20'000, nullptr) == PORTAL_OK);
        CHECK(app.get().code == PORTAL_ERR_CLOSED);
    }
    CHECK(taken(std::move(sent.answer)).code == PORTAL_ERR_CLOSED);
    CHECK(taken(std::move(waiting.answer)).code == PORTAL_ERR_CLOSED);
    CHECK(portal_cancel(sent.id, nullptr) == PORTAL_ERR_STALE);
    world.server.release();
}

TEST_CASE("a logout during a request wins over its late answer") {
    World world;
    App app(world);
    CHECK(app.get().status == 200);
    const bool is_rejected = GENERATE(false, true);
    if (is_rejected) world.server.advance(25 * hour_ms);  // only Portal's clock: it answers 401
    world.arm(FaultKind::hold);
    Sending late = app.start({});
    REQUIRE(world.server.wait_until_held(1));
    CHECK(app.clear() == PORTAL_OK);
    world.server.release();
    CHECK(taken(std::move(late.answer)).status == (is_rejected ? 401 : 200));
    CHECK(app.status().state == PORTAL_STATE_SIGNED_OUT);
    CHECK(app.status().idle_deadline_unix_ms == 0);
    CHECK(app.get().code == PORTAL_ERR_SIGN_IN_NEEDED);
    CHECK(world.mints() == 1);
}

TEST_CASE("a logout during a token request ends it, and its late token is dropped") {
    World world;
    App app(world);
    world.arm(FaultKind::hold, Scope::app);
    Sending waiting = app.start({});
    REQUIRE(world.server.wait_until_held(1));
    CHECK(app.clear() == PORTAL_OK);
    CHECK(taken(std::move(waiting.answer)).code == PORTAL_ERR_CLEARED);
    world.server.release();
    CHECK(app.get().code == PORTAL_ERR_SIGN_IN_NEEDED);
    CHECK(app.status().state == PORTAL_STATE_SIGNED_OUT);
}
