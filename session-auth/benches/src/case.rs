//! One thing to measure, and how it is measured.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;
use tower_service::Service;

/// How many requests are built and answered at a time: enough to drown the clock's own cost, few
/// enough to stay in the processor's caches.
const BATCH: u32 = 200;

/// One thing to measure.
pub struct Case {
    name: &'static str,
    batch: u32,
    run: Box<dyn FnMut(usize) -> Duration>,
}

impl Case {
    /// Requests to a service, in process, as `axum::serve` makes them: each on a clone of the
    /// service. They are built before the time starts; responses are dropped within it, as part of
    /// what a request costs.
    ///
    /// # Panics
    ///
    /// The service does not answer with this status: it would not be the case that the name says.
    pub fn service<S>(
        name: &'static str,
        service: S,
        expected: StatusCode,
        mut request: impl FnMut() -> Request<Body> + 'static,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + 'static,
    {
        let runtime = runtime();
        assert_eq!(
            answer(&runtime, &service, request()).status(),
            expected,
            "{name}"
        );
        let run = move |count| {
            let requests = (0..count).map(|_| request()).collect();
            measure_requests(&runtime, &service, requests)
        };
        Self {
            name,
            batch: BATCH,
            run: Box::new(run),
        }
    }

    /// A function, where no request is needed.
    pub fn function<T>(name: &'static str, mut function: impl FnMut() -> T + 'static) -> Self {
        let run = move |count| {
            let start = Instant::now();
            for _ in 0..count {
                black_box(function());
            }
            start.elapsed()
        };
        Self {
            name,
            batch: BATCH,
            run: Box::new(run),
        }
    }

    /// The same, fewer at a time: for what takes long by itself.
    #[must_use]
    pub fn in_batches_of(self, batch: u32) -> Self {
        Self { batch, ..self }
    }

    /// Its name in the report.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The time that `count` of them take, one after the other.
    pub fn run(&mut self, count: u64) -> Duration {
        let mut time = Duration::ZERO;
        let mut left = count;
        while left > 0 {
            let batch = left.min(self.batch.into());
            time += (self.run)(batch as usize);
            left -= batch;
        }
        time
    }
}

// Apart and not inlined, so that callgrind can count just what is in it: see `callgrind.sh`.
#[inline(never)]
fn measure_requests<S>(runtime: &Runtime, service: &S, requests: Vec<Request<Body>>) -> Duration
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let start = Instant::now();
    runtime.block_on(async {
        for request in requests {
            let _ = black_box(service.clone().oneshot(request).await);
        }
    });
    start.elapsed()
}

/// The answer of a service.
///
/// # Panics
///
/// Never: the error has no values.
pub fn answer<S>(runtime: &Runtime, service: &S, request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let Ok(response) = runtime.block_on(service.clone().oneshot(request));
    response
}

/// A runtime of one thread, without timers and I/O.
///
/// # Panics
///
/// The operating system has no thread-local storage to give.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
}

/// Times per request in nanoseconds, by case and round.
pub struct Samples(Vec<(&'static str, Vec<f64>)>);

impl Samples {
    /// Runs all cases in turn, round by round, each round from another start.
    ///
    /// Interleaved, because machines drift: criterion measures one case for seconds and then the
    /// next, so that a neighbour that wakes up in between makes a ratio of its own. Here both sides
    /// of a ratio are milliseconds apart, and the ratio is taken within the round.
    pub fn interleaved(cases: &mut [Case], rounds: usize) -> Self {
        let mut samples: Vec<_> = cases.iter().map(|case| (case.name(), Vec::new())).collect();
        // Not counted: caches, branch predictors and the allocator warm up.
        for case in cases.iter_mut() {
            case.run(10 * u64::from(case.batch));
        }
        for round in 0..rounds {
            for turn in 0..cases.len() {
                let index = (round + turn) % cases.len();
                let batch = cases[index].batch;
                // Not counted: the case before it has left its own code in the caches.
                cases[index].run(u64::from(batch) / 4);
                let time = cases[index].run(batch.into());
                let each = time.as_secs_f64() * 1e9 / f64::from(batch);
                samples[index].1.push(each);
            }
        }
        Self(samples)
    }

    /// One line for each case: its name, a tab, and its times.
    #[must_use]
    pub fn to_lines(&self) -> String {
        let line = |(name, times): &(&str, Vec<f64>)| {
            let times: Vec<_> = times.iter().map(ToString::to_string).collect();
            format!("{name}\t{}\n", times.join(" "))
        };
        self.0.iter().map(line).collect()
    }

    /// What runs of the same cases in other processes measured, by their lines.
    ///
    /// # Errors
    ///
    /// The lines are not those of the same cases.
    pub fn of_lines(cases: &[&'static str], runs: &[String]) -> Result<Self, String> {
        let mut all: Vec<_> = cases.iter().map(|name| (*name, Vec::new())).collect();
        for run in runs {
            let mut lines = run.lines();
            for (name, times) in &mut all {
                let line = lines.next().unwrap_or_default();
                let found = line
                    .strip_prefix(*name)
                    .and_then(|it| it.strip_prefix('\t'));
                let found = found.ok_or_else(|| format!("{line:?} where {name:?} was due"))?;
                for time in found.split(' ') {
                    times.push(time.parse().map_err(|_| format!("{time:?} for a time"))?);
                }
            }
        }
        Ok(Self(all))
    }

    /// The times of a case, by round.
    ///
    /// # Panics
    ///
    /// There is no case of this name.
    #[must_use]
    pub fn of(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|(case, _)| *case == name);
        let (_, times) = found.unwrap_or_else(|| panic!("no case is named {name:?}"));
        times
    }

    /// The median over the rounds of what `figure` makes of each round's times of these cases.
    ///
    /// # Panics
    ///
    /// There is no case of one of the names.
    #[must_use]
    pub fn median<const N: usize>(
        &self,
        cases: [&str; N],
        figure: impl Fn([f64; N]) -> f64,
    ) -> f64 {
        let times = cases.map(|case| self.of(case));
        let rounds = times.first().map_or(0, |first| first.len());
        median(
            (0..rounds)
                .map(|round| figure(times.map(|times| times[round])))
                .collect(),
        )
    }

    /// The cases by name, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }
}

/// The middle one; not a number where there is none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
