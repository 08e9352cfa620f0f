//! What is in the program: a second build, without tests, and the declarations that its libraries
//! and executables hold.
//!
//! The audit runs tests, and so it sees what is declared under `cfg(test)` and in
//! dev-dependencies. Nobody serves that. What a build holds is read from the file that the linker
//! left: it has executed every `cfg`, and left out what nothing refers to. Each declaration is
//! registered by a `#[used]` static, and has a text in it that says whose it is:
//!
//! ```text
//! \u{1}session-auth declaration\u{1}PACKAGE\u{1}HANDLER\u{1}FILE:LINE:COLUMN\u{2}
//! ```
//!
//! The attributes write it by `concat!`, so that it is one piece in the file. It is data of a
//! static whose address escapes, which neither optimization nor `strip` takes away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Message, Metadata, NodeDep, PackageId, Target};
use memchr::memmem;

use crate::error::{CannotRun, Problem};
use crate::select::LIBRARY;
use crate::targets::audited;

pub(crate) mod stray;
#[cfg(test)]
mod tests;

const START: &str = "\u{1}session-auth declaration\u{1}";
/// The same of a router with `#[audited_router(at_start)]`, in the place of the handler.
const ROUTER: &str = "\u{1}session-auth router\u{1}";
const END: u8 = 2;
/// No path of a file or function is near this long.
const MAX_LENGTH: usize = 16 * 1024;

/// A declaration, by the text that it leaves in what is built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declared {
    pub(crate) package: String,
    /// As `module_path!()` has it.
    pub(crate) handler: String,
    /// As `file!()` has it.
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A library or a binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    package: PackageId,
    is_bin: bool,
    name: String,
}

/// What the libraries and binaries of a build hold.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// A library holds its own declarations alone, a binary those of all that it links.
    holds: BTreeMap<Unit, BTreeSet<Declared>>,
    /// The packages that a package's library links, however far away.
    links: HashMap<PackageId, BTreeSet<PackageId>>,
    /// The routers that report from a start alone: package and name.
    at_start: BTreeSet<(String, String)>,
}

/// How the tests of a library or binary differ from itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Under `cfg(test)`, or in a dev-dependency: nobody serves it.
    pub(crate) in_tests_only: BTreeSet<Declared>,
    /// Under `cfg(not(test))`: what is served is not what the tests audit.
    pub(crate) in_program_only: BTreeSet<Declared>,
}

impl Unit {
    pub(crate) fn of(package: &PackageId, target: &Target) -> Self {
        Self {
            package: package.clone(),
            is_bin: target.is_bin(),
            name: target.name.clone(),
        }
    }
}

impl Program {
    /// Reads what cargo has built.
    pub(crate) fn read(built: Vec<Message>, metadata: &Metadata) -> Result<Self, CannotRun> {
        let graph = Graph::of(metadata);
        let mut program = Self::default();
        for message in built {
            let artifact = match message {
                Message::CompilerArtifact(artifact) if audited(&artifact.target) => artifact,
                _ => continue,
            };
            let links = graph.links(&artifact.package_id);
            // Whoever does not link the library has nothing declared.
            if !links
                .iter()
                .any(|package| graph.libraries.contains(package))
            {
                continue;
            }
            let unit = Unit::of(&artifact.package_id, &artifact.target);
            let held = program.holds.entry(unit).or_default();
            for file in artifact.filenames {
                // There may be a folder of debug information among them.
                if file.is_file() {
                    let bytes = bytes_of(file.as_std_path())?;
                    held.extend(texts(&bytes, START));
                    let routers = texts(&bytes, ROUTER).into_iter();
                    let routers = routers.map(|router| (router.package, router.handler));
                    program.at_start.extend(routers);
                }
            }
            let links = links.into_iter().cloned().collect();
            program.links.insert(artifact.package_id, links);
        }
        Ok(program)
    }

    /// The routers of these packages that no test builds.
    pub(crate) fn at_start<'a>(
        &'a self,
        packages: &'a [(String, String)],
    ) -> impl Iterator<Item = &'a (String, String)> {
        let is_of = |package: &String| packages.iter().any(|(name, _)| name == package);
        self.at_start
            .iter()
            .filter(move |(package, _)| is_of(package))
    }

    /// What the library or binary brings into a process; `None` where the build has none.
    pub(crate) fn declared(&self, unit: &Unit) -> Option<BTreeSet<&Declared>> {
        let mut declared: BTreeSet<_> = self.holds.get(unit)?.iter().collect();
        if !unit.is_bin {
            let links = self.links.get(&unit.package);
            let linked = self.holds.iter().filter(|(other, _)| {
                !other.is_bin && links.is_some_and(|links| links.contains(&other.package))
            });
            declared.extend(linked.flat_map(|(_, held)| held));
        }
        Some(declared)
    }

    /// Compares a library or binary with its unit tests. `None` where the build has none.
    ///
    /// One at a time: the tests of a binary link the library as the program does, with what the
    /// library's own tests do not have.
    pub(crate) fn compare(&self, unit: &Unit, tests: &BTreeSet<Declared>) -> Option<Difference> {
        let program = self.declared(unit)?;
        // Of what a library could link, it links what it uses.
        let own = self.holds.get(unit)?;
        Some(Difference {
            in_tests_only: tests
                .iter()
                .filter(|one| !program.contains(one))
                .cloned()
                .collect(),
            in_program_only: own.difference(tests).cloned().collect(),
        })
    }
}

/// The dependencies, less those for tests and for build scripts.
struct Graph<'a> {
    libraries: BTreeSet<&'a PackageId>,
    dependencies: HashMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let packages = metadata.packages.iter();
        let libraries = packages.filter(|package| package.name == LIBRARY);
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let normal = |dependency: &&'a NodeDep| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        };
        let dependencies = nodes.map(|node| {
            let normal = node.deps.iter().filter(normal);
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        });
        Self {
            libraries: libraries.map(|package| &package.id).collect(),
            dependencies: dependencies.collect(),
        }
    }

    /// What a package links, however far away.
    fn links(&self, package: &PackageId) -> BTreeSet<&'a PackageId> {
        let direct = |package: &PackageId| {
            self.dependencies
                .get(package)
                .into_iter()
                .flatten()
                .copied()
        };
        let mut found = BTreeSet::new();
        let mut left: Vec<_> = direct(package).collect();
        while let Some(package) = left.pop() {
            if found.insert(package) {
                left.extend(direct(package));
            }
        }
        found
    }
}

/// What a library or an executable holds.
pub(crate) fn declared_in(file: &Path) -> Result<BTreeSet<Declared>, Problem> {
    Ok(texts(&bytes_of(file)?, START))
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(file).map_err(|error| {
        Problem::new(format!("cannot read what cargo built: {error}"))
            .at(file.display())
            .help("see that nothing else cleans the target folder meanwhile")
    })
}

/// What stands behind this beginning.
fn texts(bytes: &[u8], start: &str) -> BTreeSet<Declared> {
    memmem::find_iter(bytes, start)
        .filter_map(|at| {
            let rest = bytes.get(at + start.len()..)?;
            let rest = rest.get(..MAX_LENGTH).unwrap_or(rest);
            one(rest.get(..memchr::memchr(END, rest)?)?)
        })
        .collect()
}

/// Whatever writes the text has its beginning in it, and not the rest.
fn one(text: &[u8]) -> Option<Declared> {
    let text = std::str::from_utf8(text).ok()?;
    if text.contains(|c: char| c.is_control() && c != '\u{1}') {
        return None;
    }
    let mut parts = text.split('\u{1}');
    let (package, handler, place) = (parts.next()?, parts.next()?, parts.next()?);
    let mut place = place.rsplitn(3, ':');
    let (column, line) = (place.next()?.parse().ok()?, place.next()?.parse().ok()?);
    let declared = Declared {
        package: package.to_owned(),
        handler: handler.to_owned(),
        file: place.next()?.to_owned(),
        line,
        column,
    };
    parts.next().is_none().then_some(declared)
}
