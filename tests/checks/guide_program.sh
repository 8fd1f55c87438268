#!/usr/bin/env bash
# Cuts the complete program out of the C guide, compiles it, and runs it twice against the fake Portal: the second run must
# find the token of the first. Arguments: PAGE INCLUDE LIBRARY COMPILER FAKE BACKEND WORK
set -euo pipefail
page=$1 include=$2 library=$3 compiler=$4 fake=$5 backend=$6 work=$7

fail() { echo "guide_program.sh: $1" >&2; exit 1; }

rm -rf "$work" && mkdir -p "$work/tls" && cd "$work"
awk '/^```/ { inside = 0 } inside { print } /^```c$/ && !seen { inside = 1; seen = 1 }' "$page" >first_request.c
grep -q 'int main' first_request.c || fail "the first C block of $page is no program"
"$compiler" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I "$include" first_request.c -o first_request "$library" \
    -Wl,-rpath,"$(dirname "$library")" -pthread

# The fake ends when this shell closes its standard input, however the shell ends.
coproc FAKE { exec "$fake" --port 0 --tls-dir tls --exit-with-stdin; }
read -r printed <&"${FAKE[0]}" || fail "the fake Portal did not start"
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" <<<"$printed"; }
url=$(value url) ca=$(value ca_file)
client=$(PORTAL_API_KEY=$(value api_key) "$backend" --portal "$url" --ca-file "$ca" --allow-loopback create-client --json |
    sed 's/.*"id": *"\([^"]*\)".*/\1/')

for run in first second; do
    answer=$(./first_request "$client" "$url/_app/token" "$url" "$ca") || fail "the $run run ended with $?"
    [ "$answer" = "Portal answered 200" ] || fail "the $run run printed: $answer"
done
asked=$(curl -s --cacert "$ca" "$url/_fake/counters" | sed -n 's/.*"app_requests": *\([0-9]*\).*/\1/p')
[ "$asked" = 1 ] || fail "two runs asked the backend ${asked:-no} times, not once"
echo "two runs, one token"
