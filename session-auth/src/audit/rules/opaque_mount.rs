//! `opaque-mount`: a service whose inside cannot be listed, without a class for all of it.

use super::{Report, Rule, at_router, called};
use crate::audit::report::{RouterKind, RouterRecord, Severity, Shape};
use crate::audit::view::{Scope, View};

pub(super) const RULE: Rule = Rule {
    code: "opaque-mount",
    severity: Severity::Error,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    for (router, mount) in view.unclassified() {
        let by = called(router);
        let path = mount.mounted.path.as_deref();
        match (mount.mounted.shape, path) {
            (Shape::OpaqueMount, Some(path)) => {
                let below = format!("{}/**", path.trim_end_matches('/'));
                report.add(
                    at_router(router, &mount.mounted.methods, Some(&below)),
                    format!(
                        "a service is mounted under {path} by {by}: its routes cannot be listed, \
                         and {below} has no access class"
                    ),
                    format!(
                        "if it is a router, use `nest` instead of `nest_service`, so that its \
                         routes show; otherwise {}",
                        declare(router, &below)
                    ),
                );
            }
            (Shape::OpaqueRoute, Some(path)) => report.add(
                at_router(router, &mount.mounted.methods, Some(path)),
                format!(
                    "a service is mounted on {path} by {by}: its methods cannot be listed, and \
                     ANY {path} has no access class"
                ),
                format!(
                    "use `route(.., get_service(..))` instead of `route_service`, so that its \
                     methods show, or {}",
                    declare(router, path)
                ),
            ),
            (Shape::OpaqueFallback, path) => {
                let below = path
                    .map(|path| format!(" below {path}"))
                    .unwrap_or_default();
                report.add(
                    at_router(router, &["FALLBACK".to_owned()], path),
                    format!(
                        "the fallback{below} of {by} is a service: its routes cannot be listed, \
                         and it has no access class"
                    ),
                    "if it is a router, `merge` it, so that its routes show; otherwise declare \
                     `FALLBACK` with `session_auth::declare_route!`"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
}

fn declare(router: &RouterRecord, what: &str) -> String {
    match router.kind {
        RouterKind::Axum => format!(
            "declare `ANY {what}` with `session_auth::declare_route!`, and with it everything \
             that the service answers"
        ),
        RouterKind::Typed => "mount it with `mount_service`, which takes a class".to_owned(),
    }
}
