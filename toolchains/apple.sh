#!/usr/bin/env bash
# Makes build/apple/CPortalSession.xcframework, the core as an iOS app takes it. `toolchains/apple.sh --help` says more.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh

usage() {
    cat <<'TEXT'
Builds the core for iOS, its simulator and macOS, as dynamic frameworks of the slim flavour, and looks at the result: layout,
exported names, platforms, dependencies, required-reason APIs, size.

  toolchains/apple.sh              on macOS, with Xcode: the xcframework to ship, its zip, and the checksum for Package.swift
  APPLE_IDENTITY="Apple Distribution: ..." toolchains/apple.sh
                                   signs it
  toolchains/apple.sh              on Linux: the same from clang and stubs of the system's libraries, to be looked at, never
                                   shipped (PORTAL_SESSION_CACHE: where its tools are kept)
  --no-install                     use what is installed, and downloaded before
TEXT
}

install=yes
while [ $# -ne 0 ]; do
    case $1 in
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) echo "apple.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

work=build/apple/work
libraries=build/apple/libraries
framework=build/apple/CPortalSession.xcframework
python=python3

# ziglang is a clang that has Apple's headers.
take_cross_tools() {
    local tools=${PORTAL_SESSION_CACHE:-/var/cache/portal-session}/apple
    python=$tools/bin/python
    [ -e "$tools/stamp" ] && return
    [ $install = yes ] || fail "ziglang is not in $tools, and --no-install"
    { mkdir -p "$tools" && [ -w "$tools" ]; } || fail "cannot write to $tools: set PORTAL_SESSION_CACHE to another folder"
    python3 -m venv "$tools" && { "$tools/bin/pip" install -q ziglang==0.17.1 || "$tools/bin/pip" install -q ziglang==0.17.1; } &&
        touch "$tools/stamp"
}

# One library for each slice, by Xcode's compiler: FOLDER SDK PROCESSORS SYSTEM LEAST
xcode_slice() {
    local build=$work/$1 prefix
    prefix=$(brew --prefix tl-expected)
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DCMAKE_SYSTEM_NAME="$4" -DCMAKE_OSX_SYSROOT="$2" \
        -DCMAKE_OSX_ARCHITECTURES="$3" -DCMAKE_OSX_DEPLOYMENT_TARGET="$5" -DCMAKE_CXX_FLAGS=-g \
        -DCMAKE_SHARED_LINKER_FLAGS=-Wl,-application_extension \
        -DPORTAL_SESSION_WITH_HTTP=OFF -DPORTAL_SESSION_WITH_FILE_STORE=OFF -DPORTAL_SESSION_TESTS=OFF \
        -DPORTAL_SESSION_PROGRAMS=OFF -Dtl-expected_DIR="$prefix/share/cmake/tl-expected" || return
    cmake --build "$build" --target portal_session || return
    mkdir -p "$libraries/$1"
    cp "$build/lib/libportal_session.dylib" "$libraries/$1/CPortalSession" &&
        dsymutil "$libraries/$1/CPortalSession" -o "$libraries/$1/CPortalSession.dSYM" &&
        strip -x -S "$libraries/$1/CPortalSession"
}

xcode_slices() {
    rm -rf "$libraries"
    xcode_slice ios-arm64 iphoneos arm64 iOS 15.0 &&
        xcode_slice ios-arm64_x86_64-simulator iphonesimulator 'arm64;x86_64' iOS 15.0 &&
        xcode_slice macos-arm64_x86_64 macosx 'arm64;x86_64' Darwin 12.0 || return
    local id=@rpath/CPortalSession.framework
    install_name_tool -id $id/CPortalSession "$libraries/ios-arm64/CPortalSession" &&
        install_name_tool -id $id/CPortalSession "$libraries/ios-arm64_x86_64-simulator/CPortalSession" &&
        install_name_tool -id $id/Versions/A/CPortalSession "$libraries/macos-arm64_x86_64/CPortalSession"
}

sign() {
    local part
    for part in "$framework"/*/CPortalSession.framework "$framework"; do
        codesign --force --timestamp --sign "$APPLE_IDENTITY" "$part" || return
    done
}

start_steps
mkdir -p "$work"
if [ "$(uname -s)" = Darwin ]; then
    [ $install = no ] || bash toolchains/provision.sh build || exit 1
    must "Apple: libraries, by Xcode" xcode_slices
else
    [ $install = no ] || bash toolchains/provision.sh apple || exit 1
    take_cross_tools || fail "ziglang could not be installed with pip"
    must "Apple: libraries, by clang and stubs" "$python" toolchains/apple/cross.py "$work" "$libraries"
fi
must "Apple: the xcframework" "$python" toolchains/apple/assemble.py "$libraries" "$framework"
must "Apple: its layout, exports, dependencies, privacy and size" "$python" toolchains/apple/check.py "$framework"
cat "$step_log"

if [ "$(uname -s)" = Darwin ]; then
    [ -z "${APPLE_IDENTITY:-}" ] || must "Apple: sign" sign
    must "Apple: zip" ditto -c -k --keepParent "$framework" "$framework.zip"
    checksum=$(swift package compute-checksum "$framework.zip") || fail "failed: Apple: checksum"
    echo "checksum: $checksum"
fi
echo "[$(elapsed)] All passed."
