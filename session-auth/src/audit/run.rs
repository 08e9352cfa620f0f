//! The test that `#[audited_router]` adds.

use std::any::Any;
use std::cell::RefCell;
use std::env;
use std::ffi::OsStr;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::access::Location;
use crate::audited::AuditedOutput;
use crate::finding::Finding;
use crate::report::form::{Report, RouterRecord, Unbuilt};
use crate::report::{Failed, RouterSite, report_dir, write_report};
use crate::unauditable::judged;

/// Set by `route-audit`, which reads the report and judges it. The folder alone proves no reader: a
/// shell or the `[env]` of `.cargo/config.toml` may name one, and then `cargo test` judges.
const RUNNER: &str = "ROUTE_AUDIT_RUNNER";

/// Builds a router, audits it, and writes its report where `ROUTE_AUDIT_REPORT_DIR` asks for one. The
/// builder runs in a tokio runtime of its own.
///
/// # Panics
///
/// - Where the router cannot be built or read, or mounts nothing.
/// - Where the report cannot be written.
/// - Where the audit finds an error, unless `route-audit` has started the test: it reads the report,
///   and decides.
pub fn audit_router<F>(site: RouterSite, build: impl FnOnce() -> F)
where
    F: Future,
    F::Output: AuditedOutput,
{
    let dir = report_dir();
    let judged = env::var_os(RUNNER).is_some();
    if let Err(message) = audit(&site, build, dir.as_deref(), judged) {
        panic!("{message}");
    }
}

fn audit<F>(
    site: &RouterSite,
    build: impl FnOnce() -> F,
    dir: Option<&OsStr>,
    runner: bool,
) -> Result<(), String>
where
    F: Future,
    F::Output: AuditedOutput,
{
    let result = report(site, build);
    if let Some(dir) = dir {
        write_report(site, dir, &result)?;
        if runner {
            // Findings do not fail the test here. `route-audit` judges the reports of all routers
            // together and reports what it finds there; a test that failed on them too would look
            // to it, and to `cargo test`, like one that could not run, and would stop the tests
            // after it.
            return result.map_err(|failed| failed.message).map(|_| ());
        }
    }
    let report = result.map_err(|failed| failed.message)?;
    failure(&site.to_string(), &report.findings).map_or(Ok(()), Err)
}

fn report<F>(site: &RouterSite, build: impl FnOnce() -> F) -> Result<Report, Failed>
where
    F: Future,
    F::Output: AuditedOutput,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("{site} could not be built: no tokio runtime: {error}"))?;
    note_places_of_panics();
    let built = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { build().await })
    }));
    // What the builder has spawned ends here, and is not waited for.
    runtime.shutdown_background();
    let router = match built {
        Ok(output) => output.__output().map_err(|why| (why, None)),
        Err(panic) => Err((
            panic_message(panic.as_ref()).to_owned(),
            Some(PANICKED_AT.take()),
        )),
    };
    let audited = router.map_err(|(why, panicked)| {
        let how = match &panicked {
            None => String::new(),
            Some(None) => "it panicked: ".to_owned(),
            Some(Some(place)) => format!("it panicked at {place}: "),
        };
        Failed {
            message: format!(
                "{site} could not be built: {how}{why}; where it needs arguments, give them in the \
                 attribute: `#[audited_router(plain = {}(&Config::test()))]`; where it needs what no \
                 test has, write `#[audited_router(at_start)]`",
                site.name
            ),
            unbuilt: Some(Unbuilt {
                why,
                panicked: panicked.flatten(),
            }),
        }
    })?;
    let built = audited.site();
    if built.location != site.location {
        return Err(Failed::from(format!(
            "{site} could not be audited: its expression gives another one, {built}: call the \
             function that has the attribute"
        )));
    }
    let audited = audited.for_self_test().unwrap_or(audited);
    let judged = judged(audited.record(), &audited.debug())
        .map_err(|error| format!("{site} could not be audited: {error}"))?;
    let router = RouterRecord {
        kind: built.kind,
        ..site.record()
    };
    Ok(Report::of(router, &judged))
}

/// The findings as the text of a failed test; `None` where there is no error among them.
pub(super) fn failure(what: &str, findings: &[Finding]) -> Option<String> {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let noun = if errors == 1 { "error" } else { "errors" };
    (errors > 0).then(|| {
        let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
        format!(
            "the audit of {what} found {errors} {noun}\n\n{}\n",
            all.join("\n\n")
        )
    })
}

thread_local! {
    /// Where this thread has panicked last.
    static PANICKED_AT: RefCell<Option<Location>> = const { RefCell::new(None) };
}

/// What is caught does not say where it was thrown; a hook is told. The one before is called as ever.
fn note_places_of_panics() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|place| Location {
                file: place.file().to_owned().into(),
                line: place.line(),
                column: place.column(),
            });
            PANICKED_AT.set(place);
            before(info);
        }));
    });
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests;
