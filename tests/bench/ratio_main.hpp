// Benchmarks beside their floors, measured in the same run, on one processor, interleaved at random, medians of eleven
// compared. The figures are for the reader: a time depends on the processor and on what else runs, so it fails no test. A
// benchmark that met an error, or was not measured, does.
#pragma once

#include <benchmark/benchmark.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace bench {

struct Figure {
    std::string name;   // of the benchmark
    std::string floor;  // of the one it is compared with; empty: shown in nanoseconds
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
    std::map<std::string, double> medians_ns;
};

// Lets the program fail, and says why once. SkipWithError does not serve: Google Benchmark forgets an error where another of
// the eleven repetitions went well, or crashes on it.
inline std::atomic<int> errors{0};
inline void fail(const char* why) {
    if (errors++ == 0) std::fprintf(stderr, "ERROR: %s\n", why);
}

// Prints one line a figure, and returns how many were not measured.
inline int print(const Medians& medians, const std::vector<Figure>& figures) {
    int missing = 0;
    std::printf("\n");
    for (const Figure& figure : figures) {
        const auto measured = medians.medians_ns.find(figure.name);
        const auto floor = medians.medians_ns.find(figure.floor);
        const bool has_floor = !figure.floor.empty();
        if (measured == medians.medians_ns.end() || (has_floor && floor == medians.medians_ns.end())) {
            std::printf("figure: %-14s NOT MEASURED\n", figure.name.c_str());
            ++missing;
        } else if (has_floor) {
            std::printf("figure: %-14s %8.0f ns, %.2f times %s\n", figure.name.c_str(), measured->second,
                        measured->second / floor->second, figure.floor.c_str());
        } else {
            std::printf("figure: %-14s %8.0f ns\n", figure.name.c_str(), measured->second);
        }
    }
    return missing;
}

// Runs all benchmarks and returns the program's exit code.
inline int run(int argc, char** argv, const std::vector<Figure>& figures) {
    std::vector<std::string> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, {"--benchmark_repetitions=11", "--benchmark_enable_random_interleaving=true",
                                             "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.05"});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
    Medians medians;
    benchmark::RunSpecifiedBenchmarks(&medians);
    const int missing = print(medians, figures);
    std::printf("%d measured, %d missing, %d errors\n", static_cast<int>(figures.size()) - missing, missing, errors.load());
    return missing == 0 && errors == 0 ? 0 : 1;
}

}  // namespace bench
