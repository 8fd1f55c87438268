// base/text: what is let in from outside, to the byte.
#include "base/text.hpp"

#include <string>

#include "support/catch.hpp"

namespace {

using namespace portal;

TEST_CASE("A token is 1 to 4096 printable ASCII bytes without spaces") {
    CHECK(check_token("a"));
    CHECK(check_token("!~"));  // the first and the last printable byte
    CHECK(check_token(std::string(4096, 'x')));
    CHECK(check_token("eyJhbGciOi.JIUzI1-NiIs_InR5cCI6+/="));

    CHECK_FALSE(check_token(""));
    CHECK_FALSE(check_token(std::string(4097, 'x')));
    for (const int byte : {0x00, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x7f, 0x80, 0xff}) {
        CAPTURE(byte);
        CHECK_FALSE(check_token(std::string("to") + static_cast<char>(byte) + "ken"));
    }
    CHECK_FALSE(check_token("token\n"));
    CHECK_FALSE(check_token(" token"));
    for (const char* answer : {"{}", "{\"clientApiKey\":\"k\"}", "<html></html>", "<p>not now</p>"}) {
        CAPTURE(answer);
        CHECK_FALSE(check_token(answer));
    }
    for (const char* token : {"{token", "token}", "<token", "token>", "{", "<"}) CHECK(check_token(token));
}

TEST_CASE("A word that stands for no token, or a status, is refused with what was passed by mistake") {
    struct Row {
        const char* token;
        const char* mistake;
    };
    const Row rows[] = {
        {"null", "stands for a missing value"},      {"NULL", "stands for a missing value"},
        {"Null", "stands for a missing value"},      {"nil", "stands for a missing value"},
        {"(null)", "stands for a missing value"},    {"<null>", "stands for a missing value"},
        {"undefined", "stands for a missing value"}, {"None", "stands for a missing value"},
        {"NaN", "stands for a missing value"},       {"true", "is a truth value"},
        {"False", "is a truth value"},               {"[object Object]", "is an object that was turned into text"},
        {"401", "is a number of at most 3 digits"},          {"0", "is a number of at most 3 digits"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.token);
        const auto result = check_token(row.token);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Code::bad_token);
        CHECK(result.error().message.find(row.mistake) != std::string::npos);
        CHECK(result.error().message.size() < 256);
    }
    for (const char* token : {"nullable", "xnull", "null1", "none-of-these", "true.", "4012", "40x", "-1", "1.5",
                              "undefined-0", "nan-1"}) {
        CAPTURE(token);
        CHECK(check_token(token));
    }
}

TEST_CASE("Why a token cannot stand in a header is said by what it has: blanks, a byte order mark, or another byte") {
    struct Row {
        std::string token;
        const char* fault;
    };
    const Row rows[] = {
        {"to ken", "has a space or a line break"},
        {"token\r\n", "has a space or a line break"},
        {"\ttoken", "has a space or a line break"},
        {"\xef\xbb\xbftoken", "has a non-ASCII byte"},
        {"caf\xc3\xa9", "has a non-ASCII byte"},
        {"\xff", "has a non-ASCII byte"},
        {std::string("to\0ken", 6), "has a control byte"},
        {"to\x1bken", "has a control byte"},
        {"token\x7f", "has a control byte"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.token);
        const auto result = check_token(row.token);
        REQUIRE_FALSE(result);
        CHECK(result.error().message.find(row.fault) != std::string::npos);
        CHECK(result.error().message.find("cannot stand in an HTTP header") != std::string::npos);
    }
}

TEST_CASE("A byte order mark before a text is no part of it") {
    CHECK(without_byte_order_mark("\xef\xbb\xbftoken") == "token");
    CHECK(without_byte_order_mark("token\xef\xbb\xbf") == "token\xef\xbb\xbf");
    CHECK(without_byte_order_mark("\xef\xbb") == "\xef\xbb");
    CHECK(without_byte_order_mark("").empty());
}

TEST_CASE("What is wrong with a token is said without a byte of it") {
    for (const std::string& token : {std::string("SECRET SECRET"), std::string(5000, 'S')}) {
        const auto result = check_token(token);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Code::bad_token);
        CHECK(result.error().message.find("SECRET") == std::string::npos);
        CHECK(result.error().message.find("SSS") == std::string::npos);
    }
    CHECK(check_token(std::string(5000, 'S')).error().message.find("5000") != std::string::npos);
}

TEST_CASE("A client id is 1 to 256 printable ASCII bytes") {
    CHECK(check_client_id("cl_1"));
    CHECK(check_client_id(std::string(256, 'x')));
    CHECK_FALSE(check_client_id(""));
    CHECK_FALSE(check_client_id(std::string(257, 'x')));
    CHECK_FALSE(check_client_id("a b"));
    CHECK_FALSE(check_client_id("caf\xc3\xa9"));
    CHECK(check_client_id("").error().code == Code::invalid_argument);
}

TEST_CASE("A session name is at most 128 bytes of UTF-8, and may be empty") {
    CHECK(check_session_name(""));
    CHECK(check_session_name("default"));
    CHECK(check_session_name("caf\xc3\xa9 of \xf0\x9f\x90\xa7"));
    CHECK(check_session_name(std::string(128, 'x')));
    CHECK_FALSE(check_session_name(std::string(129, 'x')));
    CHECK_FALSE(check_session_name("\xff"));
    CHECK(check_session_name("\xff").error().code == Code::invalid_argument);
}

TEST_CASE("A role is at most 16 printable ASCII bytes, and may be empty") {
    CHECK(check_role(""));
    CHECK(check_role("app"));
    CHECK(check_role(std::string(16, 'r')));
    CHECK_FALSE(check_role(std::string(17, 'r')));
    CHECK_FALSE(check_role("my app"));
    CHECK_FALSE(check_role("caf\xc3\xa9"));
    CHECK(check_role("my app").error().code == Code::invalid_argument);
}

TEST_CASE("UTF-8 is told from what only looks like it, at each border") {
    for (const char* sound : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                              "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        CAPTURE(sound);
        CHECK(is_utf8(sound));
    }
    for (const char* broken : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf", "\xe1\x80",
                               "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80", "\xff", "a\x80"}) {
        CAPTURE(broken);
        CHECK_FALSE(is_utf8(broken));
    }
    CHECK(is_utf8(std::string_view("a\0b", 3)));
}

TEST_CASE("Case is that of ASCII alone, whatever the locale") {
    CHECK(lower_case("AZaz@[09") == "azaz@[09");
    CHECK(lower_case("\xc3\x89") == "\xc3\x89");
    CHECK(equal_ignoring_case("Retry-After", "retry-aFTER"));
    CHECK(equal_ignoring_case("", ""));
    CHECK_FALSE(equal_ignoring_case("a", "ab"));
    CHECK_FALSE(equal_ignoring_case("@", "`"));
}

TEST_CASE("A prefix or suffix longer than the text is none of it") {
    CHECK(starts_with("portal", "port"));
    CHECK(starts_with("portal", ""));
    CHECK(starts_with("", ""));
    CHECK_FALSE(starts_with("port", "portal"));
    CHECK_FALSE(starts_with("portal", "al"));
    CHECK(ends_with("portal", "al"));
    CHECK(ends_with("portal", ""));
    CHECK_FALSE(ends_with("al", "portal"));
    CHECK_FALSE(ends_with("portal", "port"));
}

}  // namespace
