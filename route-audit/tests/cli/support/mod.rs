//! Workspaces for route-audit to audit, and ways to run it on them.
//!
//! Most of them depend on a tiny package that is *called* session-auth and writes reports by hand:
//! it builds in a moment, and it can write what the real one never would.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use route_audit::Env;
use serde_json::json;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect_code(self, code: u8) -> Self {
        assert_eq!(
            self.code, code,
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Could not run, and printed no result.
    #[track_caller]
    pub(crate) fn could_not_run(self) -> Self {
        let ran = self.expect_code(101);
        assert_eq!(ran.stdout, "");
        ran
    }

    /// The paths of the routes that the JSON on standard output lists.
    pub(crate) fn paths(&self) -> Vec<String> {
        let audit: serde_json::Value = serde_json::from_str(&self.stdout).expect("JSON");
        audit["routes"]
            .as_array()
            .expect("routes")
            .iter()
            .map(|route| route["path"].as_str().expect("path").to_owned())
            .collect()
    }
}

/// A workspace on disk. It keeps its place from run to run, so that cargo builds it once.
pub(crate) struct Fixture {
    pub(crate) root: PathBuf,
    files: BTreeMap<String, String>,
}

impl Fixture {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            root: folder().join("fixtures").join(name),
            files: BTreeMap::new(),
        }
    }

    /// A workspace of one package at its root.
    pub(crate) fn package(name: &str, lib: &str) -> Self {
        Self::new(name)
            .file(
                "Cargo.toml",
                &format!("{}\n[workspace]\n", Self::manifest(name)),
            )
            .file("src/lib.rs", lib)
    }

    /// The manifest of a package that depends on the stand-in for session-auth.
    pub(crate) fn manifest(name: &str) -> String {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\nsession-auth = {{ path = {:?} }}\n",
            folder().join("stand-in")
        )
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A member of a workspace, at a folder of its name.
    pub(crate) fn member(self, name: &str, lib: &str) -> Self {
        self.file(&format!("{name}/Cargo.toml"), &Self::manifest(name))
            .file(&format!("{name}/src/lib.rs"), lib)
    }

    /// Writes it to disk, and removes what an earlier version of the test has left there.
    ///
    /// # Panics
    ///
    /// Where another fixture has a package of the same name at the same place, and other sources: they
    /// would share executables, since all build into one folder.
    #[track_caller]
    pub(crate) fn write(self) -> Self {
        self.is_alone();
        write_stand_in();
        let _ = fs::create_dir_all(&self.root);
        remove_others(&self.root, &self.root, &self.files);
        for (path, text) in &self.files {
            write(&self.root.join(path), text);
        }
        self
    }

    #[track_caller]
    fn is_alone(&self) {
        type Written = BTreeMap<[String; 3], (PathBuf, Vec<String>)>;
        static WRITTEN: Mutex<Written> = Mutex::new(BTreeMap::new());
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, manifest) in &self.files {
            let Some(folder) = path.strip_suffix("Cargo.toml") else {
                continue;
            };
            let name = manifest.split("name = \"").nth(1);
            let Some((name, _)) = name.and_then(|it| it.split_once('"')) else {
                continue;
            };
            let sources = self
                .files
                .iter()
                .filter(|(path, _)| path.ends_with(".rs") && path.starts_with(folder));
            let sources: Vec<String> = sources.map(|(_, text)| text.clone()).collect();
            // Cargo goes by the place in the workspace.
            let place = folder
                .strip_prefix(self.workspace_of(folder))
                .unwrap_or(folder);
            for target in ["src/lib.rs", "src/main.rs"] {
                if !self.files.contains_key(&format!("{folder}{target}")) {
                    continue;
                }
                let key = [place, name, target].map(str::to_owned);
                let (root, before) = written
                    .entry(key)
                    .or_insert_with(|| (self.root.clone(), sources.clone()));
                assert!(
                    *root == self.root || *before == sources,
                    "`{name}` at `{place}` is in {} too: give it a name of its own",
                    root.display()
                );
            }
        }
    }

    /// The folder of a package's workspace, with a slash at its end.
    fn workspace_of<'a>(&self, folder: &'a str) -> &'a str {
        let ends = folder.match_indices('/').map(|(at, _)| at + 1).rev();
        let mut above = ends.chain([0]).map(|end| &folder[..end]);
        let is_workspace = |folder: &&str| {
            let manifest = self.files.get(&format!("{folder}Cargo.toml"));
            manifest.is_some_and(|it| it.contains("[workspace]"))
        };
        above.find(is_workspace).unwrap_or_default()
    }

    /// Runs in this process, inside the workspace.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    /// Runs in this process, in a folder of the workspace.
    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        run_in(&self.root.join(folder), args)
    }
}

/// A library with an audited router `routes` that mounts these: method, path, class; of class
/// `none`, nobody has said.
pub(crate) fn routes(package: &str, all: &[(&str, &str, &str)]) -> String {
    let rows: String = all
        .iter()
        .map(|(method, path, class)| match *class {
            "none" => format!("({method:?}, {path:?}, None),\n"),
            class => format!("({method:?}, {path:?}, Some({class:?})),\n"),
        })
        .collect();
    format!(
        "#[test]\nfn route_audit_routes() {{\nsession_auth::report(\"routes\", {package:?}, \
         file!(), line!(), &[\n{rows}]);\n}}\n"
    )
}

/// The audit test of a router that mounts `GET` of these paths, in a program that declares `GET` of
/// those: path and package.
pub(crate) fn linking(
    package: &str,
    router: &str,
    mounted: &[&str],
    declared: &[(&str, &str)],
) -> String {
    let place = json!({"file": "src/shop.rs", "line": 1, "column": 1});
    let declaration = |path: &str, declared_in: &str| {
        json!({"target": {"route": {"methods": ["GET"], "paths": [path]}},
            "access": {"class": "session", "scope": null, "by": "session"}, "reason": null, "owner": null,
            "until": null, "handler": "shop::h", "package": declared_in, "location": place})
    };
    let (mut routes, mut findings) = (Vec::new(), Vec::new());
    for path in mounted {
        let found = declared.iter().find(|(declared, _)| declared == path);
        let speaks = found.map(|(path, declared_in)| declaration(path, declared_in));
        if speaks.is_none() {
            findings.push(
                json!({"code": "unclassified-route", "related": [], "subject":
                {"path": path, "methods": ["GET"], "shape": "route", "place": place}}),
            );
        }
        routes.push(
            json!({"methods": ["GET"], "path": path, "shape": "route", "named": false,
            "mounted": place, "declaration": speaks}),
        );
    }
    let declared: Vec<_> = declared
        .iter()
        .map(|(path, declared_in)| declaration(path, declared_in))
        .collect();
    let report = json!({
        "schema": 1,
        "router": {"name": router, "package": package, "kind": "axum", "file": "src/shop.rs",
            "line": 8},
        "routes": routes,
        "findings": findings,
        "declared": declared,
    });
    format!(
        "#[test]\nfn route_audit_{router}() {{\nsession_auth::write({router:?}, {:?});\n}}\n",
        report.to_string()
    )
}

/// Runs in this process.
pub(crate) fn run_in(current_dir: &Path, args: &[&str]) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let target = target_dir();
    let mut all: Vec<OsString> = vec!["route-audit".into()];
    all.extend(args.iter().map(Into::into));
    all.extend(["--offline".into(), "--target-dir".into(), target.into()]);
    let code = route_audit::run(Env {
        args: all,
        current_dir: current_dir.to_owned(),
        cargo: env!("CARGO").into(),
        colors: false,
        stdout: &mut stdout,
        stderr: &mut stderr,
    });
    Ran {
        code,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// One of the binaries, in surroundings that have no opinion on colours.
pub(crate) fn binary(path: &str) -> Command {
    let mut command = Command::new(path);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CARGO_TERM_COLOR"] {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", target_dir());
    command
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary starts");
    Ran {
        code: output
            .status
            .code()
            .and_then(|code| code.try_into().ok())
            .expect("an exit code"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// One folder for all fixtures: they share what they build.
pub(crate) fn target_dir() -> PathBuf {
    folder().join("target")
}

/// A command line for `check --run` that starts the program of a fixture. It is built where the other fixtures are,
/// which have built what it needs.
pub(crate) fn start() -> String {
    format!(
        "CARGO_TARGET_DIR={:?} {:?} run --quiet --offline",
        target_dir(),
        env!("CARGO")
    )
}

/// With the paths of this machine and of this build taken out.
pub(crate) fn filtered(text: &str, fixture: &Fixture) -> String {
    text.replace(&*fixture.root.to_string_lossy(), "[ROOT]")
        .replace('\\', "/")
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

fn write_stand_in() {
    let root = folder().join("stand-in");
    write(
        &root.join("Cargo.toml"),
        &format!("{}[workspace]\n", library_manifest("")),
    );
    write(&root.join("src/lib.rs"), include_str!("stand_in.rs"));
}

/// The manifest of a package that passes for session-auth.
pub(crate) fn library_manifest(dependencies: &str) -> String {
    format!(
        "[package]\nname = \"session-auth\"\nversion = {:?}\nedition = \"2024\"\n\
         [package.metadata.session-auth]\naudited-by = \"route-audit\"\n\
         [dependencies]\n{dependencies}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Only where it differs, so that cargo does not build it again; in one step, for the other tests
/// that write the same file at the same time.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    let parent = path.parent().expect("a folder");
    fs::create_dir_all(parent).expect("create the folder");
    let file = tempfile::NamedTempFile::new_in(parent).expect("create the file");
    fs::write(file.path(), text).expect("write the file");
    file.persist(path).expect("name the file");
}

fn remove_others(root: &Path, folder: &Path, keep: &BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("list the folder") {
        let path = entry.expect("read the entry").path();
        if path.is_dir() {
            remove_others(root, &path, keep);
        } else if path.file_name().is_some_and(|name| name != "Cargo.lock") {
            let name = path.strip_prefix(root).expect("inside");
            if !keep.keys().any(|kept| Path::new(kept) == name) {
                fs::remove_file(&path).expect("remove the file");
            }
        }
    }
}
