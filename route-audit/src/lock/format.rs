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

use session_auth::audit::Class;

use super::terms::Terms;
use super::values::{is_day, is_duration, parse_size, size};
use super::verb::Verb;
use super::words::{Malformed, Words, quoted, word};
use super::{Line, Lock, Mount, Place, Route, SCHEMA};
use crate::error::{CannotRun, Problem};
use crate::sentence::visible;

const HEADER: &str = "\
# Who may call each route. `route-audit check --locked` holds the routes against it,
# `route-audit check --update` writes it. Review a change here as a change of who gets in.
";

/// How lines of these versions begin.
const FIRST: &str = "schema";

const TERMS: &str = "`verify=…`, `scope=…`, `until=…`, `expect_every=…`, `max_body=…`, `owner=…`, \
     `issues_session`, `optional_session` or `reason=\"…\"`";

/// As it is written: LF, sorted, one line a route.
pub(crate) fn write(lock: &Lock) -> String {
    let mut text = format!("{HEADER}{FIRST} {SCHEMA}\n\n");
    for line in lock.lines() {
        text.push_str(&row(&line));
        text.push('\n');
    }
    text
}

fn row(line: &Line<'_>) -> String {
    let Line {
        mount,
        verbs,
        terms,
    } = line;
    let methods: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
    let path = mount.path.as_deref().map_or_else(|| "-".to_owned(), word);
    let router = word(&format!("{}/{}", mount.package, mount.router));
    let mut text = format!(
        "{:7}  {:8}  {path:40}  {router:20}",
        class_name(terms.class),
        methods.join("|"),
    );
    for term in term_list(terms) {
        let _ = write!(text, "  {term}");
    }
    text.trim_end().to_owned()
}

fn term_list(terms: &Terms) -> Vec<String> {
    let Terms {
        class: _,
        verifier,
        scope,
        until,
        expect_every,
        max_body,
        owner,
        issues_session,
        optional_session,
        reason,
    } = terms;
    let mut list = Vec::new();
    for (key, value) in [
        ("verify", verifier),
        ("scope", scope),
        ("until", until),
        ("expect_every", expect_every),
        ("max_body", &max_body.map(size)),
        ("owner", owner),
    ] {
        list.extend(value.iter().map(|value| format!("{key}={}", word(value))));
    }
    for (flag, given) in [
        ("issues_session", issues_session),
        ("optional_session", optional_session),
    ] {
        list.extend(given.then(|| flag.to_owned()));
    }
    list.extend(
        reason
            .iter()
            .map(|reason| format!("reason={}", quoted(reason))),
    );
    list
}

pub(crate) fn class_name(class: Option<Class>) -> &'static str {
    match class {
        Some(Class::Public) => "public",
        Some(Class::Webhook) => "webhook",
        Some(Class::Session) => "session",
        _ => "none",
    }
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
    let mut words = Words { line, at: 0 };
    let class = words.next("a class: `public`, `webhook` or `session`")?;
    let class = match class.plain() {
        Some("public") => Class::Public,
        Some("webhook") => Class::Webhook,
        Some("session") => Class::Session,
        _ => return Err(class.not("a class: `public`, `webhook` or `session`")),
    };
    let methods = words.next("methods: `GET`, `GET|POST`, `ANY` or `FALLBACK`")?;
    let verbs: Vec<Verb> = methods
        .plain()
        .and_then(|names| names.split('|').map(Verb::from_name).collect())
        .ok_or_else(|| methods.not("methods: `GET`, `GET|POST`, `ANY` or `FALLBACK`"))?;
    let path = words.next("a path that starts with `/`, or `-` for a fallback")?;
    let path = match path.plain() {
        Some("-") => None,
        _ if path.key.is_none() && path.value.starts_with('/') => Some(path.value),
        _ => return Err(path.not("a path that starts with `/`, or `-` for a fallback")),
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
        path,
        package,
        router,
    };
    let route = Route {
        terms: read_terms(class, &mut words)?,
        place: Place {
            file: name.to_owned(),
            line: number,
        },
    };
    let at: &mut BTreeMap<Verb, Route> = lock.mounts.entry(mount).or_default();
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

fn read_terms(class: Class, words: &mut Words<'_>) -> Result<Terms, Malformed> {
    let mut terms = Terms {
        class: Some(class),
        verifier: None,
        scope: None,
        until: None,
        expect_every: None,
        max_body: None,
        owner: None,
        issues_session: false,
        optional_session: false,
        reason: None,
    };
    while let Some(word) = words.word()? {
        let twice = match (word.key, word.value.as_str()) {
            (None, "issues_session") if !word.quoted => {
                std::mem::replace(&mut terms.issues_session, true)
            }
            (None, "optional_session") if !word.quoted => {
                std::mem::replace(&mut terms.optional_session, true)
            }
            (Some("verify"), value) => terms.verifier.replace(value.to_owned()).is_some(),
            (Some("scope"), value) => terms.scope.replace(value.to_owned()).is_some(),
            (Some("owner"), value) => terms.owner.replace(value.to_owned()).is_some(),
            (Some("reason"), value) => terms.reason.replace(value.to_owned()).is_some(),
            (Some("until"), value) if is_day(value) => {
                terms.until.replace(value.to_owned()).is_some()
            }
            (Some("until"), _) => return Err(word.not("a day, such as `until=2027-01-31`")),
            (Some("expect_every"), value) if is_duration(value) => {
                terms.expect_every.replace(value.to_owned()).is_some()
            }
            (Some("expect_every"), _) => {
                return Err(word.not("a duration, such as `expect_every=6h`"));
            }
            (Some("max_body"), value) => match parse_size(value) {
                Some(bytes) => terms.max_body.replace(bytes).is_some(),
                None => return Err(word.not("a size, such as `max_body=1MiB`")),
            },
            _ => return Err(word.not(TERMS)),
        };
        if twice {
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
