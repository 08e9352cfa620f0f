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

/// What a guard adds to a request of one route.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    /// The route.
    pub route: &'static str,
    /// Where one thread asks.
    pub alone: Times,
    /// Where each core has one that asks.
    pub together: Times,
}

/// Nanoseconds of a request.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Behind the identity layer.
    pub identity: f64,
    /// What the guard takes over that.
    pub added: f64,
}

impl Added {
    /// How much larger the guard's share of a request is where all cores have one. Requests as such take
    /// longer then, the processors' clocks and memory being shared, and that is not the guard's.
    #[must_use]
    pub fn growth(&self) -> f64 {
        let share = |times: Times| times.added / (times.identity + times.added);
        share(self.together) / share(self.alone)
    }
}

/// The routes that are measured.
const ROUTES: [&str; 2] = ["public", "session"];

/// How many cores there are.
#[must_use]
pub fn count() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Measures a public and a session route.
///
/// # Panics
///
/// A service cannot be built.
#[must_use]
pub fn measure(rounds: usize) -> Vec<Added> {
    let auth = auth();
    let Routers {
        identity, typed, ..
    } = Routers::new(&auth);
    let session = request("/me", Some((COOKIE, cookie(&auth))));
    let public = request("/public", None);
    let added = [
        added(count(), rounds, &identity, &typed, &public),
        added(count(), rounds, &identity, &typed, &session),
    ];
    let added = ROUTES.into_iter().zip(added);
    let added = added.map(|(route, [alone, together])| Added {
        route,
        alone,
        together,
    });
    added.collect()
}

/// One line for each route.
#[must_use]
pub fn to_lines(all: &[Added]) -> String {
    let line = |it: &Added| {
        let [alone, together] = [it.alone, it.together];
        format!(
            "cores {} {} {} {} {}\n",
            it.route, alone.identity, alone.added, together.identity, together.added
        )
    };
    all.iter().map(line).collect()
}

/// The medians of what several processes measured, by their lines.
///
/// # Errors
///
/// One of them has no such line.
pub fn of_lines(runs: &[String]) -> Result<Vec<Added>, String> {
    let of = |route: &'static str| {
        let prefix = format!("cores {route} ");
        let mut all: [Vec<f64>; 4] = Default::default();
        for run in runs {
            let line = run.lines().find_map(|line| line.strip_prefix(&prefix));
            let line = line.ok_or_else(|| format!("no line of {route} on many cores"))?;
            for (times, time) in all.iter_mut().zip(line.split(' ')) {
                times.push(time.parse().map_err(|_| format!("{time:?} for a time"))?);
            }
        }
        let [identity, added, identity_together, added_together] = all.map(median);
        Ok(Added {
            route,
            alone: Times { identity, added },
            together: Times {
                identity: identity_together,
                added: added_together,
            },
        })
    };
    ROUTES.into_iter().map(of).collect()
}

/// What the guarded service takes over the other, within a round: alone, and on all cores.
fn added<I, G, R>(cores: usize, rounds: usize, identity: &I, guarded: &G, request: &R) -> [Times; 2]
where
    I: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send,
    I::Future: Send,
    G: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send,
    G::Future: Send,
    R: FnMut() -> Request<Body> + Clone + Send,
{
    let mut times: [[Vec<f64>; 2]; 2] = Default::default();
    for _ in 0..rounds {
        for ([identities, added], threads) in times.iter_mut().zip([1, cores]) {
            let base = on_threads(threads, identity, request);
            identities.push(base);
            added.push(on_threads(threads, guarded, request) - base);
        }
    }
    times.map(|[identity, added]| Times {
        identity: median(identity),
        added: median(added),
    })
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
