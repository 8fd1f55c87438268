// The rules that always hold, over thousands of lives of a session. To replay one: PORTAL_SIMULATION_SEED=n.
#include <cstdio>
#include <cstdlib>

#include "simulation/simulator.hpp"
#include "support/catch.hpp"

using namespace portal;
using namespace portal::test;

namespace {

void simulate_many(SimulationOptions options, std::uint64_t seeds) {
    std::uint64_t first = 1;
    if (const char* replayed = std::getenv("PORTAL_SIMULATION_SEED")) {
        first = std::strtoull(replayed, nullptr, 10);
        seeds = 1;
    }
    SimulationResult all;
    for (options.seed = first; options.seed < first + seeds; ++options.seed) {
        const SimulationResult one = simulate(options);
        all.steps += one.steps;
        all.handed_out += one.handed_out;
        all.mints += one.mints;
        if (one.broken.empty()) continue;
        FAIL_CHECK(one.broken << ": PORTAL_SIMULATION_SEED=" << options.seed << " replays it");
        break;
    }
    std::printf("%llu lives of %d days, %d process(es): %llu steps, %llu tokens handed out, %llu minted\n",
                static_cast<unsigned long long>(seeds), options.days, options.processes,
                static_cast<unsigned long long>(all.steps), static_cast<unsigned long long>(all.handed_out),
                static_cast<unsigned long long>(all.mints));
}

}  // namespace

TEST_CASE("the rules hold for one process among faults of all kinds") { simulate_many({}, 2'000); }

TEST_CASE("the rules hold for two processes on one store among faults of all kinds") {
    SimulationOptions options;
    options.processes = 2;
    simulate_many(options, 2'000);
}

TEST_CASE("the rules hold for two processes without faults, and one asks at a time") {
    SimulationOptions options;
    options.processes = 2;
    options.faults = false;
    simulate_many(options, 500);
}

TEST_CASE("without faults, for one process and no lead, the tokens minted are the least possible") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.faults = options.latency = false;
        options.days = 120;
        options.policy.renewal_lead_ms = 0;
        const SimulationResult result = simulate(options);
        INFO("seed " << seed);
        CHECK(result.broken.empty());
        CHECK(result.least_mints > 10);
        CHECK(result.mints == result.least_mints + 1);  // the last is the forced one of the recovery check
    }
}

TEST_CASE("a lead adds at most one token for each stop after seven days") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.faults = options.latency = false;
        options.days = 120;
        const SimulationResult result = simulate(options);
        INFO("seed " << seed);
        CHECK(result.broken.empty());
        CHECK(result.mints <= result.least_mints + 1 + 120 / 6);
    }
}
