#!/usr/bin/env bash
# Builds portal-session and shows what it does, over real HTTPS. `toolchains/run.sh --help` says more.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=SCRIPTDIR/steps.sh
. toolchains/steps.sh

usage() {
    cat <<'TEXT'
Installs what is missing, builds, and plays a fortnight in the life of a user's Client Session Token.

  toolchains/run.sh                 against a stand-in for Portal on this machine: no account is needed, nothing is kept
  PORTAL_API_KEY=... toolchains/run.sh --portal https://api.portalhq.io
                                    against Portal itself: makes one client, and sends GET /api/v3/clients/me as it
  --no-install                      use what is installed; without it apt or Homebrew gets what is missing
  --help                            this text

The stand-in's demo ends with the tokens it used and the fewest that Portal's rule allows; exit code 1 if they differ.
The programs stay in build/release/bin: see portal-session --help and portal-backend --help.
TEXT
}

portal=""
install=yes
while [ $# -ne 0 ]; do
    case $1 in
    --portal)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        portal=$2
        shift
        ;;
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) echo "run.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done
[ -z "$portal" ] || [ -n "${PORTAL_API_KEY:-}" ] || fail "--portal needs the Portal API key of an environment in PORTAL_API_KEY"

build() {
    [ $install = no ] || bash toolchains/provision.sh build || exit 1
    show_homebrew_libraries
    must "configure" cmake --preset release
    must "build" cmake --build --preset release --target portal-session portal-backend fake-portal
    PATH=$PWD/build/release/bin:$PATH
}

# Sets `url`, `ca_file` and PORTAL_API_KEY. The fake lives until descriptor 8 closes, so never longer than this script.
start_fake() {
    local ready
    mkfifo "$work_dir/fake.in" "$work_dir/fake.out"
    fake-portal --port 0 --tls-dir "$work_dir/tls" --manual-clock --exit-with-stdin \
        <"$work_dir/fake.in" >"$work_dir/fake.out" 9>&- &
    exec 8>"$work_dir/fake.in"
    read -r -t 30 ready <"$work_dir/fake.out" || fail "fake-portal did not start"
    url=$(field url <<<"$ready")
    ca_file=$(field ca_file <<<"$ready")
    PORTAL_API_KEY=$(field api_key <<<"$ready")
}

# The first text of that name in one line of JSON.
field() { grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/^"[^"]*" *: *"\(.*\)"$/\1/'; }

# Makes a client of which the provider command gets tokens: the app's own backend, in short.
create_client() {
    local client
    client=$(portal-backend create-client --json | field id)
    [[ $client =~ ^[A-Za-z0-9_.-]+$ ]] || fail "portal-backend made no client"
    export PORTAL_SESSION_PROVIDER_COMMAND="portal-backend new-session $client"
    echo "[$(elapsed)] client $client"
}

start_steps
build
export PORTAL_API_KEY
if [ -z "$portal" ]; then
    unset "${!PORTAL_SESSION_@}"
    start_fake
    export PORTAL_SESSION_PORTAL=$url PORTAL_SESSION_CA_FILE=$ca_file PORTAL_SESSION_ALLOW_LOOPBACK=1
    export PORTAL_SESSION_STORE=$work_dir/store
    create_client
    # What the backend says of its outage would tear the timeline.
    export provider_log=$work_dir/provider.log
    PORTAL_SESSION_PROVIDER_COMMAND="$PORTAL_SESSION_PROVIDER_COMMAND 2>>\"\$provider_log\""
    guarded portal-session demo || { result=$?; cat "$provider_log" >&2; exit $result; }
else
    export PORTAL_SESSION_PORTAL=$portal PORTAL_SESSION_STORE=$work_dir/store
    create_client
    guarded portal-session request GET /api/v3/clients/me && guarded portal-session status
fi
