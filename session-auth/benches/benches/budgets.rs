//! All cases side by side, and the budgets that they are held to.
//!
//! `cargo bench -p session-auth-benches --bench budgets` prints four tables; with `-- --check`, a
//! budget that is exceeded makes the exit code 1. `--rounds N` measures longer.
//!
//! Each part is measured in several processes: where the loader and the allocator put things moves a figure
//! by some 15 ns, for as long as a process lives.

use std::process::{Command, ExitCode};

use session_auth_benches::case::{Samples, median};
use session_auth_benches::deliveries::{DELIVERIES, Delivery};
use session_auth_benches::{Case, cases, cores, routes};

/// Programs that measure many routes, by the number of routes.
const DECLARED: [(usize, &str); 4] = [
    (10, env!("CARGO_BIN_EXE_declared-10")),
    (100, env!("CARGO_BIN_EXE_declared-100")),
    (1_000, env!("CARGO_BIN_EXE_declared-1000")),
    (10_000, env!("CARGO_BIN_EXE_declared-10000")),
];

/// Runs of each of these programs, in turn, and of this one.
const PASSES: usize = 7;

/// The argument that makes this program measure, and print what it found for the one that started it.
const PASS: &str = "--pass";

const BASE: &str = "identity";
const BASE_WITH_COOKIE: &str = "identity, with a cookie";
const PEER: &str = "session, axum-login";
const PEER_DENIED: &str = "denied, axum-login";
const LEAST: &str = "session, the least";
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
    let mut pass = false;
    let mut rounds = 500;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            PASS => pass = true,
            // Cargo's own.
            "--bench" => {}
            "--rounds" => match arguments.next().and_then(|rounds| rounds.parse().ok()) {
                Some(given) if given > 0 => rounds = given,
                _ => return usage("--rounds takes a number from 1"),
            },
            other => return usage(&format!("unknown argument {other:?}")),
        }
    }

    if pass {
        print!("{}", Samples::interleaved(&mut cases(), rounds).to_lines());
        print!("{}", cores::to_lines(&cores::measure(rounds)));
        return ExitCode::SUCCESS;
    }
    let budgets = match measured(rounds) {
        Ok(budgets) => budgets,
        Err(message) => {
            eprintln!("it could not be measured: {message}");
            return ExitCode::from(2);
        }
    };

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

fn measured(rounds: usize) -> Result<Vec<Budget>, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let this = this
        .to_str()
        .ok_or("the path of this program is no UTF-8")?;
    let each = rounds.div_ceil(PASSES).to_string();
    let passes: Vec<String> = (0..PASSES)
        .map(|_| output(this, &[PASS, "--rounds", &each]))
        .collect::<Result<_, _>>()?;
    let names: Vec<_> = cases().iter().map(Case::name).collect();
    let mut budgets = requests(&Samples::of_lines(&names, &passes)?);
    budgets.extend(many_cores(&cores::of_lines(&passes)?));
    budgets.extend(many_routes(rounds)?);
    Ok(budgets)
}

fn requests(samples: &Samples) -> Vec<Budget> {
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
    for kind in ["typed", "merged", "layered"] {
        let public = format!("public, {kind}");
        let session = format!("session, {kind}");
        let denied = format!("denied, {kind}");
        budgets.extend([
            Budget {
                what: format!("{public}, over `{BASE}`"),
                found: samples.median([&public, BASE], |[time, base]| time - base),
                at_most: 50.0,
                unit: " ns",
            },
            // Over the same router's identity layer on both sides: that alone is axum's, not ours.
            Budget {
                what: format!("{session} / {PEER}, both over `{BASE_WITH_COOKIE}`"),
                found: samples.median([&session, PEER, BASE_WITH_COOKIE], added_ratio),
                at_most: 1.0 / 4.0,
                unit: "",
            },
            Budget {
                what: format!("{session} / {LEAST}, both over `{BASE_WITH_COOKIE}`"),
                found: samples.median([&session, LEAST, BASE_WITH_COOKIE], added_ratio),
                at_most: 1.75,
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
    for Delivery {
        identity,
        verified,
        least,
        at_most,
        ..
    } in DELIVERIES
    {
        budgets.extend(verified.map(|webhook| Budget {
            what: format!("{webhook} / {least}, both over `{identity}`"),
            found: samples.median([webhook, least, identity], added_ratio),
            at_most,
            unit: "",
        }));
    }
    println!("\n| over identity, in HMACs of the same bytes | |");
    println!("|---|---:|");
    for [name, hmac, base] in in_hmacs() {
        let found = samples.median([name, hmac, base], |[time, hmac, base]| {
            (time - base) / hmac
        });
        println!("| {name} | {found:.2} |");
    }
    budgets
}

/// What is given in HMACs, too, of what, and over what.
fn in_hmacs() -> Vec<[&'static str; 3]> {
    let mut all = vec![
        ["session, typed", HMAC, BASE_WITH_COOKIE],
        [LEAST, HMAC, BASE_WITH_COOKIE],
    ];
    for delivery in DELIVERIES {
        for name in [delivery.verified[0], delivery.least] {
            all.push([name, delivery.hmac, delivery.identity]);
        }
    }
    all
}

/// What one adds to the base, over what the other adds to it.
fn added_ratio([one, other, base]: [f64; 3]) -> f64 {
    (one - base) / (other - base)
}

/// What threads share slows them down together.
fn many_cores(routes: &[cores::Added]) -> Vec<Budget> {
    let cores = cores::count();
    println!("\n| one hot route | threads | identity, ns | over identity, ns |");
    println!("|---|---:|---:|---:|");
    let budget = |added: &cores::Added| {
        let route = added.route;
        for (threads, times) in [(1, added.alone), (cores, added.together)] {
            let cores::Times { identity, added } = times;
            println!("| {route} | {threads} | {identity:.0} | {added:.0} |");
        }
        Budget {
            what: format!(
                "{route}, typed: the guard's share of a request, {cores} threads over one"
            ),
            found: added.growth(),
            at_most: 1.10,
            unit: "",
        }
    };
    routes.iter().map(budget).collect()
}

/// Times in nanoseconds that one of the programs prints.
struct Times {
    requests: [f64; KINDS],
    protect: [f64; PROTECTED],
}

const KINDS: usize = routes::KINDS.len();
const PROTECTED: usize = routes::PROTECTED.len();

/// Runs the programs in turn, so that they too share the machine's moods.
fn many_routes(rounds: usize) -> Result<Vec<Budget>, String> {
    type Pass = [Times; DECLARED.len()];
    let mut passes: Vec<Pass> = Vec::new();
    for _ in 0..PASSES {
        let pass = DECLARED.map(|(_, program)| run(program, rounds.div_ceil(PASSES)));
        let [ten, hundred, thousand, ten_thousand] = pass;
        passes.push([ten?, hundred?, thousand?, ten_thousand?]);
    }
    let over_passes = |figure: &dyn Fn(&Pass) -> f64| median(passes.iter().map(figure).collect());

    let header = routes::KINDS.map(|kind| format!("{kind}, ns"));
    let of_protect = routes::PROTECTED.map(|what| format!("{what}, ms"));
    println!(
        "\n| routes | {} | {} |",
        header.join(" | "),
        of_protect.join(" | ")
    );
    println!("|---:|{}", "---:|".repeat(KINDS + PROTECTED));
    for (row, (count, _)) in DECLARED.into_iter().enumerate() {
        let requests = (0..KINDS).map(|kind| over_passes(&|pass| pass[row].requests[kind]));
        let requests = requests.map(|time| format!("{time:.0}"));
        let protect = (0..PROTECTED).map(|kind| over_passes(&|pass| pass[row].protect[kind]));
        let protect = protect.map(|time| format!("{:.1}", time / 1e6));
        let cells: Vec<String> = requests.chain(protect).collect();
        println!("| {count} | {} |", cells.join(" | "));
    }

    const LAST: usize = DECLARED.len() - 1;
    // Held against the bare router of as many routes: the search in it grows too, and is axum's.
    let flat = ["typed", "merged", "layered"].map(|name| {
        let kind = routes::KINDS.iter().position(|kind| *kind == name);
        let kind = kind.unwrap_or(0);
        let growth = over_passes(&|pass| {
            let over_bare = |row: usize| pass[row].requests[kind] / pass[row].requests[0];
            over_bare(LAST) / over_bare(0)
        });
        Budget {
            what: format!("{name} / bare router, 10,000 routes over 10"),
            found: growth,
            at_most: 1.10,
            unit: "",
        }
    });
    let protect = routes::PROTECTED
        .iter()
        .enumerate()
        .map(|(kind, what)| Budget {
            what: format!("{what}, 10,000 routes"),
            found: over_passes(&|pass| pass[LAST].protect[kind]) / 1e6,
            at_most: 100.0,
            unit: " ms",
        });
    Ok(flat.into_iter().chain(protect).collect())
}

/// What one of the programs prints, in the order of [`routes::KINDS`] and [`routes::PROTECTED`].
fn run(program: &str, rounds: usize) -> Result<Times, String> {
    let text = output(program, &[&rounds.to_string()])?;
    let mut lines = text.lines();
    let mut time_of = |name: &str| {
        let line = lines.next().unwrap_or_default();
        line.strip_prefix(name)
            .and_then(|time| time.trim().parse().ok())
            .ok_or_else(|| format!("{program} printed {line:?} where {name:?} was due"))
    };
    let mut times = Times {
        requests: [f64::NAN; KINDS],
        protect: [f64::NAN; PROTECTED],
    };
    for (time, name) in times.requests.iter_mut().zip(routes::KINDS) {
        *time = time_of(name)?;
    }
    for (time, name) in times.protect.iter_mut().zip(routes::PROTECTED) {
        *time = time_of(name)?;
    }
    Ok(times)
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program}: {}\n{stderr}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
