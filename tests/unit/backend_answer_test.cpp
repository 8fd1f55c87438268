// portal_api/backend_answer: the rule that makes a token, a decline or a failure of a backend's answer.
#include "portal_api/backend_answer.hpp"

#include <string>

#include "base/text.hpp"
#include "support/catch.hpp"

namespace {

using namespace portal;

TEST_CASE("Each status of a backend has its outcome, at the borders of each range too") {
    struct Row {
        int first, last;
        BackendOutcome outcome;
        bool retryable;
    };
    constexpr auto fulfil = BackendOutcome::fulfil;
    constexpr auto decline = BackendOutcome::decline;
    constexpr auto failed = BackendOutcome::fail;
    const Row rows[] = {
        {0, 0, failed, true},      {1, 199, failed, false},   {200, 299, fulfil, false}, {300, 400, failed, false},
        {401, 401, decline, false}, {402, 406, failed, false}, {407, 408, failed, true},  {409, 428, failed, false},
        {429, 429, failed, true},  {430, 499, failed, false}, {500, 599, failed, true},  {600, 999, failed, false},
    };
    int next = 0;
    for (const Row& row : rows) {
        CHECK(row.first == next);
        for (; next <= row.last; ++next) {
            CAPTURE(next);
            CHECK(backend_verdict_of(next) == BackendVerdict{row.outcome, row.retryable});
        }
    }
}

TEST_CASE("A body's token is found behind blanks and a byte order mark, and JSON is told from a bare token") {
    const std::string mark = "\xef\xbb\xbf";
    for (const std::string& before : {std::string(), mark, mark + " ", std::string("\r\n\t ")}) {
        const std::string bare_body = before + "token-1\r\n";
        const std::string json_body = before + "{\"a\":1} \n";
        const auto bare = find_token(bare_body, true);
        REQUIRE(bare);
        CHECK(bare->text == "token-1");
        CHECK_FALSE(bare->is_json);
        for (const bool may_be_bare : {false, true}) {
            const auto json = find_token(json_body, may_be_bare);
            REQUIRE(json);
            CHECK(json->text == "{\"a\":1}");
            CHECK(json->is_json);
        }
    }
}

TEST_CASE("A body without a token is refused for its own reason") {
    struct Row {
        std::string body;
        const char* reason;
    };
    const Row rows[] = {
        {"", "no content"},
        {" \r\n", "no content"},
        {"\xef\xbb\xbf", "no content"},
        {"<html>sesame</html>", "web page"},
        {"\n<!doctype html>sesame", "web page"},
        {"sesame", "is not JSON"},
        {std::string(max_provider_answer_bytes + 1, 's'), "more than 1 MiB"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.reason);
        const auto found = find_token(row.body, false);
        REQUIRE_FALSE(found);
        CHECK(found.error().code == Code::bad_token);
        CHECK(found.error().message.find(row.reason) != std::string::npos);
        CHECK(found.error().message.find("sesame") == std::string::npos);
        CHECK(found.error().message.size() < 256);
    }
}

}  // namespace
