//! `opaque-mount`: a service whose inside cannot be listed, without a class for all of it.

use super::{Report, Rule, at_router, called_together};
use crate::audit::report::{RouterKind, RouterRecord, Severity, Shape};
use crate::audit::view::{Scope, View};

pub(super) const RULE: Rule = Rule {
    code: "opaque-mount",
    severity: Severity::Error,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    for (routers, mount) in view.unclassified_together() {
        let Some(router) = routers.first().copied() else {
            continue;
        };
        let by = called_together(&routers);
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
                        declare(router, &format!("ANY, {path:?}, subtree, "))
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
                    declare(router, &format!("ANY, {path:?}, "))
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
                    format!(
                        "if it is a router, `merge` it, so that its routes show; otherwise {}",
                        declare(router, "FALLBACK, ")
                    ),
                );
            }
            _ => {}
        }
    }
}

/// The declaration to paste, for want of a handler that could have an attribute.
fn declare(router: &RouterRecord, target: &str) -> String {
    match router.kind {
        RouterKind::Axum => format!(
            "declare all that it serves: `session_auth::declare_route!(session_route({target}\
             reason = \"…\"))`, or `public_route` in place of `session_route`"
        ),
        RouterKind::Typed => "mount it with `mount_service`, which takes a class".to_owned(),
    }
}
