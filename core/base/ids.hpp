// Ids that outlive what they name: unique in the process, never 0, never reused, and answered without a session.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/fork.hpp"

namespace portal {

inline std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// What the ids of one kind stand for. Whoever takes an id has the only answer to it. A forked child begins with none.
template <typename Value>
class IdRegistry {
public:
    static IdRegistry& of_process() {
        static constinit PerProcess<IdRegistry> table;
        return table.get();
    }

    std::uint64_t add(Value value) {
        const std::uint64_t id = next_id();
        put(id, std::move(value));
        return id;
    }

    void put(std::uint64_t id, Value value) {
        const std::lock_guard lock(mutex_);
        values_.emplace(id, std::move(value));
    }

    std::optional<Value> take(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(id);
        if (found == values_.end()) return std::nullopt;
        std::optional<Value> value(std::move(found->second));
        values_.erase(found);
        return value;
    }

    [[nodiscard]] std::optional<Value> find(std::uint64_t id) const {
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(id);
        return found == values_.end() ? std::nullopt : std::optional<Value>(found->second);
    }

    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return values_.size();
    }

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Value> values_;
};

}  // namespace portal
