// The fake Portal's rule, to the millisecond: what the simulation and the integration tests take for the truth.
#include <string>

#include "fake_portal/faults.hpp"
#include "fake_portal/rule.hpp"
#include "support/catch.hpp"

using namespace fake_portal;

namespace {

constexpr std::int64_t start = 1'700'000'000'000;
constexpr std::int64_t day = 24 * hour_ms;
constexpr std::int64_t week = 7 * day;

// A rule with one client and its first token, minted at `start`.
struct Fixture {
    explicit Fixture(RuleOptions options = {}) : rule(options) {
        client_id = rule.create_client(start).id;
        token = rule.mint(client_id, start).value();
    }
    bool live(std::int64_t now_ms) const { return rule.authenticate(token, now_ms) != nullptr; }
    // Used every 12 hours, the last time at `until`.
    void use_until(std::int64_t until) {
        for (std::int64_t now = start; now < until; now += day / 2) REQUIRE(rule.request(token, now) == 200);
        REQUIRE(rule.request(token, until) == 200);
    }
    Rule rule;
    std::string client_id;
    std::string token;
};

RuleOptions with(AbsoluteRule absolute_rule) {
    RuleOptions options;
    options.absolute_rule = absolute_rule;
    return options;
}

RuleOptions with(SlideOn slide_on) {
    RuleOptions options;
    options.slide_on = slide_on;
    return options;
}

}  // namespace

TEST_CASE("the fake's token that is never used dies 24 hours after its issue, to the millisecond") {
    const Fixture fixture;
    CHECK(fixture.live(start));
    CHECK(fixture.live(start + day - 1));
    CHECK_FALSE(fixture.live(start + day));
    CHECK(fixture.rule.expires_ms(fixture.token) == start + day);
}

TEST_CASE("the fake slides a token to 24 hours after its last request") {
    Fixture fixture;
    CHECK(fixture.rule.request(fixture.token, start + day - 1) == 200);
    CHECK(fixture.live(start + 2 * day - 2));
    CHECK_FALSE(fixture.live(start + 2 * day - 1));
}

TEST_CASE("the fake does not wake a dead token with a request") {
    Fixture fixture;
    CHECK(fixture.rule.request(fixture.token, start + day) == 401);
    CHECK(fixture.rule.request(fixture.token, start + day + 1) == 401);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + day);
}

TEST_CASE("under reading A a used token dies 7 days after its issue, to the millisecond") {
    Fixture fixture(with(AbsoluteRule::reading_a));
    fixture.use_until(start + week - 1);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + week);
    CHECK(fixture.live(start + week - 1));
    CHECK_FALSE(fixture.live(start + week));
}

TEST_CASE("under reading B the last slide before 7 days runs out, and none follows") {
    Fixture fixture(with(AbsoluteRule::reading_b));
    fixture.use_until(start + week - 1);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + week + day - 1);

    SECTION("a request at 7 days is accepted and slides nothing") {
        const auto slides = fixture.rule.totals().slides;
        CHECK(fixture.rule.request(fixture.token, start + week) == 200);
        CHECK(fixture.rule.request(fixture.token, start + week + day - 2) == 200);
        CHECK(fixture.rule.totals().slides == slides);
        CHECK(fixture.rule.expires_ms(fixture.token) == start + week + day - 1);
    }
    SECTION("it is dead where the last slide ends") {
        CHECK(fixture.live(start + week + day - 2));
        CHECK_FALSE(fixture.live(start + week + day - 1));
    }
}

TEST_CASE("both readings agree where the idle window ends first") {
    for (const AbsoluteRule reading : {AbsoluteRule::reading_a, AbsoluteRule::reading_b}) {
        Fixture fixture(with(reading));
        fixture.use_until(start + 3 * day);
        CHECK(fixture.live(start + 4 * day - 1));
        CHECK_FALSE(fixture.live(start + 4 * day));
    }
}

TEST_CASE("the fake's windows are what the options say") {
    RuleOptions options;
    options.idle_ms = 100;
    options.absolute_ms = 250;
    Fixture fixture(options);
    CHECK(fixture.rule.request(fixture.token, start + 99) == 200);
    CHECK(fixture.rule.request(fixture.token, start + 198) == 200);
    CHECK(fixture.live(start + 249));
    CHECK_FALSE(fixture.live(start + 250));
}

TEST_CASE("only 2xx answers slide by default") {
    for (const int status : {200, 201, 204, 299}) {
        Fixture fixture;
        CHECK(fixture.rule.request(fixture.token, start + 1, status) == status);
        CHECK(fixture.rule.expires_ms(fixture.token) == start + 1 + day);
    }
    for (const int status : {199, 300, 302, 400, 401, 403, 404, 429, 500, 503}) {
        Fixture fixture;
        CHECK(fixture.rule.request(fixture.token, start + 1, status) == status);
        CHECK(fixture.rule.expires_ms(fixture.token) == start + day);
        CHECK(fixture.rule.totals().slides == 0);
    }
}

TEST_CASE("where any answer slides, a 401 still does not") {
    for (const int status : {200, 302, 403, 429, 500}) {
        Fixture fixture(with(SlideOn::any_answer));
        fixture.rule.request(fixture.token, start + 1, status);
        CHECK(fixture.rule.expires_ms(fixture.token) == start + 1 + day);
    }
    Fixture fixture(with(SlideOn::any_answer));
    fixture.rule.request(fixture.token, start + 1, 401);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + day);
}

TEST_CASE("a request that was lost before the server looked at it counts, and slides nothing") {
    Fixture fixture;
    fixture.rule.received(fixture.token);
    CHECK(fixture.rule.totals().requests == 1);
    CHECK(fixture.rule.totals().slides == 0);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + day);
}

TEST_CASE("a late answer never moves a deadline backwards") {
    Fixture fixture;
    fixture.rule.answered(fixture.token, 200, start + 1000);
    fixture.rule.answered(fixture.token, 200, start + 500);
    CHECK(fixture.rule.expires_ms(fixture.token) == start + 1000 + day);
}

TEST_CASE("a mint leaves the older token alone unless the rule revokes") {
    Fixture kept;
    kept.rule.mint(kept.client_id, start + 1);
    CHECK(kept.live(start + 1));

    RuleOptions options;
    options.revoke_on_mint = true;
    Fixture revoked(options);
    const std::string second = revoked.rule.mint(revoked.client_id, start + 1).value();
    CHECK_FALSE(revoked.live(start + 1));
    CHECK(revoked.rule.authenticate(second, start + 1) != nullptr);
    CHECK(revoked.rule.by_token().at(0).revoked);
    CHECK_FALSE(revoked.rule.by_token().at(1).revoked);
    const std::string third = revoked.rule.mint(revoked.client_id, start + 2).value();
    CHECK(revoked.rule.authenticate(second, start + 2) == nullptr);
    CHECK(revoked.rule.authenticate(third, start + 2) != nullptr);
}

TEST_CASE("a mint revokes nothing of another client") {
    RuleOptions options;
    options.revoke_on_mint = true;
    Fixture fixture(options);
    const std::string other = fixture.rule.create_client(start).id;
    REQUIRE(fixture.rule.mint(other, start + 1).has_value());
    CHECK(fixture.live(start + 1));
}

TEST_CASE("the fake mints for the clients it knows alone") {
    Fixture fixture;
    CHECK_FALSE(fixture.rule.mint("nobody", start).has_value());
    CHECK_FALSE(fixture.rule.mint(fixture.token, start).has_value());
    CHECK(fixture.rule.totals().mints == 1);
}

TEST_CASE("a client's API key never expires, is no token and survives a mint") {
    RuleOptions options;
    options.revoke_on_mint = true;
    Fixture fixture(options);
    const std::string api_key = fixture.rule.find_client(fixture.client_id)->api_key;
    REQUIRE(fixture.rule.mint(fixture.client_id, start + 1).has_value());
    CHECK(fixture.rule.request(api_key, start + 100 * week) == 200);
    CHECK(fixture.rule.authenticate(api_key, start + 100 * week)->id == fixture.client_id);
    CHECK(fixture.rule.totals().slides == 0);
    CHECK_FALSE(fixture.rule.expires_ms(api_key).has_value());
    CHECK(fixture.rule.knows(api_key));
}

TEST_CASE("the fake knows its tokens after their death, and no others") {
    const Fixture fixture;
    CHECK(fixture.rule.knows(fixture.token));
    CHECK_FALSE(fixture.rule.knows(""));
    CHECK_FALSE(fixture.rule.knows("unknown"));
    CHECK_FALSE(fixture.rule.knows(fixture.client_id));
}

TEST_CASE("the fake counts in all and by token, without showing a token") {
    Fixture fixture;
    const std::string second = fixture.rule.mint(fixture.client_id, start + 10).value();
    CHECK(fixture.rule.request(fixture.token, start + 20) == 200);
    CHECK(fixture.rule.request(fixture.token, start + 30, 429) == 429);
    CHECK(fixture.rule.request(second, start + 40, 401) == 401);
    CHECK(fixture.rule.request("unknown", start + 50) == 401);

    const Counters& totals = fixture.rule.totals();
    CHECK(totals.mints == 2);
    CHECK(totals.requests == 4);
    CHECK(totals.slides == 1);
    CHECK(totals.rejected == 2);

    const auto tokens = fixture.rule.by_token();
    REQUIRE(tokens.size() == 2);
    CHECK(tokens[0].ordinal == 1);
    CHECK(tokens[0].client_id == fixture.client_id);
    CHECK(tokens[0].requests == 2);
    CHECK(tokens[0].slides == 1);
    CHECK(tokens[0].rejected == 0);
    CHECK(tokens[0].issued_ms == start);
    CHECK(tokens[0].expires_ms == start + 20 + day);
    CHECK(tokens[1].ordinal == 2);
    CHECK(tokens[1].requests == 1);
    CHECK(tokens[1].slides == 0);
    CHECK(tokens[1].rejected == 1);
    CHECK(tokens[1].expires_ms == start + 10 + day);
}

TEST_CASE("the seed alone tells the fake's texts, which have the shape of a UUID") {
    RuleOptions other_seed;
    other_seed.seed = 2;
    const Fixture first;
    const Fixture again;
    const Fixture other(other_seed);
    CHECK(first.token == again.token);
    CHECK(first.client_id == again.client_id);
    CHECK(first.token != other.token);
    CHECK(first.token != first.client_id);
    for (std::uint64_t index = 0; index < 1000; ++index) {
        const std::string text = uuid_like(7, index);
        REQUIRE(text.size() == 36);
        REQUIRE(text.find_first_not_of("0123456789abcdef-") == std::string::npos);
        REQUIRE(text[8] == '-');
        REQUIRE(text[13] == '-');
        REQUIRE(text[18] == '-');
        REQUIRE(text[23] == '-');
        REQUIRE(text != uuid_like(7, index + 1));
    }
}

TEST_CASE("a fault is taken by the requests it is meant for, as often as it was armed, in order") {
    Faults faults;
    Fault custodian;
    custodian.scope = Scope::custodian;
    custodian.status = 500;
    Fault any;
    any.times = 2;
    any.status = 429;
    faults.arm(custodian);
    faults.arm(any);
    CHECK(faults.armed() == 3);
    CHECK(faults.take(Scope::client)->status == 429);
    CHECK(faults.take(Scope::custodian)->status == 500);
    CHECK(faults.take(Scope::custodian)->status == 429);
    CHECK_FALSE(faults.take(Scope::custodian).has_value());
    CHECK(faults.armed() == 0);

    faults.arm(custodian);
    CHECK_FALSE(faults.take(Scope::app).has_value());
    faults.clear();
    CHECK_FALSE(faults.take(Scope::custodian).has_value());
}
