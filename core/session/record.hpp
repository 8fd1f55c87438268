// What a session keeps: the record that a store loads and saves, and that processes share.
#pragma once

#include <cstdint>
#include <string>

#include "base/secret.hpp"
#include "clock/clock.hpp"

namespace portal {

enum class TokenState : std::uint8_t { none = 0, live = 1, rejected = 2, signed_out = 3 };

// "This process is asking the provider": void in another boot, when it starts in the future, and past its limit.
struct Claim {
    std::uint64_t owner = 0;  // random, one for each open; 0: no claim
    std::uint64_t boot_tag = 0;
    std::int64_t started_boot_ms = 0;
    std::int64_t limit_boot_ms = 0;

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

struct Record {
    std::uint64_t revision = 0;      // of the stored record this one came from; the next save writes revision + 1
    std::uint64_t install_seed = 0;  // seeds all jitter; kept by clear, never sent
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    TokenState state = TokenState::none;
    SharedSecret token;  // set where state is live or rejected
    std::string client_id;
    Anchor issued;
    Anchor slid;  // the last slide; the issue counts as the first
    Claim claim;
    Backoff backoff;
    RejectionBucket rejections;
};

}  // namespace portal
