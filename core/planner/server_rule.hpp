// Portal's rule as the server keeps it, for one token.
#pragma once

#include <cstdint>

#include "lifetime/policy.hpp"

namespace portal::planner {

// What "never refreshed past 7 days" means. Portal's text allows both.
enum class ServerRule : std::uint8_t {
    a,  // dead 7 days after its issue
    b,  // no slide from then on, but the last one runs out
};

struct ServerToken {
    std::int64_t issued_ms = 0;
    std::int64_t slid_ms = 0;
};

inline bool accepts(ServerRule rule, const ServerToken& token, std::int64_t now_ms) {
    if (now_ms - token.slid_ms >= day_ms) return false;
    return rule == ServerRule::b || now_ms - token.issued_ms < 7 * day_ms;
}

inline void slide(ServerToken& token, std::int64_t now_ms) {
    if (now_ms - token.issued_ms < 7 * day_ms) token.slid_ms = now_ms;
}

}  // namespace portal::planner
