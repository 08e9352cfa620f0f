//! Why a router could not be audited at all.

use std::fmt;

use time::{Date, OffsetDateTime};

use crate::error::Problem;
use crate::inline;
use crate::mounted::{Judged, Record, Texts, Unreadable, judge};
use crate::report::form::StateRecord;
use crate::report::{report_dir, write_adopted};

/// Why a router could not be audited at all.
#[derive(Clone, Debug)]
pub struct Unauditable(String);

impl fmt::Display for Unauditable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unauditable {}

impl From<Unreadable> for Unauditable {
    fn from(error: Unreadable) -> Self {
        Self(error.to_string())
    }
}

impl Unauditable {
    /// What was mounted in a way that no router has.
    pub(crate) fn of_mistakes(record: &Record) -> Result<(), Self> {
        let all = record.mistakes.iter().map(|mistake| Problem::Mistake {
            mounted: mistake.mounted.clone(),
            what: mistake.what.to_string(),
        });
        Self::of_problems(all.collect())
    }

    /// What no attribute has checked.
    pub(crate) fn of_declarations(judged: &Judged) -> Result<(), Self> {
        let declarations = judged
            .routes
            .iter()
            .filter_map(|route| route.handler.as_ref());
        let mut all: Vec<Problem> = Vec::new();
        for declaration in declarations {
            all.extend(
                inline::mistakes(declaration)
                    .into_iter()
                    .map(|what| Problem::Malformed {
                        declaration: (**declaration).clone(),
                        what,
                    }),
            );
        }
        Self::of_problems(all)
    }

    fn of_problems(problems: Vec<Problem>) -> Result<(), Self> {
        let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        lines.dedup();
        if lines.is_empty() {
            Ok(())
        } else {
            Err(Self(lines.join("\n")))
        }
    }
}

/// What a router mounts and what is wrong with it, by its record and text alone.
pub(crate) fn judged(record: &Record, debug: &str) -> Result<Judged, Unauditable> {
    Unauditable::of_mistakes(record)?;
    let (texts, ()) = Texts::read(record, || (debug, ()));
    let judged = judge(record, texts, None, today()).map_err(Unauditable::from)?;
    Unauditable::of_declarations(&judged)?;
    Ok(judged)
}

/// The day in UTC, by which exemptions expire.
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

/// Writes what a router of `adopt` mounts, where somebody asks for it: once for each router that
/// mounts something else.
///
/// # Errors
///
/// A sentence that says why there is no report.
pub(crate) fn report_adopted(
    record: &Record,
    debug: impl FnOnce() -> String,
    states: impl FnOnce() -> Vec<StateRecord>,
) -> Result<(), String> {
    let Some(dir) = report_dir() else {
        return Ok(());
    };
    let (texts, ()) = Texts::read(record, || (debug(), ()));
    let judged = judge(record, texts, None, today()).map_err(|error| error.to_string())?;
    write_adopted(&dir, &judged, states())
}
