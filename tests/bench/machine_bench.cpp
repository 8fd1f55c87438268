// A step of the session machine in steady state: what a caller that waits and a report cost the worker.
#include "bench/ratio_main.hpp"
#include "support/allocations.hpp"
#include "support/machine_driver.hpp"

namespace {

using namespace portal;
using namespace portal::test;

// A machine with a good token and nothing to do, and what a step needs.
struct Rig {
    Rig() : machine(machine_config()) {
        step(event::Opened{});
        LoadResult absent;
        absent.outcome = LoadOutcome::absent;
        for (const Effect& effect : Effects(effects))
            if (const auto* load = std::get_if<effect::Load>(&effect)) step(event::Loaded{load->operation, absent});
        step(event::Pushed{offer_of("a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d")});
        for (int i = 0; i < 8; ++i) settle();
    }
    void settle() {
        for (const Effect& effect : Effects(effects))
            if (const auto* save = std::get_if<effect::Save>(&effect))
                step(event::Saved{save->operation, {SaveOutcome::saved}});
    }
    void step(const Event& event) {
        effects.clear();
        machine.step(event, moment, effects);
    }

    Machine machine;
    Effects effects;
    Moment moment{{1'000'000, 1'700'000'000'000, 7}};
};

template <typename Make>
void steps(benchmark::State& state, Make&& make) {
    const bench::Pinned pinned;
    Rig rig;
    for (int i = 0; i < 100; ++i) rig.step(make(rig));  // what grows once has grown
    const std::uint64_t before = allocations();
    for (auto _ : state) rig.step(make(rig));
    if (allocations() != before) bench::fail("a step allocates");
}

void step_acquire(benchmark::State& state) {
    std::uint64_t waiter = 0;
    steps(state, [&](const Rig&) -> Event { return event::Acquire{++waiter, 35'000}; });
}

void step_report(benchmark::State& state) {
    steps(state, [](const Rig& rig) -> Event {
        return event::Accepted{rig.machine.record().epoch, rig.machine.record().generation, 7, 1'000'000};
    });
}

}  // namespace

BENCHMARK(step_acquire);
BENCHMARK(step_report);

int main(int argc, char** argv) { return bench::run(argc, argv, {{"step_acquire", ""}, {"step_report", ""}}); }
