//! `cargo run -p mutations [-- NAME..]`: every check, or those whose names contain one of these.
//!
//! Exit code 0 where each of them is missed by its test, 1 otherwise.
#![forbid(unsafe_code)]

mod copy;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mutations::VARIABLE;
use mutations::table::{Check, Table, root};

/// The packages that the checks and their tests are in.
const PACKAGES: [&str; 2] = ["session-auth", "route-audit"];

/// The target whose tests share folders on disk: one at a time.
const ALONE: &str = "route-audit/cli";

/// Of one test, which may build a workspace.
const TIMEOUT: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, String> {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let table = Table::read()?;
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let checks: Vec<&Check> = table
        .checks
        .iter()
        .filter(|check| is_wanted(&check.name))
        .collect();
    if checks.is_empty() {
        return Err(format!("no check is called like {}", wanted.join(" or ")));
    }

    // A folder of its own: what is built here must never be taken for the program.
    let folder = root().join("target/mutations");
    let sources = folder.join("workspace");
    let start = Instant::now();
    copy::copy(&root(), &sources, &table)?;
    let executables = build(&sources, &folder.join("target"))?;
    eprintln!("built in {} s", start.elapsed().as_secs());

    let session = Session {
        executables,
        output: folder.join("output"),
    };
    fs::create_dir_all(&session.output).map_err(|error| error.to_string())?;
    let start = Instant::now();
    let survivors = session.all(&checks)?;
    for (check, why) in &survivors {
        println!("{}: {why}\n  {}\n  {}", check.name, check.test, check.file);
    }
    println!(
        "{} of {} checks: a test fails without it ({} s)",
        checks.len() - survivors.len(),
        checks.len(),
        start.elapsed().as_secs()
    );
    Ok(if survivors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A test executable, and the folder of its package.
struct Executable {
    path: PathBuf,
    package: PathBuf,
}

/// Builds the tests, and finds their executables: `PACKAGE` for a library, `PACKAGE/TARGET`.
fn build(sources: &Path, target: &Path) -> Result<BTreeMap<String, Executable>, String> {
    let mut command = cargo();
    command
        .args(["test", "--no-run", "--all-features", "--locked"])
        .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(sources)
        // The rows leave things unused; nobody has to read that.
        .env("RUSTFLAGS", "-Awarnings")
        .env_remove(VARIABLE)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(
            "the copy does not build: is `without` of a row Rust, and of the same type?".into(),
        );
    }
    let mut executables = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let (Some(path), Some(manifest), Some(target)) = (
            message["executable"].as_str(),
            message["manifest_path"].as_str(),
            message["target"]["name"].as_str(),
        ) else {
            continue;
        };
        let package = Path::new(manifest).parent().unwrap_or(sources);
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        let name = match message["target"]["kind"][0].as_str() {
            Some("lib") => name.into_owned(),
            Some("test") => format!("{name}/{target}"),
            _ => continue,
        };
        let executable = Executable {
            path: path.into(),
            package: package.to_owned(),
        };
        executables.insert(name, executable);
    }
    Ok(executables)
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// How a test ended.
enum End {
    Passed,
    Failed,
    /// Neither: with what there is to say.
    Other(String),
}

struct Session {
    executables: BTreeMap<String, Executable>,
    /// Takes what the tests print.
    output: PathBuf,
}

impl Session {
    /// The checks that are not missed, with how that is.
    fn all<'c>(&self, checks: &[&'c Check]) -> Result<Vec<(&'c Check, String)>, String> {
        let tests: BTreeSet<&str> = checks.iter().map(|check| check.test.as_str()).collect();
        eprintln!("{} tests with every check in its place", tests.len());
        let tests: Vec<&str> = tests.into_iter().collect();
        let whole = each(&tests, |test| test, |test| self.ends(test, None));
        let broken: Vec<String> = tests
            .iter()
            .zip(whole)
            .filter_map(|(test, end)| match end {
                End::Passed => None,
                End::Failed => Some(format!("{test} fails")),
                End::Other(why) => Some(format!("{test}: {why}")),
            })
            .collect();
        if !broken.is_empty() {
            return Err(format!(
                "with every check in its place,\n  {}",
                broken.join("\n  ")
            ));
        }
        eprintln!("{} checks, each left out", checks.len());
        let ends = each(
            checks,
            |check| check.test.as_str(),
            |check| self.ends(&check.test, Some(&check.name)),
        );
        Ok(checks
            .iter()
            .zip(ends)
            .filter_map(|(check, end)| match end {
                End::Failed => None,
                End::Passed => Some((*check, "its test passes without it".to_owned())),
                End::Other(why) => Some((*check, why)),
            })
            .collect())
    }

    fn ends(&self, test: &str, left_out: Option<&str>) -> End {
        let (executable, path) = test.split_once(' ').unwrap_or((test, ""));
        let Some(executable) = self.executables.get(executable) else {
            return End::Other(format!("there is no test executable `{executable}`"));
        };
        let name = left_out.unwrap_or(path).replace(['/', ':'], "-");
        let output = self.output.join(format!("{name}.txt"));
        let (status, text) = match finish(executable, path, left_out, &output) {
            Ok(Some(ended)) => ended,
            Ok(None) => return End::Other("its test did not come to an end".to_owned()),
            Err(error) => return End::Other(error.to_string()),
        };
        // A stack that overflows, say, ends the process: `cargo test` fails then as well.
        let crashed = status.is_none();
        if crashed || text.contains("\ntest result: FAILED. 0 passed; 1 failed") {
            End::Failed
        } else if status == Some(0) && text.contains("\ntest result: ok. 1 passed") {
            End::Passed
        } else {
            End::Other(format!("see {}", output.display()))
        }
    }
}

/// Runs one test. The exit code is `None` where a signal ended it; the whole is, where time did.
fn finish(
    executable: &Executable,
    test: &str,
    left_out: Option<&str>,
    output: &Path,
) -> io::Result<Option<(Option<i32>, String)>> {
    let file = File::create(output)?;
    let mut command = Command::new(&executable.path);
    command
        .args(["--exact", "--include-ignored", test])
        .current_dir(&executable.package)
        .env("CARGO_MANIFEST_DIR", &executable.package)
        .env_remove("UPDATE_EXPECT")
        .env_remove(VARIABLE)
        .envs(left_out.map(|name| (VARIABLE, name)))
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    let mut child = command.spawn()?;
    let deadline = Instant::now() + TIMEOUT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = String::from_utf8_lossy(&fs::read(output)?).into_owned();
    Ok(Some((status.code(), text)))
}

/// On as many threads as there are processors; tests of [`ALONE`] on one of them.
fn each<T: Sync, R: Send>(
    items: &[T],
    test: impl Fn(&T) -> &str + Sync,
    run: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let (alone, others): (Vec<usize>, Vec<usize>) =
        (0..items.len()).partition(|at| test(&items[*at]).starts_with(ALONE));
    let next = AtomicUsize::new(0);
    let take_others = || {
        let mut done = Vec::new();
        while let Some(at) = others.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*at, run(&items[*at])));
        }
        done
    };
    let take_alone = || -> Vec<(usize, R)> {
        let mut done: Vec<_> = alone.iter().map(|at| (*at, run(&items[*at]))).collect();
        done.extend(take_others());
        done
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(take_others)).collect();
        let mut done = take_alone();
        for worker in workers {
            match worker.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
