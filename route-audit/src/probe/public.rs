//! `probe --public`: public routes, asked for real.

use std::collections::BTreeSet;
use std::path::Path;

use http::{Method, Request};
use matchit::Router as Matcher;
use session_auth::audit::Code;
use session_auth::{AccessClass, Methods};

use super::requests::{self, Written};
use crate::error::{CannotRun, Problem};
use crate::lock::mount::At;
use crate::running::address::Address;
use crate::running::client::Client;
use crate::running::document::{Asked, Probed, Service};
use crate::running::found::Found;
use crate::running::locked::{Locked, Row};
use crate::visible::visible;

/// Asks with every request that a file has; names the public routes that no file has a request for.
pub(super) fn ask(
    client: &Client,
    address: &Address,
    locked: &Locked,
    folder: &Path,
    asked: &mut Asked,
) -> Result<Vec<Found>, CannotRun> {
    let written = requests::read(folder)?;
    let matcher = matcher(locked);
    let mut problems = Vec::new();
    let mut meant = Vec::new();
    for request in &written {
        match find(locked, &matcher, request) {
            Some(row) if row.class() == AccessClass::Public => meant.push((row, request)),
            Some(row) => problems.push(
                Problem::new(format!("`{}` is not public in the lock", row.name()))
                    .at(&request.place)
                    .help("take the request out: this asks public routes alone"),
            ),
            None => problems.push(
                Problem::new(format!(
                    "the lock has no route for `{} {}`",
                    request.method,
                    visible(request.path())
                ))
                .at(&request.place)
                .help("write the path of a public route of the lock"),
            ),
        }
    }
    CannotRun::unless_none(problems)?;
    asked.services.push(Service {
        url: address.url(),
        ..Service::default()
    });
    let mut found = Vec::new();
    let mut done: BTreeSet<(u32, Methods)> = BTreeSet::new();
    for (row, request) in meant {
        let line = row.declaration.location().line;
        done.extend(verb(row, &request.method).map(|verb| (line, verb)));
        found.extend(one(client, address, row, request, asked));
    }
    let public = locked
        .rows
        .iter()
        .filter(|row| row.class() == AccessClass::Public);
    for row in public {
        let line = row.declaration.location().line;
        let is_left = |verb: &Methods| !done.contains(&(line, *verb));
        let left: Vec<_> = row.methods.iter().filter(is_left).collect();
        let Some(methods) = left.into_iter().reduce(Methods::or) else {
            continue;
        };
        let mut subject = row.subject();
        subject.methods = methods;
        found.push(Found {
            code: Code::RunningUnasked,
            message: format!("`{subject}` is public, and no file has a request for it"),
            subject,
            help: format!(
                "write one to {}/NAME.http, with the status that has to come: `# @expect 200`",
                folder.file_name().unwrap_or_default().to_string_lossy()
            ),
        });
    }
    Ok(found)
}

fn one(
    client: &Client,
    address: &Address,
    row: &Row,
    request: &Written,
    asked: &mut Asked,
) -> Option<Found> {
    let path = format!("{}{}", address.path, request.path());
    let mut record = Probed::of(row, "public", request.method.as_str(), &path);
    record.expected = request.expect.as_u16().to_string();
    let uri = format!("{}{}", address.url(), request.target);
    let sent = Request::builder().method(&request.method).uri(uri);
    let sent = sent.body(request.body.clone());
    let came = sent
        .map_err(|error| format!("cannot be asked: {error}"))
        .and_then(|mut sent| {
            *sent.headers_mut() = request.headers.clone();
            client.ask(sent)
        });
    record.status = came.as_ref().ok().map(|came| came.status.as_u16());
    asked.requests.push(record);
    let expected = request.expect.as_u16();
    let what = match came {
        Ok(came) if came.status == request.expect => return None,
        Ok(came) => format!("answers with {}", came.signs()),
        Err(why) => format!("got no answer: the service {why}"),
    };
    Some(Found {
        code: Code::RunningAnswer,
        subject: row.subject(),
        message: format!(
            "`{} {}` is public, and {what}, where {} expects {expected}",
            request.method,
            visible(request.path()),
            request.place
        ),
        help: "find out who answers: visitors get the same".to_owned(),
    })
}

/// The lock's paths, as the router matches them.
fn matcher(locked: &Locked) -> Matcher<Vec<usize>> {
    let mut by_pattern = std::collections::BTreeMap::<String, Vec<usize>>::new();
    for (index, row) in locked.rows.iter().enumerate() {
        match &row.at {
            At::Path(path) if !row.methods.is_fallback() => {
                by_pattern.entry(path.clone()).or_default().push(index);
            }
            At::Below(path) => {
                let path = path.trim_end_matches('/');
                for pattern in [format!("{path}/"), format!("{path}/{{*rest}}")] {
                    by_pattern.entry(pattern).or_default().push(index);
                }
                if !path.is_empty() {
                    by_pattern.entry(path.to_owned()).or_default().push(index);
                }
            }
            _ => {}
        }
    }
    let mut matcher = Matcher::new();
    for (pattern, rows) in by_pattern {
        // One that the router would not take is no route of its.
        let _ = matcher.insert(pattern, rows);
    }
    matcher
}

fn find<'a>(locked: &'a Locked, matcher: &Matcher<Vec<usize>>, of: &Written) -> Option<&'a Row> {
    let found = matcher.at(of.path()).ok();
    let rows = found.as_ref().map(|found| found.value.iter());
    let mut rows = rows
        .into_iter()
        .flatten()
        .filter_map(|index| locked.rows.get(*index));
    let named = rows.find(|row| verb(row, &of.method).is_some());
    let fallback = || {
        let rows = locked.rows.iter();
        rows.filter(|row| row.methods.is_fallback())
            .filter(|row| match &row.at {
                At::Outermost => true,
                At::Path(path) | At::Below(path) => is_below(of.path(), path),
            })
            .max_by_key(|row| row.at.path().map(|path| path.len()))
            .filter(|_| found.is_none())
    };
    named.or_else(fallback)
}

/// Whether a path is this one or below it, by segments: `/apiary` is not below `/api`.
fn is_below(path: &str, of: &str) -> bool {
    let rest = path.strip_prefix(of.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The method of a row that answers this one.
fn verb(row: &Row, method: &Method) -> Option<Methods> {
    let mut verbs = row.methods.iter();
    verbs.find(|verb| {
        verb.is_any() || verb.is_fallback() || {
            let names = verb.names();
            names.contains(&method.as_str()) || (*method == Method::HEAD && names == ["GET"])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_path_begins_with_its_segments() {
        for path in ["/api", "/api/", "/api/x"] {
            assert!(is_below(path, "/api"), "{path}");
            assert!(is_below(path, "/api/"), "{path}");
            assert!(is_below(path, "/"), "{path}");
        }
        for path in ["/apiary", "/ap", "/x/api"] {
            assert!(!is_below(path, "/api"), "{path}");
        }
    }
}
