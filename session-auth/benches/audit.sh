#!/usr/bin/env bash
# How long an audit of 1,000 routes in 50 files takes, compile aside: the whole of `route-audit check`
# on a service that is built already, cargo's own look at the workspace included.
#
#   session-auth/benches/audit.sh          1,000 routes
#   session-auth/benches/audit.sh 200      50 files of 200 routes each: 10,000
#
# Writes below target/ only.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
each=${1:-20}
work=$root/target/audit-$each
mkdir -p "$work/src"
cat > "$work/Cargo.toml" <<MANIFEST
[package]
name = "many-routes"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.dev]
debug = 0

[dependencies]
session-auth = { path = "$root/session-auth" }
MANIFEST
cp "$root/Cargo.lock" "$work/Cargo.lock"
{
    for ((file = 0; file < 50; file++)); do echo "mod m$file;"; done
    echo '#[session_auth::audited_router]'
    echo 'pub fn routes() -> session_auth::Router {'
    echo '    session_auth::Router::new()'
    for ((file = 0; file < 50; file++)); do echo "        .merge(m$file::router())"; done
    echo '}'
} > "$work/src/lib.rs"
for ((file = 0; file < 50; file++)); do
    {
        echo 'use session_auth::routing::get;'
        echo 'use session_auth::session_route;'
        for ((n = 0; n < each; n++)); do
            echo "#[session_route(GET, \"/m$file/r$n/{id}\")]"
            echo "async fn h$n() {}"
        done
        echo 'pub fn router() -> session_auth::Router {'
        echo '    session_auth::Router::new()'
        for ((n = 0; n < each; n++)); do
            echo "        .route(\"/m$file/r$n/{id}\", get(h$n))"
        done
        echo '}'
    } > "$work/src/m$file.rs"
done

cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p route-audit
cd "$work"
audit() { CARGO_TARGET_DIR=$work/target "$root/target/release/route-audit" check --quiet; }
# The three calls that the audit makes: what there is, that its tests are built, and its programs.
cargo_alone() {
    cargo metadata --format-version 1
    CARGO_TARGET_DIR=$work/target cargo test --quiet --no-run --lib
    CARGO_TARGET_DIR=$work/target cargo build --quiet --lib
}
audit

# Milliseconds of each of ten runs; the median is the one to quote.
median() {
    local run start
    for ((run = 0; run < 10; run++)); do
        start=$(date +%s%N)
        "$@" > /dev/null 2>&1
        echo $((($(date +%s%N) - start) / 1000000))
    done | sort -n | sed -n 6p
}
echo "$((each * 50)) routes: audit $(median audit) ms, of which cargo's own, which finds all built, $(median cargo_alone) ms"
