// What a session tells the outside: words, counters, and where it stands.
#pragma once

#include <cstdint>

#include "lifetime/lifetime.hpp"

namespace portal {

enum class Renewal : std::int32_t { idle = 0, asking = 1, elsewhere = 2, backing_off = 3, declined = 4 };

enum class StoreVerdict : std::int32_t { persistent = 0, memory_only = 1, locked = 2, lost = 3 };

enum class EventKind : std::int32_t {
    state = 1,
    new_token = 2,
    rejected = 3,
    renewal_started = 4,
    renewal_failed = 5,
    sign_in_needed = 6,
    cleared = 7,
    store = 8,
    clock = 9,
};

// Since open. Nothing here is secret.
struct Counters {
    std::uint64_t mints_first = 0;
    std::uint64_t mints_idle = 0;
    std::uint64_t mints_absolute = 0;
    std::uint64_t mints_rejected = 0;
    std::uint64_t mints_forced = 0;
    std::uint64_t pushes = 0;
    std::uint64_t rejections = 0;
    std::uint64_t waits = 0;
    std::uint64_t degraded_saves = 0;
    std::int64_t longest_wait_ms = 0;

    bool operator==(const Counters&) const = default;
};

}  // namespace portal
