//! Builds tests and runs them.

use std::collections::BTreeSet;
#[cfg(unix)]
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use glob::Pattern;
use serde_json::Value;

/// A test executable: `PACKAGE` has the unit tests, `PACKAGE/TARGET` those of `tests/TARGET`.
pub(crate) struct Executable {
    pub(crate) name: String,
    path: PathBuf,
    /// Of the package.
    folder: PathBuf,
}

/// A test, as it was with every refusal in its place.
pub(crate) struct Test<'a> {
    pub(crate) executable: &'a Executable,
    name: String,
    output: PathBuf,
    time: Duration,
    /// The mutants whose refusals it meets.
    pub(crate) meets: BTreeSet<String>,
    /// Tests may use a folder of their own: none runs twice at a time.
    running: Mutex<()>,
}

/// Builds the executables with names like these.
pub(crate) fn build(
    sources: &Path,
    target: &Path,
    names: &BTreeSet<&Pattern>,
) -> Result<Vec<Executable>, String> {
    let mut selected = BTreeSet::new();
    for name in names {
        let name = name.as_str();
        let (package, target) = name.split_once('/').unwrap_or((name, ""));
        let target = match target {
            "" => "--lib".to_owned(),
            target => format!("--test={target}"),
        };
        selected.extend([format!("--package={package}"), target]);
    }
    let output = test_servers::cargo()
        .args(["test", "--no-run", "--all-features", "--locked"])
        .args(["--message-format=json-render-diagnostics", "--target-dir"])
        .arg(target)
        .args(selected)
        .current_dir(sources)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("the copy in {} does not build", sources.display()));
    }
    let mut executables = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let built: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let manifest = PathBuf::from(text(&built["manifest_path"]));
        let folder = manifest.parent().unwrap_or(sources).to_owned();
        // `path+file:///..#NAME@VERSION`, or without a name where it is the folder's.
        let id = text(&built["package_id"]);
        let mut name = match id.rsplit('#').next().and_then(|rest| rest.split_once('@')) {
            Some((name, _)) => name.to_owned(),
            None => folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
        };
        if built["target"]["kind"][0] == "test" {
            name = format!("{name}/{}", text(&built["target"]["name"]));
        }
        let path = PathBuf::from(text(&built["executable"]));
        if built["profile"]["test"] == true && names.iter().any(|like| like.matches(&name)) {
            executables.push(Executable { name, path, folder });
        }
    }
    let is_built = |like: &Pattern| executables.iter().any(|built| like.matches(&built.name));
    match names.iter().find(|like| !is_built(like)) {
        Some(missing) => Err(format!("there is no test executable `{missing}`")),
        None => Ok(executables),
    }
}

impl Executable {
    /// To run it as cargo would.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(args)
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .env_remove("UPDATE_EXPECT")
            .stdin(Stdio::null());
        // What it starts is in a group with it, and ends with it.
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    /// Those that are ignored are never run: they meet nothing.
    fn tests(&self) -> Result<Vec<String>, String> {
        let output = self.command(&["--list", "--format=terse"]).output();
        let output = output.map_err(|error| format!("{}: {error}", self.name))?;
        if !output.status.success() {
            // Those of macros need the standard library as a file, and cargo says where it is.
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "{} lists no tests (is this `cargo run`?): {error}",
                self.name
            ));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let tests = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(tests.map(str::to_owned).collect())
    }

    /// Whether this test passes.
    fn passes(&self, test: &str, vars: &[(&str, &str)], output: &Path) -> io::Result<bool> {
        let mut command = self.command(&["--exact", test]);
        let output = fs::File::create(output)?;
        command
            .envs(vars.iter().copied())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut child = command.spawn()?;
        let status = child.wait()?;
        #[cfg(unix)]
        Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", child.id())])
            .stderr(Stdio::null())
            .status()?;
        Ok(status.success())
    }
}

/// Runs each test with every refusal in its place, and notes which it meets. The quick ones come
/// first, and of these those that are about little.
pub(crate) fn survey<'a>(
    executables: &'a [Executable],
    scratch: &Path,
) -> Result<Vec<Test<'a>>, String> {
    let mut tests = Vec::new();
    for executable in executables {
        let names = executable.tests()?.into_iter();
        tests.extend(names.map(|name| (executable, name)));
    }
    let ran = each(tests, |(executable, name)| {
        let test = format!("{} {name}", executable.name);
        let output = scratch.join(test.replace(['/', ':'], "-"));
        let reached = output.with_extension("reached");
        let vars = [("MUTANTS_REACHED", &*reached.to_string_lossy())];
        let start = Instant::now();
        match executable.passes(&name, &vars, &output) {
            Ok(true) => {}
            Ok(false) => {
                let at = output.display();
                return Err(format!(
                    "{test} fails with every refusal in its place: see {at}"
                ));
            }
            Err(error) => return Err(format!("{test}: {error}")),
        }
        let meets = fs::read_to_string(reached).unwrap_or_default();
        let meets = meets.lines().map(str::to_owned).collect();
        let (time, running) = (start.elapsed(), Mutex::new(()));
        Ok(Test {
            executable,
            name,
            output,
            time,
            meets,
            running,
        })
    });
    let mut ran: Vec<Test<'_>> = ran.into_iter().collect::<Result<_, _>>()?;
    ran.sort_by_key(|test| (test.time.as_millis() / 100, test.meets.len()));
    Ok(ran)
}

impl Test<'_> {
    /// Whether it fails without this refusal, or does not come to its end.
    pub(crate) fn catches(&self, mutant: &str, seconds: u32) -> Result<bool, String> {
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = f64::from(seconds) + self.time.as_secs_f64() * 5.0;
        let vars = [
            ("MUTANT", mutant),
            ("MUTANT_SECONDS", &*seconds.to_string()),
        ];
        let passes = self.executable.passes(&self.name, &vars, &self.output);
        Ok(!passes.map_err(|error| format!("{}: {error}", self.name))?)
    }
}

/// On as many threads as there are processors, in any order.
pub(crate) fn each<T: Send, R: Send>(items: Vec<T>, run: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (queue, done) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    let lock_queue = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(item) = lock_queue() {
                    let result = run(item);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
