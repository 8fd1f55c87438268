// What leases, reports and the fence call a token by.
#pragma once

#include <compare>
#include <cstdint>

namespace portal {

struct TokenName {
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;

    auto operator<=>(const TokenName&) const = default;
};

// The names of one token. It has more than one where it was handed out before it was stored, and another process's record
// then came between: it is numbered anew, above that one. No other token of this session has a name between the two.
struct TokenNames {
    TokenName first;
    TokenName last;

    TokenNames() = default;
    TokenNames(const TokenName& only) : first(only), last(only) {}  // NOLINT: a name is the names of a token with one
    TokenNames(const TokenName& oldest, const TokenName& newest) : first(oldest), last(newest) {}

    [[nodiscard]] bool contain(const TokenName& name) const { return first <= name && name <= last; }
    [[nodiscard]] bool overlap(const TokenNames& other) const { return first <= other.last && other.first <= last; }
    bool operator==(const TokenNames&) const = default;
};

}  // namespace portal
