// The fake's limit and latency.
#include <string>

#include "fake_portal/api.hpp"
#include "support/catch.hpp"

using namespace fake_portal;

namespace {

constexpr std::int64_t start_ms = 1'764'000'000'000;

Request create_client(const Api& api) {
    Request request;
    request.method = "POST";
    request.path = "/api/v3/custodians/me/clients";
    request.bearer = api.api_key();
    request.body = "{}";
    return request;
}

std::string header(const Answer& answer, const std::string& name) {
    for (const auto& [each, value] : answer.headers)
        if (each == name) return value;
    return {};
}

}  // namespace

TEST_CASE("The fake answers 429 with Retry-After to what exceeds its limit of a minute, and only to the API key") {
    Api api({}, UnauthorizedBody::empty_object, {200, 0, 0});
    for (int i = 0; i < 200; ++i) CHECK(api.handle(create_client(api), start_ms + 10'000).answer.status == 200);
    const Answer limited = api.handle(create_client(api), start_ms + 30'000).answer;
    CHECK(limited.status == 429);
    CHECK(header(limited, "Retry-After") == "40");
    Request device;
    device.method = "GET";
    device.path = "/api/v3/clients/me";
    CHECK(api.handle(device, start_ms + 30'000).answer.status == 401);
    CHECK(api.handle(create_client(api), start_ms + 70'000).answer.status == 200);
}

TEST_CASE("The fake has no limit and no latency unless it is told one") {
    Api api({}, UnauthorizedBody::empty_object);
    for (int i = 0; i < 500; ++i) {
        const Outcome outcome = api.handle(create_client(api), start_ms);
        CHECK(outcome.answer.status == 200);
        CHECK(outcome.delivery == Delivery::at_once);
    }
}

TEST_CASE("The fake holds each answer back for its latency and a part of its jitter, the same for the same seed") {
    Api api({}, UnauthorizedBody::empty_object, {0, 50, 20});
    Api twin({}, UnauthorizedBody::empty_object, {0, 50, 20});
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const Outcome outcome = api.handle(create_client(api), start_ms);
        CHECK(outcome.delivery == Delivery::delayed);
        CHECK(outcome.delay_ms >= 50);
        CHECK(outcome.delay_ms <= 70);
        CHECK(twin.handle(create_client(twin), start_ms).delay_ms == outcome.delay_ms);
        differs = differs || outcome.delay_ms != 50;
    }
    CHECK(differs);
}
