//! One hot route, asked by one thread and by as many as there are cores: what threads share (counters,
//! reference counts) slows them down together.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use axum::body::Body;
use http::header::COOKIE;
use http::{Request, Response};
use tower::ServiceExt as _;
use tower_service::Service;

use crate::case::{median, runtime};
use crate::services::{Routers, auth, cookie, request};

/// Requests of each thread in a round.
const REQUESTS: usize = 2_000;

/// What a guard adds to a request, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    /// The route.
    pub route: &'static str,
    /// Where one thread asks.
    pub alone: f64,
    /// Where each core has one that asks.
    pub together: f64,
}

/// Measures a public and a session route, and says with how many cores.
///
/// # Panics
///
/// A service cannot be built.
#[must_use]
pub fn measure(rounds: usize) -> (usize, Vec<Added>) {
    let auth = auth();
    let Routers {
        identity, typed, ..
    } = Routers::new(&auth);
    let session = request("/me", Some((COOKIE, cookie(&auth))));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let public = request("/public", None);
    let added = [
        ("public", added(cores, rounds, &identity, &typed, &public)),
        ("session", added(cores, rounds, &identity, &typed, &session)),
    ];
    let added = added.map(|(route, [alone, together])| Added {
        route,
        alone,
        together,
    });
    (cores, added.into())
}

/// What the guarded service takes over the other, within a round: alone, and on all cores.
fn added<I, G, R>(cores: usize, rounds: usize, identity: &I, guarded: &G, request: &R) -> [f64; 2]
where
    I: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send,
    I::Future: Send,
    G: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send,
    G::Future: Send,
    R: FnMut() -> Request<Body> + Clone + Send,
{
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (times, threads) in times.iter_mut().zip([1, cores]) {
            let base = on_threads(threads, identity, request);
            times.push(on_threads(threads, guarded, request) - base);
        }
    }
    times.map(median)
}

/// Nanoseconds of a request, where so many threads ask at once: the mean of the threads.
fn on_threads<S, R>(threads: usize, service: &S, request: &R) -> f64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send,
    S::Future: Send,
    R: FnMut() -> Request<Body> + Clone + Send,
{
    let start = Barrier::new(threads);
    let each = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|_| {
                let (service, mut request, start) = (service.clone(), request.clone(), &start);
                scope.spawn(move || {
                    let requests: Vec<_> = (0..REQUESTS).map(|_| request()).collect();
                    let runtime = runtime();
                    start.wait();
                    let begun = Instant::now();
                    runtime.block_on(async {
                        for request in requests {
                            let _ = black_box(service.clone().oneshot(request).await);
                        }
                    });
                    begun.elapsed().as_secs_f64() * 1e9 / REQUESTS as f64
                })
            })
            .collect();
        let joined = started.into_iter().map(|thread| thread.join());
        let times: Vec<f64> = joined.map(|time| time.expect("no panic")).collect();
        times
    });
    each.iter().sum::<f64>() / each.len() as f64
}
