#!/usr/bin/env bash
# Runs the shell blocks of the command line's guide, in their order, in a folder of its own, and looks at what they print.
# Arguments: PAGE PROGRAMS WORK
set -euo pipefail
page=$1 programs=$2 work=$3

rm -rf "$work" && mkdir -p "$work/build/release" && cd "$work"
ln -s "$programs" build/release/bin
awk '/^```/ { inside = 0 } inside { print } /^```sh$/ { inside = 1 }' "$page" >blocks.sh
[ "$(grep -c '^portal-session' blocks.sh)" -ge 4 ] || { echo "guide_commands.sh: $page has lost its commands" >&2; exit 1; }

# Nothing of the host's own session, and no process that outlives this one.
for name in $(compgen -e); do
    case $name in PORTAL_*) unset "$name" ;; esac
done
export HOME=$work XDG_STATE_HOME=$work/state
fake=""
trap '[ -z "$fake" ] || kill "$fake"' EXIT
# shellcheck source=/dev/null
. ./blocks.sh >printed

fail() { echo "guide_commands.sh: $1" >&2; cat printed >&2; exit 1; }
grep -q '"id":' printed || fail "the request printed no client"
[ "${status:-}" = 200 ] || fail "curl got ${status:-nothing}, not 200"
[ -z "$(find "$work/state" -type f 2>/dev/null)" ] || fail "a store outside the guide's own folder was used"
echo "$(grep -c . blocks.sh) lines of the guide were run"
