#include "portal_api/token_answer.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>
#if defined(__linux__)
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#endif

#include "base/text.hpp"
#include "support/catch.hpp"

using namespace portal;

namespace {

std::string nested(const char* open, const char* close, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    for (int i = 0; i < depth; ++i) text += close;
    return text;
}

}  // namespace

TEST_CASE("the token and the client id are taken from Portal's answer") {
    struct Row {
        std::string json, token, client_id;
    };
    const std::vector<Row> rows = {
        {R"({"id":"client-1","clientApiKey":"never","clientSessionToken":"tok-1","isAccountAbstracted":false})", "tok-1",
         "client-1"},
        {R"({"clientSessionToken":"tok","id":"c"})", "tok", "c"},
        {"\n\t {\"clientSessionToken\" : \"tok\"} \r\n", "tok", ""},
        {R"({"clientSessionToken":"a\/b\u003d\u003D","id":"c\u002d1"})", "a/b==", "c-1"},  // as PHP and Gson escape
        {R"({"client\u0053essionToken":"tok"})", "tok", ""},
        {R"({"x":{"clientSessionToken":"inner","id":"i"},"clientSessionToken":"outer","y":[{"id":"j"}]})", "outer", ""},
        {R"({"clientSessionToken":"tok","id":null})", "tok", ""},  // null, or another's number: the id is not said
        {R"({"id":42,"clientSessionToken":"tok"})", "tok", ""},
        {R"({"id":-1.5e3,"clientSessionToken":"tok"})", "tok", ""},
        {R"({"id":{"value":"c"},"clientSessionToken":"tok"})", "tok", ""},
        {R"({"id":["c"],"clientSessionToken":"tok"})", "tok", ""},
        {R"({"id":true,"clientSessionToken":"tok"})", "tok", ""},
        {"\xef\xbb\xbf{\"clientSessionToken\":\"tok\"}", "tok", ""},
        {"\xef\xbb\xbf\r\n{\"clientSessionToken\":\"tok\",\"id\":\"c\"}", "tok", "c"},
        {R"({"a":null,"b":[1,2.5e3,true,{}],"c":"\"}","clientSessionToken":"tok"})", "tok", ""},
        {R"({"clientSessionToken":")" + std::string(max_token_bytes, 't') + R"("})", std::string(max_token_bytes, 't'), ""},
    };
    for (const Row& row : rows) {
        INFO(row.json);
        const auto answer = parse_token_answer(row.json);
        REQUIRE(answer.has_value());
        CHECK(answer->token.reveal() == row.token);
        CHECK(answer->client_id == row.client_id);
    }
}

TEST_CASE("each answer without a usable token is refused for its own reason") {
    const std::string no_json = "not well-formed JSON";
    const std::string no_string = "is not a string";
    const std::string no_header = "cannot stand in an HTTP header";
    struct Row {
        std::string json, reason;
    };
    const std::vector<Row> rows = {
        {"", no_json},
        {"   ", no_json},
        {"tok-1", "not a JSON object"},
        {"<html>sesame</html>", no_json},
        {"{", no_json},
        {"}", no_json},
        {"{\"clientSessionToken\"", no_json},
        {"{\"clientSessionToken\":", no_json},
        {"{\"clientSessionToken\":\"sesame", no_json},
        {"{\"clientSessionToken\":\"sesame\"", no_json},
        {"{\"clientSessionToken\":\"sesame\",", no_json},
        {"{\"clientSessionToken\":\"sesame\",}", no_json},
        {"{\"clientSessionToken\":\"sesame\"}}", no_json},
        {"{\"clientSessionToken\":\"sesame\"} {}", no_json},
        {"{\"clientSessionToken\":\"sesame\"} x", no_json},
        {"{\"clientSessionToken\":\"sesame\"}{\"clientSessionToken\":\"sesame\"}", no_json},
        {"{\"clientSessionToken\" \"sesame\"}", no_json},
        {"{clientSessionToken:\"sesame\"}", no_json},
        {"{'clientSessionToken':'sesame'}", no_json},
        {"{\"clientSessionToken\":\"ses\\x61me\"}", no_json},
        {"{\"clientSessionToken\":\"ses\\u00ame\"}", no_json},
        {"{\"clientSessionToken\":\"ses\name\"}", no_json},
        {"{\"clientSessionToken\":\"ses\xff\"}", no_json},
        {"{\"clientSessionToken\":\"sesame\\\"}", no_json},
        {std::string("{\"clientSessionToken\":\"ses\0me\"}", 31), no_json},
        {"\xef\xbb\xbf{\"clientSessionToken\":\"sesame\"} \xff", no_json},
        {"[", "not a JSON object"},
        {"\"sesame\"", "a JSON string"},
        {"[\"sesame\"]", "not a JSON object"},
        {"[{\"clientSessionToken\":\"sesame\"}]", "not a JSON object"},
        {"42", "not a JSON object"},
        {"null", "not a JSON object"},
        {"true", "not a JSON object"},
        {nested("[", "]", 5000), "not a JSON object"},
        {"{}", "has no `clientSessionToken`"},
        {"{\"id\":\"c\"}", "has no `clientSessionToken`"},
        {"{\"error\":\"sesame\"}", "has no `clientSessionToken`"},
        {"{\"token\":\"sesame\"}", "has no `clientSessionToken`"},
        {"{\"ClientSessionToken\":\"sesame\"}", "has no `clientSessionToken`"},
        {"{\"clientSessionToke\":\"sesame\"}", "has no `clientSessionToken`"},
        {"{\"id\":\"c\",\"clientApiKey\":\"sesame\"}", "never expires"},
        {"{\"clientApiKey\":null}", "never expires"},
        {"{\"data\":{\"clientSessionToken\":\"sesame\"}}", "not at the top level"},
        {"{\"data\":[{\"clientSessionToken\":\"sesame\"}],\"id\":\"c\"}", "not at the top level"},
        {"{\"clientSessionToken\":null}", "`clientSessionToken` is null"},
        {"{\"clientSessionToken\":42}", no_string},
        {"{\"clientSessionToken\":true}", no_string},
        {"{\"clientSessionToken\":[\"sesame\"]}", no_string},
        {"{\"clientSessionToken\":{\"value\":\"sesame\"}}", no_string},
        {"{\"clientSessionToken\":\"null\"}", "stands for a missing value"},
        {"{\"clientSessionToken\":\"[object Object]\"}", "turned into text"},
        {"{\"clientSessionToken\":\"401\"}", "is a number of at most 3 digits"},
        {"\xef\xbb\xbf\xef\xbb\xbf{\"clientSessionToken\":\"sesame\"}", no_json},
        {"{\"clientSessionToken\":\"sesame\",\"clientSessionToken\":\"sesame\"}", "`clientSessionToken` twice"},
        {"{\"clientSessionToken\":\"sesame\",\"client\\u0053essionToken\":\"other\"}", "`clientSessionToken` twice"},
        {"{\"clientSessionToken\":\"sesame\",\"id\":\"a\",\"id\":\"b\"}", "`id` twice"},
        {"{\"clientSessionToken\":\"\"}", "is empty"},
        {"{\"clientSessionToken\":\"ses ame\"}", no_header},
        {"{\"clientSessionToken\":\"sesame\\r\\nX: y\"}", no_header},
        {"{\"clientSessionToken\":\"sesame\\u0000\"}", no_header},
        {"{\"clientSessionToken\":\"s\xc3\xa9same\"}", no_header},
        {"{\"clientSessionToken\":\"s\\u00e9same\"}", no_header},
        {"{\"clientSessionToken\":\"" + std::string(max_token_bytes + 1, 't') + "\"}", "4097 bytes"},
        {"{\"clientSessionToken\":\"sesame\",\"id\":\"\"}", "`id` in the JSON answer is not"},
        {"{\"clientSessionToken\":\"sesame\",\"id\":\"a b\"}", "`id` in the JSON answer is not"},
        {"{\"clientSessionToken\":\"sesame\",\"id\":\"" + std::string(max_client_id_bytes + 1, 'i') + "\"}",
         "`id` in the JSON answer is not"},
        {std::string(max_token_answer_bytes + 1, ' '), "more than 1 MiB"},
    };
    for (const Row& row : rows) {
        INFO("json: " << row.json.substr(0, 100) << "  wanted: " << row.reason);
        const auto answer = parse_token_answer(row.json);
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().code == Code::bad_token);
        INFO(answer.error().message);
        CHECK(answer.error().message.find(row.reason) != std::string::npos);
        CHECK(answer.error().message.find("sesame") == std::string::npos);
        CHECK(answer.error().message.size() < 256);
    }
}

TEST_CASE("every answer cut short is refused") {
    const std::string json =
        R"({"id":"client-1","clientApiKey":"k","x":{"y":[1,{"z":"\"}"}]},"clientSessionToken":"tok-1"})";
    REQUIRE(parse_token_answer(json).has_value());
    for (std::size_t length = 0; length < json.size(); ++length) {
        INFO(length);
        CHECK_FALSE(parse_token_answer(json.substr(0, length)).has_value());
    }
}

#if defined(__linux__)
namespace {

// The token as it must not be found: each byte flipped, so that the test's own copy is not one.
constexpr std::size_t hidden_bytes = 48;
constexpr unsigned char flip = 0x55;
char hidden(std::size_t i) { return static_cast<char>((static_cast<std::size_t>('A') + i * 7 % 26) ^ flip); }
char shown(std::size_t i) { return static_cast<char>(hidden(i) ^ flip); }

bool holds_token(const std::vector<char>& bytes) {
    std::size_t matched = 0;
    for (std::size_t at = 0; at + hidden_bytes <= bytes.size(); ++at) {
        for (matched = 0; matched < hidden_bytes && (bytes[at + matched] ^ flip) == hidden(matched);) ++matched;
        if (matched == hidden_bytes) return true;
    }
    return false;
}

// How many of this process's writable mappings hold the token.
int mappings_with_token() {
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
    std::FILE* maps = std::fopen("/proc/self/maps", "r");
    REQUIRE(maps != nullptr);
    char line[512];
    while (std::fgets(line, sizeof line, maps) != nullptr) {
        unsigned long begin = 0;
        unsigned long end = 0;
        char rights[5] = {};
        if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && rights[1] == 'w' && end - begin < (64UL << 20))
            ranges.emplace_back(begin, end);
    }
    std::fclose(maps);
    const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    REQUIRE(memory >= 0);
    int found = 0;
    for (const auto& [begin, end] : ranges) {
        std::vector<char> bytes(end - begin);
        const auto got = ::pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(begin));
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        if (holds_token(bytes)) ++found;
        wipe(bytes.data(), bytes.size());
    }
    ::close(memory);
    return found;
}

Secret hidden_answer() {
    Secret json(R"({"id":"client-1","clientSessionToken":")");
    for (std::size_t i = 0; i < hidden_bytes; ++i) {
        const char c = shown(i);
        json.append({&c, 1});
    }
    json.append("\"}");
    return json;
}

}  // namespace

TEST_CASE("parsing leaves no copy of the token in memory, neither on the heap nor on the stack") {
    // On a stack of our own, which nobody uses and overwrites between the parsing and the search.
    constexpr std::size_t stack_bytes = 1 << 20;
    auto* stack = static_cast<char*>(secret_allocate(stack_bytes));
    pthread_attr_t attributes;
    REQUIRE(::pthread_attr_init(&attributes) == 0);
    REQUIRE(::pthread_attr_setstack(&attributes, stack, stack_bytes) == 0);
    const auto parse = [](void* out) -> void* {
        const Secret json = hidden_answer();
        *static_cast<Result<TokenAnswer>*>(out) = parse_token_answer(json.reveal());
        return nullptr;
    };
    {
        Result<TokenAnswer> answer = fail(Code::internal, "");
        pthread_t thread{};
        REQUIRE(::pthread_create(&thread, &attributes, parse, &answer) == 0);
        REQUIRE(::pthread_join(thread, nullptr) == 0);
        REQUIRE(answer.has_value());
        CHECK(mappings_with_token() == 1);  // the answer itself: the search does find what is there
    }
    CHECK(mappings_with_token() == 0);
    ::pthread_attr_destroy(&attributes);
    secret_free(stack, stack_bytes);
}
#endif
