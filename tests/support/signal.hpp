// What a test waits on: state under a lock that tells of each change. A wait that would never end fails instead.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace portal::test {

inline constexpr std::chrono::seconds patience{30};

template <typename State>
class Signal {
public:
    template <typename Change>
    void change(Change&& change) {
        const std::lock_guard lock(mutex_);
        change(state_);
        changed_.notify_all();
    }
    [[nodiscard]] State get() const {
        const std::lock_guard lock(mutex_);
        return state_;
    }
    // Whether it came to be.
    template <typename Condition>
    [[nodiscard]] bool wait(Condition&& condition) const {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [&] { return condition(std::as_const(state_)); });
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    State state_{};
};

// Closed until a test opens it.
class Gate {
public:
    void open() {
        open_.change([](bool& open) { open = true; });
    }
    bool wait() const {
        return open_.wait([](bool open) { return open; });
    }

private:
    Signal<bool> open_;
};

}  // namespace portal::test
