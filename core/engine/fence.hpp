// The fence: what makes a report of 401, a push and a clear take effect before they return.
//
// The problem. A call returns at once, and the worker acts on it later. In between, the worker may still publish, complete
// a waiter or hand a token to `send`, by a step that knew nothing of the call. Without a fence such a step would give out
// a token that its caller has just rejected, replaced or signed out.
//
// The protocol.
//  1 Each report of 401, each push and each clear takes a *ticket*: a number that grows by one. The ticket and the event's
//    place in the worker's queue are taken under one lock, so tickets and events have one order.
//  2 The worker takes events in that order. A step *has judged* a ticket when it ran for that event or a later one.
//  3 Whatever a step hands over (a publication, a completion, a token to transmit) carries the last ticket that the step
//    had judged. At the instant of the hand-over the fence compares: what came after that ticket was not known to the step.
//      - a clear: nothing of the step may pass: `cleared`
//      - a push: no token of the step may pass, whichever it is: `dead`
//      - a 401: the token that it names, by any of that token's names, may not pass: `dead`. It exempts another generation of the same epoch, and
//        nothing else: of a token of another epoch the fence cannot say how it relates, so that one does not pass either.
//  4 A publication that is dead is not readable. The worker's step for the ticket publishes anew, with its own judgement.
//
// Why it holds. Before the call returns, its ticket stands and what is published now has been marked dead, under the same
// lock that every publication takes. Each later hand-over is by a step that judged the ticket (then the machine knew) or by
// one that did not (then rule 3 stops it). Nothing compares guessed epochs or generations: numbers that were made before
// the stored record was read are provisional, and no stored record has them.
//
// Bounds. The fence remembers the last 16 tokens that were rejected. Older ones are forgotten together with everything up
// to their ticket: a hand-over that had judged no more than that does not pass. It goes back to the worker, which knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "session/token_name.hpp"

namespace portal {

// Pure: no lock, no memory, no clock. Its owner serialises all calls.
class Fence {
public:
    using Ticket = std::uint64_t;  // 0: before the first

    using Token = TokenName;  // provisional ones are unique, too

    enum class Passage : std::uint8_t { open, dead, cleared };

    struct Rejection {
        Ticket ticket = 0;
        bool is_new = true;  // false: the worker has yet to judge an equal one, and needs no second event
    };

    static constexpr std::size_t most_rejections = 16;

    Ticket clear() { return last_clear_ = ++last_; }
    Ticket push() { return last_push_ = ++last_; }
    // `names`: all that the token is known by, as of now.
    Rejection reject(const Token& token, const TokenNames& names);
    Rejection reject(const Token& token) { return reject(token, token); }

    // The worker runs the step for that ticket's event.
    void judge(Ticket ticket) { judged_ = ticket; }

    // Whether what a step made may be handed over now. `judged`: the last ticket that the step had judged.
    [[nodiscard]] Passage passage(Ticket judged, const TokenNames& token) const;

private:
    struct Rejected {
        Ticket ticket = 0;  // 0: an empty place
        Token token;
        TokenNames names;
    };

    Ticket last_ = 0;
    Ticket judged_ = 0;
    Ticket last_clear_ = 0;
    Ticket last_push_ = 0;
    Ticket forgotten_ = 0;  // rejections up to this one may be missing
    std::array<Rejected, most_rejections> rejected_{};
};

}  // namespace portal
