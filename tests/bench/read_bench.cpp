// Reading a valid token, and reporting a 2xx, beside the least that they could cost.
#include <portal_session/portal_session.h>

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

#include "bench/ratio_main.hpp"

namespace {

constexpr char token_36[] = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d";

std::int64_t boot_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// The floor's sequence lock: 36 bytes in five words.
struct SequenceLock {
    std::atomic<std::uint64_t> sequence{0};
    std::array<std::atomic<std::uint64_t>, 5> words{};
};
SequenceLock floor_lock;

void floor_read(benchmark::State& state) {
    const bench::Pinned pinned;
    char token[40];
    for (auto _ : state) {
        benchmark::DoNotOptimize(boot_ms());
        for (;;) {
            const std::uint64_t before = floor_lock.sequence.load(std::memory_order_acquire);
            for (std::size_t i = 0; i < 5; ++i) {
                const std::uint64_t word = floor_lock.words[i].load(std::memory_order_acquire);
                std::memcpy(token + i * 8, &word, 8);
            }
            if ((before & 1) == 0 && floor_lock.sequence.load(std::memory_order_relaxed) == before) break;
        }
        benchmark::DoNotOptimize(token);
        benchmark::ClobberMemory();
    }
}

std::atomic<std::uint64_t> floor_cell{0};

void floor_report(benchmark::State& state) {
    const bench::Pinned pinned;
    for (auto _ : state) {
        const auto now = static_cast<std::uint64_t>(boot_ms());
        std::uint64_t seen = floor_cell.load(std::memory_order_relaxed);
        while (seen < now && !floor_cell.compare_exchange_weak(seen, now, std::memory_order_acq_rel)) {
        }
    }
}

portal_session* session_with(std::size_t token_bytes) {
    portal_options options;
    portal_init(&options, sizeof options);
    portal_session* session = nullptr;
    portal_session_open(&options, &session, nullptr);
    std::string token(token_bytes, 'x');
    std::memcpy(token.data(), token_36, sizeof token_36 - 1);
    portal_token_input input;
    portal_init(&input, sizeof input);
    input.token = {token.data(), token.size()};
    portal_session_push(session, &input, nullptr);
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char out[PORTAL_TOKEN_MAX];
    std::size_t length = sizeof out;
    portal_lease_wait(session, nullptr, &lease, out, &length, nullptr);
    return session;
}

void read_from(benchmark::State& state, portal_session* session) {
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    char token[PORTAL_TOKEN_MAX];
    for (auto _ : state) {
        std::size_t length = sizeof token;
        if (portal_lease_try(session, &lease, token, &length, nullptr) != PORTAL_OK) bench::fail("no token");
        benchmark::DoNotOptimize(token);
        benchmark::ClobberMemory();
    }
}

portal_session* session_36() {
    static portal_session* const session = session_with(36);
    return session;
}

void read_36(benchmark::State& state) {
    const bench::Pinned pinned;
    read_from(state, session_36());
}

void read_36_by_8(benchmark::State& state) { read_from(state, session_36()); }

void read_4096(benchmark::State& state) {
    static portal_session* const session = session_with(4096);
    const bench::Pinned pinned;
    read_from(state, session);
}

void report_2xx(benchmark::State& state) {
    portal_session* const session = session_36();
    const bench::Pinned pinned;
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    if (portal_lease_try(session, &lease, nullptr, nullptr, nullptr) != PORTAL_OK) bench::fail("no token");
    for (auto _ : state)
        if (portal_lease_report(session, &lease, 200, nullptr, nullptr) != PORTAL_OK) bench::fail("no report");
}

}  // namespace

BENCHMARK(floor_read);
BENCHMARK(read_36);
BENCHMARK(read_36_by_8)->Threads(8);
BENCHMARK(read_4096);
BENCHMARK(floor_report);
BENCHMARK(report_2xx);

int main(int argc, char** argv) {
    return bench::run(
        argc, argv,
        {{"read_36", "floor_read"}, {"read_36_by_8", "read_36"}, {"read_4096", ""}, {"report_2xx", "floor_report"}});
}
