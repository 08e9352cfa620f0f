//! The test that `#[audited_router]` adds.

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use serde::Serialize;

use super::report::{Failure, Finding, Report, RouterRecord, SCHEMA, Severity};
use super::{AuditableRouter, findings, render, report, today};
use crate::access::Location;

/// The folder for reports.
const REPORT_DIR: &str = "ROUTE_AUDIT_REPORT_DIR";

/// Set by `route-audit`, which reads the report and judges it. The folder alone proves no reader: a
/// shell or the `[env]` of `.cargo/config.toml` may name one, and then `cargo test` judges.
const RUNNER: &str = "ROUTE_AUDIT_RUNNER";

/// An audited router, as the attribute finds it.
///
/// Public because macro output names it; not part of the API.
#[derive(Clone, Copy, Debug)]
pub struct RouterSite {
    /// The function, or the name given to `audited_router!`.
    pub name: &'static str,
    /// `CARGO_PKG_NAME`.
    pub package: &'static str,
    /// `CARGO_MANIFEST_DIR`, for a `ROUTE_AUDIT_REPORT_DIR` that is relative.
    pub manifest_dir: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// The attribute.
    pub location: Location,
}

/// Builds a router, audits it, and writes its report where `ROUTE_AUDIT_REPORT_DIR` asks for one.
///
/// # Panics
///
/// - Where the router cannot be built or read, or mounts nothing.
/// - Where the report cannot be written.
/// - Where the audit finds an error, unless `route-audit` has started the test: it reads the report,
///   and decides.
pub fn audit_router<R: AuditableRouter>(site: RouterSite, build: impl FnOnce() -> R) {
    let dir = env::var_os(REPORT_DIR);
    let judged = env::var_os(RUNNER).is_some();
    if let Err(message) = audit(&site, build, dir.as_deref(), judged) {
        panic!("{message}");
    }
}

fn audit<R: AuditableRouter>(
    site: &RouterSite,
    build: impl FnOnce() -> R,
    dir: Option<&OsStr>,
    judged: bool,
) -> Result<(), String> {
    let record = RouterRecord {
        name: site.name.to_owned(),
        package: site.package.to_owned(),
        kind: R::KIND,
        file: site.location.file.to_owned(),
        line: site.location.line,
    };
    let what = format!("router `{}` ({})", site.name, site.location);
    let result = catch_unwind(AssertUnwindSafe(build))
        .map_err(|panic| {
            format!(
                "{what} could not be built: {}; where it needs arguments, a runtime or an \
                 environment, audit an expression that has them: `session_auth::audit::audited_router!(name = ..)`",
                panic_message(panic.as_ref())
            )
        })
        .and_then(|router| {
            report(record.clone(), &router)
                .map_err(|error| format!("{what} could not be audited: {error}"))
        });
    if let Some(dir) = dir {
        write_report(site, dir, record, &what, &result)?;
        if judged {
            // Findings do not fail the test here. `route-audit` reconciles the reports of all
            // routers and reports what it finds there; a test that failed on them too would look
            // to it, and to `cargo test`, like one that could not run, and would stop the tests
            // after it.
            return result.map(|_| ());
        }
    }
    let findings = findings(&result?, today());
    failure(&what, &findings).map_or(Ok(()), Err)
}

fn write_report(
    site: &RouterSite,
    dir: &OsStr,
    record: RouterRecord,
    what: &str,
    result: &Result<Report, String>,
) -> Result<(), String> {
    let path = report_path(site, dir)?;
    let written = match result {
        Ok(report) => write(&path, report),
        Err(error) => write(
            &path,
            &Failure {
                schema: SCHEMA,
                router: record,
                error: error.clone(),
            },
        ),
    };
    written.map_err(|error| {
        format!(
            "the report of {what} could not be written to {}: {error}",
            path.display()
        )
    })
}

/// The findings as the text of a failed test; `None` where there is no error among them.
pub(super) fn failure(what: &str, findings: &[Finding]) -> Option<String> {
    let errors = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .count();
    let noun = if errors == 1 { "error" } else { "errors" };
    (errors > 0).then(|| {
        format!(
            "the audit of {what} found {errors} {noun}\n\n{}\n",
            render::all(findings)
        )
    })
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked without a message")
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

#[cfg(test)]
mod tests;
