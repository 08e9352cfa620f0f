//! Leaves out each refusal of the sources in turn, and sees a test fail:
//! `cargo run -p mutations [-- NAME..]`, for all mutants or those whose names have one of these in
//! them; `-- --list` prints all.
//!
//! All mutants are in one copy of the workspace, each behind a question to the environment; so one
//! build has every mutant, and the sources that are shipped have none. Every test is run once on
//! that copy to see which refusals it meets, and then each mutant with the tests that meet its
//! refusal, until one of them fails. `mutants.toml` says which sources and which tests;
//! `exempt.toml` which mutants no test can catch, and why.
//!
//! Exit code 0 where a test fails for each of them, 1 otherwise.
#![forbid(unsafe_code)]

mod config;
mod copy;
mod find;
mod refusal;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use crate::config::Config;
use crate::find::Mutant;
use crate::refusal::Words;
use crate::run::Test;

/// What asks the environment, in the copy.
const KEPT: &str = include_str!("kept.rs");

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let config = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = config.ancestors().nth(2).unwrap_or(config);
    // A folder of its own: what is built there must never be taken for the program.
    match run(root, config, &root.join("target/mutations"), &wanted) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            println!("{}", problems.join("\n"));
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The manifest of the workspace, with all warnings off: the mutants leave parentheses and the like that nobody
/// has to read. A flag for the compiler would have the dependencies built anew.
fn without_warnings(manifest: &str) -> String {
    const LINTS: &str = "[workspace.lints.rust]\n";
    manifest.replace(LINTS, &format!("{LINTS}warnings = \"allow\"\n"))
}

/// What is wrong with the tests of the workspace at `root`, or with the exemptions. An error where
/// nothing can be said of them.
fn run(
    root: &Path,
    config: &Path,
    scratch: &Path,
    wanted: &[String],
) -> Result<Vec<String>, String> {
    let start = Instant::now();
    let after = || format!("after {} s", start.elapsed().as_secs());
    let at = |error: std::io::Error| format!("{}: {error}", scratch.display());
    let files = copy::files(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let exempt = config::exemptions(config)?;
    let config = Config::read(config, &files)?;
    let (mut mutants, mut planted) = mutants(root, &files, &config)?;
    let names: BTreeSet<String> = mutants.iter().map(|mutant| mutant.name.clone()).collect();
    let gone = exempt.keys().filter(|name| !names.contains(*name));
    let mut problems: Vec<String> = gone
        .map(|name| format!("exempt.toml: there is no mutant `{name}`"))
        .collect();
    if wanted.first().is_some_and(|first| first == "--list") {
        mutants
            .iter()
            .for_each(|mutant| println!("{}", mutant.name));
        return Ok(problems);
    }
    let is_wanted = |name: &str| wanted.iter().any(|part| name.contains(part));
    mutants.retain(|mutant| wanted.is_empty() || is_wanted(&mutant.name));
    if mutants.is_empty() {
        return Err(format!("no mutant has one of {wanted:?} in its name"));
    }

    let (sources, reached) = (scratch.join("workspace"), scratch.join("reached"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).map_err(at)?;
    planted.insert("Cargo.toml".to_owned(), without_warnings(&manifest));
    copy::copy(root, &sources, &files, &planted).map_err(at)?;
    let needed = mutants
        .iter()
        .flat_map(|mutant| config.tests(&mutant.file))
        .collect();
    // The workspace's own target folder: what it has built of its dependencies is not built again.
    let mut built = run::build(&sources, &root.join("target"), &needed)?;
    let of_any = |name: &str| {
        mutants
            .iter()
            .any(|mutant| config.may_catch(&mutant.file, name))
    };
    built.retain(|executable| of_any(&executable.name));
    eprintln!("{} mutants, built {}", mutants.len(), after());

    let _ = fs::remove_dir_all(&reached);
    fs::create_dir_all(&reached).map_err(at)?;
    let tests = run::survey(&built, &reached)?;
    eprintln!("{} tests, each run once {}", tests.len(), after());

    let tried = run::each(
        mutants.iter().collect(),
        |mutant: &Mutant| -> Result<_, String> {
            let may_catch = |test: &&Test<'_>| {
                test.meets.contains(&mutant.name)
                    && config.may_catch(&mutant.file, &test.executable.name)
            };
            let is_exempt = exempt.contains_key(&mutant.name);
            let mut met = 0;
            for test in tests.iter().filter(may_catch) {
                met += 1;
                if test.catches(&mutant.name, config.seconds)? {
                    let caught = || format!("exempt.toml: a test catches `{}`", mutant.name);
                    return Ok(is_exempt.then(caught));
                }
            }
            Ok((!is_exempt).then(|| survivor(root, mutant, met)))
        },
    );
    for problem in tried {
        problems.extend(problem?);
    }
    problems.sort();
    eprintln!("all tried, {} problems {}", problems.len(), after());
    Ok(problems)
}

fn survivor(root: &Path, mutant: &Mutant, met: usize) -> String {
    let Mutant {
        file, line, name, ..
    } = mutant;
    let source = fs::read_to_string(root.join(file)).unwrap_or_default();
    let source = source.lines().nth(line - 1).unwrap_or_default().trim();
    format!("{file}:{line}: {met} tests meet it, and none fails without it\n  {source}\n  {name}")
}

/// Every mutant, and the texts that have them.
fn mutants(
    root: &Path,
    files: &BTreeSet<String>,
    config: &Config,
) -> Result<(Vec<Mutant>, BTreeMap<String, String>), String> {
    let read = |file: &str| {
        fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
    };
    let words = Words(config.refusals.clone());
    let (mut all, mut planted, mut roots) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    for file in files.iter().filter(|file| config.has(file)) {
        let text = read(file)?;
        let mutants = find::mutants(file, &text, &words)
            .map_err(|error| format!("{file}:{}: {error}", error.span().start().line))?;
        if mutants.is_empty() {
            continue;
        }
        planted.insert(file.clone(), find::plant(&text, &mutants));
        all.extend(mutants);
        let is_program = file.ends_with("src/main.rs") || file.contains("src/bin/");
        roots.insert(match file.find("src/") {
            Some(at) if !is_program => format!("{}src/lib.rs", &file[..at]),
            _ => file.clone(),
        });
    }
    for root in roots {
        let text = planted
            .get(&root)
            .cloned()
            .map_or_else(|| read(&root), Ok)?;
        planted.insert(root, format!("{text}\nmod __mutants {{\n{KEPT}}}\n"));
    }
    Ok((all, planted))
}
