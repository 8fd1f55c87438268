// engine/fence: what may pass after a report, a push and a clear, without an engine.
#include "engine/fence.hpp"

#include <vector>

#include "support/catch.hpp"

namespace {

using namespace portal;
using Passage = Fence::Passage;
using Token = Fence::Token;

TEST_CASE("Nothing stops what a step made while nothing has happened since") {
    const Fence fence;
    CHECK(fence.passage(0, Token{1, 1}) == Passage::open);
}

TEST_CASE("A clear stops everything of a step that did not know it, and nothing of one that did") {
    Fence fence;
    const Fence::Ticket cleared = fence.clear();
    CHECK(fence.passage(cleared - 1, Token{1, 1}) == Passage::cleared);
    CHECK(fence.passage(cleared - 1, Token{7, 9}) == Passage::cleared);
    CHECK(fence.passage(cleared, Token{2, 1}) == Passage::open);
    fence.judge(cleared);
    CHECK(fence.passage(cleared - 1, Token{1, 1}) == Passage::cleared);  // however late it is handed over
}

TEST_CASE("A push stops every token of a step that did not know it") {
    Fence fence;
    const Fence::Ticket pushed = fence.push();
    CHECK(fence.passage(pushed - 1, Token{1, 1}) == Passage::dead);
    CHECK(fence.passage(pushed - 1, Token{9, 2}) == Passage::dead);
    CHECK(fence.passage(pushed, Token{1, 2}) == Passage::open);
}

TEST_CASE("A report of 401 exempts another generation of its epoch, and nothing else") {
    Fence fence;
    const Fence::Ticket rejected = fence.reject({3, 5}).ticket;
    CHECK(fence.passage(rejected - 1, Token{3, 5}) == Passage::dead);
    CHECK(fence.passage(rejected - 1, Token{3, 6}) == Passage::open);
    CHECK(fence.passage(rejected - 1, Token{4, 5}) == Passage::dead);
    CHECK(fence.passage(rejected, Token{3, 5}) == Passage::open);  // by a step that judged it: the machine knew
}

TEST_CASE("A clear outranks a push and a report") {
    Fence fence;
    fence.push();
    fence.reject({1, 1});
    fence.clear();
    fence.push();
    CHECK(fence.passage(0, Token{1, 1}) == Passage::cleared);
}

TEST_CASE("Tickets have one order, and an equal report that is yet to be judged has the same one") {
    Fence fence;
    const Fence::Rejection first = fence.reject({1, 1});
    const Fence::Ticket pushed = fence.push();
    const Fence::Rejection again = fence.reject({1, 1});
    CHECK(first.is_new);
    CHECK_FALSE(again.is_new);
    CHECK(again.ticket == first.ticket);
    CHECK(pushed > first.ticket);
    fence.judge(first.ticket);
    const Fence::Rejection later = fence.reject({1, 1});
    CHECK(later.is_new);
    CHECK(later.ticket > pushed);
}

TEST_CASE("What the fence has forgotten stops more, never less") {
    Fence fence;
    const Fence::Ticket first = fence.reject({1, 100}).ticket;
    for (std::uint64_t generation = 1; generation <= Fence::most_rejections; ++generation) {
        const Fence::Ticket ticket = fence.reject({1, generation}).ticket;
        CHECK(fence.passage(ticket - 1, Token{1, generation}) == Passage::dead);
    }
    CHECK(fence.passage(first - 1, Token{1, 100}) == Passage::dead);
    CHECK(fence.passage(first - 1, Token{1, 55}) == Passage::dead);  // it can't be told any more
    CHECK(fence.passage(first, Token{1, 55}) == Passage::open);
}

// The model keeps every event; the fence must never let pass what the model stops.
TEST_CASE("Over every sequence of five events, the fence stops all that a memory without bounds would stop") {
    struct Past {
        int kind;
        Token token;
    };
    const std::vector<Token> tokens{{1, 1}, {1, 2}, {2, 1}};
    constexpr int kinds = 5;  // clear, push, a report of each token
    int sequences = 1;
    for (int i = 0; i < 5; ++i) sequences *= kinds;
    int stopped = 0;
    for (int sequence = 0; sequence < sequences; ++sequence) {
        Fence fence;
        std::vector<Past> past;  // in the order of its tickets
        for (int i = 0, rest = sequence; i < 5; ++i, rest /= kinds) {
            const int kind = rest % kinds;
            if (kind == 0) fence.clear();
            if (kind == 1) fence.push();
            const Token token = kind < 2 ? Token{} : tokens[static_cast<std::size_t>(kind - 2)];
            if (kind >= 2 && !fence.reject(token).is_new) continue;
            past.push_back({kind, token});
        }
        for (Fence::Ticket judged = 0; judged <= past.size(); ++judged) {
            for (const Token& token : tokens) {
                Passage wanted = Passage::open;
                for (std::size_t i = judged; i < past.size(); ++i) {
                    const bool concerns = past[i].kind == 1 || past[i].token.epoch != token.epoch || past[i].token == token;
                    if (past[i].kind == 0) wanted = Passage::cleared;
                    if (past[i].kind != 0 && concerns && wanted == Passage::open) wanted = Passage::dead;
                }
                REQUIRE(fence.passage(judged, token) == wanted);
                stopped += wanted == Passage::open ? 0 : 1;
            }
        }
    }
    CHECK(stopped > 10'000);
}

}  // namespace
