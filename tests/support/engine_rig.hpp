// An open engine with a clock, a host and a store that the test rules, and short words for what tests do with it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "support/manual_clock.hpp"
#include "support/memory_store.hpp"
#include "support/scripted_host.hpp"

namespace portal::test {

// How an acquire ended.
class Wait {
public:
    [[nodiscard]] std::function<void(Acquired)> call() {
        return [state = state_](Acquired acquired) {
            state->change([&](State& now) {
                ++now.calls;
                now.acquired = std::move(acquired);
                now.thread = std::this_thread::get_id();
            });
        };
    }
    [[nodiscard]] bool is_over() const { return state_->get().calls != 0; }
    [[nodiscard]] int calls() const { return state_->get().calls; }
    // `internal` if it never ended.
    [[nodiscard]] Code code() const { return end() ? state_->get().acquired.code : Code::internal; }
    [[nodiscard]] Lease lease() const { return end() ? state_->get().acquired.lease : Lease{}; }
    [[nodiscard]] Error error() const { return end() ? state_->get().acquired.error : Error{}; }
    [[nodiscard]] std::string token() const {
        return end() && state_->get().acquired.token ? std::string(state_->get().acquired.token->reveal()) : "";
    }
    [[nodiscard]] std::thread::id thread() const { return end() ? state_->get().thread : std::thread::id(); }

private:
    struct State {
        int calls = 0;
        Acquired acquired;
        std::thread::id thread;
    };
    [[nodiscard]] bool end() const {
        return state_->wait([](const State& state) { return state.calls != 0; });
    }
    std::shared_ptr<Signal<State>> state_ = std::make_shared<Signal<State>>();
};

// How a clear or a notice ended.
class Done {
public:
    [[nodiscard]] std::function<void(const Error&)> call() {
        return [ends = ends_](const Error& error) { ends->change([&](auto& all) { all.push_back(error); }); };
    }
    [[nodiscard]] std::vector<Code> codes() const {
        std::vector<Code> codes;
        for (const Error& end : ends_->get()) codes.push_back(end.code);
        return codes;
    }
    // `internal` if it never ended.
    [[nodiscard]] Error error() const {
        return ends_->wait([](const auto& all) { return !all.empty(); }) ? ends_->get().front() : Error{};
    }
    [[nodiscard]] Code code() const { return error().code; }

private:
    std::shared_ptr<Signal<std::vector<Error>>> ends_ = std::make_shared<Signal<std::vector<Error>>>();
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline NewToken new_token(const std::string& text, std::int64_t age_ms = 0) {
    NewToken token;
    token.token = Secret(text);
    token.age_ms = age_ms;
    return token;
}

inline Policy test_policy() { return *make_policy({0, 0, 0, 0, 0, 0}); }

struct EngineRig {
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    std::shared_ptr<MemoryStore> store;  // none: memory alone
    std::shared_ptr<ScriptedHost> host = std::make_shared<ScriptedHost>();
    Policy policy = test_policy();
    std::string client_id;
    std::function<void()> cleared;
    std::shared_ptr<Engine> engine;

    EngineRig() = default;
    EngineRig(const EngineRig&) = delete;
    EngineRig& operator=(const EngineRig&) = delete;
    ~EngineRig() {
        if (store != nullptr) store->release();
        if (engine != nullptr) engine->close(30'000);
    }

    void open() { engine = Engine::open({policy, "test", client_id, clock, store, host, cleared}); }
    // The provider answers each ask at once with "token-N".
    void provide() {
        host->on_ask = [number = std::make_shared<int>(0)](const TokenRequest& request) {
            (void)Engine::fulfil(request.id, new_token("token-" + std::to_string(++*number)));
        };
    }

    Wait acquire(const AcquireOptions& options = {}, std::uint64_t* id = nullptr) {
        Wait wait;
        if (!engine->acquire(options, wait.call(), id)) wait.call()({Code::internal, {}, nullptr, {}});
        return wait;
    }
    // A session that has a token: "token-1" if `provide` was called and nothing was before.
    Lease with_token() { return acquire().lease(); }

    Code read(Lease* lease = nullptr, std::string* token = nullptr) {
        Lease own;
        std::array<char, max_token_bytes> room{};
        std::size_t length = room.size();
        const Code code = engine->read(lease != nullptr ? *lease : own, room.data(), &length);
        if (token != nullptr) *token = code == Code::ok ? std::string(room.data(), length) : "";
        return code;
    }
    std::string token() {
        std::string text;
        (void)read(nullptr, &text);
        return text;
    }

    Code notify(Notice notice) {
        Done done;
        const auto told = engine->notify(notice, done.call());
        return told ? done.code() : told.error().code;
    }
    // When it returns, all that was posted before is done, and all callbacks that it caused.
    void settle() { (void)notify(Notice::clock_changed); }
    void pass(std::int64_t ms) {
        clock->advance(ms);
        settle();
    }
    Code clear() {
        Done done;
        const auto told = engine->clear(done.call());
        return told ? done.code() : told.error().code;
    }
    [[nodiscard]] State state() const { return engine->status()->state; }
};

}  // namespace portal::test
