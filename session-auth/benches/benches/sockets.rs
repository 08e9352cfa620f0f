//! Requests a second on real sockets: HTTP/1.1 with keep-alive on the loopback interface, asked by
//! `wrk` (from Debian: `wrk`).
//!
//! `cargo bench -p session-auth-benches --features stores --bench sockets` prints a table;
//! `-- --rounds N` measures longer. Each service has one thread, and so has the client.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::thread;

use session_auth_benches::case::median;
use session_auth_benches::stores::{Backends, Target};
use tokio::sync::oneshot;
use tower::make::Shared;

const CONNECTIONS: &str = "-c64";
/// Of each cell, in each round.
const SECONDS: &str = "-d2s";

fn main() -> ExitCode {
    let mut rounds = 5;
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
    if Command::new("wrk").arg("--version").output().is_err() {
        eprintln!("SKIPPED: wrk is not installed (from Debian: `wrk`)");
        return ExitCode::SUCCESS;
    }

    let backends = Backends::start();
    let measured = thread::scope(|scope| {
        let (ready, services) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        // All in one thread, of which one works at a time.
        scope.spawn(|| serve(&backends, ready, stopped));
        let services = services.recv().map_err(|_| "the services do not start")?;
        let measured = measure(&services, rounds);
        // Not sent where the thread has ended by itself, which then says why.
        let _ = stop.send(());
        measured
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("{message}; the argument is --rounds N");
    ExitCode::from(2)
}

/// Where a service listens, and what to ask it.
struct Listening {
    target: Target,
    address: SocketAddr,
    /// What Linux knows of the thread that serves it.
    statistics: Option<PathBuf>,
}

impl Listening {
    /// The processor time of that thread, in nanoseconds. Neighbours stretch the clock's time far
    /// more.
    fn processor_time(&self) -> Option<f64> {
        let text = fs::read_to_string(self.statistics.as_ref()?).ok()?;
        text.split(' ').next()?.parse().ok()
    }
}

fn serve(backends: &Backends, ready: mpsc::Sender<Vec<Listening>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let thread = fs::read_link("/proc/thread-self").ok();
        let statistics = thread.map(|thread| PathBuf::from("/proc").join(thread).join("schedstat"));
        let mut services = Vec::new();
        for target in backends.targets().await {
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let service = Shared::new(target.service.clone());
            tokio::spawn(async move { axum::serve(listener, service).await });
            services.push(Listening {
                target,
                address,
                statistics: statistics.clone(),
            });
        }
        ready.send(services).expect("the measuring thread waits");
        let _ = stopped.await;
    });
}

/// What `wrk` said of one run.
struct Run {
    per_second: f64,
    /// Of the service's processor time, in microseconds; not a number where it is unknown.
    each: f64,
    p50: f64,
    p99: f64,
}

fn measure(services: &[Listening], rounds: usize) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let script = folder.path().join("cookies.lua");
    let mut runs: Vec<Vec<Run>> = services.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..services.len() {
            let index = (round + turn) % services.len();
            fs::write(&script, lua(&services[index].target)).map_err(|error| error.to_string())?;
            runs[index].push(wrk(&services[index], &script)?);
        }
    }

    println!(
        "| case | requests a second | processor time of the service, µs a request | × no layer | \
         × peer | p50, µs | p99, µs |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (service, of) in services.iter().zip(&runs) {
        let ratio = |to: &[Run]| {
            let ratios = of.iter().zip(to).map(|(this, to)| this.each / to.each);
            median(ratios.collect())
        };
        // With a cookie to be read by the server, or without.
        let base = &runs[usize::from(!service.target.cookies.is_empty())];
        let peer = service.target.peer.and_then(|name| {
            let index = services.iter().position(|peer| peer.target.name == name)?;
            Some(format!("{:.2}", ratio(&runs[index])))
        });
        println!(
            "| {} | {:.0} | {:.1} | {:.2} | {} | {:.0} | {:.0} |",
            service.target.name,
            median(of.iter().map(|run| run.per_second).collect()),
            median(of.iter().map(|run| run.each).collect()),
            ratio(base),
            peer.unwrap_or_default(),
            median(of.iter().map(|run| run.p50).collect()),
            median(of.iter().map(|run| run.p99).collect()),
        );
    }
    Ok(())
}

/// The cookies in turn, each request written once. Reports in microseconds.
fn lua(target: &Target) -> String {
    let mut script = String::from("local cookies = {\n");
    for cookie in &target.cookies {
        let _ = writeln!(script, "  [[{}]],", cookie.to_str().unwrap_or_default());
    }
    script.push_str("}\n");
    let _ = writeln!(script, "local path = \"{}\"", target.path);
    script.push_str(
        r#"
local requests = {}
local turn = 0

function init(_)
  if #cookies == 0 then requests[1] = wrk.format("GET", path) end
  for i, cookie in ipairs(cookies) do
    requests[i] = wrk.format("GET", path, { Host = "localhost", Cookie = cookie })
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("measured %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#,
    );
    script
}

fn wrk(service: &Listening, script: &Path) -> Result<Run, String> {
    let before = service.processor_time();
    let output = Command::new("wrk")
        .args(["-t1", CONNECTIONS, SECONDS, "-s"])
        .arg(script)
        .arg(format!("http://{}/", service.address))
        .output()
        .map_err(|error| format!("wrk: {error}"))?;
    let used = service.processor_time().zip(before);
    let used = used.map_or(f64::NAN, |(after, before)| after - before);
    let text = String::from_utf8_lossy(&output.stdout);
    let measured = text.lines().find_map(|line| line.strip_prefix("measured "));
    let numbers: Vec<f64> = measured
        .unwrap_or_default()
        .split(' ')
        .filter_map(|number| number.parse().ok())
        .collect();
    let &[requests, duration, p50, p99, errors] = numbers.as_slice() else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "{}: wrk printed {text}{stderr}",
            service.target.name
        ));
    };
    if errors > 0.0 || requests == 0.0 {
        return Err(format!(
            "{}: {errors} of {requests} requests failed",
            service.target.name
        ));
    }
    Ok(Run {
        per_second: requests * 1e6 / duration,
        each: used / requests / 1e3,
        p50,
        p99,
    })
}
