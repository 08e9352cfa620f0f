//! Cargo: what the workspace holds, and the test executables of its packages.

mod env_table;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Metadata, MetadataCommand, Package, PackageId, Target};
use serde::Deserialize;

use crate::Notes;
use crate::cli::CargoArgs;
use crate::error::{CannotRun, Problem};
use crate::select::Selection;

/// Where the system looks for dynamic libraries.
const LIBRARY_PATH: &str = if cfg!(windows) {
    "PATH"
} else if cfg!(target_os = "macos") {
    "DYLD_FALLBACK_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// How cargo is called.
pub(crate) struct Cargo<'a> {
    pub(crate) program: &'a OsStr,
    pub(crate) current_dir: &'a Path,
    pub(crate) args: &'a CargoArgs,
}

/// The unit tests of one target, built.
#[derive(Debug)]
pub(crate) struct Executable<'a> {
    pub(crate) package: &'a Package,
    pub(crate) target: &'a Target,
    pub(crate) path: PathBuf,
    /// What it was built with. Not what `cargo metadata` says: that is with the features that all
    /// members of the workspace turn on, built or not.
    pub(crate) features: Vec<String>,
    /// What cargo sets for it at run time.
    pub(crate) vars: Vec<(OsString, OsString)>,
}

impl Cargo<'_> {
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg(subcommand)
            .current_dir(self.current_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Progress and compile errors, as cargo prints them.
            .stderr(Stdio::inherit());
        command
    }

    /// The workspace, resolved with the features that were asked for.
    pub(crate) fn metadata(&self) -> Result<Metadata, CannotRun> {
        let output = self
            .command("metadata")
            .args(["--format-version", "1"])
            .args(self.args.resolve())
            .output()
            .map_err(|error| self.cannot_start(&error))?;
        if !output.status.success() {
            let place = match &self.args.manifest_path {
                Some(path) => self.current_dir.join(path),
                None => self.current_dir.to_owned(),
            };
            return Err(
                Problem::new("cargo could not read the workspace; its message is above")
                    .at(place.display())
                    .help(
                        "mend what cargo names; where that is no Cargo.toml, run inside a cargo \
                         package, or name its Cargo.toml with `--manifest-path`",
                    )
                    .into(),
            );
        }
        let text = String::from_utf8_lossy(&output.stdout);
        MetadataCommand::parse(text).map_err(|error| {
            Problem::new(format!(
                "cannot read the output of `cargo metadata`: {error}"
            ))
            .help("update cargo or route-audit: one of the two is too old for the other")
            .into()
        })
    }

    /// Builds the unit tests of the selected packages. One executable for each library and binary
    /// of the examined packages comes out, or none does.
    pub(crate) fn build_tests<'a>(
        &self,
        selection: &Selection<'a>,
        notes: &mut Notes<'_>,
    ) -> Result<Vec<Executable<'a>>, CannotRun> {
        let mut command = self.command("test");
        command
            .args(["--no-run", "--message-format", "json-render-diagnostics"])
            .args(self.args.build())
            .arg("--bins");
        // Cargo refuses `--lib` where there is none.
        if selection.built.iter().any(|package| library(package)) {
            command.arg("--lib");
        }
        for package in &selection.built {
            command.args(["--package", &package.id.repr]);
        }
        let mut child = command.spawn().map_err(|error| self.cannot_start(&error))?;
        let stdout = child.stdout.take();
        let mut built = HashMap::new();
        let mut scripts = BuildScripts::default();
        let mut unreadable = None;
        for message in stdout
            .into_iter()
            .flat_map(|stdout| Message::parse_stream(BufReader::new(stdout)))
        {
            match message {
                Ok(Message::CompilerArtifact(artifact)) if artifact.profile.test => {
                    if let Some(path) = artifact.executable {
                        built.insert(
                            (
                                artifact.package_id,
                                kind(&artifact.target),
                                artifact.target.name,
                            ),
                            (path, artifact.features),
                        );
                    }
                }
                Ok(Message::BuildScriptExecuted(script)) => scripts.add(script),
                Ok(Message::TextLine(line)) => notes.pass_on(&line),
                Ok(_) => {}
                // Read on, so that cargo is not stopped by a full pipe.
                Err(error) => unreadable = Some(error),
            }
        }
        let status = child.wait().map_err(|error| self.cannot_start(&error))?;
        if !status.success() {
            return Err(Problem::new(format!(
                "cargo could not build the tests of {}; its message is above",
                names(&selection.built)
            ))
            .help("the audit reads routers by running them: make `cargo test --no-run` pass")
            .into());
        }
        if let Some(error) = unreadable {
            return Err(Problem::new(format!(
                "cannot read the output of `cargo test --no-run`: {error}"
            ))
            .into());
        }

        let configured = env_table::variables(self.current_dir)?;
        let mut executables = Vec::new();
        let mut problems = Vec::new();
        for &package in &selection.examined {
            for target in package.targets.iter().filter(|target| audited(target)) {
                let key = (package.id.clone(), kind(target), target.name.clone());
                if let Some((path, features)) = built.remove(&key) {
                    executables.push(Executable {
                        package,
                        target,
                        path: path.into_std_path_buf(),
                        features,
                        vars: self.vars(package, &configured, &scripts),
                    });
                } else if !target.required_features.is_empty() {
                    notes.note(&format!(
                        "{} of package `{}` is not audited: it needs the features {}",
                        describe(target),
                        package.name,
                        target.required_features.join(", ")
                    ));
                } else {
                    problems.push(
                        Problem::new(format!(
                            "cargo built no tests for {} of package `{}`",
                            describe(target),
                            package.name
                        ))
                        .at(&target.src_path)
                        .help("see `cargo test --no-run` for this target"),
                    );
                }
            }
        }
        CannotRun::unless_none(problems)?;
        Ok(executables)
    }

    /// The environment that `cargo test` gives to a test.
    /// <https://doc.rust-lang.org/cargo/reference/environment-variables.html>
    fn vars(
        &self,
        package: &Package,
        configured: &[(String, OsString)],
        scripts: &BuildScripts,
    ) -> Vec<(OsString, OsString)> {
        let version = &package.version;
        // What cargo itself sets goes before what is configured: the last of a name decides.
        let configured = configured.iter().filter(|(name, _)| name != LIBRARY_PATH);
        let mut vars: Vec<(OsString, OsString)> = configured
            .map(|(name, value)| (name.into(), value.clone()))
            .collect();
        vars.extend([
            ("CARGO".into(), self.program.into()),
            ("CARGO_MANIFEST_DIR".into(), directory(package).into()),
            (
                "CARGO_MANIFEST_PATH".into(),
                package.manifest_path.as_std_path().into(),
            ),
            ("CARGO_PKG_NAME".into(), package.name.as_str().into()),
            ("CARGO_PKG_VERSION".into(), version.to_string().into()),
            (
                "CARGO_PKG_VERSION_MAJOR".into(),
                version.major.to_string().into(),
            ),
            (
                "CARGO_PKG_VERSION_MINOR".into(),
                version.minor.to_string().into(),
            ),
            (
                "CARGO_PKG_VERSION_PATCH".into(),
                version.patch.to_string().into(),
            ),
            ("CARGO_PKG_VERSION_PRE".into(), version.pre.as_str().into()),
        ]);
        vars.extend(scripts.vars.get(&package.id).into_iter().flatten().cloned());
        if !scripts.library_paths.is_empty() {
            let inherited = std::env::var_os(LIBRARY_PATH).unwrap_or_default();
            let own = scripts.library_paths.iter().cloned();
            let paths = own.chain(std::env::split_paths(&inherited));
            if let Ok(paths) = std::env::join_paths(paths) {
                vars.push((LIBRARY_PATH.into(), paths));
            }
        }
        vars
    }

    fn cannot_start(&self, error: &std::io::Error) -> Problem {
        Problem::new(format!(
            "cannot run `{}`: {error}",
            self.program.to_string_lossy()
        ))
        .help("install cargo, or set the variable CARGO to its path")
    }
}

/// What build scripts leave for the run.
#[derive(Default)]
struct BuildScripts {
    vars: HashMap<PackageId, Vec<(OsString, OsString)>>,
    library_paths: Vec<PathBuf>,
}

impl BuildScripts {
    fn add(&mut self, script: cargo_metadata::BuildScript) {
        let vars = self.vars.entry(script.package_id).or_default();
        vars.push(("OUT_DIR".into(), script.out_dir.as_std_path().into()));
        vars.extend(
            script
                .env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        // `target/debug`, of `target/debug/build/NAME/out`. Like cargo, take only what the build
        // made: the other paths are the system's, for its own linker to find.
        let root = script.out_dir.ancestors().nth(3);
        for path in script.linked_paths {
            // `native=/path`, or the path alone.
            let path = match path.as_str().split_once('=') {
                Some(("native" | "dependency" | "crate" | "framework" | "all", path)) => path,
                _ => path.as_str(),
            };
            if root.is_some_and(|root| Path::new(path).starts_with(root)) {
                self.library_paths.push(path.into());
            }
        }
    }
}

/// The folder of a package's Cargo.toml.
pub(crate) fn directory(package: &Package) -> &Path {
    let manifest = package.manifest_path.as_std_path();
    manifest.parent().unwrap_or(manifest)
}

/// A target as messages name it: ``library `web` ``, ``binary `server` ``.
pub(crate) fn describe(target: &Target) -> String {
    format!("{} `{}`", kind(target), target.name)
}

fn kind(target: &Target) -> &'static str {
    if target.is_bin() { "binary" } else { "library" }
}

/// Whether the target is part of the program: what else there is (tests, benches, examples, build
/// scripts) serves nobody.
pub(crate) fn audited(target: &Target) -> bool {
    target.is_bin() || is_library(target)
}

fn is_library(target: &Target) -> bool {
    target.is_lib()
        || target.is_rlib()
        || target.is_dylib()
        || target.is_cdylib()
        || target.is_staticlib()
        || target.is_proc_macro()
}

fn library(package: &Package) -> bool {
    package.targets.iter().any(is_library)
}

fn names(packages: &[&Package]) -> String {
    let names: Vec<_> = packages
        .iter()
        .map(|package| format!("`{}`", package.name))
        .collect();
    names.join(", ")
}

/// Refuses targets with `harness = false`: asked for its list of tests, such a binary would run
/// its `main` instead, and serve.
pub(crate) fn refuse_own_harness(packages: &[&Package]) -> Result<(), CannotRun> {
    #[derive(Deserialize)]
    struct Manifest {
        lib: Option<Harness>,
        #[serde(default)]
        bin: Vec<Harness>,
    }
    #[derive(Deserialize)]
    struct Harness {
        name: Option<String>,
        harness: Option<bool>,
    }

    let mut problems = Vec::new();
    for package in packages {
        let manifest = fs::read_to_string(&package.manifest_path)
            .map_err(|error| error.to_string())
            .and_then(|text| toml::from_str(&text).map_err(|error| error.to_string()));
        let Manifest { lib, bin } = match manifest {
            Ok(manifest) => manifest,
            Err(error) => {
                problems.push(
                    Problem::new(format!("cannot read Cargo.toml: {error}"))
                        .at(&package.manifest_path),
                );
                continue;
            }
        };
        let targets = lib
            .into_iter()
            .map(|target| ("library", target))
            .chain(bin.into_iter().map(|target| ("binary", target)));
        for (kind, target) in targets {
            if target.harness == Some(false) {
                let name = target.name.unwrap_or_else(|| package.name.to_string());
                problems.push(
                    Problem::new(format!(
                        "{kind} `{name}` of package `{}` has `harness = false`, so it has no \
                         tests that could be listed and run",
                        package.name
                    ))
                    .at(&package.manifest_path)
                    .help(
                        "remove `harness = false`, or move the router to the library and leave \
                         the binary in a package of its own",
                    ),
                );
            }
        }
    }
    CannotRun::unless_none(problems)
}
