// Benchmarks that are held to a ratio: each beside its floor, in the same run, interleaved at random, medians compared.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace bench {

struct Limit {
    std::string name;   // of the benchmark
    std::string floor;  // of the one it is compared with
    double most = 1;    // the ratio of their medians
};

// Keeps the median of each benchmark, beside what the console shows.
class Medians : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs)
            if (run.aggregate_name == "median") medians[run.run_name.function_name] = run.GetAdjustedCPUTime();
    }
    std::map<std::string, double> medians;
};

// Runs all benchmarks and returns the program's exit code: 1 where a ratio is over its limit, or a benchmark is missing.
inline int run(int argc, char** argv, const std::vector<Limit>& limits) {
    std::vector<std::string> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, {"--benchmark_repetitions=11", "--benchmark_enable_random_interleaving=true",
                                             "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.05"});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    Medians medians;
    benchmark::RunSpecifiedBenchmarks(&medians);
    int failed = 0;
    std::printf("\n");
    for (const Limit& limit : limits) {
        const auto measured = medians.medians.find(limit.name);
        const auto floor = medians.medians.find(limit.floor);
        const bool is_there = measured != medians.medians.end() && floor != medians.medians.end();
        const double ratio = is_there ? measured->second / floor->second : 0;
        const bool good = is_there && ratio <= limit.most;
        std::printf("%-28s %6.2f x %-28s at most %.2f  %s\n", limit.name.c_str(), ratio, limit.floor.c_str(), limit.most,
                    good ? "ok" : "OVER");
        failed += good ? 0 : 1;
    }
    std::printf("%d passed, %d failed\n", static_cast<int>(limits.size()) - failed, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace bench
