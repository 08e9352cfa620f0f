//! Callers with a token or an API key, beside jsonwebtoken in `from_fn`.
//!
//! `cargo bench -p session-auth-benches --features callers --bench callers` prints the times, and what
//! session-auth adds beside its budget: a tenth over the bare verification and a session's path without its
//! HMAC.

use session_auth_benches::callers::{self, ALGORITHMS, API_KEY, SESSION};
use session_auth_benches::case::Samples;

const ROUNDS: usize = 200;
const BASE: &str = "identity, with a cookie";
const HMAC: &str = "HMAC-SHA256 of the token";

fn main() {
    let mut cases = session_auth_benches::cases();
    cases.retain(|case| [BASE, HMAC].contains(&case.name()));
    cases.extend(callers::cases());
    let samples = Samples::interleaved(&mut cases, ROUNDS);
    println!("| case | median, ns | over `{BASE}`, ns |");
    println!("|---|---:|---:|");
    for name in samples.names() {
        println!(
            "| {name} | {:.0} | {:+.0} |",
            samples.median([name], |[time]| time),
            samples.median([name, BASE], |[time, base]| time - base),
        );
    }
    println!("\n| | over bare and session path (at most 1.10) | over the peer's |");
    println!("|---|---:|---:|");
    for [ours, peer, bare] in ALGORITHMS {
        let of = [ours, bare, SESSION, HMAC, BASE];
        let over = samples.median(of, |[ours, bare, session, hmac, base]| {
            (ours - base) / (bare + (session - base - hmac))
        });
        let over_peer = samples.median([ours, peer, BASE], |[ours, peer, base]| {
            (ours - base) / (peer - base)
        });
        println!("| {ours} | {over:.2} | {over_peer:.2} |");
    }
    let [ours, peer] = API_KEY;
    let over_peer = samples.median([ours, peer, BASE], |[ours, peer, base]| {
        (ours - base) / (peer - base)
    });
    println!("| {ours} | | {over_peer:.2} |");
}
