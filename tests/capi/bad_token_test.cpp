// Bad input, tokens: what cannot be a token is refused with its reason, from a push and from a provider, and the token of
// before stays.
#include "bad_input.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

constexpr std::int64_t hour_ms = 3'600'000;

struct Row {
    const char* cause;
    portal_code code;
    std::string token;
    std::uint32_t flags = 0;
    const char* client_id = "";
    std::int64_t age_ms = 0;
    bool is_an_answer = true;  // else a mistake in the call: the token request stays open
};

std::vector<Row> bad_tokens() {
    std::vector<Row> rows = {
        {"token is empty", PORTAL_ERR_BAD_TOKEN, ""},
        {"token has 4097 bytes, more than 4096", PORTAL_ERR_BAD_TOKEN, std::string(4097, 'a')},
        {"token has 1048576 bytes, more than 4096", PORTAL_ERR_BAD_TOKEN, std::string(1 << 20, 'a')},
        {"is JSON", PORTAL_ERR_BAD_TOKEN, R"({"id":"c","clientApiKey":"sesame-key","clientSessionToken":"good"})"},
        {"is markup", PORTAL_ERR_BAD_TOKEN, "<html></html>"},
        {"client id is not 1 to 256", PORTAL_ERR_INVALID_ARGUMENT, "good", 0, "a b", 0, false},
        {"belongs to another client", PORTAL_ERR_CLIENT_MISMATCH, "good", 0, "client-2"},
        {"about to end", PORTAL_ERR_TOKEN_TOO_OLD, "good", 0, "", 24 * hour_ms - 60'000},
        {"about to end", PORTAL_ERR_TOKEN_TOO_OLD, "good", 0, "", INT64_MAX},
        {"age_ms is negative", PORTAL_ERR_INVALID_ARGUMENT, "good", 0, "", -1, false},
        {"token.flags has a bit", PORTAL_ERR_INVALID_ARGUMENT, "good", 0x40, "", 0, false},
    };
    for (const char* word : {"null", "undefined", "None", "NaN"})
        rows.push_back({"stands for a missing value", PORTAL_ERR_BAD_TOKEN, word});
    rows.push_back({"is a truth value", PORTAL_ERR_BAD_TOKEN, "true"});
    rows.push_back({"is a number of at most 3 digits", PORTAL_ERR_BAD_TOKEN, "401"});
    rows.push_back({"is an object that was turned into text", PORTAL_ERR_BAD_TOKEN, "[object Object]"});
    for (const char* byte : {"\r", "\n", " ", "\t", "\x7f", "\x1b", "\xc3\xbc", "\xff"})
        for (const std::string& text :
             {byte + std::string("token"), "to" + std::string(byte) + "ken", std::string("token") + byte})
            rows.push_back({"cannot stand in an HTTP header", PORTAL_ERR_BAD_TOKEN, text});
    rows.push_back({"cannot stand in an HTTP header", PORTAL_ERR_BAD_TOKEN, std::string("to\0ken", 6)});
    if ((portal_features() & PORTAL_FEATURE_JSON) == 0) return rows;

    const auto json = [&](const char* cause, const std::string& text) {
        rows.push_back({cause, PORTAL_ERR_BAD_TOKEN, text, PORTAL_TOKEN_JSON});
    };
    json("not well-formed JSON", "");
    json("not a JSON object", "no json");
    json("not well-formed JSON", R"({"id":"client-1","clientSessionToken":"good")");
    json("not well-formed JSON", R"({"clientSessionToken":"good"} and more)");
    json("not a JSON object", "[]");
    json("not a JSON object", "17");
    json("is a JSON string", R"("good")");
    json("has no `clientSessionToken`", "{}");
    json("has no `clientSessionToken`", R"({"error":"Not found"})");
    json("has only `clientApiKey`", R"({"id":"client-1","clientApiKey":"sesame-key"})");
    json("is not a string", R"({"clientSessionToken":17})");
    json("`clientSessionToken` is null", R"({"clientSessionToken":null})");
    json("stands for a missing value", R"({"clientSessionToken":"null"})");
    json("stands for a missing value", R"({"clientSessionToken":"undefined"})");
    json("token is empty", R"({"clientSessionToken":""})");
    json("not at the top level", R"({"data":{"clientSessionToken":"good"}})");
    json("`clientSessionToken` twice", R"({"clientSessionToken":"good","clientSessionToken":"other"})");
    json("cannot stand in an HTTP header", R"({"clientSessionToken":"to\r\nken"})");
    json("`id` in the JSON answer", R"({"id":"a b","clientSessionToken":"good"})");
    json("more than 1 MiB", R"({"clientSessionToken":"good","x":")" + std::string(1 << 20, 'x') + "\"}");
    rows.push_back({"belongs to another client", PORTAL_ERR_CLIENT_MISMATCH,
                    R"({"id":"client-2","clientSessionToken":"good"})", PORTAL_TOKEN_JSON});
    return rows;
}

portal_token_input input_for(const Row& row) {
    portal_token_input input = input_of(row.token, row.flags);
    input.client_id = text_of(row.client_id);
    input.age_ms = row.age_ms;
    return input;
}

TEST_CASE("Bad input: a push that is no token is refused with its reason, and the stored token is still served") {
    const TempDir folder;
    const std::string client = "client-1";
    FileStoreRig rig(folder.path());
    if ((portal_features() & PORTAL_FEATURE_FILE_STORE) == 0) rig.options.directory = {nullptr, 0};
    rig.options.client_id = text_of(client);
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    for (const Row& row : bad_tokens()) {
        CAPTURE(row.cause, row.token.substr(0, 100));
        const portal_token_input input = input_for(row);
        check_refused(row.code, row.cause, [&](auto* error) {
            const portal_code code = portal_session_push(rig.session, &input, error);
            CHECK(std::string(error->message).find("sesame") == std::string::npos);
            return code;
        });
        check_still_gives(rig, "the-token");
    }
    const auto wrong_epoch = [&](auto* error) {
        auto input = input_of("good");
        input.expected_epoch = 99;
        return portal_session_push(rig.session, &input, error);
    };
    check_refused(PORTAL_ERR_STALE, "epoch is over: nothing was done", wrong_epoch);
    rig.close();
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    rig.on_ask = nullptr;
    rig.open();
    CHECK(rig.acquire() == "the-token");
    CHECK(rig.asks.get().size() == 1);
}

TEST_CASE(
    "Bad input: a provider's answer that is no token fails its waiters with the same code, and the next one is taken") {
    const std::string client = "client-1";
    for (const Row& row : bad_tokens()) {
        CAPTURE(row.cause, row.token.substr(0, 100));
        SessionRig rig;
        rig.options.client_id = text_of(client);
        rig.open();
        Outcome outcome;
        rig.start(outcome);
        const std::uint64_t id = rig.ask(1);
        const portal_token_input input = input_for(row);
        check_refused(row.code, row.cause, [&](auto* error) { return portal_request_fulfil(id, &input, error); });
        const portal_token_input good = input_of("good");
        if (!row.is_an_answer) {
            CHECK(portal_request_fulfil(id, &good, nullptr) == PORTAL_OK);
            CHECK(outcome.code() == PORTAL_OK);
            continue;
        }
        CHECK(portal_request_fulfil(id, &good, nullptr) == PORTAL_ERR_STALE);
        CHECK(outcome.code() == row.code);
        check_told(outcome.state.get().message, "");
        const std::int64_t left_ms = outcome.state.get().retry_after_ms;  // of the first back-off, which may be over already
        CHECK((left_ms >= 0 && left_ms <= 1000));
        rig.pass(2'000);  // a first back-off is at most a second
        rig.provide("good");
        CHECK(rig.acquire() == "good");
    }
}

TEST_CASE("Odd input: a byte order mark before a token is skipped, and an id that is null or a number is not said") {
    struct OddToken {
        std::string token;
        std::uint32_t flags;
    };
    std::vector<OddToken> rows = {{"\xef\xbb\xbftoken-1", 0}};
    if ((portal_features() & PORTAL_FEATURE_JSON) != 0) {
        rows.push_back({"\xef\xbb\xbf{\"clientSessionToken\":\"token-1\"}", PORTAL_TOKEN_JSON});
        rows.push_back({R"({"clientSessionToken":"token-1","id":null})", PORTAL_TOKEN_JSON});
        rows.push_back({R"({"clientSessionToken":"token-1","id":17})", PORTAL_TOKEN_JSON});
    }
    for (const OddToken& row : rows) {
        CAPTURE(row.token);
        SessionRig rig;
        rig.open();
        Outcome outcome;
        rig.start(outcome);
        const portal_token_input input = input_of(row.token, row.flags);
        CHECK(portal_request_fulfil(rig.ask(1), &input, nullptr) == PORTAL_OK);
        CHECK(outcome.code() == PORTAL_OK);
        CHECK(outcome.state.get().token == "token-1");
        auto next = input_of("token-2");
        next.client_id = text_of("client-1");
        CHECK(portal_session_push(rig.session, &next, nullptr) == PORTAL_OK);
    }
}

TEST_CASE("Bad input: the current token offered as new moves nothing, and is a failure where a new one was needed") {
    SessionRig rig;
    rig.provide();
    rig.open();
    REQUIRE(rig.acquire() == "the-token");
    rig.pass(hour_ms);
    const portal_token_input same = input_of("the-token");
    CHECK(portal_session_push(rig.session, &same, nullptr) == PORTAL_OK);
    rig.settle();
    CHECK(rig.status().generation == 1);
    CHECK(rig.status().idle_left_ms == 23 * hour_ms);
    rig.pass(24 * hour_ms);
    check_refused(PORTAL_ERR_REPEATED_TOKEN, "no longer good",
                  [&](auto* error) { return portal_session_push(rig.session, &same, error); });
    Outcome outcome;
    rig.start(outcome);
    CHECK(outcome.code() == PORTAL_ERR_REPEATED_TOKEN);
    check_told(outcome.state.get().message, "no longer good");
    rig.pass(2'000);
    rig.provide("new-token");
    CHECK(rig.acquire() == "new-token");
}

TEST_CASE("Bad input: a provider that never answers fails its waiters at its limit, and its late token is still taken") {
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    const std::uint64_t id = rig.ask(1);
    rig.pass(30'000);
    rig.pass(5'000);  // frozen, as far as the session can tell: it gave that much more, once
    CHECK(outcome.code() == PORTAL_ERR_PROVIDER_FAILED);
    check_told(outcome.state.get().message, "The token provider did not answer in time");
    const portal_token_input late = input_of("late-token");
    CHECK(portal_request_fulfil(id, &late, nullptr) == PORTAL_OK);
    CHECK(rig.acquire() == "late-token");
}

TEST_CASE("Bad input: who comes while the provider is left alone is told so, with the time to wait, and asks nobody") {
    SessionRig rig;
    rig.open();
    Outcome first;
    rig.start(first);
    auto failure = made<portal_failure>();
    failure.retry_after_ms = 60'000;
    REQUIRE(portal_request_fail(rig.ask(1), &failure, nullptr) == PORTAL_OK);
    CHECK(first.code() == PORTAL_ERR_PROVIDER_FAILED);
    check_told(first.state.get().message, "The token provider failed: ");
    Outcome second;
    rig.start(second);
    CHECK(second.code() == PORTAL_ERR_PROVIDER_FAILED);
    check_told(second.state.get().message, "failed before and was not asked now");
    CHECK(second.state.get().retry_after_ms >= 60'000);
    CHECK(rig.asks.get().size() == 1);
}

TEST_CASE(
    "Odd input: a Retry-After of a year is cut to an hour, and a date counts by the answer's own Date or not at all") {
    struct Case {
        const char* header;
        std::int64_t least_ms;
        std::int64_t most_ms;
    };
    // Our own back-off, of a second at most, where the header says nothing; else its time and up to a quarter more.
    const auto [header, least_ms, most_ms] =
        GENERATE(Case{"31536000", hour_ms, hour_ms * 5 / 4}, Case{"99999999999999999999999", hour_ms, hour_ms * 5 / 4},
                 Case{"120", 120'000, 150'000}, Case{"Fri, 31 Dec 2038 23:59:59 GMT", 0, 1'000}, Case{"-1", 0, 1'000},
                 Case{"soon", 0, 1'000}, Case{"", 0, 1'000});
    CAPTURE(header);
    SessionRig rig;
    rig.open();
    Outcome outcome;
    rig.start(outcome);
    auto failure = made<portal_failure>();
    failure.retry_after = text_of(header);
    REQUIRE(portal_request_fail(rig.ask(1), &failure, nullptr) == PORTAL_OK);
    CHECK(outcome.code() == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(outcome.state.get().retry_after_ms >= least_ms);
    CHECK(outcome.state.get().retry_after_ms <= most_ms);
}

}  // namespace
