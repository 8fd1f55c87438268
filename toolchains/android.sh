#!/usr/bin/env bash
# Builds libportal_session for Android and packs the AAR. `toolchains/android.sh --help` says more.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh

usage() {
    cat <<'TEXT'
Packs build/kotlin/android/portal-session-VERSION.aar: the Kotlin wrapper, and libportal_session in its slim flavour (the
app's store and HTTP stack; no curl, OpenSSL or simdjson) for each ABI, from Android 6 (API 23) on.

  ANDROID_NDK_ROOT=... toolchains/android.sh    arm64-v8a, x86_64 and armeabi-v7a, with that NDK (r26 or newer)
  toolchains/android.sh                         without an NDK: this machine's library in their place. No device runs that;
                                                it is for the tests of the packaging
  --natives                                     only the native libraries, into build/android/native
  --no-install                                  use what is installed; without it apt or Homebrew gets what is missing
  --help                                        this text
TEXT
}

install=yes
pack=yes
while [ $# -ne 0 ]; do
    case $1 in
    --natives) pack=no ;;
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) echo "android.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

api=23
natives=build/android/native
options=(-G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DPORTAL_SESSION_WITH_HTTP=OFF -DPORTAL_SESSION_WITH_FILE_STORE=OFF
    -DPORTAL_SESSION_TESTS=OFF -DPORTAL_SESSION_PROGRAMS=OFF -DPORTAL_SESSION_JNI=ON)

# The one header that the core takes from outside, apart from all others of this machine, which are not Android's.
stage_expected() {
    local folder header=""
    for folder in /usr/include /usr/local/include "$(brew --prefix tl-expected 2>/dev/null || true)/include"; do
        if [ -f "$folder/tl/expected.hpp" ]; then header=$folder/tl/expected.hpp; fi
    done
    [ -n "$header" ] || fail "tl/expected.hpp was not found: install libexpected-dev or tl-expected"
    mkdir -p build/android/expected/include/tl
    cp "$header" build/android/expected/include/tl/
    cat >build/android/expected/tl-expected-config.cmake <<'CMAKE'
add_library(tl::expected INTERFACE IMPORTED)
set_target_properties(tl::expected PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}/include)
CMAKE
}

# keep ABI LIBRARY NDK STRIP...: what the AAR takes of it.
keep() {
    mkdir -p "$natives/$1"
    "${@:4}" -o "$natives/$1/libportal_session.so" "$2" || fail "strip failed"
    printf '{"abi": "%s", "api": %s, "ndk": %s, "stl": "none", "static": false}\n' "$1" $api "$3" >"$natives/$1/abi.json"
    printf '        %-12s %s bytes\n' "$1" "$(wc -c <"$natives/$1/libportal_session.so" | tr -d ' ')"
}

build_with_ndk() {
    local ndk=$ANDROID_NDK_ROOT abi strip release
    [ -f "$ndk/build/cmake/android.toolchain.cmake" ] || fail "ANDROID_NDK_ROOT is no NDK: $ndk"
    release=$(sed -n 's/^Pkg.Revision *= *\([0-9]*\).*/\1/p' "$ndk/source.properties")
    strip=$(find "$ndk/toolchains/llvm/prebuilt" -name llvm-strip | head -n 1)
    stage_expected
    for abi in arm64-v8a x86_64 armeabi-v7a; do
        must "$abi: configure" cmake -S . -B "build/android/$abi" "${options[@]}" \
            -DCMAKE_TOOLCHAIN_FILE="$ndk/build/cmake/android.toolchain.cmake" -DANDROID_ABI=$abi -DANDROID_PLATFORM=android-$api \
            -DANDROID_STL=c++_static -DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON -Dtl-expected_DIR="$PWD/build/android/expected"
        must "$abi: build" cmake --build "build/android/$abi" --target portal_session
        keep $abi "build/android/$abi/lib/libportal_session.so" "$release" "$strip" --strip-unneeded
    done
}

# The same library as the JVM's tests use, under the name of this machine's processor; for the desktop's jar too, whose
# names are Java's.
build_for_host() {
    local abi java_arch system=linux library=libportal_session.so strip=(strip --strip-unneeded)
    case $(uname -m) in
    x86_64 | amd64) abi=x86_64 java_arch=amd64 ;;
    aarch64 | arm64) abi=arm64-v8a java_arch=aarch64 ;;
    *) fail "no ABI of Android is this machine's: set ANDROID_NDK_ROOT" ;;
    esac
    if [ "$(uname -s)" = Darwin ]; then
        system=mac library=libportal_session.dylib strip=(strip -x)
        [ $abi = arm64-v8a ] || java_arch=x86_64
    fi
    must "native library: configure" cmake -S . -B build/kotlin/native "${options[@]}"
    must "native library: build" cmake --build build/kotlin/native --target portal_session
    keep $abi build/kotlin/native/lib/$library 0 "${strip[@]}"
    mkdir -p build/kotlin/natives/$system-$java_arch
    cp "$natives/$abi/libportal_session.so" build/kotlin/natives/$system-$java_arch/$library
}

start_steps
[ $install = no ] || bash toolchains/provision.sh build kotlin || exit 1
show_jdk
rm -rf "$natives"
if [ -n "${ANDROID_NDK_ROOT:-}" ]; then build_with_ndk; else build_for_host; fi
if [ $pack = yes ]; then
    must "AAR" mvn -B -ntp -f bindings/kotlin/pom.xml -Dkotlin.compiler.daemon=false -DskipTests package
    ls build/kotlin/android/*.aar
fi
