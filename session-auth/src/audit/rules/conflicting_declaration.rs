//! `conflicting-declaration`: two declarations for one method and path that would be enforced
//! differently, so that which of them holds is a matter of chance.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Report, Rule, at_declaration, called_together, label, names};
use crate::access::Methods;
use crate::audit::report::{Class, RouteRecord, RouterKind, RouterRecord, Severity};
use crate::audit::view::{Program, Scope, Target, View};

pub(super) const RULE: Rule = Rule {
    code: "conflicting-declaration",
    severity: Severity::Error,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    // Several programs link the same two declarations.
    let mut seen = BTreeSet::new();
    let mut twice = BTreeMap::new();
    for program in &view.programs {
        match program.router.kind {
            RouterKind::Axum => {
                let index = &program.index;
                let groups = index.routes.values().chain(index.subtrees.values());
                for ids in groups.chain([&index.fallbacks]) {
                    for (first, second) in differing(view, ids) {
                        if seen.insert((first, second)) {
                            conflict(view, first, second, report);
                        }
                    }
                }
            }
            RouterKind::Typed => typed(view, program, &mut seen, &mut twice, report),
        }
    }
    for ((first, second), routers) in twice {
        mounted_twice(view, first, second, &routers, report);
    }
}

/// Pairs of one path that share a method and differ: for each method, the first declaration with
/// each later one that disagrees with it.
fn differing(view: &View<'_>, ids: &[usize]) -> BTreeSet<(usize, usize)> {
    let mut first: BTreeMap<Methods, usize> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for id in ids {
        for method in view.declared[*id].target.methods().iter() {
            let base = *first.entry(method).or_insert(*id);
            let (a, b) = (&view.declared[base].record, &view.declared[*id].record);
            if !differences(a, b).is_empty() {
                pairs.insert((base, *id));
            }
        }
    }
    pairs
}

fn conflict(view: &View<'_>, first: usize, second: usize, report: &mut Report<'_>) {
    let (a, b) = (&view.declared[first], &view.declared[second]);
    // The earlier in the source goes first, whatever the records' order is.
    let (a, b) = if place(&a.record) <= place(&b.record) {
        (a, b)
    } else {
        (b, a)
    };
    let methods = match (&a.target, &b.target) {
        (Target::Route { methods: x, .. }, Target::Route { methods: y, .. }) => {
            names(x.overlap(*y))
        }
        _ => a.record.methods.clone(),
    };
    let what = label(&methods, a.record.path.as_deref());
    let (a, b) = (&a.record, &b.record);
    let packages = if a.package == b.package {
        String::new()
    } else {
        format!(" (packages `{}` and `{}`)", a.package, b.package)
    };
    let message = if a.class == b.class {
        format!(
            "{what} is declared as {} at {}:{} and again at {}:{}{packages} with another {}",
            class(a.class),
            a.file,
            a.line,
            b.file,
            b.line,
            differences(a, b).join(", another "),
        )
    } else {
        format!(
            "{what} is declared as {} at {}:{} and as {} at {}:{}{packages}",
            class(a.class),
            a.file,
            a.line,
            class(b.class),
            b.file,
            b.line,
        )
    };
    let mut at = at_declaration(a);
    at.methods = methods;
    report.add(
        at,
        message,
        "remove one of the two, or make them say the same: one route has one class".to_owned(),
    );
}

/// On a typed router each mounted handler brings its own declaration, and a method and path can
/// be mounted once. Two that say the same are noted in `all_twice`, with the routers that mount both.
fn typed<'a>(
    view: &View<'a>,
    program: &Program<'a>,
    seen: &mut BTreeSet<(usize, usize)>,
    all_twice: &mut BTreeMap<(usize, usize), Vec<&'a RouterRecord>>,
    report: &mut Report<'_>,
) {
    let mut first: HashMap<(Methods, Option<&str>), usize> = HashMap::new();
    let mut twice = BTreeSet::new();
    for mount in &program.mounted {
        let Some(id) = mount.covered_by.first().copied() else {
            continue;
        };
        for method in mount.methods.iter() {
            let key = (method, mount.mounted.path.as_deref());
            if let Some(base) = first.insert(key, id) {
                twice.insert((base.min(id), base.max(id)));
            }
        }
    }
    for (first, second) in twice {
        let (a, b) = (&view.declared[first].record, &view.declared[second].record);
        if !differences(a, b).is_empty() {
            if seen.insert((first, second)) {
                conflict(view, first, second, report);
            }
            continue;
        }
        let routers = all_twice.entry((first, second)).or_default();
        if routers.last() != Some(&program.router) {
            routers.push(program.router);
        }
    }
}

fn mounted_twice(
    view: &View<'_>,
    first: usize,
    second: usize,
    routers: &[&RouterRecord],
    report: &mut Report<'_>,
) {
    let (a, b) = (&view.declared[first].record, &view.declared[second].record);
    let (a, b) = if place(a) <= place(b) { (a, b) } else { (b, a) };
    report.add(
        at_declaration(a),
        format!(
            "{} is mounted twice by {}: it is declared at {}:{} and at {}:{}",
            label(&a.methods, a.path.as_deref()),
            called_together(routers),
            a.file,
            a.line,
            b.file,
            b.line,
        ),
        "mount one of the two".to_owned(),
    );
}

fn place(record: &RouteRecord) -> (&str, u32) {
    (&record.file, record.line)
}

fn class(class: Option<Class>) -> &'static str {
    match class {
        Some(Class::Public) => "`public`",
        Some(Class::Webhook) => "`webhook`",
        Some(Class::Session) => "`session`",
        None => "nothing",
    }
}

/// What two declarations would be enforced differently by. Reason and owner are words for people.
fn differences(a: &RouteRecord, b: &RouteRecord) -> Vec<&'static str> {
    // Handlers that authenticate their callers themselves do so each in its own way.
    let by_handler = a.verifier.as_deref() == Some("handler") && a.handler != b.handler;
    [
        ("class", a.class != b.class),
        ("`verify`", a.verifier != b.verifier),
        (
            "handler that verifies",
            a.verifier == b.verifier && by_handler,
        ),
        ("`scope`", a.scope != b.scope),
        ("`until`", a.until != b.until),
        ("`expect_every`", a.expect_every != b.expect_every),
        ("`max_body`", a.max_body != b.max_body),
        ("`issues_session`", a.issues_session != b.issues_session),
        (
            "`optional_session`",
            a.optional_session != b.optional_session,
        ),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
