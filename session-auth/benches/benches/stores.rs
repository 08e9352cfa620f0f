//! A session route on every store, beside axum-login on the same; and what is asked of each store.
//!
//! `cargo bench -p session-auth-benches --features stores --bench stores` prints two tables;
//! `-- --rounds N` measures longer. Redis and PostgreSQL are started on free ports of the loopback
//! interface. One that is not installed is left out, which is said.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use session_auth::store::{MemoryStore, SessionStore};
use session_auth_benches::case::median;
use session_auth_benches::stores::{Backends, Operation, Target, ask, session};
use tokio::task::JoinSet;

/// Requests of a round, one after the other.
const ALONE: usize = 100;

/// Requests of a round, so many of them at a time.
const TOGETHER: usize = 640;
const AT_A_TIME: usize = 64;

/// Sessions for each operation on a store.
const OPERATIONS: u32 = 2_000;

fn main() -> ExitCode {
    let mut rounds = 100;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--rounds" => match arguments.next().and_then(|rounds| rounds.parse().ok()) {
                Some(given) if given > 0 => rounds = given,
                _ => return usage("--rounds takes a number from 1"),
            },
            other => return usage(&format!("unknown argument {other:?}")),
        }
    }

    let backends = Backends::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        requests(&backends.targets().await, rounds).await;
        operations(&backends).await;
    });
    // Before the servers: its tasks hold connections to them.
    drop(runtime);
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    eprintln!("{message}; the argument is --rounds N");
    ExitCode::from(2)
}

/// Of one service, in microseconds.
#[derive(Default)]
struct Times {
    /// Of each request that was alone.
    each: Vec<f64>,
    /// The mean of those, by round.
    alone: Vec<f64>,
    /// Of a request among others, by round.
    together: Vec<f64>,
}

/// All services in turn, round by round, each round from another start.
async fn requests(targets: &[Target], rounds: usize) {
    let mut all: Vec<Times> = targets.iter().map(|_| Times::default()).collect();
    // The first is not counted: caches, pools and prepared statements warm up.
    for round in 0..=rounds {
        for turn in 0..targets.len() {
            let index = (round + turn) % targets.len();
            let (alone, together) = (
                one_by_one(&targets[index], round).await,
                at_a_time(&targets[index]).await,
            );
            if round > 0 {
                let times = &mut all[index];
                times.alone.push(mean(&alone));
                times.each.extend(alone);
                times.together.push(together);
            }
        }
    }

    println!(
        "| case | one by one: median, µs | p99, µs | {AT_A_TIME} at a time: µs a request | requests a \
         second | one by one × peer | {AT_A_TIME} at a time × peer |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (target, times) in targets.iter().zip(&all) {
        let peer = target.peer.and_then(|name| {
            let index = targets.iter().position(|peer| peer.name == name)?;
            Some(&all[index])
        });
        let ratio = |of: fn(&Times) -> &Vec<f64>| {
            peer.map_or_else(String::new, |peer| {
                let ratios = of(times)
                    .iter()
                    .zip(of(peer))
                    .map(|(ours, peer)| ours / peer);
                format!("{:.2}", median(ratios.collect()))
            })
        };
        let together = median(times.together.clone());
        println!(
            "| {} | {:.2} | {:.2} | {together:.2} | {:.0} | {} | {} |",
            target.name,
            median(times.each.clone()),
            percentile(times.each.clone(), 0.99),
            1e6 / together,
            ratio(|times| &times.alone),
            ratio(|times| &times.together),
        );
    }
}

async fn one_by_one(target: &Target, round: usize) -> Vec<f64> {
    let requests = (0..ALONE).map(|number| target.request(round * ALONE + number));
    let mut times = Vec::with_capacity(ALONE);
    for request in requests.collect::<Vec<_>>() {
        let start = Instant::now();
        ask(&target.service, request).await;
        times.push(micros(start));
    }
    times
}

/// As a server has it: each connection is a task.
async fn at_a_time(target: &Target) -> f64 {
    let mut requests: Vec<Vec<_>> = (0..AT_A_TIME).map(|_| Vec::new()).collect();
    for number in 0..TOGETHER {
        requests[number % AT_A_TIME].push(target.request(number));
    }
    let start = Instant::now();
    let mut connections = JoinSet::new();
    for requests in requests {
        let service = target.service.clone();
        connections.spawn(async move {
            for request in requests {
                ask(&service, request).await;
            }
        });
    }
    connections.join_all().await;
    micros(start) / TOGETHER as f64
}

/// What a login, a request, a minute of use and a logout ask of each store, one by one.
async fn operations(backends: &Backends) {
    println!("\n| store | operation | median, µs | p99, µs |");
    println!("|---|---|---:|---:|");
    operate("memory", Arc::new(MemoryStore::new())).await;
    operate("SQLite", Arc::new(backends.sqlite().await)).await;
    if let Some(store) = backends.postgres().await {
        operate("PostgreSQL", Arc::new(store)).await;
    }
    if let Some(store) = backends.pooled_postgres().await {
        operate("PostgreSQL and PgBouncer", Arc::new(store)).await;
    }
    if let Some(store) = backends.redis().await {
        operate("Redis", Arc::new(store)).await;
    }
}

async fn operate<S: SessionStore>(name: &str, store: Arc<S>) {
    let sessions: Vec<_> = (0..OPERATIONS).map(session).collect();
    for operation in Operation::ALL {
        let mut times = Vec::with_capacity(sessions.len());
        for session in &sessions {
            let start = Instant::now();
            operation.run(&store, session).await;
            times.push(micros(start));
        }
        println!(
            "| {name} | {operation:?} | {:.1} | {:.1} |",
            median(times.clone()),
            percentile(times, 0.99)
        );
    }
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Not a number where there is none.
fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part) as usize;
    let last = values.len().saturating_sub(1);
    values.get(index.min(last)).copied().unwrap_or(f64::NAN)
}
