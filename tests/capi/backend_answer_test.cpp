// portal_request_answer: each row of the table in its comment, as the waiters and the backend see it.
#include "bad_input.hpp"

namespace {

using namespace portal::test;

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 60 * minute_ms;

portal_backend_answer answer_with(std::int32_t status, std::string_view body = {}, std::uint32_t flags = 0) {
    auto answer = made<portal_backend_answer>();
    answer.http_status = status;
    answer.token_or_body = text_of(body);
    answer.flags = flags;
    return answer;
}

struct Answered {
    portal_code code = PORTAL_OK;  // of the call
    Outcome::State waiter;
    bool was_asked_again = false;  // by the session itself, once its back-off was over
};

// A session whose app has just started asks; its provider's backend answers.
Answered answered(const portal_backend_answer& answer) {
    SessionRig rig;
    rig.open();
    REQUIRE(portal_session_prepare(rig.session, nullptr) == PORTAL_OK);
    Outcome outcome;
    rig.start(outcome);
    Answered result;
    result.code = portal_request_answer(rig.ask(1), &answer, nullptr);
    (void)outcome.code();
    result.waiter = outcome.state.get();
    rig.pass(2 * hour_ms);
    rig.settle();
    result.was_asked_again = rig.asks.get().size() > 1;
    return result;
}

void check_failed(const portal_backend_answer& answer, const char* cause, bool retryable) {
    CAPTURE(answer.http_status, cause);
    const Answered result = answered(answer);
    CHECK(result.code == PORTAL_OK);
    CHECK(result.waiter.code == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(result.waiter.http_status == answer.http_status);
    CHECK(result.was_asked_again == retryable);
    check_told(result.waiter.message, cause);
}

TEST_CASE("Backend's answer: 2xx with Portal's JSON is the token, whatever the success is called") {
    NEEDS(PORTAL_FEATURE_JSON);
    for (const int status : {200, 201, 299}) {
        const Answered result = answered(answer_with(status, R"({"id":"client-1","clientSessionToken":"token-1"})"));
        CHECK(result.code == PORTAL_OK);
        CHECK(result.waiter.code == PORTAL_OK);
        CHECK(result.waiter.token == "token-1");
    }
}

TEST_CASE("Backend's answer: 2xx with the bare token is the token, only where that was allowed") {
    CHECK(answered(answer_with(200, "\xef\xbb\xbftoken-1\n", PORTAL_ANSWER_BARE_TOKEN)).waiter.token == "token-1");
    const Answered refused = answered(answer_with(200, "token-1"));
    CHECK(refused.code == PORTAL_ERR_BAD_TOKEN);
    CHECK(refused.waiter.code == PORTAL_ERR_BAD_TOKEN);
}

TEST_CASE("Backend's answer: a token that the platform's parser found is taken with its client id and its age") {
    const std::string client = "client-1";
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    auto answer = answer_with(200, "token-1", PORTAL_ANSWER_PARSED);
    answer.client_id = text_of(client);
    answer.age_ms = hour_ms;
    REQUIRE(portal_request_answer(rig.ask(1), &answer, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(rig.status().idle_left_ms == 23 * hour_ms);
    auto other = input_of("token-2");
    other.client_id = text_of("client-2");
    CHECK(portal_session_push(rig.session, &other, nullptr) == PORTAL_ERR_CLIENT_MISMATCH);
}

TEST_CASE("Backend's answer: a success without a usable token fails its waiters at once, with BAD_TOKEN and the reason") {
    struct Row {
        const char* cause;
        int status;
        std::string body;
        std::uint32_t flags = 0;
        const char* client_id = "";
        std::int64_t age_ms = 0;
    };
    std::vector<Row> rows = {
        {"no content", 204, ""},
        {"no content", 200, ""},
        {"web page", 200, "<html>Sign in to the network</html>", PORTAL_ANSWER_BARE_TOKEN},
        {"cannot stand in an HTTP header", 200, "two words", PORTAL_ANSWER_BARE_TOKEN},
        {"token is empty", 200, "", PORTAL_ANSWER_PARSED},
        {"is JSON", 200, R"({"clientSessionToken":"token-1"})", PORTAL_ANSWER_PARSED},
        {"client id is not 1 to 256", 200, "token-1", PORTAL_ANSWER_PARSED, "a b"},
        {"age_ms is negative", 200, "token-1", PORTAL_ANSWER_PARSED, "", -1},
    };
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0) {
        rows.push_back({"has no `clientSessionToken`", 200, R"({"error":"later"})"});
        rows.push_back({"is a JSON string", 200, R"("token-1")", PORTAL_ANSWER_BARE_TOKEN});
    }
    for (const Row& row : rows) {
        CAPTURE(row.cause, row.body);
        SessionRig rig;
        rig.open();
        Outcome outcome;
        rig.start(outcome);
        const std::uint64_t id = rig.ask(1);
        auto answer = answer_with(row.status, row.body, row.flags);
        answer.client_id = text_of(row.client_id);
        answer.age_ms = row.age_ms;
        check_refused(PORTAL_ERR_BAD_TOKEN, row.cause,
                      [&](auto* error) { return portal_request_answer(id, &answer, error); });
        CHECK(outcome.code() == PORTAL_ERR_BAD_TOKEN);
        CHECK(outcome.state.get().http_status == row.status);
        CHECK(portal_request_answer(id, &answer, nullptr) == PORTAL_ERR_STALE);
    }
}

TEST_CASE("Backend's answer: JSON that this build does not read is UNSUPPORTED, for the waiters too") {
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0) return;
    const Answered result = answered(answer_with(200, R"({"clientSessionToken":"token-1"})"));
    CHECK(result.code == PORTAL_ERR_UNSUPPORTED);
    CHECK(result.waiter.code == PORTAL_ERR_UNSUPPORTED);
}

TEST_CASE("Backend's answer: 401 means that the user must sign in, and nobody is asked any more") {
    const Answered result = answered(answer_with(401, "ignored"));
    CHECK(result.code == PORTAL_OK);
    CHECK(result.waiter.code == PORTAL_ERR_SIGN_IN_NEEDED);
    CHECK(result.waiter.http_status == 401);
    CHECK_FALSE(result.was_asked_again);
}

TEST_CASE("Backend's answer: 403 is a failure and no decline, for firewalls and proxies send it too") {
    check_failed(answer_with(403), "answered HTTP 403 (forbidden)", false);
}

TEST_CASE("Backend's answer: 404 and other 4xx are failures that nothing repeats by itself") {
    check_failed(answer_with(404), "answered HTTP 404 (not found)", false);
    check_failed(answer_with(400), "answered HTTP 400: check what the provider sends", false);
    check_failed(answer_with(422), "answered HTTP 422: check what the provider sends", false);
}

TEST_CASE("Backend's answer: 3xx names the redirect, which was not followed") {
    check_failed(answer_with(302), "answered HTTP 302, a redirect", false);
}

TEST_CASE("Backend's answer: 407 names the proxy, and is asked again") {
    check_failed(answer_with(407), "A proxy wants a login first (HTTP 407)", true);
}

TEST_CASE("Backend's answer: 511 names the captive portal, and is asked again") {
    check_failed(answer_with(511), "captive portal, HTTP 511", true);
}

TEST_CASE("Backend's answer: 408, 429 and 5xx are asked again, each with a text of its own") {
    check_failed(answer_with(408), "answered HTTP 408 (the request came too slowly)", true);
    check_failed(answer_with(429), "answered HTTP 429 (too many requests)", true);
    check_failed(answer_with(500), "answered HTTP 500: look at the backend's log", true);
    check_failed(answer_with(503), "answered HTTP 503: look at the backend's log", true);
}

TEST_CASE("Backend's answer: none in time, none that is safe and none at all have three texts, and are asked again") {
    auto answer = answer_with(0);
    answer.code = PORTAL_ERR_TIMEOUT;
    check_failed(answer, "did not answer in time", true);
    answer.code = PORTAL_ERR_NETWORK;
    check_failed(answer, "cannot be reached", true);
    answer.code = PORTAL_OK;
    check_failed(answer, "cannot be reached", true);
    answer.flags = PORTAL_ANSWER_TLS;
    check_failed(answer, "is not safe, so nothing was sent", true);
}

TEST_CASE("Backend's answer: what is no final status is a failure that nothing repeats by itself") {
    check_failed(answer_with(101), "answered HTTP 101, which is no final status", false);
    check_failed(answer_with(600), "answered HTTP 600, which is no final status", false);
}

TEST_CASE("Backend's answer: Retry-After is waited for, in seconds or as a date by the answer's own Date") {
    struct Row {
        int status;
        const char* retry_after;
        const char* date;
        std::int64_t least_ms;
        std::int64_t most_ms;
    };
    const char* const at_noon = "Fri, 31 Dec 1999 12:00:00 GMT";
    const char* const two_minutes_later = "Fri, 31 Dec 1999 12:02:00 GMT";
    const Row rows[] = {
        {503, "120", "", 120'000, 150'000},
        {429, two_minutes_later, at_noon, 120'000, 150'000},
        {503, two_minutes_later, "", 0, 1'000},  // no Date to count from: our own back-off, of a second at most
        {429, "31536000", "", hour_ms, hour_ms * 5 / 4},
        {403, "120", "", 0, 1'000},
    };
    for (const Row& row : rows) {
        CAPTURE(row.status, row.retry_after, row.date);
        auto answer = answer_with(row.status);
        answer.retry_after = text_of(row.retry_after);
        answer.date = text_of(row.date);
        const Answered result = answered(answer);
        CHECK(result.waiter.retry_after_ms >= row.least_ms);
        CHECK(result.waiter.retry_after_ms <= row.most_ms);
    }
}

TEST_CASE("Backend's answer: who comes during the back-off learns what the backend had answered") {
    SessionRig rig;
    rig.open();
    Outcome first;
    rig.start(first);
    auto answer = answer_with(503);
    answer.retry_after = text_of("60");
    answer.os_code = 42;
    REQUIRE(portal_request_answer(rig.ask(1), &answer, nullptr) == PORTAL_OK);
    CHECK(first.code() == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(first.state.get().os_code == 42);
    Outcome second;
    rig.start(second);
    CHECK(second.code() == PORTAL_ERR_PROVIDER_FAILED);
    check_told(second.state.get().message, "was not asked now. The app's backend answered HTTP 503");
    CHECK(second.state.get().http_status == 503);
    CHECK(rig.asks.get().size() == 1);
}

TEST_CASE("Backend's answer: a mistake in the call leaves the request open") {
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t id = rig.ask(1);
    const auto refused = [&](const char* cause, auto&& spoil) {
        auto answer = answer_with(200, "token-1", PORTAL_ANSWER_PARSED);
        spoil(answer);
        check_refused(PORTAL_ERR_INVALID_ARGUMENT, cause,
                      [&](auto* error) { return portal_request_answer(id, &answer, error); });
    };
    refused("answer.flags has a bit", [](auto& a) { a.flags = 8; });
    refused("answer.http_status is negative", [](auto& a) { a.http_status = -1; });
    refused("answer has fields", [](auto& a) { a.reserved = 1; });
    refused("answer.struct_size is too small", [](auto& a) { a.struct_size = 8; });
    refused("answer.retry_after is over 8192 bytes", [](auto& a) { a.retry_after = {"1", SIZE_MAX}; });
    refused("answer.date is over 8192 bytes", [](auto& a) { a.date = {"1", SIZE_MAX}; });
    const auto answer = answer_with(200, "token-1", PORTAL_ANSWER_PARSED);
    CHECK(portal_request_answer(id, &answer, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_OK);
    CHECK(portal_request_answer(id, &answer, nullptr) == PORTAL_ERR_STALE);
}

}  // namespace
