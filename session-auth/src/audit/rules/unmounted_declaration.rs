//! `unmounted-declaration`: a declaration that no audited router mounts. Its path is misspelt, or
//! its router is not audited, or it is left over. One of a package that is not looked at is the
//! user's to mount or not; then only what looks like it and has no class makes it a finding.

use super::{Report, Rule, at_declaration, called, label, names};
use crate::audit::near::{Candidate, Near};
use crate::audit::report::{Severity, Shape};
use crate::audit::view::{Declared, Scope, Target, View, ancestors};

pub(super) const RULE: Rule = Rule {
    code: "unmounted-declaration",
    severity: Severity::Error,
    needs: Scope::Workspace,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    let open: Vec<_> = view
        .unclassified()
        .filter(|(_, mount)| mount.mounted.shape == Shape::Route)
        .collect();
    let candidates = open.iter().enumerate().filter_map(|(id, (_, mount))| {
        let path = mount.mounted.path.as_deref()?;
        Some(Candidate {
            methods: mount.methods,
            path,
            id,
        })
    });
    let near = Near::new(candidates);
    let opaque = opaque_mounts(view);
    for one in &view.declared {
        let missing = one.missing();
        if missing.is_empty() {
            continue;
        }
        let meant = match &one.target {
            Target::Route { path, .. } => near.find(missing, path),
            Target::Subtree { .. } | Target::Fallback => None,
        };
        if !one.ours && meant.is_none() {
            continue;
        }
        let record = &one.record;
        let methods = match &one.target {
            Target::Route { .. } => names(missing),
            Target::Subtree { .. } | Target::Fallback => record.methods.clone(),
        };
        let what = label(&methods, record.path.as_deref());
        let handler = match &record.handler {
            Some(handler) => format!(" for `{handler}`"),
            None => String::new(),
        };
        let mut place = at_declaration(record);
        place.methods = methods;
        report.add(
            place,
            format!("{what} is declared{handler}, but no audited router mounts it"),
            help(one, meant, &open, &opaque),
        );
    }
}

fn help(
    one: &Declared<'_>,
    meant: Option<Candidate<'_>>,
    open: &[(&crate::audit::RouterRecord, &crate::audit::view::Mount<'_>)],
    opaque: &std::collections::HashSet<&str>,
) -> String {
    let default = "mount the handler, remove its attribute, or put `#[audited_router]` on the \
                   function that mounts it";
    let Target::Route { path, .. } = &one.target else {
        return "mount what it is for, remove the declaration, or put `#[audited_router]` on the \
                function that mounts it"
            .to_owned();
    };
    if let Some(candidate) = meant {
        let (router, mount) = open[candidate.id];
        let otherwise = if one.ours {
            format!("If not, {default}")
        } else {
            // Its attribute is not the user's to change.
            format!(
                "It is of package `{}`, which is not audited here: mount it on its own path, or \
                 declare the path that is mounted with `session_auth::declare_route!(..)`",
                one.record.package
            )
        };
        return format!(
            "did you mean {}, which {} ({}:{}) mounts without a class? {otherwise}",
            label(&mount.mounted.methods, Some(candidate.path)),
            called(router),
            router.file,
            router.line,
        );
    }
    if let Some(mount) = ancestors(path).find(|prefix| opaque.contains(prefix)) {
        return format!(
            "a service is mounted under {mount}, and what it serves cannot be listed: if it is \
             the router with this route, use `nest` instead of `nest_service`; otherwise {default}"
        );
    }
    default.to_owned()
}

fn opaque_mounts<'a>(view: &View<'a>) -> std::collections::HashSet<&'a str> {
    view.programs
        .iter()
        .flat_map(|program| &program.mounted)
        .filter(|mount| mount.mounted.shape == Shape::OpaqueMount)
        .filter_map(|mount| mount.mounted.path.as_deref())
        .collect()
}
