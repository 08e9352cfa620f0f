//! What a session adds where the processor's caches are not its own: before each request so many bytes of
//! other memory are read, as the kernel, hyper and other connections do between two requests of one.
//!
//! `cargo bench -p session-auth-benches --bench cold`

use std::hint::black_box;

use session_auth_benches::case::median;
use session_auth_benches::{Case, cases};

const READ: [usize; 5] = [0, 32 << 10, 256 << 10, 1 << 20, 8 << 20];
const NAMES: [&str; 3] = [
    "identity, with a cookie",
    "session, the least",
    "session, merged",
];
const ROUNDS: usize = 4_000;

fn main() {
    let [base, least, ours] = NAMES;
    let mut cases: Vec<_> = cases()
        .into_iter()
        .filter(|case| NAMES.contains(&case.name()))
        .map(|case| case.in_batches_of(1))
        .collect();
    let other = vec![1_u8; READ[READ.len() - 1]];
    println!("| read before each request, KiB | {base}, ns | {least}, over it | {ours}, over it |");
    println!("|---:|---:|---:|---:|");
    for read in READ {
        let mut times = vec![Vec::new(); cases.len()];
        for round in 0..ROUNDS {
            for turn in 0..cases.len() {
                let index = (round + turn) % cases.len();
                times[index].push(after(&mut cases[index], &other[..read]));
            }
        }
        let of = |name: &str| {
            let index = cases.iter().position(|case| case.name() == name);
            median(times[index.expect("it is one of them")].clone())
        };
        println!(
            "| {} | {:.0} | {:+.0} | {:+.0} |",
            read >> 10,
            of(base),
            of(least) - of(base),
            of(ours) - of(base)
        );
    }
}

fn after(case: &mut Case, other: &[u8]) -> f64 {
    // A cache line at a time.
    let sum: u64 = other.iter().step_by(64).map(|byte| u64::from(*byte)).sum();
    black_box(sum);
    case.run(1).as_secs_f64() * 1e9
}
