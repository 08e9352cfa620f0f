//! `unclassified-route`: a router mounts a handler that nobody declared.

use super::{
    FALLBACK_ATTRIBUTES, Report, Rule, at_router, attributes, called_together, label, names,
};
use crate::access::Methods;
use crate::audit::near::{Candidate, Near};
use crate::audit::report::{RouterKind, RouterRecord, Severity, Shape};
use crate::audit::view::{Mount, Scope, Target, View};

pub(super) const RULE: Rule = Rule {
    code: "unclassified-route",
    severity: Severity::Error,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    let unused = view
        .declared
        .iter()
        .enumerate()
        .filter_map(|(id, one)| match &one.target {
            Target::Route { path, .. } if !one.missing().is_empty() => Some(Candidate {
                methods: one.missing(),
                path,
                id,
            }),
            _ => None,
        });
    let near = Near::new(unused);
    for (routers, mount) in view.unclassified_together() {
        let Some(router) = routers.first().copied() else {
            continue;
        };
        let path = mount.mounted.path.as_deref();
        let by = called_together(&routers);
        match (mount.mounted.shape, path) {
            (Shape::Route, Some(path)) => {
                let methods = &mount.mounted.methods;
                report.add(
                    at_router(router, methods, Some(path)),
                    format!(
                        "{} is mounted by {by} and has no access class",
                        label(methods, Some(path))
                    ),
                    route_help(view, &near, router, mount, path),
                );
            }
            (Shape::MethodFallback, Some(path)) => report.add(
                at_router(router, &mount.mounted.methods, Some(path)),
                format!(
                    "the fallback of {path} for other methods, mounted by {by}, has no access class"
                ),
                format!(
                    "it serves every method that {path} does not name: declare `ANY {path}` on \
                     its handler, by `#[session_route(ANY, {path:?})]` for example, or mount the \
                     methods it is for"
                ),
            ),
            (Shape::Fallback, path) => {
                let below = path
                    .map(|path| format!(" below {path}"))
                    .unwrap_or_default();
                report.add(
                    at_router(router, &["FALLBACK".to_owned()], path),
                    format!("the fallback{below} of {by} has no access class"),
                    FALLBACK_ATTRIBUTES.to_owned(),
                );
            }
            _ => {}
        }
    }
}

fn route_help(
    view: &View<'_>,
    near: &Near<'_>,
    router: &RouterRecord,
    mount: &Mount<'_>,
    path: &str,
) -> String {
    let methods = names(mount.methods).join(" | ");
    let attributes = attributes(&methods, path);
    if router.kind == RouterKind::Typed {
        return attributes;
    }
    if mount.methods == Methods::ANY
        && let Some(some) = declared_on(view, router, path)
    {
        return format!(
            "{some} is declared, but the route is mounted for every method (`any`): register the \
             declared methods only, or {attributes}"
        );
    }
    let Some(candidate) = near.find(mount.methods, path) else {
        return attributes;
    };
    let meant = &view.declared[candidate.id].record;
    let nowhere = match view.scope {
        Scope::Workspace => "no router mounts",
        Scope::OneRouter => "this router does not mount",
    };
    format!(
        "did you mean {}, which is declared at {}:{} and which {nowhere}? If not, {attributes}",
        label(&names(candidate.methods), Some(candidate.path)),
        meant.file,
        meant.line,
    )
}

/// What the router's program declares on exactly this path.
fn declared_on(view: &View<'_>, router: &RouterRecord, path: &str) -> Option<String> {
    let program = view
        .programs
        .iter()
        .find(|program| program.router == router)?;
    let ids = program.index.routes.get(path)?;
    let methods = ids
        .iter()
        .map(|id| view.declared[*id].target.methods())
        .fold(Methods::NONE, Methods::or);
    Some(label(&names(methods), Some(path)))
}
