// What a request may say by its method and headers, whatever transport sends it.
#include "http/transport.hpp"
#include "support/catch.hpp"

namespace {

using namespace portal;

std::string refusal(const HttpHeader& header, bool has_bearer) {
    const auto checked = check_headers({{"X-First", "good"}, header}, has_bearer);
    if (checked) return "";
    CHECK(checked.error().code == Code::invalid_argument);
    return checked.error().message;
}

TEST_CASE("A method or a header's name is letters, digits and the marks of HTTP, and is not empty") {
    CHECK(is_http_token("GET"));
    CHECK(is_http_token("x-Y_9!#$%&'*+.^`|~"));
    CHECK_FALSE(is_http_token(""));
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool is_mark = std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
        const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        CAPTURE(byte);
        CHECK(is_http_token(std::string("X") + c) == (is_mark || is_word));
    }
}

TEST_CASE("A header's value may hold any byte but controls, of which the tab alone is allowed") {
    CHECK(is_header_value(""));
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        CHECK(is_header_value(std::string("a") + static_cast<char>(byte)) ==
              (byte == '\t' || (byte >= ' ' && byte != 0x7f)));
    }
}

TEST_CASE("A header that the transport writes is refused by its name, in any case; one that begins like it is not") {
    for (const char* name : {"Host", "Content-Length", "Transfer-Encoding", "Connection", "TE", "Upgrade"})
        for (const bool has_bearer : {false, true}) {
            CAPTURE(name, has_bearer);
            std::string shouted = name;
            for (char& c : shouted) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            const std::string told = std::string("The header ") + name + " is written by";
            CHECK(refusal({name, "x"}, has_bearer).find(told) == 0);
            CHECK(refusal({shouted, "x"}, has_bearer).find(told) == 0);
            CHECK(refusal({name + std::string("s"), "x"}, has_bearer).empty());
        }
}

TEST_CASE("Authorization is the app's own to write only where no bearer is") {
    CHECK(refusal({"AUTHORIZATION", "Basic x"}, true).find("The header Authorization is written by") == 0);
    CHECK(refusal({"AUTHORIZATION", "Basic x"}, false).empty());
}

TEST_CASE("A malformed header is told by its number and never by its text") {
    const std::string name = refusal({"sesame\r\nX", "x"}, true);
    CHECK(name.find("header 2 has a name") != std::string::npos);
    CHECK(name.find("sesame") == std::string::npos);
    const std::string value = refusal({"X", "sesame\r\n"}, true);
    CHECK(value.find("header 2 has a value") != std::string::npos);
    CHECK(value.find("sesame") == std::string::npos);
}

}  // namespace
