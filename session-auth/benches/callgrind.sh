#!/bin/sh
# Instructions per request, counted by valgrind's callgrind: the same on a busy machine.
#
#   session-auth/benches/callgrind.sh 'public, typed' 'session, axum-login'   these cases
#   session-auth/benches/callgrind.sh                                         the ones of the budgets
#
# Not for what spends its time in SHA-256: valgrind has no SHA instructions, so there it counts
# those of the portable code.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
count=2000
out=$(mktemp)
trap 'rm -f "$out"' EXIT INT TERM

if [ $# -eq 0 ]; then
    set -- 'bare router' identity 'public, typed' 'public, merged' 'public, layered' \
        'denied, typed' 'denied, merged' 'denied, layered' 'denied, axum-login'
fi

# Debug information, so that the function is found by its name.
CARGO_PROFILE_RELEASE_DEBUG=1 cargo build --quiet --release -p session-auth-benches --bin one-case \
    --target-dir target/callgrind

echo '| case | instructions |'
echo '|---|---:|'
for case in "$@"; do
    # Counts within `measure_requests` alone: not what builds the service and the requests.
    valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*case::measure_requests' \
        --callgrind-out-file="$out" target/callgrind/release/one-case "$case" "$count" 2>"$out.log" ||
        { cat "$out.log" >&2; rm -f "$out.log"; exit 1; }
    awk -v count="$count" -v name="$case" '/Collected/ {
        if ($4 == 0) { print "nothing was counted: is the function still there?" > "/dev/stderr"; exit 1 }
        printf "| %s | %d |\n", name, $4 / count
    }' "$out.log"
    rm -f "$out.log"
done
