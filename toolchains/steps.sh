# shellcheck shell=bash
# Sourced by the other scripts: how they run things. A step's output goes to a log that is shown only if it fails, its
# progress and time to the reader; and whatever runs ends with the script, however the script ends.
# Works with bash 3.2, which is macOS's.

work_dir=""       # for the script's files; gone with the script
step_log=""       # the output of the last step

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

elapsed() { printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60)); }

processors() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

start_steps() {
    work_dir=$(mktemp -d "${TMPDIR:-/tmp}/portal-session.XXXXXX") || exit 1
    step_log=$work_dir/step.log
    mkfifo "$work_dir/guard"
    guard <"$work_dir/guard" >/dev/null 2>&1 &
    exec 9>"$work_dir/guard"
    trap 'exec 8>&- 9>&-; wait' EXIT  # 8: what a script may keep open for a process of its own
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Outlives the script by an instant. When the pipe between them closes, be it because the script was killed, it ends what
# still runs: politely, as ninja's compilers are in groups that only ninja knows, and after two seconds by force.
# A line of the pipe is the process group that runs from now on, or empty: none.
guard() {
    trap '' INT TERM HUP
    local line group="" tries=0
    while read -r line; do group=$line; done
    if [ -n "$group" ]; then
        kill -TERM -- "-$group"
        while [ $tries -lt 20 ] && kill -0 -- "-$group"; do
            sleep 0.1
            tries=$((tries + 1))
        done
        kill -KILL -- "-$group"
    fi
    rm -rf "$work_dir"
}

# Runs a command in a process group of its own.
guarded() {
    local group result
    set -m
    (exec 9>&- </dev/null && "$@") &
    group=$!
    set +m
    echo "$group" >&9
    wait "$group"
    result=$?
    echo >&9
    return $result
}

# Copies the output of a step to its log; every few seconds it tells how far ninja ("[12/80]") or ctest ("12/80 Test") is.
log_with_progress() {
    local line told=$SECONDS progress='^\[? *([0-9]+/[0-9]+)(\]| Test)'
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$step_log"
        if [ $((SECONDS - told)) -ge 10 ] && [[ $line =~ $progress ]]; then
            echo "        ${BASH_REMATCH[1]}"
            told=$SECONDS
        fi
    done
}

logged() {
    set -o pipefail
    "$@" 2>&1 | log_with_progress
}

# step TITLE COMMAND...: true if the command succeeds.
step() {
    echo "[$(elapsed)] $1"
    shift
    : >"$step_log"
    guarded logged "$@"
}

# A step that the rest needs: if it fails, what it said and the end of the script.
must() {
    step "$@" && return
    grep -vE '^\[[0-9]+/[0-9]+\] ' "$step_log" | head -n 80 >&2  # a compiler's first errors explain the others
    fail "failed: $1"
}

# Whether the last step, a ctest, ran all of its tests; if not, which. To ctest itself a skipped one has passed.
all_ran() {
    grep -q 'The following tests did not run' "$step_log" || return 0
    sed -n '/The following tests did not run/,$p' "$step_log"
    return 1
}

# On macOS javac is a stub beside which no jni.h is, and Homebrew keeps its JDK out of sight.
show_jdk() {
    [ "$(uname -s)" = Darwin ] && [ -z "${JAVA_HOME:-}" ] || return 0
    JAVA_HOME=$(/usr/libexec/java_home -v 17+ 2>/dev/null) ||
        JAVA_HOME=$(brew --prefix openjdk@17)/libexec/openjdk.jdk/Contents/Home
    export JAVA_HOME
}

# Homebrew keeps these two out of CMake's sight, as macOS has other versions of them.
show_homebrew_libraries() {
    [ "$(uname -s)" = Darwin ] && command -v brew >/dev/null || return 0
    local formula
    for formula in openssl@3 curl; do
        CMAKE_PREFIX_PATH=$(brew --prefix "$formula")${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
    done
    export CMAKE_PREFIX_PATH
}
