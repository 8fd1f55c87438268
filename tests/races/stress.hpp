// Sessions under the hands of many threads, and what must hold whatever they do.
#pragma once

#include <portal_session/portal_session.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace portal::test {

// Counts what went wrong, and keeps the first of it.
class Findings {
public:
    void check(bool holds, std::string_view what) {
        if (holds) return;
        const std::lock_guard lock(mutex_);
        if (count_++ == 0) first_ = what;
    }
    [[nodiscard]] std::uint64_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    [[nodiscard]] std::string first() const {
        const std::lock_guard lock(mutex_);
        return first_;
    }

private:
    mutable std::mutex mutex_;
    std::uint64_t count_ = 0;
    std::string first_;
};

// What was begun and must be told of exactly once.
struct Promises {
    std::atomic<std::int64_t> begun{0};
    std::atomic<std::int64_t> told{0};
    std::atomic<std::int64_t> released{0};
};

// Token requests that were not answered inside the call. A thread of its own answers each in the end, if nobody else did.
class Backend {
public:
    void take(std::uint64_t request);
    void answer_one();
    void answer_all_until_over();
    void end();

private:
    static void answer(std::uint64_t request);
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::uint64_t> requests_;
    bool is_over_ = false;
};

// Never destroyed: callbacks may come until the process ends.
inline Findings& findings = *new Findings;
inline Promises& waits = *new Promises;
inline Promises& clears = *new Promises;
inline Backend& backend = *new Backend;
inline std::atomic<std::uint64_t>& tokens_read = *new std::atomic<std::uint64_t>{0};

// A token names itself by a number, and all its bytes follow from that: a mix of two is seen.
class StressToken {
public:
    static std::string next(std::uint64_t epoch);
    // The number; 0: no token that was made here, whole.
    static std::uint64_t number_of(std::string_view text);
    // The epoch that a push named; 0: none.
    static std::uint64_t epoch_of(std::string_view text);

private:
    static std::string text_of(std::uint64_t number, std::uint64_t epoch);
};

// One open session with its host parts: a provider that answers now or later, fails or declines; half of them have a store.
class StressSession : public std::enable_shared_from_this<StressSession> {
public:
    // What held when a call began. What the call gives must be newer.
    struct Since {
        std::uint64_t epoch = 0;       // of the last clear that had returned
        std::uint64_t generation = 0;  // the newest that had been reported dead, or replaced by a push
    };

    static std::shared_ptr<StressSession> open(bool has_store);
    ~StressSession() = default;
    void close(bool waits_for_end);

    // One operation each. Who reads and finds no token waits for one, and who gets none signs in, as an app does.
    void read();
    void report(bool is_rejected);
    void push();
    void clear();
    void acquire(std::uint64_t dice);
    void wait();
    void look(bool explains);

    [[nodiscard]] Since since() const { return {cleared_.load(), dead_.load()}; }
    void check(const Since& since, const portal_lease& lease, std::string_view token);

private:
    explicit StressSession(bool has_store) : has_store_(has_store) {}
    void ask(std::uint64_t request);
    void load(std::uint64_t id);
    void save(std::uint64_t id, std::uint64_t wanted, portal_bytes bytes);
    static void raise(std::atomic<std::uint64_t>& cell, std::uint64_t value);
    [[nodiscard]] std::uint64_t epoch() const;

    static constexpr std::size_t remembered = 4096;

    const bool has_store_;
    portal_session* session_ = nullptr;
    std::atomic<std::uint64_t> cleared_{0};
    std::atomic<std::uint64_t> dead_{0};
    std::array<std::atomic<std::uint64_t>, remembered> number_of_generation_{};  // generation above, number below
    std::atomic<std::uint64_t> asks_{0};

    std::mutex mutex_;
    std::string record_;
    std::uint64_t revision_ = 0;
};

}  // namespace portal::test
