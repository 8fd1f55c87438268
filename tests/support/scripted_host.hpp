// The app's side of an engine: notes all that it is told, and does what a test told it to do.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/host.hpp"
#include "support/signal.hpp"

namespace portal::test {

class ScriptedHost final : public Host {
public:
    // Set before the engine is opened.
    std::function<void(const TokenRequest&)> on_ask;
    std::function<void(const SessionEvent&)> on_event;
    std::function<void()> on_destroyed;
    bool provides = true;
    LogLevel level = LogLevel::off;

    ScriptedHost() = default;
    ~ScriptedHost() override {
        if (on_destroyed) on_destroyed();
    }

    [[nodiscard]] bool has_provider() const override { return provides; }
    [[nodiscard]] bool has_observer() const override { return true; }
    [[nodiscard]] LogLevel log_level() const override { return level; }

    void ask(const TokenRequest& request) override {
        note([&](Seen& seen) { seen.asks.push_back(request); });
        if (on_ask) on_ask(request);
    }
    void withdrawn(std::uint64_t request_id) override {
        note([&](Seen& seen) { seen.withdrawn.push_back(request_id); });
    }
    void event(const SessionEvent& event) override {
        note([&](Seen& seen) { seen.events.push_back(event); });
        if (on_event) on_event(event);
    }
    void log(LogLevel line_level, std::string_view line) override {
        note([&](Seen& seen) { seen.lines.emplace_back(line_level, line); });
    }

    [[nodiscard]] std::vector<TokenRequest> asks() const { return seen_.get().asks; }
    [[nodiscard]] std::vector<std::uint64_t> withdrawn() const { return seen_.get().withdrawn; }
    [[nodiscard]] std::vector<SessionEvent> events() const { return seen_.get().events; }
    [[nodiscard]] std::vector<std::pair<LogLevel, std::string>> lines() const { return seen_.get().lines; }
    [[nodiscard]] std::thread::id thread() const { return seen_.get().thread; }

    // The n-th ask (1, 2, ...); id 0 if it never came.
    [[nodiscard]] TokenRequest wait_for_ask(std::size_t number) const {
        if (!seen_.wait([=](const Seen& seen) { return seen.asks.size() >= number; })) return {};
        return seen_.get().asks[number - 1];
    }
    [[nodiscard]] bool wait_for_event(EventKind kind) const {
        return seen_.wait([=](const Seen& seen) {
            for (const SessionEvent& event : seen.events)
                if (event.kind == kind) return true;
            return false;
        });
    }
    [[nodiscard]] std::size_t count(EventKind kind) const {
        std::size_t count = 0;
        for (const SessionEvent& event : events()) count += event.kind == kind ? 1 : 0;
        return count;
    }

private:
    struct Seen {
        std::vector<TokenRequest> asks;
        std::vector<std::uint64_t> withdrawn;
        std::vector<SessionEvent> events;
        std::vector<std::pair<LogLevel, std::string>> lines;
        std::thread::id thread;
    };
    template <typename Note>
    void note(Note&& note) {
        seen_.change([&](Seen& seen) {
            seen.thread = std::this_thread::get_id();
            note(seen);
        });
    }

    Signal<Seen> seen_;
};

}  // namespace portal::test
