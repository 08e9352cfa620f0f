//! All cases side by side, and the budgets that they are held to.
//!
//! `cargo bench -p session-auth-benches --bench budgets` prints two tables; with `-- --check`, a
//! budget that is exceeded makes the exit code 1. `--rounds N` measures longer.

use std::process::{Command, ExitCode};

use session_auth_benches::case::{Samples, median};
use session_auth_benches::{cases, routes};

/// Programs that measure many routes, by the number of routes.
const DECLARED: [(usize, &str); 4] = [
    (10, env!("CARGO_BIN_EXE_declared-10")),
    (100, env!("CARGO_BIN_EXE_declared-100")),
    (1_000, env!("CARGO_BIN_EXE_declared-1000")),
    (10_000, env!("CARGO_BIN_EXE_declared-10000")),
];

/// Runs of each of these programs, in turn.
const PASSES: usize = 7;

const BASE: &str = "identity";
const BASE_WITH_COOKIE: &str = "identity, with a cookie";
const PEER: &str = "session, axum-login";
const PEER_DENIED: &str = "denied, axum-login";
const HMAC: &str = "HMAC-SHA256 of the token";

/// A figure and the most that it may be.
struct Budget {
    what: String,
    found: f64,
    at_most: f64,
    unit: &'static str,
}

fn main() -> ExitCode {
    let mut check = false;
    let mut rounds = 500;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            // Cargo's own.
            "--bench" => {}
            "--rounds" => match arguments.next().and_then(|rounds| rounds.parse().ok()) {
                Some(given) if given > 0 => rounds = given,
                _ => return usage("--rounds takes a number from 1"),
            },
            other => return usage(&format!("unknown argument {other:?}")),
        }
    }

    let mut budgets = requests(rounds);
    match many_routes(rounds) {
        Ok(flat) => budgets.extend(flat),
        Err(message) => {
            eprintln!("routers of many routes could not be measured: {message}");
            return ExitCode::from(2);
        }
    }

    println!("\n| budget | found | at most | |\n|---|---:|---:|---|");
    let mut missed = 0;
    for Budget {
        what,
        found,
        at_most,
        unit,
    } in &budgets
    {
        // Not `found > at_most`: what is not a number has not met its budget.
        let met = found <= at_most;
        missed += u8::from(!met);
        let verdict = if met { "met" } else { "**missed**" };
        println!("| {what} | {found:.2}{unit} | {at_most:.2}{unit} | {verdict} |");
    }
    if check && missed > 0 {
        eprintln!("{missed} of {} budgets missed", budgets.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn usage(message: &str) -> ExitCode {
    eprintln!("{message}; the arguments are --check and --rounds N");
    ExitCode::from(2)
}

fn requests(rounds: usize) -> Vec<Budget> {
    let samples = Samples::interleaved(&mut cases(), rounds);
    println!("| case | median, ns | over `{BASE}`, ns | × `{BASE}` | × `{PEER}` |");
    println!("|---|---:|---:|---:|---:|");
    for name in samples.names() {
        println!(
            "| {name} | {:.0} | {:+.0} | {:.2} | {:.3} |",
            samples.median([name], |[time]| time),
            samples.median([name, BASE], |[time, base]| time - base),
            samples.median([name, BASE], |[time, base]| time / base),
            samples.median([name, PEER], |[time, peer]| time / peer),
        );
    }

    let mut budgets = Vec::new();
    for kind in ["typed", "plain"] {
        let public = format!("public, {kind}");
        let session = format!("session, {kind}");
        let denied = format!("denied, {kind}");
        budgets.extend([
            Budget {
                what: format!("{public}, over `{BASE}`"),
                found: samples.median([&public, BASE], |[time, base]| time - base),
                at_most: 60.0,
                unit: " ns",
            },
            // Over the same router's identity layer on both sides: that alone is more than a sixth
            // of what the peer's whole denial takes, and axum's, not ours.
            Budget {
                what: format!("{session} / {PEER}, both over `{BASE_WITH_COOKIE}`"),
                found: samples.median([&session, PEER, BASE_WITH_COOKIE], added_ratio),
                at_most: 1.0 / 6.0,
                unit: "",
            },
            Budget {
                what: format!("{session}, over `{BASE_WITH_COOKIE}` / {HMAC}"),
                found: samples.median([&session, HMAC, BASE_WITH_COOKIE], |[time, hmac, base]| {
                    (time - base) / hmac
                }),
                at_most: 3.0,
                unit: "",
            },
            Budget {
                what: format!("{denied} / {PEER_DENIED}, both over `{BASE}`"),
                found: samples.median([&denied, PEER_DENIED, BASE], added_ratio),
                at_most: 1.0 / 6.0,
                unit: "",
            },
        ]);
    }
    budgets
}

/// What one adds to the base, over what the other adds to it.
fn added_ratio([one, other, base]: [f64; 3]) -> f64 {
    (one - base) / (other - base)
}

/// Runs the programs in turn, so that they too share the machine's moods.
fn many_routes(rounds: usize) -> Result<Vec<Budget>, String> {
    const KINDS: usize = routes::KINDS.len();
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let mut pass = [[0.0; KINDS]; DECLARED.len()];
        for (times, (_, program)) in pass.iter_mut().zip(DECLARED) {
            *times = run(program, rounds.div_ceil(PASSES))?;
        }
        passes.push(pass);
    }
    let over_passes =
        |figure: &dyn Fn(&[[f64; KINDS]; 4]) -> f64| median(passes.iter().map(figure).collect());

    println!(
        "\n| routes | {} |",
        routes::KINDS.map(|kind| format!("{kind}, ns")).join(" | ")
    );
    println!("|---:|{}", "---:|".repeat(KINDS));
    for (row, (count, _)) in DECLARED.into_iter().enumerate() {
        let times: [f64; KINDS] = std::array::from_fn(|kind| over_passes(&|pass| pass[row][kind]));
        println!(
            "| {count} | {} |",
            times.map(|time| format!("{time:.0}")).join(" | ")
        );
    }

    // Held against the bare router of as many routes: the search in it grows too, and is axum's.
    let flat = ["typed", "plain"].map(|name| {
        let kind = routes::KINDS
            .iter()
            .position(|kind| *kind == name)
            .unwrap_or(0);
        let growth = over_passes(&|pass: &[[f64; KINDS]; 4]| {
            let over_bare = |row: usize| pass[row][kind] / pass[row][0];
            over_bare(DECLARED.len() - 1) / over_bare(0)
        });
        Budget {
            what: format!("{name} / bare router, 10,000 routes over 10"),
            found: growth,
            at_most: 1.10,
            unit: "",
        }
    });
    Ok(flat.into())
}

/// The times that one of the programs prints, in the order of [`routes::KINDS`].
fn run(program: &str, rounds: usize) -> Result<[f64; routes::KINDS.len()], String> {
    let output = Command::new(program)
        .arg(rounds.to_string())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program}: {}\n{stderr}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut times = [f64::NAN; routes::KINDS.len()];
    for (time, (line, kind)) in times.iter_mut().zip(text.lines().zip(routes::KINDS)) {
        *time = line
            .strip_prefix(kind)
            .and_then(|time| time.trim().parse().ok())
            .ok_or_else(|| format!("{program} printed {line:?}"))?;
    }
    Ok(times)
}
