// An engine whose worker, and whose callers, a test stops where they look at the clock; and a store that a test stops.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "support/engine_rig.hpp"
#include "support/stops.hpp"

namespace portal::test {

inline thread_local bool is_caller = false;

// A call on a thread of its own, which can be stopped.
class Caller {
public:
    explicit Caller(std::function<void()> call)
        : thread_([call = std::move(call)] {
              is_caller = true;
              call();
          }) {}
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { join(); }
    void join() {
        if (thread_.joinable()) thread_.join();
    }

private:
    std::thread thread_;
};

struct StoppedRig : EngineRig {
    // The worker takes a full reading before each event that it runs, and before each publication; a caller looks at the
    // clock before it reads a token or reports a 2xx.
    const std::shared_ptr<Stop> worker = std::make_shared<Stop>();
    const std::shared_ptr<Stop> caller = std::make_shared<Stop>();
    Order order;

    StoppedRig() {
        clock->before_each_reading([worker = worker, caller = caller](bool is_full) {
            if (is_full && on_worker()) worker->pass();
            if (is_caller) caller->pass();
        });
    }
    ~StoppedRig() {
        worker->let_go();
        caller->let_go();
    }

    void open_with(const std::string& token) {
        open();
        REQUIRE(engine->push(new_token(token)));
        REQUIRE(acquire().code() == Code::ok);
        settle();
    }
    // When it returns, the worker has done all that was posted before. It needs no callback.
    void fence() {
        Wait wait;
        const auto id = engine->acquire_on_worker({}, wait.call());
        REQUIRE(id);
        (void)Engine::cancel(*id);
        REQUIRE(wait.code() != Code::internal);
    }
    // The worker stands before its next event: what is posted meanwhile it finds in that order. To be called when it is idle.
    void stop_before_events() {
        worker->arm();
        REQUIRE(engine->prepare());
        REQUIRE(worker->is_reached());
    }
    // The worker has decided to publish the token that is there once more (its renewal has begun), and has not yet.
    Wait stop_before_republication() {
        worker->arm(1);
        AcquireOptions force;
        force.force = true;
        Wait wait = acquire(force);
        REQUIRE(worker->is_reached());
        return wait;
    }
    // The same with the next token, which it has taken from the provider.
    void stop_before_publication_of(NewToken token) {
        AcquireOptions force;
        force.force = true;
        (void)acquire(force);
        const TokenRequest request = host->wait_for_ask(1);
        settle();
        worker->arm(1);
        REQUIRE(Engine::fulfil(request.id, std::move(token)));
        REQUIRE(worker->is_reached());
    }
};

// Holds a store's operations before they are done, or their answers after. One for each engine on a store.
class StoppedStore final : public RecordStore {
public:
    enum class At { none, operation, answer };

    explicit StoppedStore(std::shared_ptr<MemoryStore> inner) : inner_(std::move(inner)) {}

    void load(std::function<void(LoadResult)> answer) override {
        at(At::operation, [this, answer = std::move(answer)] {
            inner_->load([this, answer](LoadResult result) { at(At::answer, [=] { answer(result); }); });
        });
    }
    void save(SaveRequest request, std::function<void(SaveResult)> answer) override {
        at(At::operation, [this, request = std::move(request), answer = std::move(answer)] {
            inner_->save(request, [this, answer](SaveResult result) { at(At::answer, [=] { answer(result); }); });
        });
    }
    [[nodiscard]] bool shared() const override { return inner_->shared(); }

    void hold(At place) {
        state_.change([=](State& state) { state.place = place; });
    }
    [[nodiscard]] bool is_reached() const {
        return state_.wait([](const State& state) { return !state.held.empty(); });
    }
    void let_go() {
        std::vector<std::function<void()>> held;
        state_.change([&](State& state) {
            state.place = At::none;
            held.swap(state.held);
        });
        for (const auto& step : held) step();
    }

private:
    struct State {
        At place = At::none;
        std::vector<std::function<void()>> held;
    };
    void at(At place, std::function<void()> step) {
        bool is_held = false;
        state_.change([&](State& state) {
            is_held = state.place == place;
            if (is_held) state.held.push_back(step);
        });
        if (!is_held) step();
    }

    const std::shared_ptr<MemoryStore> inner_;
    Signal<State> state_;
};

}  // namespace portal::test
