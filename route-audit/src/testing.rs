//! Declarations, reports and routes for tests, from lines such as a lock has.

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, Package};
use serde_json::json;
use session_auth::audit::{
    Code, Finding, ListedRoute, Related, Report, RouterKind, RouterRecord, SCHEMA, Shape, Subject,
};
use session_auth::{Declaration, Location};

use crate::audit::Audit;
use crate::listing::Build;
use crate::lock::format;

pub(crate) const FILE: &str = "src/lib.rs";

pub(crate) fn place(line: u32) -> Location {
    Location {
        file: FILE.into(),
        line,
        column: 1,
    }
}

/// A declaration of package `web` from a line without its router: `session GET /a scope=admin`.
#[track_caller]
pub(crate) fn declaration(line: &str, at: u32) -> Declaration {
    declaration_of("web", line, at)
}

#[track_caller]
pub(crate) fn declaration_of(package: &str, line: &str, at: u32) -> Declaration {
    let mut parts: Vec<&str> = line.splitn(4, ' ').collect();
    parts.insert(3, "web/routes");
    let text = format!("schema 1\n{}", parts.join(" "));
    let lock = match format::parse(&text, "routes.lock") {
        Ok(lock) => lock,
        Err(error) => panic!("{text}\n{error}"),
    };
    let said = lock.lines()[0].said.expect("a class").0.clone();
    let mut json = serde_json::to_value(said).expect("JSON");
    json["handler"] = format!("{package}::handler").into();
    json["package"] = package.into();
    json["location"] = serde_json::to_value(place(at)).expect("JSON");
    serde_json::from_value(json).expect("a declaration")
}

/// What a router of package `web` reports that mounts these by name, and what is wrong with what
/// nobody declares: lines of class `none`.
#[track_caller]
pub(crate) fn report(router: &str, lines: &[&str]) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        router: RouterRecord {
            name: router.to_owned(),
            package: "web".to_owned(),
            kind: RouterKind::Typed,
            file: FILE.to_owned(),
            line: 3,
        },
        routes: Vec::new(),
        findings: Vec::new(),
        declared: Vec::new(),
        states: Vec::new(),
    };
    for line in lines {
        let declared = line.strip_prefix("none ");
        let declaration = match declared {
            Some(rest) => declaration(&format!("session {rest}"), 7),
            None => declaration(line, 7),
        };
        let shape = Shape::of(declaration.target());
        let methods = declaration.target().methods();
        let path = declaration.target().paths().first().cloned();
        for method in methods.iter() {
            report.routes.push(ListedRoute {
                methods: method,
                path: path.clone(),
                shape,
                named: true,
                mounted: place(3),
                function: None,
                takes: None,
                declaration: declared.is_none().then(|| declaration.clone()),
            });
        }
        let mut found = |code, related| {
            report.findings.push(Finding {
                code,
                subject: Subject {
                    path: path.clone(),
                    methods,
                    shape,
                    place: place(if declared.is_some() { 3 } else { 7 }),
                },
                related,
            });
        };
        if declared.is_some() {
            found(Code::UnclassifiedRoute, Vec::new());
        } else if declaration.verify().is_some() && declaration.expect_every().is_none() {
            found(
                Code::UnmonitoredWebhook,
                vec![Related::Declared(declaration.clone())],
            );
        }
        if declared.is_none() {
            report.declared.push(declaration);
        }
    }
    report
}

/// Of one build.
pub(crate) fn audit(reports: Vec<Report>) -> Audit {
    let build = Build {
        name: "default".to_owned(),
        reports,
    };
    Audit::of(&[build], &BTreeSet::from(["web"]), Vec::new())
}

/// A package with these features, and these dependencies.
pub(crate) fn package(
    name: &str,
    features: &[&str],
    dependencies: &[(&str, Option<&str>)],
) -> Package {
    let features: serde_json::Map<_, _> = features
        .iter()
        .map(|name| ((*name).to_owned(), json!([])))
        .collect();
    let dependencies: Vec<_> = dependencies
        .iter()
        .map(|(name, rename)| {
            json!({"name": name, "rename": rename, "req": "*", "kind": null, "optional": false,
                "uses_default_features": true, "features": [], "target": null, "source": null})
        })
        .collect();
    let package = json!({"name": name, "version": "0.1.0", "id": name, "dependencies": dependencies,
        "targets": [], "features": features, "manifest_path": format!("/{name}/Cargo.toml")});
    serde_json::from_value(package).expect("a package")
}

/// A workspace of these packages, each with the names of those that it depends on.
pub(crate) fn metadata(packages: &[(&Package, &[&str])]) -> Metadata {
    let ids: Vec<_> = packages.iter().map(|(package, _)| &package.id).collect();
    let nodes: Vec<_> = packages
        .iter()
        .map(|(package, dependencies)| {
            let deps: Vec<_> = dependencies
                .iter()
                .map(|name| {
                    let kinds = json!([{"kind": null, "target": null}]);
                    json!({"name": name, "pkg": name, "dep_kinds": kinds})
                })
                .collect();
            json!({"id": package.id, "deps": deps, "dependencies": dependencies, "features": []})
        })
        .collect();
    let packages: Vec<_> = packages.iter().map(|(package, _)| package).collect();
    let metadata = json!({"packages": packages, "workspace_members": ids,
        "workspace_default_members": ids, "resolve": {"nodes": nodes, "root": null},
        "workspace_root": "/", "target_directory": "/target", "metadata": {}, "version": 1});
    serde_json::from_value(metadata).expect("a workspace")
}
