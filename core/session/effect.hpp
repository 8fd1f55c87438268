// Everything a session can want done. The engine carries it out; nothing here decides.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "session/record.hpp"
#include "session/record_store.hpp"
#include "session/status.hpp"
#include "session/token_name.hpp"

namespace portal {

inline constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();

// What readers see without asking the machine. Times are this boot's.
struct Snapshot {
    // How a session without a usable token stands, or `fresh` for "judge the token".
    State standing = State::unknown;
    Reason standing_reason = Reason::loading;
    TokenTimes times;
    std::int64_t lead_ms = 0;

    bool usable = false;                      // there is a token that may be read, within the limits below
    bool memory_only = false;
    bool untrusted = false;                   // readable as an overdue one only
    std::int64_t overdue_until_boot_ms = 0;   // an overdue token may be read before this instant
    std::int64_t slide_due_boot_ms = never_ms;    // a slide at or after it is worth a write
    std::int64_t recheck_boot_ms = never_ms;  // a read at or after it asks for the record to be read again
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    TokenName first_name;                     // of the token, which may have been numbered anew since: see TokenNames
    bool is_known = false;                    // the stored record was read, or there is none: the numbers are real
    std::uint64_t least_epoch = 0;            // a lease of an epoch before it is stale
    std::uint64_t provisional_epoch = 0;      // and of provisional epochs, all but this one; 0: all

    Renewal renewal = Renewal::idle;
    std::int64_t retry_at_boot_ms = 0;  // while backing off
    StoreVerdict store = StoreVerdict::persistent;
    StoreFault store_fault;  // the last one since open, which may be over
    bool store_is_watched = true;  // news of other processes come by themselves
    Counters counters;

    bool operator==(const Snapshot&) const = default;
};

namespace effect {

struct Load {
    std::uint64_t operation;
};
// A claim, the end of one, a tombstone, a slide: all are saves, so that one compare-and-swap guards them all.
struct Save {
    std::uint64_t operation;
    SaveRequest request;
};
struct Ask {
    std::uint64_t request;
    Reason reason;
    std::uint32_t attempt;
    std::int64_t timeout_ms;
    std::uint64_t generation;
    std::string client_id;
};
// The answer can't be used any more: the provider may stop.
struct Withdraw {
    std::uint64_t request;
};
struct Complete {
    std::uint64_t waiter = 0;
    Code code = Code::ok;
    SharedSecret token{};  // set where code is ok
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    bool overdue = false;
    bool memory_only = false;
    std::int64_t left_ms = 0;
    std::int64_t retry_after_ms = 0;
    int http_status = 0;
    int host_code = 0;
    FailureCause cause = FailureCause::unknown;
    bool held_back = false;  // nobody was asked: a failure of before is waited out
};
struct Publish {
    Snapshot snapshot;
    SharedSecret token;  // set where snapshot.usable
    std::string client_id;  // the one that the session is bound to; empty: none yet
};
struct Tell {
    EventKind kind;
    State state;
    Reason reason;
    Code code = Code::ok;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    std::int64_t retry_after_ms = 0;
    StoreFault store_fault{};  // of a store that is not persistent now
    int host_code = 0;         // of a provider that failed or declined
};
// The one timer: replaces the one before; never_ms: none.
struct Arm {
    std::int64_t boot_ms;
};
struct Done {
    std::uint64_t done;
    Code code;
    StoreFault store_fault{};
};
struct Ended {};

}  // namespace effect

using Effect = std::variant<effect::Load, effect::Save, effect::Ask, effect::Withdraw, effect::Complete, effect::Publish,
                            effect::Tell, effect::Arm, effect::Done, effect::Ended>;
using Effects = std::vector<Effect>;  // kept and cleared by the caller: a step in steady state allocates nothing

}  // namespace portal
