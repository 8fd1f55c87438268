#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "planner/replay.hpp"
#include "session/machine.hpp"

namespace portal::planner {
namespace {

MachineConfig config_of(const Policy& policy, std::uint64_t seed) {
    MachineConfig config;
    config.policy = policy;
    config.seed = seed;
    config.has_store = false;
    config.shared_store = false;
    return config;
}

// A session whose provider answers at once. Between uses the app does not run: no timer fires, as on a phone.
class Replayed {
public:
    Replayed(const Policy& policy, std::uint64_t seed, ServerRule rule) : machine_(config_of(policy, seed)), rule_(rule) {
        step(event::Opened{});
    }

    void use(std::int64_t now_ms) {
        now_ = {now_ms, now_ms, boot_tag};
        const std::uint64_t refused = request(0);
        if (refused != 0) request(refused);
        answer_provider();  // a renewal that goes on behind the request
    }

    [[nodiscard]] const Cost& cost() const { return cost_; }

private:
    static constexpr std::uint64_t boot_tag = 1;

    // One request and its report. Returns the generation that Portal refused, or 0.
    std::uint64_t request(std::uint64_t newer_than) {
        lease_ = {};
        step(event::Acquire{++last_waiter_, minute_ms, newer_than});
        if (lease_.generation == 0) answer_provider();
        if (lease_.generation == 0) return 0;  // the machine keeps its user waiting: its own rejection limit
        if (!accepts(rule_, token_, now_.boot_ms)) {
            ++cost_.rejected;
            step(event::Rejected{lease_.epoch, lease_.generation});
            return lease_.generation;
        }
        slide(token_, now_.boot_ms);
        slid_generation_ = lease_.generation;
        slid_boot_ms_ = now_.boot_ms;
        step(event::Accepted{lease_.epoch, lease_.generation, now_.boot_tag, now_.boot_ms});
        return 0;
    }

    void answer_provider() {
        if (asked_ == 0) return;
        token_ = {now_.boot_ms, now_.boot_ms};
        const std::string text = "token-" + std::to_string(++cost_.tokens);
        step(event::Fulfilled{std::exchange(asked_, 0), {std::make_shared<const Secret>(text), {}, 0}});
    }

    void step(const Event& event) {
        effects_.clear();
        machine_.step(event, {now_, slid_generation_, slid_boot_ms_}, effects_);
        for (const Effect& effect : effects_) {
            if (const auto* ask = std::get_if<effect::Ask>(&effect)) asked_ = ask->request;
            const auto* answer = std::get_if<effect::Complete>(&effect);
            if (answer != nullptr && answer->code == Code::ok) lease_ = *answer;
        }
    }

    Machine machine_;
    ServerRule rule_;
    ServerToken token_;  // the newest: a renewal behind a request is answered after it, so no older one is ever used
    Reading now_{0, 0, boot_tag};
    Effects effects_;
    effect::Complete lease_;
    std::uint64_t asked_ = 0;
    std::uint64_t last_waiter_ = 0;
    std::uint64_t slid_generation_ = 0;
    std::int64_t slid_boot_ms_ = 0;
    Cost cost_;
};

}  // namespace

Cost replay_session(const Policy& policy, std::uint64_t seed, const Uses& uses, ServerRule rule) {
    Replayed session(policy, seed, rule);
    for (const std::int64_t now_ms : uses) session.use(now_ms);
    return session.cost();
}

}  // namespace portal::planner
