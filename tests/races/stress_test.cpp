// 64 threads do ten million mixed operations on sessions that open and close under them: no token is torn, none comes back
// from before a logout or a rejection, each waiter is told once, and nothing is left.
#include <chrono>
#include <thread>

#include "stress.hpp"
#include "support/catch.hpp"
#include "support/signal.hpp"

namespace {

using namespace portal::test;

constexpr int thread_count = 64;
constexpr std::uint64_t operation_count = 10'000'000;
constexpr std::uint64_t batch = 256;  // on one session, which cannot go meanwhile
constexpr std::size_t slot_count = 8;

// A session that threads share until one of them puts another in its place. The last to let go of it closes it.
class Slot {
public:
    explicit Slot(bool has_store) : has_store_(has_store), session_(opened()) {}
    std::shared_ptr<StressSession> get() const {
        const std::lock_guard lock(mutex_);
        return *session_ ? std::shared_ptr<StressSession>(session_, session_->get()) : nullptr;
    }
    void replace() {
        auto next = opened();
        const std::lock_guard lock(mutex_);
        session_.swap(next);
    }

private:
    using Owner = std::shared_ptr<StressSession>;
    std::shared_ptr<Owner> opened() const {
        static std::atomic<int> closes{0};
        return {new Owner(StressSession::open(has_store_)), [](Owner* owner) {
                    (*owner)->close(++closes % 2 == 0);
                    delete owner;
                }};
    }
    const bool has_store_;
    mutable std::mutex mutex_;
    std::shared_ptr<Owner> session_;
};

void operate(StressSession& session, std::uint64_t dice) {
    const std::uint64_t kind = dice % 10'000;
    const std::uint64_t rest = dice / 10'000;
    if (kind < 9'000) return session.read();
    if (kind < 9'600) return session.report(false);
    if (kind < 9'750) return session.look(false);
    if (kind < 9'850) return session.acquire(rest);
    if (kind < 9'930) return backend.answer_one();
    if (kind < 9'955) return session.push();
    if (kind < 9'975) return session.report(true);
    if (kind < 9'985) return session.look(true);
    if (kind < 9'990) return session.wait();
    session.clear();
}

void run_thread(int number, std::vector<std::unique_ptr<Slot>>& slots, std::atomic<std::uint64_t>& done) {
    std::uint64_t state = 0x9e3779b97f4a7c15U * static_cast<std::uint64_t>(number + 1);
    const auto dice = [&state] {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    };
    while (done.fetch_add(batch) < operation_count) {
        Slot& slot = *slots[dice() % slot_count];
        if (dice() % 64 == 0) slot.replace();
        const std::shared_ptr<StressSession> session = slot.get();
        for (std::uint64_t i = 0; i < batch; ++i) operate(*session, dice());
    }
}

TEST_CASE("64 threads may do what they like, millions of times: no torn token, none from before a logout, one answer each") {
    {
        std::vector<std::unique_ptr<Slot>> slots;
        for (std::size_t i = 0; i < slot_count; ++i) slots.push_back(std::make_unique<Slot>(i % 2 == 0));
        std::atomic<std::uint64_t> done{0};
        std::thread answering([] { backend.answer_all_until_over(); });
        std::vector<std::thread> threads;
        for (int i = 0; i < thread_count; ++i) threads.emplace_back([&, i] { run_thread(i, slots, done); });
        for (std::thread& thread : threads) thread.join();
        backend.end();
        answering.join();
    }
    const auto deadline = std::chrono::steady_clock::now() + 2 * patience;
    while (portal_live_objects() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(portal_live_objects() == 0);
    CHECK(tokens_read > operation_count / 2);
    CHECK(waits.begun > 1000);
    CHECK(waits.told == waits.begun);
    CHECK(waits.released == waits.begun);
    CHECK(clears.begun > 100);
    CHECK(clears.told == clears.begun);
    CHECK(clears.released == clears.begun);
    INFO(findings.first());
    CHECK(findings.count() == 0);
}

}  // namespace
