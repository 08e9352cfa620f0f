//! `route-audit init --annotate`: access classes for a service that has none.
//!
//! It asks the running router and the compiler. In a copy of the workspace axum's names become those
//! of `session_auth::adopt`, which take any handler and record what is mounted; the service's own
//! tests, or a command, run the router. By the record each handler gets an attribute of class
//! `session`, the strictest, with a comment where it looks as if its callers had none. Then the names
//! become those of `session_auth` itself, and what the compiler misses is put in where it says. What
//! cannot be done is listed. The sources are written at the end, all of them or none.

mod adopting;
mod apart;
mod auditing;
mod building;
mod by;
mod calls;
mod compile;
mod declare;
mod extensions;
mod fix;
mod imports;
mod manifest;
mod outcome;
mod outermost;
mod record;
mod recorded;
mod strict;
mod takes;
mod text;
mod tree;
mod types;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};

use cargo_metadata::semver::Version;
use cargo_metadata::{Metadata, NodeDep, Package};
use tempfile::TempDir;

pub(crate) use self::by::name as by_name;
pub(crate) use self::fix::fix;
pub(crate) use self::manifest::Library;
use self::text::{Edit, Source};
use self::tree::{Sources, Tree};
use crate::cli::Init;
use crate::copy::{Copy, scratch};
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::select;
use crate::surroundings::{Env, Notes, print};
use crate::workspace::Workspace;

/// Below the target folder: what is built here is not what is built there, and has the same names.
const FOLDER: &str = "route-audit-annotate";
/// More rounds than any program needs: each mends what the one before made visible.
const ROUNDS: usize = 40;

/// What is asked for.
struct Ask<'a> {
    args: &'a Init,
    cargo: &'a OsStr,
    current_dir: &'a Path,
    metadata: &'a Metadata,
    selected: Vec<&'a Package>,
    /// What the configuration leaves out.
    excluded: &'a [String],
    /// What runs the service, if its tests do not.
    run: Option<&'a str>,
    /// Where the library comes from, for packages that do not have it.
    library: Option<Library>,
}

/// By file.
type Edits = BTreeMap<usize, Vec<Edit>>;

/// What a person has to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    place: String,
    what: String,
    help: String,
}

/// Annotates the selected packages.
pub(crate) fn run(
    args: &Init,
    library: Option<Library>,
    env: &mut Env<'_>,
) -> Result<u8, CannotRun> {
    let Workspace { metadata, config } = Workspace::read(&args.common, env)?;
    write::interrupted(metadata.workspace_root.as_std_path())?;
    let cargo = &args.common.cargo;
    let mut selected = select::selected(&metadata, cargo)?;
    selected.retain(|package| !cargo.package.is_empty() || !config.exclude.contains(&package.name));
    let ask = Ask {
        args,
        cargo: &env.cargo,
        current_dir: &env.current_dir,
        metadata: &metadata,
        selected,
        excluded: &config.exclude,
        run: args.common.run.as_deref().or(config.run.as_deref()),
        library,
    };
    let notes = Notes::of(env.stderr, &args.common);
    let (text, clean) = Work::start(&ask, notes)?.run()?;
    print(env.stdout, &text)?;
    Ok(if clean { exit::CLEAN } else { exit::FINDINGS })
}

/// Why a function returns no router to a test.
#[derive(Clone)]
struct Hindrance {
    what: String,
    help: String,
    /// By file and number of a mark in it.
    panicked: Option<(usize, usize)>,
}

/// A package that is edited.
struct Edited<'a> {
    package: &'a Package,
    /// What its code calls axum, and the library.
    axum: Option<String>,
    library: String,
    gets_library: bool,
}

struct Work<'a> {
    ask: &'a Ask<'a>,
    /// Says what is to be said on the way.
    notes: Notes<'a>,
    root: PathBuf,
    packages: Vec<Edited<'a>>,
    sources: Sources,
    /// By source: the package that it is of.
    owners: BTreeMap<usize, usize>,
    tree: Tree,
    copy: Copy,
    /// Holds the copy, and the records.
    scratch: TempDir,
    _lock: File,
    left: BTreeSet<Left>,
    /// The same, by file and number of a mark in it: what is edited later moves the place.
    left_at: Vec<(usize, usize, String, String)>,
    /// What the files become, as far as they change.
    new: BTreeMap<usize, String>,
    /// The lines that were put above a function, by file and name, and the functions that do not compile
    /// with them, with the compiler's message.
    written: BTreeMap<(usize, String), Vec<String>>,
    refused: BTreeMap<(usize, String), String>,
    /// The functions that return a router, but not to a test, by file and name.
    unbuilt: BTreeMap<(usize, String), Hindrance>,
    /// Those that are audited when the program protects their router.
    at_start: BTreeSet<(usize, String)>,
    /// The compiler's names of what routers are given as their state, by file and number of a mark in it.
    states: BTreeMap<(usize, usize), String>,
    /// The types that handlers take by which they may know their callers, and how many take each.
    takes: Vec<(by::Taken, usize)>,
    /// Where `.into()` was put in, by file and number of a mark in it.
    converted: Vec<(usize, usize)>,
    /// The crates whose functions the record has.
    mounted: BTreeSet<String>,
    /// How many handlers have got an attribute.
    annotated: usize,
    compiles: bool,
    /// Where an audited router has become a plain one again, by file and number of a mark in it.
    served: BTreeSet<(usize, usize)>,
    /// By package: its Cargo.toml.
    manifests: Vec<usize>,
}

impl<'a> Work<'a> {
    fn start(ask: &'a Ask<'a>, notes: Notes<'a>) -> Result<Self, CannotRun> {
        let root = ask.metadata.workspace_root.as_std_path();
        let root = fs::canonicalize(root).map_err(|error| {
            Problem::new(format!("cannot read the workspace: {error}")).at(root.display())
        })?;
        let mut left = BTreeSet::new();
        let packages = packages(ask, &mut left)?;
        let target = match &ask.args.common.cargo.target_dir {
            Some(folder) => ask.current_dir.join(folder),
            None => ask.metadata.target_directory.as_std_path().to_owned(),
        };
        let (scratch, lock) = scratch(&target.join(FOLDER))?;
        let copy = Copy::make(ask.metadata, &target, &scratch.path().join("copy"))?;
        let mut work = Self {
            ask,
            notes,
            root,
            packages,
            sources: Sources::default(),
            owners: BTreeMap::new(),
            tree: Tree::default(),
            copy,
            scratch,
            _lock: lock,
            left,
            left_at: Vec::new(),
            new: BTreeMap::new(),
            written: BTreeMap::new(),
            refused: BTreeMap::new(),
            unbuilt: BTreeMap::new(),
            at_start: BTreeSet::new(),
            states: BTreeMap::new(),
            takes: Vec::new(),
            converted: Vec::new(),
            mounted: BTreeSet::new(),
            annotated: 0,
            compiles: false,
            served: BTreeSet::new(),
            manifests: Vec::new(),
        };
        work.read()?;
        Ok(work)
    }

    /// Reads all functions, with the edits made so far.
    fn read(&mut self) -> Result<(), Problem> {
        let mut tree = Tree::default();
        for (nth, edited) in self.packages.iter().enumerate() {
            let targets = edited
                .package
                .targets
                .iter()
                .filter(|target| !target.is_custom_build());
            for target in targets {
                tree.add(&mut self.sources, target, &self.root)?;
            }
            for source in tree.files.keys() {
                self.owners.entry(*source).or_insert(nth);
            }
        }
        self.tree = tree;
        Ok(())
    }

    fn library(&self, source: usize) -> &str {
        let owner = self
            .owners
            .get(&source)
            .and_then(|owner| self.packages.get(*owner));
        owner.map_or("session_auth", |edited| edited.library.as_str())
    }

    fn leave(
        &mut self,
        place: impl Into<String>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (place, what, help) = (place.into(), what.into(), help.into());
        self.left.insert(Left { place, what, help });
    }

    /// At an offset of a file, as it is now.
    fn leave_at(
        &mut self,
        source: usize,
        at: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mark = self.sources.all[source].mark(at);
        self.left_at.push((source, mark, what.into(), help.into()));
    }

    /// At a line and column that the compiler, or the record, has of a file as it is now. One that is no file
    /// of the packages' is named as it is.
    fn leave_there(
        &mut self,
        (file, line, column): (&str, usize, usize),
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        match self.source(file) {
            Some(source) => {
                let at = self.sources.all[source].offset(line, column);
                self.leave_at(source, at, what, help);
            }
            None => self.leave(format!("{file}:{line}"), what, help),
        }
    }

    /// The file that the compiler, or the record, calls so.
    fn source(&self, name: &str) -> Option<usize> {
        let original = self.copy.original(Path::new(name));
        match original {
            Some(path) => self.sources.find(&self.root, &path.to_string_lossy()),
            None => self.sources.find(&self.root, name),
        }
    }

    /// Edits files, and their copies.
    fn edit(&mut self, edits: Edits) -> Result<(), CannotRun> {
        for (source, edits) in edits {
            self.sources.all[source].edit(edits);
            self.put(&self.sources.all[source])?;
        }
        Ok(self.read()?)
    }

    fn put(&self, source: &Source) -> Result<(), CannotRun> {
        let copy = self.copy.place(&source.path).ok_or_else(|| {
            Problem::new("a file of the packages is not in the copy of the workspace")
                .at(source.path.display())
                .help("move it into the workspace")
        })?;
        let cannot = |error| Problem::new(format!("cannot write the copy: {error}"));
        Ok(fs::write(&copy, source.output()).map_err(|error| cannot(error).at(copy.display()))?)
    }

    fn put_all<'s>(&self, sources: impl IntoIterator<Item = &'s usize>) -> Result<(), CannotRun> {
        let mut sources = sources.into_iter();
        sources.try_for_each(|source| self.put(&self.sources.all[*source]))
    }

    /// The dependency, in each package that is without. In the copy a path to it is absolute.
    fn add_library(&mut self) -> Result<(), CannotRun> {
        let root = self.root.join("Cargo.toml");
        let root = self.sources.read(&root, &self.root)?;
        let root = self.sources.all[root].text.clone();
        for nth in 0..self.packages.len() {
            let path = self.packages[nth].package.manifest_path.as_std_path();
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let source = self.sources.read(&path, &self.root)?;
            self.owners.insert(source, nth);
            self.manifests.push(source);
            if self.packages[nth].gets_library {
                let text = &self.sources.all[source].text;
                let text = manifest::with_library(text, &root, self.ask.library.as_ref())
                    .map_err(|problem| problem.at(path.display()))?;
                self.sources.all[source].text = text;
                self.put(&self.sources.all[source])?;
            }
        }
        Ok(())
    }

    fn run(mut self) -> Result<(String, bool), CannotRun> {
        self.features();
        self.add_library()?;
        let adopted = self.adopt()?;
        self.settle(adopted)?;
        let (mut records, states) = self.record()?;
        self.read()?;
        self.takes = by::taken(&records, self.ask.metadata);
        let places = self.places(&mut records);
        self.mark(&states);
        self.attributes(&records)?;
        let mut edits = self.unconvert();
        for source in self.tree.files.keys() {
            let text = &self.sources.all[*source];
            let names = imports::strict(text, self.library(*source));
            edits.entry(*source).or_default().extend(names);
        }
        self.edit(edits)?;
        let broken = self.strict(&records, &places)?;
        self.compiles = broken.is_empty();
        self.audit(&broken)?;
        self.finish()
    }
}

/// The selected packages that have to do with axum 0.8.
fn packages<'a>(ask: &Ask<'a>, left: &mut BTreeSet<Left>) -> Result<Vec<Edited<'a>>, CannotRun> {
    let mut packages = Vec::new();
    for &package in &ask.selected {
        let axum = axum(ask.metadata, package);
        let library = manifest::name_of(package, "session-auth");
        let axum = match axum {
            None if library.is_none() => continue,
            Some(Err(version)) => {
                left.insert(Left {
                    place: package.manifest_path.to_string(),
                    what: format!("the package `{}` is on axum {version}", package.name),
                    help: "`session-auth` is for axum 0.8: update it first".to_owned(),
                });
                continue;
            }
            Some(Ok(name)) => Some(name),
            None => None,
        };
        packages.push(Edited {
            package,
            axum,
            gets_library: library.is_none(),
            library: library.unwrap_or_else(|| "session_auth".to_owned()),
        });
    }
    if packages.is_empty() {
        let problem = Problem::new(match left.first() {
            Some(Left { what, .. }) => format!("nothing to annotate: {what}"),
            None => {
                "nothing to annotate: none of the selected packages depends on `axum`".to_owned()
            }
        })
        .at(ask.metadata.workspace_root.join("Cargo.toml"))
        .help(
            "select the packages that register routes on axum 0.8 with `-p NAME` or `--workspace`",
        );
        return Err(problem.into());
    }
    Ok(packages)
}

/// What a package calls axum 0.8; of one that has only others, the version.
fn axum<'a>(metadata: &'a Metadata, package: &Package) -> Option<Result<String, &'a Version>> {
    let node = metadata
        .resolve
        .as_ref()?
        .nodes
        .iter()
        .find(|node| node.id == package.id)?;
    let used = |name: &&NodeDep| {
        let one = metadata.packages.iter().find(|one| one.id == name.pkg)?;
        (one.name == "axum").then_some(&one.version)
    };
    let mut other = None;
    for dependency in &node.deps {
        if let Some(version) = used(&dependency) {
            if version.major == 0 && version.minor == 8 {
                return Some(Ok(dependency.name.clone()));
            }
            other = Some(Err(version));
        }
    }
    other
}
