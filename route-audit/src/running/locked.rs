//! The routes of the lock that one service is held against.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use session_auth::audit::{RouterKind, RouterRecord, Shape, Subject};
use session_auth::{AccessClass, Declaration, Location, Methods, Verify};
use sha2::{Digest as _, Sha256};

use crate::audit::Audit;
use crate::cli::Running;
use crate::error::{CannotRun, Problem};
use crate::finding::Finding;
use crate::listing::{Route, RouterName};
use crate::lock::Lock;
use crate::lock::file::LockFile;
use crate::lock::mount::At;
use crate::lock::said::Said;
use crate::render::Places;
use crate::running::found::Found;
use crate::visible::visible;

const NAME: &str = "routes.lock";

/// The lock, and the router in it.
pub(crate) struct Locked {
    pub(crate) root: PathBuf,
    /// What findings call the file.
    pub(crate) name: String,
    /// Its SHA-256, in hexadecimal.
    pub(crate) digest: String,
    pub(crate) lock: Lock,
    pub(crate) router: RouterName,
    pub(crate) rows: Vec<Row>,
}

/// A line of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) methods: Methods,
    pub(crate) at: At,
    pub(crate) declaration: Declaration,
}

impl Row {
    pub(crate) fn subject(&self) -> Subject {
        let (path, shape) = self.at.parts();
        Subject {
            path: path.map(|path| path.to_owned().into()),
            methods: self.methods,
            shape: if self.methods.is_fallback() {
                Shape::Fallback
            } else {
                shape
            },
            place: self.declaration.location().clone(),
        }
    }

    /// As messages name it: `POST /signup`.
    pub(crate) fn name(&self) -> String {
        self.subject().to_string()
    }

    pub(crate) fn class(&self) -> AccessClass {
        self.declaration.class()
    }

    /// Whether anyone may come as far as its handler.
    pub(crate) fn runs_for_anyone(&self) -> bool {
        match self.class() {
            AccessClass::Public => true,
            _ => self.declaration.verify() == Some(&Verify::Handler),
        }
    }
}

impl Locked {
    pub(crate) fn read(args: &Running, current_dir: &Path) -> Result<Self, CannotRun> {
        let path = match &args.lock {
            Some(file) => current_dir.join(file),
            None => nearest(current_dir)?,
        };
        let root = path.parent().unwrap_or(Path::new(".")).to_owned();
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let file = LockFile::new(&root, &name);
        let mut lock = file.read_existing()?;
        let bytes = fs::read(&path)
            .map_err(|error| Problem::new(format!("cannot read the route lock: {error}")))?;
        let router = choose(&lock, args.router.as_deref(), &name)?;
        lock.keep_router(&router.package, &router.name);
        let rows = lock.lines().into_iter().filter_map(|line| {
            let Said(declaration) = line.said?;
            Some(Row {
                methods: line.verbs,
                at: line.mount.at.clone(),
                declaration: declaration.clone(),
            })
        });
        let rows = rows.collect();
        Ok(Self {
            root,
            name,
            digest: hex(&bytes),
            rows,
            lock,
            router,
        })
    }

    /// The place of what is about the whole service.
    pub(crate) fn whole(&self) -> Subject {
        Subject::of_place(Location {
            file: self.name.clone().into(),
            line: 1,
            column: 1,
        })
    }

    pub(crate) fn places(&self) -> Places {
        Places::of(&self.root)
    }

    /// The routes and what was found, as every audit shows them.
    pub(crate) fn audit(&self, found: Vec<Found>) -> Audit {
        let router = RouterRecord {
            name: self.router.name.clone(),
            package: self.router.package.clone(),
            kind: RouterKind::Typed,
            file: self.name.clone(),
            line: 1,
        };
        let routes = self.rows.iter().map(|row| Route {
            subject: row.subject(),
            declaration: Some(row.declaration.clone()),
            function: None,
            named: false,
            package: self.router.package.clone(),
            routers: BTreeSet::from([self.router.clone()]),
            builds: BTreeSet::new(),
        });
        let mut audit = Audit::of_routes(vec![router], routes.collect());
        audit.add(found.into_iter().map(Box::new).map(Finding::Running));
        audit
    }
}

fn nearest(current_dir: &Path) -> Result<PathBuf, Problem> {
    let mut folders = current_dir.ancestors();
    let found = folders.find(|folder| folder.join(NAME).is_file());
    found.map(|folder| folder.join(NAME)).ok_or_else(|| {
        Problem::new(format!(
            "there is no `{NAME}` here, nor in any folder above"
        ))
        .at(current_dir.display())
        .help("name the lock that the service was reviewed by: `--lock FILE`")
    })
}

fn choose(lock: &Lock, wanted: Option<&str>, name: &str) -> Result<RouterName, Problem> {
    let lines = lock.lines();
    let all: BTreeSet<RouterName> = lines
        .iter()
        .map(|line| RouterName {
            package: line.mount.package.clone(),
            name: line.mount.router.clone(),
        })
        .collect();
    let is_meant = |router: &&RouterName| match wanted {
        None => true,
        Some(wanted) => match wanted.split_once('/') {
            Some((package, name)) => router.package == package && router.name == name,
            None => router.package == wanted,
        },
    };
    let meant: Vec<&RouterName> = all.iter().filter(is_meant).collect();
    if let [one] = meant[..] {
        return Ok(one.clone());
    }
    let names = |routers: &mut dyn Iterator<Item = &RouterName>| {
        let names: Vec<_> = routers
            .map(|router| format!("`{}/{}`", router.package, router.name))
            .collect();
        names.join(", ")
    };
    Err(match (wanted, meant.is_empty()) {
        _ if all.is_empty() => Problem::new("the lock has no route: there is nothing to ask for")
            .help("write it with `route-audit check --update`"),
        (Some(wanted), true) => {
            Problem::new(format!("the lock has no router `{}`", visible(wanted)))
                .help(format!("it has: {}", names(&mut all.iter())))
        }
        _ => Problem::new("the lock has several routers, and a service serves one").help(format!(
            "say which by `--router PACKAGE/NAME`: {}",
            names(&mut meant.into_iter())
        )),
    }
    .at(name))
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
