#!/usr/bin/env bash
# Passes the tests of the Swift package; on Linux the C++ tests too, with a second compiler. `--help` says more.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh
# shellcheck source=SCRIPTDIR/swift_root.sh
. toolchains/swift_root.sh

usage() {
    cat <<'TEXT'
Builds and tests the Swift package, under the thread and the address sanitizer; holds its sources to one format, its
documentation to no warning, and its public API to bindings/swift/api.txt; prints what a lease costs.

  toolchains/swift.sh              on macOS, or where there is a Swift 6: with that one. On other Linux machines it makes a
                                   Debian 13 with Swift 6 in a folder (3 GB, outside the repository, used again), and runs
                                   the whole C++ suite there too: gcc 14, Catch2 3, curl 8, OpenSSL 3.5; then apple.sh
  --update-api                     writes bindings/swift/api.txt anew, after an addition
  --no-install                     use what is installed
  --help                           this text

PORTAL_SESSION_CACHE names another place for that folder than /var/cache/portal-session. Everything else is under build/.
TEXT
}

install=yes
update_api=no
while [ $# -ne 0 ]; do
    case $1 in
    --no-install) install=no ;;
    --update-api) update_api=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "swift.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

has_swift_6() { command -v swift >/dev/null && swift --version 2>/dev/null | grep -qE 'Swift version ([6-9]|[1-9][0-9])\.'; }

# Where everything runs: this machine, or the root. On Linux the tests write to the file of trusted certificates: to a copy,
# which ends with the command.
inside() {
    [ "$(uname -s)" = Linux ] || { "$@"; return; }
    # shellcheck disable=SC2016
    unshare --map-root-user --mount --propagation private bash -c '
        trust=/etc/ssl/certs/ca-certificates.crt
        mount -t tmpfs tmpfs /mnt && cp "$trust" /mnt/trust.pem && mount --bind /mnt/trust.pem "$trust" || exit
        exec "$@"' bash "$@"
}
here=$PWD

swift_package() { # SCRATCH ARGUMENTS...
    local scratch=$here/build/swift/$1 command=$2
    shift 2
    # A plan of an earlier set of files is an error to SwiftPM, and not made anew.
    rm -f "${scratch/#$here/$PWD}"/*.yaml "${scratch/#$here/$PWD}"/*/*/description.json
    inside env PORTAL_SESSION_FAKE_PORTAL="$here/$cmake_build/bin/fake-portal" PORTAL_SESSION_FROM_SOURCE=1 \
        PORTAL_SESSION_TRUST_FILE=/etc/ssl/certs/ca-certificates.crt TSAN_OPTIONS=halt_on_error=1 \
        ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1 \
        swift "$command" --scratch-path "$scratch" "$@"
}

# A step of which others are independent: what it said, if it failed, and its name for the end.
failed=""
try() {
    step "$@" && return
    tail -n 60 "$step_log"
    failed="$failed; $1"
}

cxx_suite() {
    inside ctest --test-dir "$cmake_build" --label-exclude bench --parallel "$(processors)" \
        --no-label-summary --output-on-failure --timeout 300 --no-tests=error
}

# A test run that ends well and ran nothing, or skipped something, is no pass.
swift_tests() {
    local log=$work_dir/swift-tests.log
    swift_package "$@" 2>&1 | tee "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] && grep -qE 'Test run with [1-9][0-9]* tests passed' "$log" && ! grep -q 'skipped' "$log"
}

documentation() {
    local graphs=build/swift/documented
    mkdir -p $graphs && cp build/swift/graphs/PortalSessionKit*.json $graphs || return
    inside "$(docc_program)" convert bindings/swift/Sources/PortalSessionKit/Documentation.docc \
        --additional-symbol-graph-dir "$here/$graphs" --output-path "$here/build/swift/PortalSessionKit.doccarchive" \
        --fallback-display-name PortalSessionKit --fallback-bundle-identifier PortalSessionKit --warnings-as-errors
}

# The public API is what bindings/swift/api.txt says: a line that is gone breaks who uses it, a new one is a promise.
public_api() {
    local now=$here/build/swift/api.txt
    inside swiftc -O toolchains/swift_api.swift -o "$here/build/swift/api-list" || return
    inside sh -c "$here/build/swift/api-list $here/build/swift/graphs/PortalSessionKit.symbols.json >$now" || return
    [ $update_api = no ] || cp build/swift/api.txt bindings/swift/api.txt
    diff -u bindings/swift/api.txt build/swift/api.txt && return
    echo "The public API changed. A line with \"-\" breaks apps; for one with \"+\": toolchains/swift.sh --update-api"
    return 1
}

docc_program() { if [ "$here" = /src ]; then echo /usr/libexec/swift/bin/docc; else command -v docc || xcrun --find docc; fi; }

start_steps
if [ "$(uname -s)" != Darwin ] && ! has_swift_6; then
    take_swift_root
    inside() { in_swift_root "$@"; }
    here=/src
else
    [ $install = no ] || bash toolchains/provision.sh build || exit 1
    show_homebrew_libraries
fi
mkdir -p build/swift/home build/swift/graphs

cmake_build=build/release
if [ "$here" = /src ]; then cmake_build=build/trixie; fi
must "C++: configure" inside cmake --preset release -B "$cmake_build"
must "C++: fake-portal" inside cmake --build "$cmake_build" --target fake-portal

try "Swift: one format" inside swift format lint --strict -r Package.swift bindings/swift
try "Swift: tests, thread sanitizer" swift_tests thread test --sanitize=thread \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$here/build/swift/graphs"
try "Swift: tests, address sanitizer" swift_tests address test --sanitize=address
try "Swift: public API" public_api
try "Swift: documentation" documentation
try "Swift: a lease beside the C call" swift_package release run -c release LeaseBench
tail -n 3 "$step_log"

if [ "$here" = /src ]; then
    must "C++: build with gcc 14" inside cmake --build "$cmake_build"
    try "C++: test with gcc 14" cxx_suite
    all_ran || failed="$failed; C++: tests that did not run"
    grep -E '^[0-9]+% tests passed|^Total Test time' "$step_log"
    options=""
    [ $install = yes ] || options=--no-install
    guarded bash toolchains/apple.sh $options || failed="$failed; the slices for Apple"
fi

[ -z "$failed" ] || fail "failed: ${failed#; } ($(elapsed))"
echo "[$(elapsed)] All passed."
