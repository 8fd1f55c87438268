// Two records of one session become one: what this process knows, and what another wrote meanwhile.
#pragma once

#include "session/record.hpp"

namespace portal {

// What this process knows that the stored record does not.
struct Ours {
    std::uint64_t owner = 0;        // of our claim
    bool token_is_new = false;      // our token was never stored
    bool token_was_given = false;   // ... and callers have it already (in memory only, while the store was locked)
    bool knows_nothing = false;     // no record was read before, and no token of ours is worth keeping
    bool cleared_unread = false;    // a clear that the stored record has not seen yet: it wins
};

struct Merged {
    Record record;
    bool token_is_theirs = false;  // our own token, if any, is dropped
    bool cleared_by_them = false;  // who waited gets CLEARED
    bool differs_from_theirs = false;  // there is something to save, beside a later slide and a claim
    bool clear_is_done = false;    // ours: another process has done it for us, or cleared as well
};

[[nodiscard]] bool is_live(const Claim& claim, const Reading& now);

// `theirs` was loaded just now. The result carries its revision, so that a save of it replaces what was merged.
[[nodiscard]] Merged merge(const Record& ours, const Record& theirs, const Ours& claims, const Reading& now);

}  // namespace portal
