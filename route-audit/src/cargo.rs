//! Cargo: what the workspace holds, and the test executables of its packages.

pub(crate) mod compile;
mod env_table;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Message, Metadata, MetadataCommand, Package, PackageId, Target};
use serde::Deserialize;

use self::compile::{Compile, cannot_start, command};
use crate::builds::Build;
use crate::cli::{CargoArgs, Common};
use crate::error::{CannotRun, Problem};
use crate::select::Selection;
use crate::surroundings::Notes;
use crate::targets::{audited, describe, directory, kind};

/// Where the system looks for dynamic libraries.
const LIBRARY_PATH: &str = if cfg!(windows) {
    "PATH"
} else if cfg!(target_os = "macos") {
    "DYLD_FALLBACK_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// How cargo is called.
#[derive(Clone)]
pub(crate) struct Cargo<'a> {
    pub(crate) program: &'a OsStr,
    pub(crate) current_dir: &'a Path,
    args: &'a CargoArgs,
    /// Its flags come after the arguments.
    build: Build,
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

impl<'a> Cargo<'a> {
    pub(crate) fn of(common: &'a Common, program: &'a OsStr, current_dir: &'a Path) -> Self {
        Self {
            program,
            current_dir,
            args: &common.cargo,
            build: Build::default(),
        }
    }

    /// For another build.
    pub(crate) fn with(&self, build: Build) -> Self {
        Self {
            build,
            ..self.clone()
        }
    }

    /// What `cargo test` and `cargo build` take, but for the packages. Without optimization across
    /// crates: it takes minutes and changes nothing that is looked for here, and a library that is
    /// built for it holds no machine code. Both share what they depend on.
    fn build_args(&self) -> Vec<OsString> {
        let mut args = self.args.build();
        args.extend(self.build.args());
        let profile = match self.build.profile() {
            "dev" => self.args.profile(),
            profile => profile,
        };
        args.extend([
            "--config".into(),
            format!("profile.{profile}.lto=false").into(),
        ]);
        args
    }

    /// The workspace, resolved with the features that were asked for.
    pub(crate) fn metadata(&self) -> Result<Metadata, CannotRun> {
        let output = command(self.program, self.current_dir)
            .args(["metadata", "--format-version", "1"])
            .args(self.args.resolve())
            .args(self.build.resolve())
            .output()
            .map_err(|error| cannot_start(self.program, &error))?;
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

    /// For these packages.
    pub(crate) fn compile<'s>(&self, packages: &'s [&'s Package]) -> Compile<'s>
    where
        'a: 's,
    {
        Compile {
            cargo: self.program,
            current_dir: self.current_dir,
            args: self.build_args(),
            packages,
        }
    }

    /// Builds the unit tests of the selected packages. One executable for each library and binary
    /// of the examined packages comes out, or none does.
    pub(crate) fn build_tests<'s>(
        &self,
        selection: &Selection<'s>,
        notes: &mut Notes<'_>,
    ) -> Result<Vec<Executable<'s>>, CannotRun> {
        let mut built = HashMap::new();
        let mut scripts = BuildScripts::default();
        for message in self.compile(&selection.built).tests(notes)? {
            match message {
                Message::CompilerArtifact(artifact) if artifact.profile.test => {
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
                Message::BuildScriptExecuted(script) => scripts.add(script),
                _ => {}
            }
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
