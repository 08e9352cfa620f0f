//! Where an audited router stands, and where its report is written.

use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io, process};

use serde::Serialize;

use super::form::{Failure, Report, RouterKind, RouterRecord, SCHEMA, StateRecord, Unbuilt};
use crate::access::Location;
use crate::mounted::Judged;

/// The folder for reports.
const REPORT_DIR: &str = "ROUTE_AUDIT_REPORT_DIR";

/// An audited router, as the attribute finds it.
///
/// Public because macro output names it; not part of the API.
#[derive(Clone, Debug)]
pub struct RouterSite {
    /// The function, or the name given in the attribute.
    pub name: &'static str,
    /// `CARGO_PKG_NAME`.
    pub package: &'static str,
    /// `CARGO_MANIFEST_DIR`, for a `ROUTE_AUDIT_REPORT_DIR` that is relative.
    pub manifest_dir: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// The attribute.
    pub location: Location,
    /// Whether `protect` writes the report, since no test can build the router.
    pub at_start: bool,
    /// Which kind of router it is.
    pub kind: RouterKind,
}

impl RouterSite {
    pub(crate) fn of_axum(self) -> Self {
        Self {
            kind: RouterKind::Axum,
            ..self
        }
    }

    /// The router, as a report names it.
    pub(crate) fn record(&self) -> RouterRecord {
        RouterRecord {
            name: self.name.to_owned(),
            package: self.package.to_owned(),
            kind: self.kind,
            file: self.location.file.clone().into_owned(),
            line: self.location.line,
        }
    }
}

impl fmt::Display for RouterSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "router `{}` ({})", self.name, self.location)
    }
}

/// The folder that somebody wants reports in.
pub(crate) fn report_dir() -> Option<OsString> {
    env::var_os(REPORT_DIR)
}

/// Why there is no report.
pub(crate) struct Failed {
    pub(crate) message: String,
    pub(crate) unbuilt: Option<Unbuilt>,
}

impl From<String> for Failed {
    fn from(message: String) -> Self {
        Self {
            message,
            unbuilt: None,
        }
    }
}

/// Writes the report of a router, or why there is none.
///
/// # Errors
///
/// A sentence that names the file.
pub(crate) fn write_report(
    site: &RouterSite,
    dir: &OsStr,
    result: &Result<Report, Failed>,
) -> Result<(), String> {
    let path = report_path(site, dir)?;
    let written = match result {
        Ok(report) => write(&path, report),
        Err(error) => write(
            &path,
            &Failure {
                schema: SCHEMA,
                router: site.record(),
                error: error.message.clone(),
                unbuilt: error.unbuilt.clone(),
            },
        ),
    };
    written.map_err(|error| {
        format!(
            "the report of {site} could not be written to {}: {error}",
            path.display()
        )
    })
}

/// Writes what a router of `adopt` mounts, into a file that is named by its content: a program may
/// serve several, and the same one many times.
///
/// # Errors
///
/// A sentence that names the file.
pub(crate) fn write_adopted(
    dir: &OsStr,
    judged: &Judged,
    states: Vec<StateRecord>,
) -> Result<(), String> {
    let router = RouterRecord {
        name: "adopted".to_owned(),
        // Set by cargo for what it runs.
        package: env::var("CARGO_PKG_NAME").unwrap_or_default(),
        kind: RouterKind::Axum,
        file: String::new(),
        line: 0,
    };
    let mut report = Report::of(router, judged);
    report.states = states;
    let mut hasher = DefaultHasher::new();
    report.router.hash(&mut hasher);
    report.routes.hash(&mut hasher);
    report.states.hash(&mut hasher);
    let path = Path::new(dir).join(format!("adopted.{:016x}.json", hasher.finish()));
    if path.exists() {
        return Ok(());
    }
    write(&path, &report).map_err(|error| {
        format!(
            "what the router mounts could not be written to {}: {error}",
            path.display()
        )
    })
}

/// `<package>.<module>.<name>.<test binary>.json`.
///
/// A module that a package's library and program share is compiled into two test binaries, which
/// declare different things: the binary's name, with its hash, keeps one from hiding the other.
fn report_path(site: &RouterSite, dir: &OsStr) -> Result<PathBuf, String> {
    if dir.is_empty() {
        return Err(format!(
            "{REPORT_DIR} is set but empty: name a folder or unset it"
        ));
    }
    let binary = env::current_exe().ok();
    let binary = binary
        .as_deref()
        .and_then(Path::file_stem)
        .unwrap_or_default();
    let name = [
        site.package,
        site.module,
        site.name,
        &binary.to_string_lossy(),
    ]
    .map(|part| part.replace("::", ".").replace(['/', '\\', ':'], "-"))
    .join(".");
    // Cargo runs a package's tests in its own folder; a relative path names one folder there.
    Ok(Path::new(site.manifest_dir)
        .join(dir)
        .join(format!("{name}.json")))
}

/// Writes all of it or nothing: a reader never sees half a report.
fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(content)?;
    let unfinished = path.with_extension(format!("{}.tmp", process::id()));
    fs::write(&unfinished, json)
        .and_then(|()| fs::rename(&unfinished, path))
        .inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&unfinished);
        })
}
