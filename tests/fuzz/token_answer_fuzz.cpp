// Whatever a backend or Portal answers: a token that can stand in a header, or BAD_TOKEN.
#include "base/text.hpp"
#include "portal_api/token_answer.hpp"
#include "support/catch.hpp"
#include "support/mutation.hpp"

namespace {

using namespace portal;
using namespace portal::test;

TEST_CASE("100,000 damaged answers: each gives a token that passes its checks, or is BAD_TOKEN with a reason") {
    const std::vector<std::string> samples = {
        R"({"id":"client-1","clientApiKey":"sesame-key","clientSessionToken":"a-token","isAccountAbstracted":false})",
        R"({"id":"client-1","clientSessionToken":"a-token"})",
        R"({"clientSessionToken":"\u0041\\\"b","nested":{"clientSessionToken":"inner","list":[1,2.5e3,null,true]}})",
        R"({"error":"sesame"})",
        R"("a-token")",
        "[]",
    };
    const std::vector<std::string> pieces = {"{",
                                             "}",
                                             "[",
                                             "]",
                                             "\"",
                                             "\\",
                                             "\\u0000",
                                             "\\u0041",
                                             "\\ud800",
                                             ",",
                                             ":",
                                             "null",
                                             "true",
                                             "1e999",
                                             "-0",
                                             "\"clientSessionToken\":",
                                             "\"clientSessionToken\":\"x\",",
                                             "\"id\":",
                                             "\"clientApiKey\":\"sesame\"",
                                             " ",
                                             "\n",
                                             std::string(1, '\0'),
                                             "\xff",
                                             "\xc3\xbc",
                                             std::string(4097, 'a'),
                                             std::string(300, '[')};
    Mutation mutation(7, samples, pieces);
    int tokens = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const Exact input(mutation.next());
        const auto answer = parse_token_answer(input.view());
        if (!answer) {
            const Error& error = answer.error();
            const bool is_told = error.code == Code::bad_token && error.message.find(": ") != std::string::npos;
            if (!is_told || error.message.find("sesame") != std::string::npos) ++wrong;
            continue;
        }
        ++tokens;
        if (!check_token(answer->token.reveal())) ++wrong;
        if (!answer->client_id.empty() && !check_client_id(answer->client_id)) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(tokens > fuzz_inputs / 20);
    CHECK(tokens < fuzz_inputs);
}

}  // namespace
