// Two records of one session become one: what this process knows, and what another wrote meanwhile.
#pragma once

#include "session/record.hpp"

namespace portal {

// What this process may insist on.
struct Ours {
    std::uint64_t owner = 0;        // of our claim
    bool token_is_new = false;      // our token was never stored
    bool token_was_given = false;   // ... and callers have it already (in memory only, while the store was locked)
    bool epoch_is_known = true;     // false: no record was ever read, so our epoch is a guess
    bool cleared_unread = false;    // a clear that the stored record has not seen yet: it wins
    bool pushed = false;            // our new token came by a push, which also ends a sign-out
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
