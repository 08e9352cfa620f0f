//! Asking a router by requests in process: whose is each row?

mod words;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use http::{Method, StatusCode, Uri};
use rustc_hash::FxHashSet;
use tower_service::Service;

use self::words::{Words, is_askable};
use super::axum_0_8::{Endpoint, FALLBACK_TAIL, NEST_TAIL, Rest, Routes};
use super::both::{both, pieces};
use super::stand_in::{Answer, By, Note};
use crate::access::Methods;

/// A method that nobody mounts: it reaches what a path does with all others.
/// Of 15 bytes at the most: `Method` keeps these in place, and allocates for each copy of longer ones.
const UNLISTED: &str = "SESSION-AUTH";

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKind {
    /// One method of a path.
    Method(Methods),
    /// `any(..)`.
    Any,
    /// What answers the methods that a path does not name.
    MethodFallback,
    /// axum's own 405 of a path.
    Refused,
    /// A service on one path.
    Service,
    /// A service under a path.
    Nested,
    /// What answers all other paths, of the router or of a nested one.
    Fallback,
}

/// A row, and what was learned of it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) kind: RowKind,
    /// The pattern; of a nested service its mount path, of a fallback the path that its router is
    /// nested at, and nothing for the outermost.
    pub(crate) path: Option<String>,
    /// As axum has it: a nested service has three, a fallback none.
    pub(crate) patterns: Vec<String>,
    pub(crate) whose: Whose,
    /// The numbers of its guards.
    pub(crate) guards: Vec<usize>,
}

/// Who answers a row.
#[derive(Debug)]
pub(crate) enum Whose {
    /// What was mounted.
    Mounted(Arc<Note>),
    /// axum itself: 404 or 405.
    Axum,
    /// No request can be made for the pattern.
    Unaskable,
    /// A request for the pattern reaches something else, and this is what was seen.
    Elsewhere(String),
}

/// A question: what is asked, and how an answer shows that it reached the row.
struct Question<'a> {
    kind: RowKind,
    path: Option<&'a str>,
    method: Method,
    /// The pattern to put words into.
    pattern: &'a str,
    matched: Option<&'a str>,
}

impl Question<'_> {
    /// A row that no guard was reached by.
    fn unanswered(&self, whose: Whose) -> Asked {
        Asked {
            kind: self.kind,
            path: self.path.map(str::to_owned),
            patterns: Vec::new(),
            whose,
            guards: Vec::new(),
        }
    }
}

/// Asks for every row of a text, the stand-ins and, where it is there, the guarded router.
pub(super) fn ask_all(
    routes: &Routes,
    stand_ins: &axum::Router,
    guarded: Option<&axum::Router>,
) -> Vec<Asked> {
    let words = Words::of(routes);
    let mut asker = Asker {
        stand_ins: stand_ins.clone(),
        guarded: guarded.cloned(),
        words: &words,
    };
    let rows: Vec<_> = routes.routes.iter().collect();
    let mut all = asker.ask_rows(&rows, pieces(rows.len()));
    let taken = notes(&all);
    merge_nested(&mut all);
    let before = all.len();
    for path in routes.fallbacks.keys() {
        let below = path
            .strip_suffix(FALLBACK_TAIL)
            .unwrap_or(path)
            .trim_end_matches('/');
        let question = Question {
            kind: RowKind::Fallback,
            path: (!below.is_empty()).then_some(below),
            method: unlisted(),
            pattern: path,
            matched: None,
        };
        // A route may stand in its way at one of its paths.
        all.extend(asker.ask_fallback(&question, &taken));
    }
    for (method, uri) in [
        (Method::OPTIONS, "*"),
        (Method::CONNECT, "session-auth.invalid:1"),
    ] {
        all.extend(asker.ask_outermost(method, uri));
    }
    merge_fallbacks(&mut all, before);
    all
}

/// The notes of rows.
fn notes(rows: &[Asked]) -> Taken {
    let note = |row: &Asked| match &row.whose {
        Whose::Mounted(note) => Some(Arc::as_ptr(note)),
        _ => None,
    };
    rows.iter().filter_map(note).collect()
}

/// The methods to ask an endpoint by.
fn questions(endpoint: &Endpoint) -> Vec<(RowKind, Method)> {
    match endpoint {
        Endpoint::Service => vec![(RowKind::Service, unlisted())],
        Endpoint::Methods { named, rest } => {
            let named = named.iter().filter_map(|method| {
                let name = method.names().first().copied()?;
                Some((RowKind::Method(method), name.parse().ok()?))
            });
            let rest = match rest {
                Rest::Any => RowKind::Any,
                Rest::Fallback => RowKind::MethodFallback,
                Rest::Refused => RowKind::Refused,
            };
            named.chain([(rest, unlisted())]).collect()
        }
    }
}

fn unlisted() -> Method {
    UNLISTED.parse().expect("it is a token of RFC 9110")
}

/// The notes that a route has.
type Taken = FxHashSet<*const Note>;

#[derive(Clone)]
struct Asker<'a> {
    stand_ins: axum::Router,
    guarded: Option<axum::Router>,
    words: &'a Words,
}

/// What came back of one request.
struct Seen {
    owner: Owner,
    /// Of the guarded router, where it is asked; `None` in it where no guard has answered.
    guard: Option<Option<Answer>>,
}

/// Who has answered in the record.
enum Owner {
    /// What was mounted, at the pattern that axum matched.
    Mounted(Arc<Note>, Option<MatchedPath>),
    /// axum itself, 404 or 405.
    Axum(StatusCode),
}

impl Asker<'_> {
    /// Asks for routes.
    fn ask_rows(&self, rows: &[(&String, &Endpoint)], pieces: usize) -> Vec<Asked> {
        if pieces > 1 {
            let (rows, others) = rows.split_at(rows.len() / 2);
            let (mut all, of_others) = both(
                pieces,
                || self.ask_rows(rows, pieces / 2),
                || self.ask_rows(others, pieces - pieces / 2),
            );
            all.extend(of_others);
            return all;
        }
        let mut asker = self.clone();
        let mut all = Vec::with_capacity(2 * rows.len());
        for (path, endpoint) in rows {
            for (kind, method) in questions(endpoint) {
                let nested = path.strip_suffix(NEST_TAIL);
                let question = Question {
                    kind: if nested.is_some() {
                        RowKind::Nested
                    } else {
                        kind
                    },
                    path: nested.or(Some(path)),
                    method,
                    pattern: path,
                    matched: nested.is_none().then_some(path),
                };
                all.push(asker.ask(&question));
            }
        }
        all
    }

    fn ask(&mut self, question: &Question<'_>) -> Asked {
        let mut elsewhere = None;
        if !is_askable(question.pattern) {
            return question.unanswered(Whose::Unaskable);
        }
        // The texts agree that axum itself answers, and there is no guard to be found.
        if question.kind == RowKind::Refused && self.guarded.is_none() {
            return question.unanswered(Whose::Axum);
        }
        let words = self.words;
        for path in words.fill(question.pattern) {
            let Some(seen) = self.see(question, &path) else {
                continue;
            };
            match seen.is_elsewhere(question, &path) {
                None => {
                    return Asked {
                        patterns: vec![question.pattern.to_owned()],
                        ..seen.into_row(question.kind, question.path)
                    };
                }
                Some(met) => elsewhere = elsewhere.or(Some(met)),
            }
        }
        question.unanswered(elsewhere.map_or(Whose::Unaskable, Whose::Elsewhere))
    }

    fn ask_fallback(&mut self, question: &Question<'_>, taken: &Taken) -> Option<Asked> {
        for path in self.words.fill_fallback(question.pattern) {
            let Some(seen) = self.see(question, &path) else {
                continue;
            };
            let of_a_route = match &seen.owner {
                Owner::Mounted(note, _) => taken.contains(&Arc::as_ptr(note)),
                Owner::Axum(status) => *status == StatusCode::METHOD_NOT_ALLOWED,
            };
            if of_a_route {
                continue;
            }
            match seen.is_elsewhere(question, &path) {
                None => return Some(seen.into_row(question.kind, question.path)),
                Some(met) if seen.is_unguarded() => {
                    return Some(question.unanswered(Whose::Elsewhere(met)));
                }
                Some(_) => {}
            }
        }
        None
    }

    /// What only requests without a path reach.
    fn ask_outermost(&mut self, method: Method, uri: &str) -> Option<Asked> {
        let question = Question {
            kind: RowKind::Fallback,
            path: None,
            method,
            pattern: uri,
            matched: None,
        };
        let seen = self.see(&question, uri)?;
        let unguarded = seen.is_unguarded();
        let mut row = seen.into_row(RowKind::Fallback, None);
        if unguarded {
            row.whose = Whose::Elsewhere(format!("{uri} reaches no guard"));
        }
        Some(row)
    }

    fn see(&mut self, question: &Question<'_>, uri: &str) -> Option<Seen> {
        let method = &question.method;
        let uri: Uri = uri.parse().ok()?;
        let owner = if question.kind == RowKind::Refused {
            // The texts agree that axum itself answers.
            Owner::Axum(StatusCode::METHOD_NOT_ALLOWED)
        } else {
            match ask(&mut self.stand_ins, method, &uri)? {
                (
                    _,
                    Some(Answer {
                        by: By::StandIn(note),
                        pattern,
                    }),
                ) => Owner::Mounted(note, pattern),
                (status, _) => Owner::Axum(status),
            }
        };
        let guard = self.guarded.as_mut();
        let guard = guard.map(|guarded| ask(guarded, method, &uri)?.1);
        Some(Seen { owner, guard })
    }
}

impl Seen {
    /// What was reached in place of the row.
    fn is_elsewhere(&self, question: &Question<'_>, path: &str) -> Option<String> {
        if self.is_unguarded() {
            return Some(format!("{path} reaches no guard"));
        }
        let reaches = |pattern: Option<&str>| match pattern {
            Some(pattern) => format!("{path} reaches {pattern}"),
            None => format!("{path} reaches no route"),
        };
        let guard = self.guard.iter().flatten();
        let of_guard = guard.clone().map(|guard| &guard.pattern);
        let of_stand_in = match &self.owner {
            Owner::Mounted(_, pattern) => Some(pattern),
            Owner::Axum(_) if matches!(question.kind, RowKind::Refused | RowKind::Fallback) => None,
            Owner::Axum(_) => return Some(reaches(None)),
        };
        for pattern in of_stand_in.into_iter().chain(of_guard) {
            let pattern = pattern.as_ref().map(MatchedPath::as_str);
            if pattern != question.matched {
                return Some(reaches(pattern));
            }
        }
        for answer in guard {
            if let By::Guard { uri, .. } = &answer.by
                && uri.path() != path
            {
                return Some(format!("{path} arrives as {}", uri.path()));
            }
        }
        None
    }

    /// Something has the answer that is no guard, or nothing has it at once.
    fn is_unguarded(&self) -> bool {
        matches!(self.guard, Some(None))
    }

    fn into_row(self, kind: RowKind, path: Option<&str>) -> Asked {
        let guard = self.guard.flatten().and_then(|answer| match answer.by {
            By::Guard { number, .. } => Some(number),
            By::StandIn(_) => None,
        });
        Asked {
            kind,
            path: path.map(str::to_owned),
            patterns: Vec::new(),
            whose: match self.owner {
                Owner::Mounted(note, _) => Whose::Mounted(note),
                Owner::Axum(_) => Whose::Axum,
            },
            guards: guard.into_iter().collect(),
        }
    }
}

/// One request, polled once: endpoints that answer by themselves are ready at once. `None` where
/// something else than an endpoint has the answer.
fn ask(
    router: &mut axum::Router,
    method: &Method,
    uri: &Uri,
) -> Option<(StatusCode, Option<Answer>)> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    Answer::take();
    let future = pin!(router.call(request));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => Some((response.status(), Answer::take())),
        Poll::Pending => None,
    }
}

/// `nest_service` mounts three rows for one service.
fn merge_nested(rows: &mut Vec<Asked>) {
    let prefixes: HashMap<String, usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.kind == RowKind::Nested)
        .filter_map(|(at, row)| Some((row.path.clone()?, at)))
        .collect();
    if prefixes.is_empty() {
        return;
    }
    let same = |one: &Asked, other: &Asked| match (&one.whose, &other.whose) {
        (Whose::Mounted(one), Whose::Mounted(other)) => Arc::ptr_eq(one, other),
        _ => false,
    };
    let mut merged = Vec::new();
    for at in 0..rows.len() {
        let row = &rows[at];
        if row.kind != RowKind::Service {
            continue;
        }
        let path = row.path.as_deref().unwrap_or_default();
        let prefix = path.strip_suffix('/').unwrap_or(path);
        let nested = prefixes.get(prefix).or_else(|| prefixes.get(path));
        if let Some(nested) = nested
            && same(row, &rows[*nested])
        {
            merged.push((at, *nested));
        }
    }
    for (at, into) in merged.iter().rev() {
        let guards = std::mem::take(&mut rows[*at].guards);
        let patterns = std::mem::take(&mut rows[*at].patterns);
        rows[*into].guards.extend(guards);
        rows[*into].patterns.extend(patterns);
    }
    let mut at = 0;
    rows.retain(|_| {
        at += 1;
        !merged.iter().any(|(gone, _)| *gone == at - 1)
    });
}

/// A fallback has two rows, and the outermost four.
fn merge_fallbacks(rows: &mut Vec<Asked>, from: usize) {
    let mut merged: Vec<Asked> = Vec::new();
    for row in rows.drain(from..) {
        let same = merged.iter_mut().find(|other| {
            other.path == row.path
                && match (&other.whose, &row.whose) {
                    (Whose::Mounted(one), Whose::Mounted(other)) => Arc::ptr_eq(one, other),
                    (Whose::Axum, Whose::Axum) => true,
                    _ => false,
                }
        });
        match same {
            Some(other) => other.guards.extend(row.guards),
            None => merged.push(row),
        }
    }
    rows.extend(merged);
}

#[cfg(test)]
mod tests;
