//! What is wrong with what a router mounts: one file a rule.
//!
//! A rule looks at one row with whose it is, or at the whole, and returns findings. It neither
//! prints nor decides whether a service starts.

mod by_path;
mod expired_exemption;
mod unmounted_declaration;
mod unnamed_route;
mod wrong_handler;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use time::Date;

use self::by_path::Program;
use super::ask::{Asked, RowKind, Whose, ask_all};
use super::axum_0_8::{self, Endpoint, NEST_TAIL, Routes};
use super::both::{both, pieces};
use super::record::Record;
use super::route::Route;
use super::stand_in::{Kind, Note};
use super::unreadable::Unreadable;
use crate::access::{AccessClass, Declaration, Location, Target, Text};
use crate::activity::LISTING;
use crate::finding::{Code, Finding, Related, together};

/// All that is mounted, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) routes: Vec<Route>,
    /// The guards around axum's own 404 and 405.
    pub(crate) of_axum: Vec<usize>,
    pub(crate) findings: Vec<Finding>,
    /// Patterns that no request can have, with a blank for instance: mounted, and served to nobody.
    pub(crate) unaskable: Vec<String>,
}

/// What the texts of a router and of its record show.
pub(crate) struct Texts {
    routes: Result<Routes, Unreadable>,
    recorded: Result<Routes, Unreadable>,
}

impl Texts {
    /// Reads the text that `build` gives, and the record's at the same time.
    pub(crate) fn read<S: AsRef<str>, T>(
        record: &Record,
        build: impl FnOnce() -> (S, T),
    ) -> (Self, T) {
        let ((routes, built), recorded) = both(
            pieces(record.entries.len()),
            || {
                let (debug, built) = build();
                (axum_0_8::read(debug.as_ref()), built)
            },
            || axum_0_8::read(&record.text()),
        );
        (Self { routes, recorded }, built)
    }
}

/// Asks a router, and judges what it mounts.
///
/// `guarded` is the same router with a guard around each endpoint, none of them bound.
///
/// # Errors
///
/// The router mounts nothing, its text is not axum 0.8's, or it does not do what its record does.
pub(crate) fn judge(
    record: &Record,
    texts: Texts,
    guarded: Option<&axum::Router>,
    today: Date,
) -> Result<Judged, Unreadable> {
    let (routes, recorded) = (texts.routes?, texts.recorded?);
    if let Some(difference) = difference(&routes, &recorded) {
        return Err(Unreadable::mismatch(difference));
    }
    if record.entries.is_empty() {
        return Err(Unreadable::empty());
    }
    for entry in &record.entries {
        entry.note.is_judged();
    }
    let asked = ask_all(&routes, &record.stand_ins, guarded);
    two_owners(&asked)?;

    let bases: HashMap<*const Note, &Text> = record
        .entries
        .iter()
        .filter(|entry| !entry.base.is_empty())
        .map(|entry| (Arc::as_ptr(&entry.note), &entry.base))
        .collect();
    let program = Program::new();
    let mut judged = Judged {
        routes: Vec::new(),
        of_axum: Vec::new(),
        findings: Vec::new(),
        unaskable: Vec::new(),
    };
    let mut served: FxHashSet<*const Note> = FxHashSet::default();
    for row in asked {
        match &row.whose {
            Whose::Axum => judged.of_axum.extend(&row.guards),
            Whose::Mounted(note) => {
                served.insert(Arc::as_ptr(note));
                let base = bases.get(&Arc::as_ptr(note)).map_or("", |base| &***base);
                let note = Arc::clone(note);
                judged.route(row, (&note, record.place(&note)), base, &program);
            }
            Whose::Unaskable => judged.unaskable.extend(row.path),
            Whose::Elsewhere(met) => {
                return Err(Unreadable::mismatch(format!(
                    "no request reaches {} ({met})",
                    row.path.as_deref().unwrap_or("the fallback")
                )));
            }
        }
    }
    judged.unaskable.sort();
    judged.unaskable.dedup();
    judged.merge_mounts();
    unmounted_declaration::check(record, &served, &judged.unaskable, &mut judged.findings);
    expired_exemption::check(&judged.routes, today, &mut judged.findings);
    unmonitored(&judged.routes, &mut judged.findings);
    judged.findings = together(judged.findings);
    Ok(judged)
}

impl Judged {
    fn route(
        &mut self,
        row: Asked,
        (note, mounted): (&Note, Location),
        base: &str,
        program: &Program,
    ) {
        let path = row.path.as_deref().map(|path| {
            match path.strip_prefix(base) {
                // A nested `/` loses its slash.
                Some("") => "/".to_owned(),
                Some(rest) => rest.to_owned(),
                None => path.to_owned(),
            }
        });
        let path = match row.kind {
            // The fallback of the router under the prefix is the outermost, as declared.
            RowKind::Fallback => path.filter(|path| path != "/"),
            _ => path,
        };
        let mut route = Route {
            kind: row.kind,
            methods: row.kind.methods(),
            path: path.map(Text::Owned),
            pattern: row.path.clone(),
            patterns: row.patterns,
            declaration: None,
            handler: note.kind.declaration().cloned(),
            function: match &note.kind {
                Kind::Unclassified(name, _) => Some(name.clone()),
                _ => None,
            },
            takes: match &note.kind {
                Kind::Unclassified(_, takes) => takes.clone(),
                _ => None,
            },
            named: note.kind.declaration().is_some(),
            sealed: note.kind.is_sealed(),
            opaque: note.kind.is_opaque(row.path.as_deref())
                || matches!(row.kind, RowKind::Service | RowKind::Nested),
            mounted,
            guards: row.guards,
        };
        let findings = match &note.kind {
            Kind::Named(_) | Kind::Service(_) | Kind::Whole(_) | Kind::Redirect(_) => {
                wrong_handler::check(&route, &note.kind)
            }
            Kind::Twice { attribute, inline } => vec![route.finding(
                Code::ConflictingDeclaration,
                vec![
                    Related::Declared((**attribute).clone()),
                    Related::Other((**inline).clone()),
                    Related::Differs(attribute.differences(inline)),
                ],
            )],
            Kind::Unclassified(..) => vec![program.unclassified(&route, None)],
            Kind::Foreign | Kind::ForeignService => {
                let (found, findings) = program.of(&route);
                route.declaration = found;
                findings
            }
        };
        if !findings.iter().any(Finding::is_error) && route.named {
            route.declaration.clone_from(&route.handler);
        }
        // What is computed differs from build to build, and the lock does not.
        if let Some(Target::Glob { glob, .. }) =
            route.declaration.as_deref().map(Declaration::target)
        {
            route.path = Some(glob.clone());
        }
        unnamed_route::check(&route, &mut self.findings);
        self.findings.extend(findings);
        self.routes.push(route);
    }

    /// The `nest_service("/x", ..)` of a foreign router has three rows, `/x`, `/x/` and what is below,
    /// which are one mount unless they are declared apart.
    fn merge_mounts(&mut self) {
        let mounts: HashMap<Text, usize> = self
            .routes
            .iter()
            .enumerate()
            .filter(|(_, route)| route.kind == RowKind::Nested)
            .filter_map(|(at, route)| Some((route.path.clone()?, at)))
            .collect();
        let mut gone = BTreeSet::new();
        for at in 0..self.routes.len() {
            let route = &self.routes[at];
            let path = route.path.as_deref().unwrap_or_default();
            let Some(&mount) = mounts.get(path.trim_end_matches('/')) else {
                continue;
            };
            let is_alike = match (&route.declaration, &self.routes[mount].declaration) {
                (None, None) => route.function.is_none(),
                (Some(one), Some(other)) => one.is(other),
                _ => false,
            };
            if route.kind == RowKind::Service && is_alike {
                let subject = route.subject();
                self.findings.retain(|finding| finding.subject != subject);
                let route = &mut self.routes[at];
                let guards = std::mem::take(&mut route.guards);
                let patterns = std::mem::take(&mut route.patterns);
                self.routes[mount].guards.extend(guards);
                self.routes[mount].patterns.extend(patterns);
                gone.insert(at);
            }
        }
        let mut at = 0..;
        self.routes
            .retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
    }
}

/// In what a router and its record differ: then the record says nothing of the router.
fn difference(routes: &Routes, recorded: &Routes) -> Option<String> {
    if routes == recorded {
        return None;
    }
    let of = |all: &BTreeMap<String, Endpoint>, other: &BTreeMap<String, Endpoint>| {
        all.iter()
            .find(|(path, endpoint)| other.get(*path) != Some(endpoint))
            .map(|(path, _)| path.replace(NEST_TAIL, "/**"))
    };
    let path = of(&routes.routes, &recorded.routes)
        .or_else(|| of(&recorded.routes, &routes.routes))
        .or_else(|| of(&routes.fallbacks, &recorded.fallbacks))
        .or_else(|| of(&recorded.fallbacks, &routes.fallbacks))
        .unwrap_or_else(|| "the fallback".to_owned());
    Some(format!(
        "the router and the record of what was mounted differ in {path}"
    ))
}

/// A guard that is reached as two routes cannot know which of them it guards.
fn two_owners(asked: &[Asked]) -> Result<(), Unreadable> {
    let mut owners: Vec<Option<(&Asked, *const Note)>> = Vec::new();
    for row in asked {
        let note = match &row.whose {
            Whose::Mounted(note) => Arc::as_ptr(note),
            _ => std::ptr::null(),
        };
        for guard in &row.guards {
            if owners.len() <= *guard {
                owners.resize(guard + 1, None);
            }
            let (first, owner) = owners[*guard].get_or_insert((row, note));
            if *owner != note {
                let name = |row: &Asked| row.path.clone().unwrap_or_else(|| "/".to_owned());
                return Err(Unreadable::mismatch(format!(
                    "{} and {} are answered by one endpoint",
                    name(first),
                    name(row)
                )));
            }
        }
    }
    Ok(())
}

fn unmonitored(routes: &[Route], findings: &mut Vec<Finding>) {
    for route in routes {
        let Some(declaration) = &route.declaration else {
            continue;
        };
        if declaration.class() != AccessClass::Webhook || declaration.handler() == LISTING {
            continue;
        }
        let budget = declaration.sender().and_then(|sender| sender.retry_budget);
        let code = match (declaration.expect_every(), budget) {
            (None, _) => Code::UnmonitoredWebhook,
            // Of a sender that never tries again, 0, each refusal is a loss, however soon it is noticed.
            (Some(every), Some(budget)) if budget != 0 && every.as_secs() > budget => {
                Code::ImpatientSender
            }
            _ => continue,
        };
        let declared = Related::Declared((**declaration).clone());
        let mut finding = route.finding(code, vec![declared]);
        finding.subject.place = declaration.location.clone();
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests;
