// A record store in memory, shared by as many engines as a test opens on it; it fails, stalls or answers late as told.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "session/record_store.hpp"
#include "support/signal.hpp"

namespace portal::test {

class MemoryStore final : public RecordStore {
public:
    explicit MemoryStore(bool is_shared = true) : is_shared_(is_shared) {}

    void load(std::function<void(LoadResult)> answer) override {
        run([this, answer = std::move(answer)] {
            LoadResult result;
            state_.change([&](State& state) {
                ++state.loads;
                result.outcome = state.load_fault.value_or(state.record ? LoadOutcome::found : LoadOutcome::absent);
                if (result.outcome == LoadOutcome::found) {
                    result.record = *state.record;
                    result.version = state.record->version;
                }
                if (state.load_fault) result.fault = state.why;
            });
            answer(std::move(result));
        });
    }

    void save(SaveRequest request, std::function<void(SaveResult)> answer) override {
        run([this, request = std::move(request), answer = std::move(answer)] {
            SaveResult result;
            state_.change([&](State& state) {
                ++state.saves;
                const RecordVersion stored = state.record ? state.record->version : RecordVersion{};
                const bool conflicts = std::exchange(state.conflicts, false) || stored != request.replaces;
                result.outcome = state.save_fault.value_or(conflicts ? SaveOutcome::conflict : SaveOutcome::saved);
                if (state.save_fault) result.fault = state.why;
                if (result.outcome != SaveOutcome::saved) return;
                state.record = request.record;
            });
            answer(result);
        });
    }

    [[nodiscard]] bool shared() const override { return is_shared_; }

    void put(Record record) {
        state_.change([&](State& state) { state.record = std::move(record); });
    }
    [[nodiscard]] std::optional<Record> stored() const { return state_.get().record; }
    [[nodiscard]] int loads() const { return state_.get().loads; }
    [[nodiscard]] int saves() const { return state_.get().saves; }

    void loads_end(std::optional<LoadOutcome> outcome, StoreFault why = {}) {
        state_.change([&](State& state) {
            state.load_fault = outcome;
            state.why = why;
        });
    }
    void saves_end(std::optional<SaveOutcome> outcome, StoreFault why = {}) {
        state_.change([&](State& state) {
            state.save_fault = outcome;
            state.why = why;
        });
    }
    void conflict_once() {
        state_.change([](State& state) { state.conflicts = true; });
    }

    // Slow: nothing is done until `release`, and then all of it.
    void hold() {
        state_.change([](State& state) { state.holds = true; });
    }
    void release() {
        std::vector<std::function<void()>> held;
        state_.change([&](State& state) {
            state.holds = false;
            held.swap(state.held);
        });
        for (const auto& operation : held) operation();
    }
    [[nodiscard]] bool wait_for_held(std::size_t count) const {
        return state_.wait([=](const State& state) { return state.held.size() >= count; });
    }

private:
    struct State {
        std::optional<Record> record;
        std::optional<LoadOutcome> load_fault;
        std::optional<SaveOutcome> save_fault;
        StoreFault why;
        bool conflicts = false;
        bool holds = false;
        std::vector<std::function<void()>> held;
        int loads = 0;
        int saves = 0;
    };

    void run(std::function<void()> operation) {
        bool is_held = false;
        state_.change([&](State& state) {
            is_held = state.holds;
            if (is_held) state.held.push_back(operation);
        });
        if (!is_held) operation();
    }

    const bool is_shared_;
    Signal<State> state_;
};

}  // namespace portal::test
