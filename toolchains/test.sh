#!/usr/bin/env bash
# Builds portal-session in several ways and runs the tests of each. `toolchains/test.sh --help` says which.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh

usage() {
    cat <<'TEXT'
Passes the tests of portal-session: installs what is missing, builds, runs ctest. Exit code 0: every test ran and passed.

  toolchains/test.sh                 the presets release (everything) and slim (no curl, OpenSSL or simdjson)
  toolchains/test.sh --sanitizers    asan (address and undefined behaviour) and tsan (threads)
  toolchains/test.sh --bench         the benchmarks: figures beside their floors, for you to read; no time fails
  toolchains/test.sh --kotlin        the Kotlin wrapper: on the JVM, and on Android's own classes
  toolchains/test.sh --swift         the Swift package and, on Linux, the C++ tests with a second compiler: toolchains/swift.sh
  toolchains/test.sh --preset NAME   one preset of CMakePresets.json; may be repeated
  toolchains/test.sh --all           all of these: what CI runs
  --no-install                       use what is installed; without it apt or Homebrew gets what is missing
  --help                             this text

A test that is skipped or not run counts as failed. Each preset builds in build/NAME; to run some of its tests again:
  ctest --preset release -R 'unit_lifetime'      by name (a regular expression over "program: sentence")
  ctest --preset release -L unit                 by folder of tests/
  build/release/bin/unit_lifetime                one program, with Catch2's own options
TEXT
}

parts=""
install=yes
while [ $# -ne 0 ]; do
    case $1 in
    --sanitizers) parts="$parts asan tsan" ;;
    --bench) parts="$parts bench" ;;
    --kotlin) parts="$parts kotlin" ;;
    --swift) parts="$parts swift" ;;
    --all) parts="release bench slim kotlin asan tsan swift" ;;
    --preset)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        parts="$parts $2"
        shift
        ;;
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) echo "test.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

start_steps
[ $install = no ] || bash toolchains/provision.sh build tests || exit 1
show_homebrew_libraries

failed=""

build() {
    must "$1: configure" cmake --preset "$1"
    must "$1: build" cmake --build --preset "$1"
}

run_tests() {
    local preset=$1 result=0
    step "$preset: test" ctest --preset "$preset" --label-exclude bench --parallel "$(processors)" --no-label-summary || result=$?
    if [ $result -ne 0 ]; then
        # The tests that passed are no news.
        grep -vE '^ *Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test .* Passed +[0-9.]+ sec$' "$step_log"
        failed="$failed $preset"
    else
        all_ran || failed="$failed $preset"
    fi
    grep -E '^[0-9]+% tests passed|^Total Test time' "$step_log"
}

# Nothing else runs meanwhile, and what was measured is shown in any case.
run_benchmarks() {
    step "benchmarks" ctest --preset release --label-regex bench --verbose --no-label-summary && all_ran || failed="$failed bench"
    sed -n 's/^[0-9]*: figure: //p' "$step_log"
    grep -E '^[0-9]+% tests passed|^Total Test time' "$step_log"
}

# A script of its own, whose steps and times are its own.
run_script() {
    local options=""
    [ $install = yes ] || options=--no-install
    guarded bash "toolchains/$1.sh" $options || failed="$failed $1"
}

for part in ${parts:-release slim}; do
    case $part in
    kotlin | swift) run_script "$part" ;;
    bench)
        build release
        run_benchmarks
        ;;
    *)
        build "$part"
        run_tests "$part"
        ;;
    esac
done

[ -z "$failed" ] || fail "failed:$failed ($(elapsed))"
echo "[$(elapsed)] All passed."
