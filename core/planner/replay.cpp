#include "planner/replay.hpp"

namespace portal::planner {
namespace {

// All that a client can know before a use.
struct Moment {
    std::int64_t now_ms;
    std::int64_t last_use_ms;
    std::int64_t issued_ms;
};

bool wants_new(Way way, const Moment& moment) {
    switch (way) {
        case Way::every_launch:
            return moment.now_ms - moment.last_use_ms > 30 * minute_ms;
        case Way::every_day:
            return moment.now_ms / day_ms != moment.issued_ms / day_ms;
        case Way::fixed_time:
            return moment.now_ms - moment.issued_ms >= day_ms;
        case Way::wait_for_401:
        case Way::optimum:
            break;
    }
    return false;
}

}  // namespace

Cost replay(Way way, const Uses& uses, ServerRule rule) {
    Cost cost;
    ServerToken token;
    std::int64_t last_use_ms = 0;
    for (const std::int64_t now_ms : uses) {
        bool renew = cost.tokens == 0 || wants_new(way, {now_ms, last_use_ms, token.issued_ms});
        if (!renew && !accepts(rule, token, now_ms)) {
            if (way != Way::optimum) ++cost.rejected;
            renew = true;
        }
        if (renew) {
            ++cost.tokens;
            token = {now_ms, now_ms};
        }
        slide(token, now_ms);
        last_use_ms = now_ms;
    }
    return cost;
}

}  // namespace portal::planner
