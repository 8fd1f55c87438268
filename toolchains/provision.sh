#!/usr/bin/env bash
# Installs what is missing to build and test portal-session; silent where nothing is.
#   toolchains/provision.sh build|tests|kotlin|swift|swift-root|apple ...
# Debian and Ubuntu: apt. macOS: Homebrew. Elsewhere: says what is needed, and ends with 1.
set -euo pipefail

# A line: the command that shows that it is there ("-": the package itself is looked for), Debian's package, Homebrew's
# formula, and what it is for. `build` is all that CMake asks for; `tests` is what the tests run beside; `swift` makes the
# folder that `swift-root` fills (toolchains/swift.sh).
needs_of() {
    case $1 in
    build)
        cat <<'LIST'
g++               g++                   xcode          the compiler
cmake             cmake                 cmake          the build (3.25 or newer)
ninja             ninja-build           ninja          the build
pkg-config        pkg-config            pkg-config     the build
-                 libexpected-dev       tl-expected    tl::expected, the core's results
-                 libcurl4-openssl-dev  curl           libcurl 7.85 or newer, the default transport
-                 libssl-dev            openssl@3      OpenSSL 3, the encrypted file store
-                 libsimdjson-dev       simdjson       simdjson 3, Portal's JSON answers
-                 libcli11-dev          cli11          CLI11, the programs' command lines
-                 libcpp-httplib-dev    cpp-httplib    cpp-httplib, the fake Portal
-                 ca-certificates       -              the platform's trust, for the real Portal
-                 catch2                catch2         Catch2 2 or 3, the tests
-                 librapidcheck-dev     rapidcheck     RapidCheck, the property tests
-                 libbenchmark-dev      google-benchmark  Google Benchmark, the benchmarks
LIST
        ;;
    tests)
        cat <<'LIST'
curl              curl                  -                 tests of the command line with curl
clang             clang                 xcode             the header checked for iOS and Android
valgrind          valgrind              -                 instructions counted, on Linux
LIST
        ;;
    kotlin)
        cat <<'LIST'
javac             openjdk-17-jdk-headless  openjdk@17  a JDK, for the Kotlin wrapper and its native half
mvn               maven                 maven          Maven, its build
aapt2             aapt                  -              the AAR's manifest, read by Android's own tool
-                 android-framework-res -              ... and by Android's own rules
LIST
        ;;
    swift)
        cat <<'LIST'
debootstrap       debootstrap           -                 a Debian 13 folder: the oldest Debian with Swift 6
LIST
        ;;
    swift-root)
        cat <<'LIST'
-                 swiftlang             -                 Swift 6, inside that folder
-                 libc6-dev             -                 what swiftlang links with, and does not ask for
-                 libstdc++-14-dev      -                 the core compiled by SwiftPM
git               git                   -                 swift package diagnose-api-breaking-changes
LIST
        ;;
    apple)
        cat <<'LIST'
-                 libexpected-dev       tl-expected       tl::expected, the core's results
-                 lld-19                -                 the linker for Apple's files
-                 llvm-19               -                 dsymutil, lipo, nm, otool, strip for them
clang             clang                 xcode             the module imported as an app does
python3           python3               xcode             the xcframework put together and looked at
-                 python3-venv          -                 a folder for ziglang, a clang with Apple's headers
LIST
        ;;
    *)
        echo "provision.sh: no group \"$1\": build, tests, kotlin, swift, swift-root, apple" >&2
        exit 2
        ;;
    esac
}

has_command() {
    if [ "$1" = clang ]; then
        # Debian names each version's program after it.
        local clang
        for clang in clang clang-22 clang-21 clang-20 clang-19 clang-18 clang-17 clang-16; do
            command -v "$clang" >/dev/null && return
        done
        return 1
    fi
    command -v "$1" >/dev/null || return
    # Each Mac has a javac, which without a JDK says no more than that there is none.
    [ "$1" != javac ] || javac -version >/dev/null 2>&1
}

with_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "provision.sh: installing needs root: run it as root once, or install sudo." >&2
        exit 1
    fi
}

apt_get() {
    with_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --no-install-recommends "$@"
}

# Of the releases that have several clangs, the newest that is known to work.
apt_name() {
    if [ "$1" = clang ] && apt-cache show clang-19 >/dev/null 2>&1; then echo clang-19; else echo "$1"; fi
}

install_with_apt() {
    local command package formula why name names="" log
    while read -r command package formula why; do
        case $package in -) continue ;; esac
        if [ "$command" != - ] && has_command "$command"; then continue; fi
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ]; then continue; fi
        names="$names $package"
        printf 'missing: %-22s %s\n' "$package" "$why"
    done
    [ -n "$names" ] || return 0

    log=$(mktemp)
    echo "installing with apt-get ..."
    local packages=()
    if ! apt_get update >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "provision.sh: apt-get update failed, see above: check the network and the sources of apt." >&2
        exit 1
    fi
    for name in $names; do packages+=("$(apt_name "$name")"); done
    if ! apt_get install "${packages[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "provision.sh: apt-get could not install them, see above. Debian 12 and Ubuntu 24.04 and newer have all of it." >&2
        exit 1
    fi
    rm -f "$log"
    echo "installed: ${packages[*]}"
}

install_with_homebrew() {
    local command package formula why
    local formulas=()
    while read -r command package formula why; do
        case $formula in
        -) continue ;;
        xcode)
            if xcode-select -p >/dev/null 2>&1; then continue; fi
            echo "provision.sh: $why is missing: run \"xcode-select --install\"." >&2
            exit 1
            ;;
        esac
        if [ "$command" != - ] && has_command "$command"; then continue; fi
        if brew list --versions "$formula" >/dev/null 2>&1; then continue; fi
        formulas+=("$formula")
        printf 'missing: %-22s %s\n' "$formula" "$why"
    done
    [ "${#formulas[@]}" -ne 0 ] || return 0
    echo "installing with Homebrew ..."
    if ! HOMEBREW_NO_INSTALL_CLEANUP=1 brew install --quiet "${formulas[@]}" </dev/null; then
        echo "provision.sh: Homebrew could not install all of them, see above. What it lacks, vcpkg or Conan may have:" >&2
        echo "install it, add its place to CMAKE_PREFIX_PATH and call again with --no-install." >&2
        exit 1
    fi
}

# An older one would say of the presets no more than that it can't read them.
check_cmake() {
    local least have
    least=$(sed -n 's/.*"cmakeMinimumRequired": {"major": \([0-9]*\), "minor": \([0-9]*\).*/\1.\2/p' \
        "$(dirname "$0")/../CMakePresets.json")
    have=$(cmake --version | sed -n 's/^cmake version \([0-9]*\.[0-9]*\).*/\1/p')
    [ "$(printf '%s\n' "$least" "$have" | sort -t . -k 1,1n -k 2,2n | head -n 1)" != "$least" ] || return 0
    echo "provision.sh: $(command -v cmake) is version $have, and CMakePresets.json needs $least. Debian 12 and Ubuntu 24.04 have" >&2
    echo "it, and so has PyPI: install it there, put it first in PATH and call again." >&2
    exit 1
}

[ $# -ne 0 ] || { sed -n '2,4s/^# *//p' "$0"; exit 2; }
needs=$(for group in "$@"; do needs_of "$group"; done)

if command -v apt-get >/dev/null; then
    install_with_apt <<<"$needs"
elif [ "$(uname -s)" = Darwin ] && command -v brew >/dev/null; then
    install_with_homebrew <<<"$needs"
else
    {
        echo "provision.sh installs with apt or Homebrew; neither is here. Needed (Debian's names):"
        while read -r _ package _ why; do printf '  %-22s %s\n' "$package" "$why"; done <<<"$needs"
        echo "Once they are installed, call again with --no-install. CMake finds them with find_package, so vcpkg and Conan do too."
    } >&2
    exit 1
fi

if grep -q '^cmake ' <<<"$needs"; then check_cmake; fi
