#include "lifetime/policy.hpp"

#include <algorithm>
#include <string>

namespace portal {
namespace {

struct Field {
    const char* name;
    std::int64_t least_ms;
    std::int64_t most_ms;
    bool may_be_none;
};

Result<std::int64_t> checked(const Field& field, std::int64_t wanted_ms, std::int64_t default_ms) {
    if (wanted_ms == 0) return std::clamp(default_ms, field.least_ms, field.most_ms);
    if (wanted_ms == policy_none && field.may_be_none) return 0;
    if (wanted_ms >= field.least_ms && wanted_ms <= field.most_ms) return wanted_ms;
    return fail(Code::policy, std::string(field.name) + " is " + std::to_string(wanted_ms) + ": use " +
                                  std::to_string(field.least_ms) + " to " + std::to_string(field.most_ms) +
                                  " milliseconds, or 0 for the default" + (field.may_be_none ? ", or -1 for none." : "."));
}

}  // namespace

Result<Policy> make_policy(const Policy& wanted) {
    const Policy defaults;
    Policy policy;
    const auto set = [](std::int64_t& target, Result<std::int64_t> value) -> Result<void> {
        if (!value) return tl::unexpected<Error>(std::move(value.error()));
        target = *value;
        return {};
    };
    return set(policy.idle_ms, checked({"idle_ms", 5 * minute_ms, 30 * day_ms, false}, wanted.idle_ms, defaults.idle_ms))
        .and_then([&] {
            return set(policy.absolute_ms, checked({"absolute_ms", policy.idle_ms, 90 * day_ms, false}, wanted.absolute_ms,
                                                   defaults.absolute_ms));
        })
        .and_then([&] {
            return set(policy.margin_ms, checked({"margin_ms", 5 * second_ms, policy.idle_ms / 10, true}, wanted.margin_ms,
                                                 defaults.margin_ms));
        })
        .and_then([&] {
            return set(policy.soft_window_ms, checked({"soft_window_ms", 1, policy.idle_ms / 2, true},
                                                      wanted.soft_window_ms, defaults.soft_window_ms));
        })
        .and_then([&] {
            return set(policy.renewal_lead_ms, checked({"renewal_lead_ms", 1, policy.absolute_ms / 4, true},
                                                       wanted.renewal_lead_ms, defaults.renewal_lead_ms));
        })
        .and_then([&] {
            return set(policy.request_limit_ms, checked({"request_timeout_ms", second_ms, 5 * minute_ms, false},
                                                        wanted.request_limit_ms, defaults.request_limit_ms));
        })
        .transform([&] { return policy; });
}

}  // namespace portal
