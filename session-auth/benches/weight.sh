#!/usr/bin/env bash
# What a library adds to a service of `axum` and `tokio`: crates, and the time of a clean build.
#
#   session-auth/benches/weight.sh            crates, and one clean debug build of each
#   session-auth/benches/weight.sh --crates   crates alone
#   RUNS=3 session-auth/benches/weight.sh     the best of three builds
#
# Fails where the default features of session-auth add more than 40 crates, itself and its macros
# included, or as many as its peer. Writes below a temporary directory only.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# A package with these dependencies beside those of the base.
package() {
    mkdir -p "$work/$1/src"
    echo 'fn main() {}' > "$work/$1/src/main.rs"
    cat > "$work/$1/Cargo.toml" <<MANIFEST
[package]
name = "$1"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
axum = "0.8"
tokio = { version = "1", features = ["full"] }
$2
MANIFEST
    # The versions of the workspace, as far as it has them: all packages resolve alike.
    cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
    cargo fetch --quiet --manifest-path "$work/$1/Cargo.toml"
    cargo tree --manifest-path "$work/$1/Cargo.toml" --offline --edges normal,build \
        --prefix none --no-dedupe --format '{p}' |
        cut -d' ' -f1,2 | grep -v "^$1 " | LC_ALL=C sort -u > "$work/$1.crates"
}

# Seconds of processor time, and by the clock, of RUNS clean builds of each, in turn; the least
# processor time is the one that neighbours disturbed least. They stretch the clock's far more.
build_all() {
    local TIMEFORMAT='%U %S %R' run package
    for ((run = 0; run < ${RUNS:-1}; run++)); do
        for package in base ours peer; do
            rm -rf "$work/target"
            { time CARGO_TARGET_DIR="$work/target" cargo build --quiet --offline \
                --manifest-path "$work/$package/Cargo.toml" 2>&3; } 3>&2 2>> "$work/$package.times"
        done
    done
}

least() {
    awk '{ printf "%.1f | %.1f\n", $1 + $2, $3 }' "$work/$1.times" | sort -n | head -n 1
}

package base ''
package ours "session-auth = { path = \"$root/session-auth\" }"
package peer 'axum-login = "0.18"
tower-sessions = { version = "0.14", features = ["signed"] }'

added() {
    LC_ALL=C comm -13 "$work/base.crates" "$work/$1.crates" | wc -l | tr -d ' '
}
ours=$(added ours)
peer=$(added peer)

if [ "${1:-}" = --crates ]; then
    LC_ALL=C comm -13 "$work/base.crates" "$work/ours.crates"
    echo "session-auth adds $ours crates, axum-login and tower-sessions $peer"
else
    build_all
    echo '| | crates added | clean debug build: processor, s | by the clock, s |'
    echo '|---|---:|---:|---:|'
    echo "| axum + tokio (full) | ($(wc -l < "$work/base.crates" | tr -d ' ')) | $(least base) |"
    echo "| with session-auth | $ours | $(least ours) |"
    echo "| with axum-login + tower-sessions | $peer | $(least peer) |"
fi

if [ "$ours" -gt 40 ] || [ "$ours" -ge "$peer" ]; then
    echo "session-auth adds $ours crates; at most 40, and fewer than $peer, are allowed" >&2
    exit 1
fi
