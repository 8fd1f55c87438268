// What an app may ask of the lifetime rule: each field at its bounds, one beyond, by default, and not at all.
#include "lifetime/policy.hpp"

#include "support/catch.hpp"

using namespace portal;

namespace {

struct Field {
    const char* name;
    std::int64_t Policy::* value;
    std::int64_t least;
    std::int64_t most;  // with the other fields at their defaults
    std::int64_t by_default;
    bool may_be_none;
};

const Field fields[] = {
    {"idle_ms", &Policy::idle_ms, 300'000, 2'592'000'000, 86'400'000, false},
    {"absolute_ms", &Policy::absolute_ms, 86'400'000, 7'776'000'000, 604'800'000, false},
    {"margin_ms", &Policy::margin_ms, 5'000, 8'640'000, 60'000, true},
    {"soft_window_ms", &Policy::soft_window_ms, 1, 43'200'000, 600'000, true},
    {"renewal_lead_ms", &Policy::renewal_lead_ms, 1, 151'200'000, 21'600'000, true},
    {"request_timeout_ms", &Policy::request_limit_ms, 1'000, 300'000, 30'000, false},
};

Result<Policy> with(const Field& field, std::int64_t value) {
    Policy wanted{0, 0, 0, 0, 0, 0};
    wanted.*field.value = value;
    return make_policy(wanted);
}

void refuses(const Field& field, std::int64_t value) {
    INFO(value);
    const auto policy = with(field, value);
    REQUIRE_FALSE(policy);
    CHECK(policy.error().code == Code::policy);
    CHECK(policy.error().message.find(field.name) != std::string::npos);
    CHECK(policy.error().message.find(std::to_string(field.least)) != std::string::npos);
    CHECK(policy.error().message.find(std::to_string(field.most)) != std::string::npos);
}

}  // namespace

TEST_CASE("a policy of zeros is Portal's rule with the default margins") {
    const auto policy = make_policy({0, 0, 0, 0, 0, 0});
    REQUIRE(policy);
    for (const Field& field : fields) {
        INFO(field.name);
        CHECK((*policy).*field.value == field.by_default);
        CHECK(Policy{}.*field.value == field.by_default);
    }
}

TEST_CASE("each field of a policy takes its bounds and refuses one beyond, by name") {
    for (const Field& field : fields) {
        INFO(field.name);
        for (const std::int64_t value : {field.least, field.most}) {
            INFO(value);
            const auto policy = with(field, value);
            REQUIRE(policy);
            CHECK((*policy).*field.value == value);
        }
        if (field.least > 1) refuses(field, field.least - 1);
        refuses(field, field.most + 1);
        refuses(field, -2);
    }
}

TEST_CASE("-1 means none for margin, soft window and lead, and nothing elsewhere") {
    for (const Field& field : fields) {
        INFO(field.name);
        const auto policy = with(field, policy_none);
        CHECK(policy.has_value() == field.may_be_none);
        if (policy) CHECK((*policy).*field.value == 0);
    }
}

TEST_CASE("a default gives way to the bounds that the idle and absolute times set") {
    const auto shortest = make_policy({300'000, 300'000, 0, 0, 0, 0});
    REQUIRE(shortest);
    CHECK(shortest->margin_ms == 30'000);        // idle / 10
    CHECK(shortest->soft_window_ms == 150'000);  // idle / 2
    CHECK(shortest->renewal_lead_ms == 75'000);  // absolute / 4

    const auto long_idle = make_policy({30 * day_ms, 0, 0, 0, 0, 0});
    REQUIRE(long_idle);
    CHECK(long_idle->absolute_ms == 30 * day_ms);  // never less than idle
}

TEST_CASE("the bounds of one field follow the fields that it hangs on") {
    CHECK_FALSE(make_policy({300'000, 299'999, 0, 0, 0, 0}));
    CHECK(make_policy({300'000, 300'000, 30'000, 150'000, 75'000, 0}));
    CHECK_FALSE(make_policy({300'000, 300'000, 30'001, 0, 0, 0}));
    CHECK_FALSE(make_policy({300'000, 300'000, 0, 150'001, 0, 0}));
    CHECK_FALSE(make_policy({300'000, 300'000, 0, 0, 75'001, 0}));
}
