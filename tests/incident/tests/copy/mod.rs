//! Copies of the service, each a workspace of its own, to be broken.
#![allow(dead_code, reason = "each step uses a part of it")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use test_servers::built;
use toml::{Table, Value};

const SERVICE: &str = "examples/waitlist";
/// Where the router is, by its path in a copy.
pub(crate) const ROUTER: &str = "waitlist/src/router.rs";

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.ancestors().nth(2).unwrap().to_owned()
}

/// Cargo's own target folder: what it has built of the dependencies is not built again.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn cargo() -> Command {
    let mut cargo = test_servers::cargo();
    cargo
        .env("CARGO_TERM_COLOR", "never")
        // Where `route-audit` is what runs this test.
        .env_remove("ROUTE_AUDIT_REPORT_DIR")
        .env_remove("ROUTE_AUDIT_RUNNER");
    cargo
}

/// An attribute on a handler of the service.
#[derive(Clone)]
pub(crate) struct Attribute {
    /// Relative to the service.
    file: PathBuf,
    range: Range<usize>,
    pub(crate) class: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The name of the function.
    pub(crate) handler: String,
    /// How the router names it: `waitlist::signup`.
    pub(crate) mount: String,
}

impl Attribute {
    /// All in the source of the service.
    pub(crate) fn all() -> Vec<Self> {
        let service = repository().join(SERVICE);
        let mut all = Vec::new();
        for file in rust_files(&service.join("src")) {
            let source = fs::read_to_string(&file).unwrap();
            let file = file.strip_prefix(&service).unwrap();
            for class in ["public", "webhook", "session"] {
                for (start, _) in source.match_indices(&format!("#[{class}_route(")) {
                    all.push(Self::parse(file, &source, class, start));
                }
            }
        }
        all
    }

    /// One of each class.
    pub(crate) fn of_each_class() -> Vec<Self> {
        let mut all = Self::all();
        let mut seen = BTreeSet::new();
        all.retain(|attribute| seen.insert(attribute.class));
        assert_eq!(all.len(), 3);
        all
    }

    /// What is taken away in turn: all at once, of which each has to be told, and one of each class
    /// alone. Each of them alone would take minutes to compile.
    pub(crate) fn taken_away() -> Vec<Vec<Self>> {
        let alone = Self::of_each_class().into_iter().map(|one| vec![one]);
        std::iter::once(Self::all()).chain(alone).collect()
    }

    fn parse(file: &Path, source: &str, class: &'static str, start: usize) -> Self {
        let rest = &source[start..];
        let end = rest.find(")]").unwrap() + ")]".len();
        let (attribute, after) = rest.split_at(end);
        let arguments = attribute.split_once('(').unwrap().1;
        let (method, arguments) = arguments.split_once(',').unwrap();
        let path = arguments.split('"').nth(1).unwrap();
        let function = after.split_once("fn ").unwrap().1;
        let handler = function.split('(').next().unwrap();
        let mount = match file.file_stem().unwrap().to_str().unwrap() {
            "mod" => handler.to_owned(),
            module => format!("{module}::{handler}"),
        };
        Self {
            file: file.to_owned(),
            range: start..start + end,
            class,
            method: method.trim().to_owned(),
            path: path.to_owned(),
            handler: handler.to_owned(),
            mount,
        }
    }

    /// How axum's own router takes it.
    fn registration(&self) -> String {
        let Self { path, mount, .. } = self;
        let function = self.method.to_lowercase();
        format!(".route({path:?}, axum::routing::{function}(crate::routes::{mount}))")
    }

    /// `POST /login`.
    pub(crate) fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, handler, .. } = self;
        write!(
            f,
            "the class of {} ({}, {handler})",
            self.route(),
            file.display()
        )
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// How a router of axum's comes in.
pub(crate) const TAKEN_IN: &str = "merge_axum";

/// The service in a workspace of its own, with the repository's versions and lockfile.
pub(crate) struct Copy {
    folder: PathBuf,
}

impl Copy {
    pub(crate) fn of_the_service(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("incident-{name}"));
        // A run that was broken off may have left one, with an attribute missing.
        let _ = fs::remove_dir_all(&folder);
        let copy = Self { folder };
        copy_all(&repository().join(SERVICE), &copy.folder.join("waitlist"));
        copy.leave_the_program_out();
        fs::write(copy.folder.join("Cargo.toml"), manifest(name)).unwrap();
        fs::copy(
            repository().join("Cargo.lock"),
            copy.folder.join("Cargo.lock"),
        )
        .unwrap();
        copy
    }

    /// The same handlers on a router of axum's, which another crate may have built.
    pub(crate) fn on_axums_router(name: &str) -> Self {
        let copy = Self::of_the_service(name);
        let routes: String = Attribute::all()
            .iter()
            .map(|attribute| format!("            {}\n", attribute.registration()))
            .collect();
        let router = format!(
            "use session_auth::{{Router, audited_router}};\n\
             use crate::App;\n\
             \n\
             #[audited_router]\n\
             pub(crate) fn routes() -> Router<App> {{\n    \
                 Router::new().{TAKEN_IN}(\n        \
                     axum::Router::new()\n{routes}    \
                 )\n\
             }}\n"
        );
        fs::write(copy.folder.join(ROUTER), router).unwrap();
        copy
    }

    /// It has no route, and to link it for each route takes as long as all else.
    fn leave_the_program_out(&self) {
        let service = self.folder.join("waitlist");
        fs::remove_file(service.join("src/main.rs")).unwrap();
        let text = fs::read_to_string(service.join("Cargo.toml")).unwrap();
        let mut manifest: Table = text.parse().unwrap();
        manifest.remove("bin").unwrap();
        fs::write(service.join("Cargo.toml"), manifest.to_string()).unwrap();
    }

    fn read(&self, file: &str) -> String {
        let path = self.folder.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A line of a file, as compiler and audit name it.
    pub(crate) fn line(&self, file: &str, line: usize) -> String {
        self.read(file).lines().nth(line - 1).unwrap().to_owned()
    }

    /// Does something while these attributes are away.
    pub(crate) fn without<R>(&self, attributes: &[Attribute], run: impl FnOnce() -> R) -> R {
        let mut before = BTreeMap::new();
        // From the end of a file, so that the other places in it stay.
        let mut attributes: Vec<_> = attributes.iter().collect();
        attributes.sort_by_key(|attribute| Reverse(attribute.range.start));
        for attribute in attributes {
            let file = self.folder.join("waitlist").join(&attribute.file);
            let source = fs::read_to_string(&file).unwrap();
            let mut less = source.clone();
            less.replace_range(attribute.range.clone(), "");
            fs::write(&file, less).unwrap();
            before.entry(file).or_insert(source);
        }
        let result = run();
        for (file, source) in before {
            fs::write(file, source).unwrap();
        }
        result
    }

    /// Does something while a text in a file is another.
    pub(crate) fn with<R>(&self, file: &str, from: &str, to: &str, run: impl FnOnce() -> R) -> R {
        let source = self.read(file);
        assert_eq!(source.matches(from).count(), 1, "{from:?} in {file}");
        fs::write(self.folder.join(file), source.replace(from, to)).unwrap();
        let result = run();
        fs::write(self.folder.join(file), source).unwrap();
        result
    }

    /// Runs a command of cargo's, offline: everything needed has been built or is there.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Output {
        let mut command = cargo();
        command
            .current_dir(&self.folder)
            .args(arguments)
            .arg("--offline")
            .arg("--target-dir")
            .arg(target());
        Output::of(&mut command)
    }
}

/// `route-audit check` of a copy. One at a time: the audit reads the library that cargo leaves in the
/// target folder, and there the libraries of all copies have one name.
pub(crate) fn route_audit(copy: &Copy, arguments: &[&str]) -> Output {
    use std::sync::{Mutex, PoisonError};

    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(route_audit_binary());
    command
        .current_dir(&copy.folder)
        .env("CARGO_TERM_COLOR", "never")
        .arg("check")
        .args(arguments)
        .arg("--offline")
        .arg("--target-dir")
        .arg(target());
    Output::of(&mut command)
}

fn route_audit_binary() -> &'static Path {
    use std::sync::OnceLock;

    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built(&["route-audit"], env!("CARGO_CRATE_NAME")).join("route-audit"))
}

/// The repository's manifest, with the service as its only member.
///
/// Its version has the copy's name. Cargo takes two copies in one target folder for the same package,
/// and what one of them has built for that of the other.
fn manifest(name: &str) -> String {
    let root = repository();
    let text = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut manifest: Table = text.parse().unwrap();
    let workspace = manifest["workspace"].as_table_mut().unwrap();
    workspace.insert("members".into(), Value::Array(vec!["waitlist".into()]));
    workspace["package"]["version"] = format!("0.1.0-{name}").into();
    // Those name folders and packages of the repository.
    for key in ["exclude", "default-members", "metadata"] {
        workspace.remove(key);
    }
    let dependencies = workspace["dependencies"].as_table_mut().unwrap();
    for (_, dependency) in dependencies.iter_mut() {
        if let Some(Value::String(path)) = dependency.get_mut("path") {
            *path = root.join(&*path).to_str().unwrap().to_owned();
        }
    }
    manifest.to_string()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a command said, on both streams, and its exit code.
pub(crate) struct Output {
    pub(crate) code: i32,
    text: String,
}

impl Output {
    fn of(command: &mut Command) -> Self {
        let process::Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self {
            code: status
                .code()
                .unwrap_or_else(|| panic!("{command:?} ended by {status}")),
            text: text.join("\n"),
        }
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.text.matches(text).count()
    }

    /// The file and line of the first finding that starts with this; a column may follow.
    pub(crate) fn place_after(&self, start: &str) -> (&str, usize) {
        let after = self.text.split_once(start).unwrap().1;
        let place = after.split_once("--> ").unwrap().1.lines().next().unwrap();
        let mut parts = place.split(':');
        (
            parts.next().unwrap(),
            parts.next().unwrap().parse().unwrap(),
        )
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n{}", self.code, self.text)
    }
}
