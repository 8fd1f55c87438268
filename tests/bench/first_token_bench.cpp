// The first token of a process from the encrypted file, beside a bare program that reads a file and opens one message.
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/elapsed.hpp"
#include "bench/ratio_main.hpp"
#include "support/run_program.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal::test;

const TempDir folder;

std::string run_for_output(const std::vector<std::string>& words) {
    const Ran ran = run_program(words);
    if (ran.exit_code != 0) throw std::runtime_error(words[0] + " failed: " + ran.errors);
    return ran.output;
}

// What the program measured from `main` on, or as a whole: with the loader, libraries and its end.
void measure(benchmark::State& state, const std::vector<std::string>& words, bool whole) {
    for (auto _ : state) {
        const bench::Instant began = bench::now();
        const double from_main_ns = std::stod(run_for_output(words));
        const std::chrono::duration<double> took = bench::now() - began;
        state.SetIterationTime(whole ? took.count() : from_main_ns / 1e9);
    }
}

void floor_open(benchmark::State& state) { measure(state, {BARE_OPEN_PROGRAM, folder.file("message")}, false); }
void first_token(benchmark::State& state) { measure(state, {FIRST_TOKEN_PROGRAM, folder.path()}, false); }
void floor_process(benchmark::State& state) { measure(state, {BARE_OPEN_PROGRAM, folder.file("message")}, true); }
void process(benchmark::State& state) { measure(state, {FIRST_TOKEN_PROGRAM, folder.path()}, true); }

}  // namespace

BENCHMARK(floor_open)->UseManualTime()->Iterations(5)->Unit(benchmark::kMicrosecond);
BENCHMARK(first_token)->UseManualTime()->Iterations(5)->Unit(benchmark::kMicrosecond);
BENCHMARK(floor_process)->UseManualTime()->Iterations(5)->Unit(benchmark::kMicrosecond);
BENCHMARK(process)->UseManualTime()->Iterations(5)->Unit(benchmark::kMicrosecond);

int main(int argc, char** argv) {
    run_for_output({BARE_OPEN_PROGRAM, "--seal", folder.file("message")});
    run_for_output({FIRST_TOKEN_PROGRAM, "--push", folder.path()});
    return bench::run(argc, argv, {{"first_token", "floor_open"}, {"process", "floor_process"}});
}
