// Benchmarks that are held to a limit: most of them a ratio to their floor, measured in the same run, on one processor,
// interleaved at random, medians of eleven compared.
#pragma once

#include <benchmark/benchmark.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace bench {

struct Limit {
    std::string name;   // of the benchmark
    std::string floor;  // of the one it is compared with; empty: `most` is nanoseconds
    double most = 1;    // 0: none, the figure is shown
};

// Keeps its thread on one processor, so that no figure has a move between two in it.
class Pinned {
#if defined(__linux__)
public:
    Pinned() {
        cpu_set_t one;
        CPU_ZERO(&one);
        ::sched_getaffinity(0, sizeof before_, &before_);
        int last = 0;
        for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &before_)) last = i;
        CPU_SET(last, &one);
        ::sched_setaffinity(0, sizeof one, &one);
    }
    ~Pinned() { ::sched_setaffinity(0, sizeof before_, &before_); }

private:
    cpu_set_t before_;
#else
public:
    Pinned() {}
#endif
};

// Keeps the median of each benchmark, beside what the console shows: processor time, or the time that it took itself.
class Medians : public benchmark::ConsoleReporter {
public:
    Medians() : ConsoleReporter(OO_Tabular) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs) {
            if (run.aggregate_name != "median") continue;
            const bool is_manual = run.run_name.time_type == "manual_time";
            const double to_ns = 1e9 / benchmark::GetTimeUnitMultiplier(run.time_unit);
            medians_ns[run.run_name.function_name] =
                to_ns * (is_manual ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime());
        }
    }
    std::map<std::string, double> medians_ns;  // without one that ended with an error
};

// Prints one line a limit; how many are over it, or were not measured.
inline int compare(const Medians& medians, const std::vector<Limit>& limits) {
    int failed = 0;
    std::printf("\n");
    for (const Limit& limit : limits) {
        const auto measured = medians.medians_ns.find(limit.name);
        const auto floor = medians.medians_ns.find(limit.floor);
        const bool has_floor = !limit.floor.empty();
        const bool is_there = measured != medians.medians_ns.end() && (!has_floor || floor != medians.medians_ns.end());
        const double value = !is_there ? 0 : has_floor ? measured->second / floor->second : measured->second;
        const bool good = is_there && (limit.most == 0 || value <= limit.most);
        std::printf("%-14s %8.2f %s %-14s", limit.name.c_str(), value, has_floor ? "x" : "ns", limit.floor.c_str());
        if (limit.most == 0) {
            std::printf("  no limit\n");
        } else {
            std::printf("  at most %6.2f  %s\n", limit.most, good ? "ok" : "OVER");
        }
        failed += good ? 0 : 1;
    }
    return failed;
}

// Runs all benchmarks and returns the program's exit code. What else runs on the machine only adds to a figure, so one that
// is over its limit is measured again, twice at most.
inline int run(int argc, char** argv, const std::vector<Limit>& limits) {
    std::vector<std::string> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, {"--benchmark_repetitions=11", "--benchmark_enable_random_interleaving=true",
                                             "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.05"});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
    int failed = 1;
    for (int tries = 0; tries < 3 && failed != 0; ++tries) {
        if (tries != 0) std::printf("\nMeasured again:\n");
        Medians medians;
        benchmark::RunSpecifiedBenchmarks(&medians);
        failed = compare(medians, limits);
    }
    std::printf("%d passed, %d failed\n", static_cast<int>(limits.size()) - failed, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace bench
