#!/usr/bin/env bash
# Builds the Kotlin wrapper and runs its tests. `toolchains/kotlin.sh --help` says more.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh

usage() {
    cat <<'TEXT'
Passes the tests of bindings/kotlin: on the JVM and on Android's own classes, with the native library in its slim flavour.
Needs what the C++ build needs, a JDK (17 or newer), Maven, and Debian's aapt and android-framework-res (macOS has no such:
the tests of the AAR do not run there). Everything else comes from Maven Central, in pinned versions. Builds in build/kotlin.

  --no-install   use what is installed; without it apt or Homebrew gets what is missing
  --help         this text

One class of tests again: mvn -f bindings/kotlin/pom.xml test -pl session -Dtest=InterceptorTest
The public API's dumps anew, after a change that is meant: mvn -f bindings/kotlin/pom.xml test -Dapi.update=true \
    -Dtest='*ApiDumpTest' -Dsurefire.failIfNoSpecifiedTests=false
TEXT
}

install=yes
while [ $# -ne 0 ]; do
    case $1 in
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) echo "kotlin.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

# Maven's progress is the class of tests that is through. Its colours end before they reach a log.
log_with_progress() {
    local line told=$SECONDS progress='^\[? *([0-9]+/[0-9]+)(\]| Test)' through='^\[.*Tests run: .* -- in (.*)$'
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$step_log"
        if [[ $line =~ $through ]]; then
            echo "        ${BASH_REMATCH[1]}"
        elif [ $((SECONDS - told)) -ge 10 ] && [[ $line =~ $progress ]]; then
            echo "        ${BASH_REMATCH[1]}"
            told=$SECONDS
        fi
    done
}

tests=()
if [ "$(uname -s)" = Darwin ]; then tests=(-Dtest='!AarTest'); fi

maven() {
    step "$1" mvn -B -ntp -Dstyle.color=never -f bindings/kotlin/pom.xml -Dkotlin.compiler.daemon=false \
        ${tests[@]+"${tests[@]}"} "${@:2}"
}

# Most of a short run's time would go into compiling what runs once: the first compiler is enough.
export MAVEN_OPTS="-XX:TieredStopAtLevel=1 ${MAVEN_OPTS:-}"

start_steps
[ $install = no ] || bash toolchains/provision.sh build tests kotlin || exit 1
show_homebrew_libraries
show_jdk
must "native library" bash toolchains/android.sh --natives --no-install
must "fake Portal: configure" cmake --preset release
must "fake Portal: build" cmake --build --preset release --target fake-portal
[ ${#tests[@]} -eq 0 ] || echo "        NOT RUN here, since aapt2, Android's resources and readelf come from Debian: AarTest"

result=0
maven "Kotlin: build and test" package || result=$?
# A registry's hiccup is no failure of ours: what was not downloaded is asked for once more.
if [ $result -ne 0 ] && grep -qE 'Could not (transfer|resolve|find) artifact|could not be resolved|Connection (reset|timed out)' "$step_log"; then
    result=0
    maven "Kotlin: build and test, after a failed download" -U package || result=$?
fi
[ $result -eq 0 ] || grep -E '^\[ERROR\]|^\[WARNING\].*(JNI|Tests)|^e: |FAILURE|	at io\.portalsession' "$step_log" | head -n 120
grep -E 'empty_ns=' "$step_log"
grep -E '^\[[A-Z]+\] Tests run: [0-9]+, Failures: [0-9]+, Errors: [0-9]+, Skipped: [0-9]+$' "$step_log"

[ $result -eq 0 ] || fail "failed: Kotlin ($(elapsed))"
# -Xcheck:jni warns and goes on.
if grep -qE 'WARNING in native method|WARNING: JNI local refs' "$step_log"; then
    grep -E -A5 'WARNING in native method|WARNING: JNI local refs' "$step_log" | head -n 40
    fail "failed: the JVM's checks of JNI have complaints ($(elapsed))"
fi
! grep -qE '^\[[A-Z]+\] Tests run: .*Skipped: [1-9]' "$step_log" || fail "failed: a test was skipped ($(elapsed))"
grep -qE '^\[INFO\] Tests run: [1-9]' "$step_log" || fail "failed: no test ran ($(elapsed))"
echo "[$(elapsed)] All passed."
