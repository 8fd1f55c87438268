// What a session keeps: the record that a store loads and saves, and that processes share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/secret.hpp"
#include "clock/clock.hpp"

namespace portal {

enum class TokenState : std::uint8_t { none = 0, live = 1, rejected = 2, signed_out = 3 };

// Until the stored record was read, epochs and generations are provisional: counted from a random number above these, which
// no stored record has. (Below 2^53: a script's number holds it.) Once the record is known they get their real numbers.
inline constexpr std::uint64_t first_provisional = std::uint64_t{1} << 52;
constexpr bool is_provisional(std::uint64_t number) { return number >= first_provisional; }
// What is shown of an epoch: one that is yet to be known is 0, so that epochs only grow for whoever watches them.
constexpr std::uint64_t shown_epoch(std::uint64_t epoch) { return is_provisional(epoch) ? 0 : epoch; }

// What nothing authenticates (a tombstone, a marker's name) is believed up to this: an honest session begins at 0 or at the
// wall's seconds.
inline constexpr std::uint64_t most_unproven = std::uint64_t{1} << 40;
// No session counts beyond this, even from a forged number that was believed. A record that does counts as lost.
inline constexpr std::uint64_t most_counted = 2 * most_unproven;

inline constexpr std::size_t max_role_bytes = 16;
inline constexpr std::size_t max_origin_bytes = 300;

// "This process is asking the provider": void in another boot, when it starts in the future, and past its limit. A store
// that can tell also says when its owner has died.
struct Claim {
    std::uint64_t owner = 0;  // random, one for each open; 0: no claim
    std::uint64_t boot_tag = 0;
    std::int64_t started_boot_ms = 0;
    std::int64_t limit_boot_ms = 0;
    std::string role{};  // of the process, as its app names it: "app", "widget"; empty: not named

    bool operator==(const Claim&) const = default;
};

// Tokens asked for because Portal rejected one: how much of the allowance is used, and as of when.
struct RejectionBucket {
    std::int64_t debt_ms = 0;
    std::uint64_t boot_tag = 0;
    std::int64_t boot_ms = 0;

    bool operator==(const RejectionBucket&) const = default;
};

// Until when the provider is left alone: void in another boot.
struct Backoff {
    std::uint32_t failures_in_a_row = 0;
    bool asked_by_server = false;  // a Retry-After: forcing does not skip it
    std::uint64_t boot_tag = 0;
    std::int64_t not_before_boot_ms = 0;

    bool operator==(const Backoff&) const = default;
};

// Names one stored state of one record: what a save replaces, and what it leaves. Revisions of two lineages are never
// compared. {0, 0}: nothing is stored.
struct RecordVersion {
    std::uint64_t lineage = 0;  // 64 random bits, made with the record
    std::uint64_t revision = 0;

    bool operator==(const RecordVersion&) const = default;
};

struct Record {
    // Out of line, since records travel through many closures and each copy in line adds to what an app carries.
    Record();
    Record(const Record&);
    Record(Record&&) noexcept;
    Record& operator=(const Record&);
    Record& operator=(Record&&) noexcept;
    ~Record();

    RecordVersion version;
    std::uint64_t install_seed = 0;  // seeds all jitter; never sent
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    TokenState state = TokenState::none;
    SharedSecret token;  // set where state is live or rejected
    std::string client_id;
    std::string origin;  // of Portal: "https://api.portalhq.io:443"; where the token was taken for
    std::string name;    // of the session; written by the store, which knows it
    Anchor issued;
    Anchor slid;  // the last slide; the issue counts as the first
    Claim claim;
    Backoff backoff;
    RejectionBucket rejections;
};

}  // namespace portal
