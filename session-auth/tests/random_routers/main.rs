//! Random routers: what `protect` says of each is true of it, and whatever runs has its proof.
//!
//! Each router is built several times by the same calls: with this crate, and with axum alone. What
//! axum alone runs for a request is what the guarded router runs, if the class of it lets the caller
//! in, and nothing if not.
//!
//! `RANDOM_ROUTERS` sets how many, `RANDOM_ROUTERS_SEED` the seed of the first.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod attributes;
mod expect;
mod generate;
mod kit;
mod run;
mod serve;
mod spec;

/// As many as take some seconds in a debug build.
const DEFAULT: u64 = 300;

#[test]
fn what_runs_in_a_random_router_has_its_proof() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text:?} is no number")),
        Err(_) => default,
    };
    let first = number("RANDOM_ROUTERS_SEED", 1);
    let routers = number("RANDOM_ROUTERS", DEFAULT);
    attributes::mention();
    let mut totals = serve::Totals::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for seed in first..first + routers {
        runtime.block_on(serve::one(seed, &mut totals));
    }
    println!("{totals}");
    totals.assert_enough(routers);
}
