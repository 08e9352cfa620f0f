//! The text of a lock.
//!
//! ```text
//! # comment
//! schema 1
//!
//! public   POST    /api/waitlist/signup    web/routes    reason="signup form"
//! ```
//!
//! One line a route: class, methods, path, `package/router`, then what the declaration says, under
//! the attributes' names. The columns start at fixed places, and a cell that is too long pushes
//! its own line alone: adding a route changes no other line, so that a difference shows what
//! changed and two branches that add a route each can be merged. For the same reason nothing
//! counts or sums up the lines. What a line means is not changed by white space, by the order of
//! lines, or by CRLF.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use session_auth::__private::ReadTerms;
use session_auth::{Access, AccessClass, Declaration, Location, Methods, Target, Verify};

use super::mount::{At, Mount};
use super::said::Said;
use super::values::{duration, parse_day, parse_duration, parse_size, size};
use super::words::{Malformed, Word, Words, quoted, word};
use super::{Line, Lock, Route};
use crate::error::{CannotRun, Problem};
use crate::visible::visible;

/// The version of the format. A reader refuses any other.
const SCHEMA: u32 = 1;

const HEADER: &str = "\
# Who may call each route. `route-audit check --locked` holds the routes against it,
# `route-audit check --update` writes it. Review a change here as a change of who gets in.
";

/// What proves a caller where the line does not say it.
const SESSION: &str = "session";

/// What stands for everything below a path.
const BELOW: &str = "/**";

/// How lines of these versions begin.
const FIRST: &str = "schema";

const TERMS: &str = "`verify=…`, `by=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, \
     `issues_session`, `optional_session`, `cross_origin=\"…\"` or `reason=\"…\"`";

/// As it is written: LF, sorted, one line a route.
pub(crate) fn write(lock: &Lock) -> String {
    let mut text = format!("{HEADER}{FIRST} {SCHEMA}\n\n");
    for line in lock.lines() {
        text.push_str(&row(&line));
        text.push('\n');
    }
    text
}

/// One line of it.
pub(super) fn row(line: &Line<'_>) -> String {
    let Line { mount, verbs, said } = line;
    let declaration = said.map(|Said(declaration)| declaration);
    let methods: Vec<_> = verbs.iter().map(|verb| verb.to_string()).collect();
    let path = match &mount.at {
        At::Outermost => "-".to_owned(),
        // Of that name, and not everything below a path.
        At::Path(path) if path.ends_with(BELOW) => {
            let (before, _) = path.split_at(path.len() - 1);
            format!("{}\\u{{2a}}\"", quoted(before).trim_end_matches('"'))
        }
        At::Path(path) => word(path),
        At::Below(_) => word(&mount.at.path().unwrap_or_default()),
    };
    let router = word(&format!("{}/{}", mount.package, mount.router));
    let class = declaration.map_or("none", |declaration| declaration.class().as_str());
    let mut text = format!("{class:7}  {:8}  {path:40}  {router:20}", methods.join("|"));
    for term in declaration.map(terms).unwrap_or_default() {
        let _ = write!(text, "  {term}");
    }
    text.trim_end().to_owned()
}

fn terms(declaration: &Declaration) -> Vec<String> {
    let mut list = Vec::new();
    for (key, value) in [
        (
            "verify",
            declaration.verify().map(|by| by.as_str().to_owned()),
        ),
        // What every session route was before there was another way goes without saying.
        (
            "by",
            declaration
                .by()
                .filter(|by| *by != SESSION)
                .map(str::to_owned),
        ),
        ("scope", declaration.scope().map(str::to_owned)),
        ("until", declaration.until().map(|day| day.to_string())),
        ("expect_every", declaration.expect_every().map(duration)),
        ("max_body", declaration.max_body().map(size)),
        ("owner", declaration.owner().map(str::to_owned)),
    ] {
        list.extend(value.map(|value| format!("{key}={}", word(&value))));
    }
    for (flag, given) in [
        ("issues_session", declaration.issues_session()),
        ("optional_session", declaration.optional_session()),
    ] {
        list.extend(given.then(|| flag.to_owned()));
    }
    for (key, words) in [
        ("cross_origin", declaration.cross_origin()),
        ("reason", declaration.reason()),
    ] {
        list.extend(words.map(|words| format!("{key}={}", quoted(words))));
    }
    list
}

/// Reads a lock. `name` is what errors call it: a path, or `REV:path`.
pub(crate) fn parse(text: &str, name: &str) -> Result<Lock, CannotRun> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    CannotRun::unless_none(conflict(text, name).into_iter().collect())?;
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    schema(lines.next(), name)?;
    let mut lock = Lock::default();
    let mut problems = Vec::new();
    for (number, line) in lines {
        if let Err(Malformed { column, expected }) = read_line(&mut lock, number, line, name) {
            problems.push(
                Problem::new(expected)
                    .at(format!("{name}:{number}:{column}"))
                    .help(
                        "take the file as it was committed, then run `route-audit check --update` \
                         and review what it changes",
                    ),
            );
        }
    }
    CannotRun::unless_none(problems)?;
    lock.normalize();
    Ok(lock)
}

/// Looked for before anything else: half a conflict may read well.
fn conflict(text: &str, name: &str) -> Option<Problem> {
    let marker = |line: &str| {
        ["<<<<<<<", "|||||||", ">>>>>>>"].iter().any(|marker| {
            line.strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }) || line == "======="
    };
    let (number, line) = (1..).zip(text.lines()).find(|(_, line)| marker(line))?;
    let number: u32 = number;
    Some(
        Problem::new(format!(
            "an unresolved merge conflict: line {number} is `{}`",
            visible(line)
        ))
        .at(format!("{name}:{number}:1"))
        .help(
            "keep the lines of both sides, or of either, and remove the markers; then run \
             `route-audit check --update` and review what it changes",
        ),
    )
}

fn schema(first: Option<(u32, &str)>, name: &str) -> Result<(), Problem> {
    let (number, line) = first.unwrap_or((1, ""));
    let version = line
        .trim()
        .strip_prefix(FIRST)
        .filter(|rest| rest.starts_with(char::is_whitespace))
        .and_then(|rest| rest.trim().parse::<u32>().ok());
    let at = format!("{name}:{number}:1");
    match version {
        Some(SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(Problem::new(format!(
            "this lock is of schema {newer}, and route-audit {} reads schema {SCHEMA}",
            env!("CARGO_PKG_VERSION")
        ))
        .at(at)
        .help("update route-audit to the version that wrote it, or a later one")),
        Some(other) => Err(Problem::new(format!(
            "there is no lock of schema {other}: route-audit {} reads schema {SCHEMA}",
            env!("CARGO_PKG_VERSION")
        ))
        .at(at)
        .help("take the file as it was committed")),
        None => Err(Problem::new(format!(
            "not a route lock: its first line must be `{FIRST} {SCHEMA}`"
        ))
        .at(at)
        .help(
            "take the file as it was committed; where it never was a lock, remove it and run \
             `route-audit check --update`",
        )),
    }
}

fn read_line(lock: &mut Lock, number: u32, line: &str, name: &str) -> Result<(), Malformed> {
    const CLASS: &str = "a class: `public`, `webhook` or `session`";
    const METHODS: &str = "methods: `GET`, `GET|POST`, `ANY` or `FALLBACK`";
    const PATH: &str = "a path that starts with `/`, or `-` for a fallback";
    let mut words = Words { line, at: 0 };
    let class = words.next(CLASS)?;
    let class = match class.plain() {
        Some("public") => AccessClass::Public,
        Some("webhook") => AccessClass::Webhook,
        Some("session") => AccessClass::Session,
        _ => return Err(class.not(CLASS)),
    };
    let methods = words.next(METHODS)?;
    let verbs: Vec<Methods> = methods
        .plain()
        .and_then(|names| names.split('|').map(Methods::from_name).collect())
        .ok_or_else(|| methods.not(METHODS))?;
    let path = words.next(PATH)?;
    let at = match path.plain() {
        Some("-") => At::Outermost,
        _ if path.key.is_some() || !path.value.starts_with('/') => return Err(path.not(PATH)),
        _ => match path.value.strip_suffix(BELOW) {
            Some("") if path.is_written(BELOW) => At::Below("/".to_owned()),
            Some(mount) if path.is_written(BELOW) => At::Below(mount.to_owned()),
            _ => At::Path(path.value),
        },
    };
    let router = words.next("`package/router`")?;
    let (package, router) = match router.value.split_once('/') {
        Some((package, name))
            if router.key.is_none() && !package.is_empty() && !name.is_empty() =>
        {
            (package.to_owned(), name.to_owned())
        }
        _ => return Err(router.not("`package/router`")),
    };
    let mount = Mount {
        at,
        package,
        router,
    };
    let place = Location {
        file: name.to_owned().into(),
        line: number,
        column: 1,
    };
    let terms = RawTerms::read(&mut words)?;
    let route = Route {
        said: Some(Said(terms.declaration(
            class,
            &mount,
            &verbs,
            place.clone(),
        )?)),
        place,
    };
    let at: &mut BTreeMap<Methods, Route> = lock.mounts.entry(mount).or_default();
    for verb in verbs {
        if let Some(other) = at.insert(verb, route.clone()) {
            return Err(Malformed {
                column: methods.column,
                expected: format!(
                    "{verb} of this path and router is already on line {}: a route has one line",
                    other.place.line
                ),
            });
        }
    }
    Ok(())
}

/// The terms of a line, and the columns of those that only one class has.
#[derive(Default)]
struct RawTerms {
    of_webhooks: Option<usize>,
    of_sessions: Option<usize>,
    of_public: Option<usize>,
    of_pages: Option<usize>,
    verify: Option<Verify>,
    by: Option<String>,
    scope: Option<String>,
    expect_every: Option<Duration>,
    max_body: Option<usize>,
    issues_session: bool,
    optional_session: bool,
    cross_origin: Option<String>,
    all: ReadTerms,
}

impl RawTerms {
    fn read(words: &mut Words<'_>) -> Result<Self, Malformed> {
        let mut terms = Self::default();
        while let Some(word) = words.word()? {
            if terms.add(&word)? {
                return Err(Malformed {
                    column: word.column,
                    expected: format!(
                        "`{}` is on this line twice",
                        word.key.unwrap_or(&word.value)
                    ),
                });
            }
        }
        Ok(terms)
    }

    /// Whether it was there already.
    fn add(&mut self, word: &Word<'_>) -> Result<bool, Malformed> {
        let value = word.value.clone();
        let column = Some(word.column);
        Ok(match word.key {
            None if !word.quoted && value == "issues_session" => {
                self.of_public = column;
                std::mem::replace(&mut self.issues_session, true)
            }
            None if !word.quoted && value == "optional_session" => {
                self.of_public = column;
                std::mem::replace(&mut self.optional_session, true)
            }
            Some("verify") => {
                self.of_webhooks = column;
                self.verify.replace(Verify::from(value)).is_some()
            }
            Some("by") => {
                self.of_pages = column;
                self.by.replace(value).is_some()
            }
            Some("scope") => {
                self.of_sessions = column;
                self.scope.replace(value).is_some()
            }
            Some("cross_origin") => {
                self.of_pages = column;
                self.cross_origin.replace(value).is_some()
            }
            Some("owner") => self.all.owner.replace(value.into()).is_some(),
            Some("reason") => self.all.reason.replace(value.into()).is_some(),
            Some("until") => {
                let day = parse_day(&value);
                let day = day.ok_or_else(|| word.not("a day, such as `until=2027-01-31`"))?;
                self.all.until.replace(day).is_some()
            }
            Some("expect_every") => {
                self.of_webhooks = column;
                let time = parse_duration(&value)
                    .ok_or_else(|| word.not("a duration, such as `expect_every=6h`"))?;
                self.expect_every.replace(time).is_some()
            }
            Some("max_body") => {
                self.of_webhooks = column;
                let bytes = parse_size(&value)
                    .ok_or_else(|| word.not("a size, such as `max_body=1MiB`"))?;
                self.max_body.replace(bytes).is_some()
            }
            _ => return Err(word.not(TERMS)),
        })
    }

    fn declaration(
        self,
        class: AccessClass,
        mount: &Mount,
        verbs: &[Methods],
        place: Location,
    ) -> Result<Declaration, Malformed> {
        for (of, column) in [
            (AccessClass::Public, self.of_public),
            (AccessClass::Webhook, self.of_webhooks),
            (AccessClass::Session, self.of_sessions),
        ] {
            if let Some(column) = column
                && of != class
            {
                return Err(Malformed {
                    column,
                    expected: format!("a term of {of} routes alone, on one that is {class}"),
                });
            }
        }
        if let (AccessClass::Webhook, Some(column)) = (class, self.of_pages) {
            return Err(Malformed {
                column,
                expected: "no term of webhook routes: their senders have no origin".to_owned(),
            });
        }
        let cross_origin = self.cross_origin.map(Into::into);
        let by = self.by.map_or(SESSION.into(), Into::into);
        let access = match class {
            AccessClass::Public => Access::Public {
                by,
                issues_session: self.issues_session,
                optional_session: self.optional_session,
                cross_origin,
            },
            AccessClass::Webhook => Access::Webhook {
                verify: self.verify.ok_or_else(|| Malformed {
                    column: 1,
                    expected: "a webhook needs `verify=…`".to_owned(),
                })?,
                expect_every: self.expect_every,
                max_body: self.max_body,
            },
            _ => Access::Session {
                by,
                scope: self.scope.map(Into::into),
                cross_origin,
            },
        };
        let target = target(&mount.at, verbs);
        Ok(Declaration::read(target, access, self.all, place))
    }
}

pub(super) fn target(at: &At, verbs: &[Methods]) -> Target {
    let methods = verbs.iter().copied().reduce(Methods::or);
    let methods = methods.unwrap_or(Methods::ANY);
    match at {
        At::Below(path) => Target::Subtree {
            path: path.clone().into(),
        },
        At::Path(path) if methods.is_fallback() => Target::Fallback {
            below: Some(path.clone().into()),
        },
        At::Path(path) => Target::Route {
            methods,
            paths: vec![path.clone().into()].into(),
        },
        At::Outermost => Target::Fallback { below: None },
    }
}
