// A session machine on a clock that tests move: events in, effects out as text. It feeds events only, as the engine does.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "session/machine.hpp"
#include "support/effect_text.hpp"

namespace portal::test {

inline constexpr std::uint64_t our_owner = 11;
inline constexpr std::uint64_t other_owner = 22;

inline MachineConfig machine_config() {
    MachineConfig config;
    config.seed = 42;
    config.owner = our_owner;
    return config;
}

inline TokenOffer offer_of(const std::string& token, std::string client_id = {}, std::int64_t age_ms = 0) {
    return {std::make_shared<const Secret>(token), std::move(client_id), age_ms};
}

class MachineDriver {
public:
    explicit MachineDriver(MachineConfig config = machine_config()) : machine_(std::move(config)) {}

    std::string step(const Event& event) {
        effects_.clear();
        machine_.step(event, {now, slid_generation, slid_boot_ms}, effects_);
        for (const Effect& effect : effects_) std::visit([this](const auto& what) { see(what); }, effect);
        return text_of(effects_, now.boot_ms);
    }

    // ---- time ----
    void advance(std::int64_t ms) {
        now.boot_ms += ms;
        now.unix_ms += ms;
    }
    std::string fire_timer(std::int64_t late_ms = 0) {
        if (armed_ms != never_ms) advance(std::max<std::int64_t>(armed_ms - now.boot_ms, 0) + late_ms);
        armed_ms = never_ms;
        return step(event::Timer{});
    }
    // Each timer at its time, up to then; the store is silent.
    std::string run_for(std::int64_t ms) { return live_for(ms, false); }
    // The same with a store that answers at once.
    std::string live_for(std::int64_t ms, bool store_answers = true) {
        const std::int64_t until_ms = now.boot_ms + ms;
        std::string text = store_answers ? settle() : "";
        while (armed_ms <= until_ms) {
            join(text, fire_timer());
            if (store_answers) join(text, settle());
        }
        advance(until_ms - now.boot_ms);
        return text;
    }
    void reboot(std::uint64_t boot_tag, std::int64_t boot_age_ms, std::int64_t wall_passed_ms) {
        now = {boot_age_ms, now.unix_ms + wall_passed_ms, boot_tag};
    }

    // ---- the store ----
    std::string loaded(LoadResult result) {
        running = Running::none;
        return step(event::Loaded{operation, std::move(result)});
    }
    std::string loaded(LoadOutcome outcome, StoreFault fault = {}) {
        LoadResult result;
        result.outcome = outcome;
        result.fault = fault;
        return loaded(std::move(result));
    }
    std::string loaded(const Record& record) {
        LoadResult result;
        result.outcome = LoadOutcome::found;
        result.record = record;
        result.version = record.version;
        return loaded(std::move(result));
    }
    std::string saved(SaveOutcome outcome = SaveOutcome::saved, StoreFault fault = {}) {
        if (outcome == SaveOutcome::saved) {
            stored = last_save;
        }
        running = Running::none;
        return step(event::Saved{operation, {outcome, fault}});
    }
    // Answers the operations that run, as a store that works does, until none does.
    std::string settle() {
        std::string text;
        while (running != Running::none) join(text, answer_one());
        return text;
    }
    std::string step_and_settle(const Event& event) {
        std::string text = step(event);
        join(text, settle());
        return text;
    }

    // ---- what the provider says of the newest request ----
    std::string fulfil(const std::string& token, std::int64_t age_ms = 0, const std::string& client_id = {}) {
        return step(event::Fulfilled{request, offer_of(token, client_id, age_ms)});
    }
    std::string fail(bool retryable = true, std::int64_t retry_after_ms = 0) {
        return step(event::Failed{request, {Code::provider_failed, retryable, retry_after_ms, 0, 0}});
    }
    std::string decline() { return step(event::Declined{request, 0}); }
    std::string acquire(std::int64_t timeout_ms = 35 * second_ms) { return step(event::Acquire{++waiter, timeout_ms}); }
    std::string force(std::int64_t timeout_ms = 35 * second_ms) {
        return step(event::Acquire{++waiter, timeout_ms, 0, true});
    }
    // A 2xx to a request that was sent just now.
    std::string accepted() {
        slid_generation = snapshot.generation;
        slid_boot_ms = now.boot_ms;
        return step(event::Accepted{snapshot.epoch, snapshot.generation, now.boot_tag, now.boot_ms});
    }
    std::string rejected() { return step(event::Rejected{snapshot.epoch, snapshot.generation}); }
    std::string push(const std::string& token, std::int64_t age_ms = 0) {
        return step(event::Pushed{offer_of(token, {}, age_ms)});
    }
    std::string clear(std::uint64_t done = 0) { return step(event::Cleared{done}); }

    [[nodiscard]] bool ended() const { return machine_.ended(); }
    [[nodiscard]] const Record& record() const { return machine_.record(); }
    [[nodiscard]] const Effects& effects() const { return effects_; }

    // ---- what the outside knows ----
    enum class Running : std::uint8_t { none, load, save };
    Reading now{1'000'000, 1'700'000'000'000, 7};
    std::uint64_t slid_generation = 0;  // the slide cell
    std::int64_t slid_boot_ms = 0;
    std::optional<Record> stored;
    Record last_save;
    RecordVersion last_replaced;
    Running running = Running::none;
    std::uint64_t operation = 0;
    std::uint64_t request = 0;  // the newest
    std::uint64_t waiter = 0;   // the newest
    std::int64_t armed_ms = never_ms;
    std::uint64_t asks = 0;
    Snapshot snapshot;
    State told_state = State::unknown;
    Reason told_reason = Reason::loading;

private:
    static void join(std::string& text, const std::string& more) {
        if (!text.empty() && !more.empty()) text += "; ";
        text += more;
    }

    std::string answer_one() {
        if (running == Running::load) return stored ? loaded(*stored) : loaded(LoadOutcome::absent);
        const bool fits = last_replaced == (stored ? stored->version : RecordVersion{});
        return saved(fits ? SaveOutcome::saved : SaveOutcome::conflict);
    }

    void see(const effect::Load& load) {
        running = Running::load;
        operation = load.operation;
    }
    void see(const effect::Save& save) {
        running = Running::save;
        operation = save.operation;
        last_save = save.request.record;
        last_replaced = save.request.replaces;
    }
    void see(const effect::Ask& ask) {
        request = ask.request;
        ++asks;
    }
    void see(const effect::Publish& publish) { snapshot = publish.snapshot; }
    void see(const effect::Arm& arm) { armed_ms = arm.boot_ms; }
    void see(const effect::Tell& tell) {
        if (tell.kind != EventKind::state) return;
        told_state = tell.state;
        told_reason = tell.reason;
    }
    template <typename Other>
    void see(const Other&) {}

    Machine machine_;
    Effects effects_;
};

}  // namespace portal::test
