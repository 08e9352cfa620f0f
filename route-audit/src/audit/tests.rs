//! Several routers and builds, judged together.

use std::time::{Duration, Instant};

use session_auth::audit::{Finding as OfRouter, ListedRoute, Related, Shape};
use session_auth::{Declaration, Methods};

use super::*;
use crate::testing::{audit, declaration, declaration_of, place, report};

/// `GET|POST /b public admin+web`.
fn rows(audit: &Audit) -> Vec<String> {
    let row = |route: &Route| {
        let class = route.class().map_or("?", |class| class.as_str());
        let path = route.path().map_or("-".into(), |path| path.into_owned());
        let names: Vec<_> = route.routers.iter().map(|one| one.name.as_str()).collect();
        let routers = if names.is_empty() {
            "nowhere".to_owned()
        } else {
            names.join("+")
        };
        let methods = route.subject.methods.names().join("|");
        format!("{methods} {path} {class} {routers}")
    };
    audit.routes.iter().map(row).collect()
}

fn messages(audit: &Audit) -> Vec<String> {
    let line = |one: &Finding| format!("{}: {}", one.code(), one.message());
    audit.findings().iter().map(line).collect()
}

#[test]
fn the_methods_of_a_path_that_one_declaration_speaks_for_are_one_route() {
    let found = audit(vec![
        report(
            "web",
            &[
                "session GET /a",
                "public GET|POST /b",
                "public ANY /assets/**",
                "public FALLBACK -",
                "none DELETE|PUT /c",
                "session FALLBACK /in",
            ],
        ),
        report("admin", &["session GET /a"]),
    ]);
    assert_eq!(
        rows(&found),
        [
            "FALLBACK - public web",
            "GET /a session admin+web",
            "ANY /assets/** public web",
            "GET|POST /b public web",
            "PUT|DELETE /c ? web",
            "FALLBACK /in session web",
        ]
    );
    assert_eq!(found.routers.len(), 2);
    let Summary {
        routes,
        public,
        webhook,
        session,
        errors,
        warnings,
    } = found.summary();
    assert_eq!(
        (routes, public, webhook, session, errors, warnings),
        (6, 3, 0, 2, 1, 0)
    );
    // Where nobody declares it, the place is the mount.
    assert_eq!(found.routes[4].subject.place, place(3));
    assert_eq!(found.routes[3].subject.place, place(7));
}

#[test]
fn the_order_of_reports_changes_nothing() {
    let reports = || {
        vec![
            report("web", &["session GET /a", "none GET /c"]),
            report(
                "admin",
                &["session GET /a", "none GET /c", "webhook POST /d verify=x"],
            ),
        ]
    };
    let expected = audit(reports());
    let mut reversed = reports();
    reversed.reverse();
    for report in &mut reversed {
        report.routes.reverse();
        report.declared.reverse();
    }
    reversed.extend(reports());
    assert_eq!(audit(reversed), expected);
}

/// A file that is part of a library and of a binary is compiled twice, with two names for each
/// handler.
#[test]
fn one_file_of_two_targets_is_one_router() {
    let of_library = report("routes", &["public GET /a", "none GET /b"]);
    let json = serde_json::to_string(&of_library).expect("JSON");
    let of_binary = json.replace("web::handler", "server::handler");
    let of_binary = serde_json::from_str(&of_binary).expect("a report");
    let found = audit(vec![of_library, of_binary]);
    assert_eq!(rows(&found), ["GET /a public routes", "GET /b ? routes"]);
    assert_eq!(found.findings().len(), 1);
}

fn declaring(mut report: Report, declarations: &[Declaration]) -> Report {
    report.declared.extend(declarations.iter().cloned());
    report
}

#[test]
fn what_a_package_declares_has_to_be_mounted_with_every_path_and_method() {
    let two = "session GET /v1/a";
    let mut json = serde_json::to_value(declaration(two, 9)).expect("JSON");
    json["target"]["route"]["paths"] = serde_json::json!(["/v1/a", "/v2/a"]);
    let two: Declaration = serde_json::from_value(json).expect("a declaration");
    let mut half = report("web", &["session GET /v1/a"]);
    half.routes[0].declaration = Some(two.clone());
    half.declared = vec![
        two,
        declaration("public GET|HEAD|POST /b", 11),
        declaration("session FALLBACK -", 12),
        declaration("session ANY /w/**", 13),
    ];
    let get = ListedRoute {
        declaration: Some(half.declared[1].clone()),
        methods: Methods::GET,
        path: Some("/b".into()),
        ..half.routes[0].clone()
    };
    half.routes.push(get);
    let half = audit(vec![half]);
    assert_eq!(
        messages(&half),
        [
            "unmounted-declaration: FALLBACK is declared for `web::handler`, but no audited router \
             mounts it",
            "unmounted-declaration: POST /b is declared for `web::handler`, but no audited router \
             mounts it",
            "unmounted-declaration: GET /v2/a is declared for `web::handler`, but no audited router \
             mounts it",
            "unmounted-declaration: ANY /w/** is declared for `web::handler`, but no audited router \
             mounts it",
        ]
    );
    // They are listed, without a router.
    assert!(rows(&half).contains(&"GET /v2/a session nowhere".to_owned()));
}

/// `GET` answers `HEAD`, `ANY` is for whatever it is mounted for, and a path that is left out is the
/// router's to choose.
#[test]
fn what_is_mounted_otherwise_than_it_is_written_is_mounted() {
    let mut all = report(
        "web",
        &["session GET /a", "session ANY /b", "session GET /c"],
    );
    let mut change = |at: usize, target: serde_json::Value| {
        let mut json = serde_json::to_value(&all.declared[at]).expect("JSON");
        json["target"]["route"] = target;
        let changed: Declaration = serde_json::from_value(json).expect("a declaration");
        all.routes[at].declaration = Some(changed.clone());
        all.declared[at] = changed;
    };
    change(
        0,
        serde_json::json!({"methods": ["GET", "HEAD"], "paths": ["/a"]}),
    );
    change(2, serde_json::json!({"methods": ["GET"], "paths": []}));
    all.routes[1].methods = Methods::POST;
    assert_eq!(messages(&audit(vec![all])), [""; 0]);
}

#[test]
fn what_other_packages_declare_is_their_user_s_to_mount() {
    let library = declaration_of("lib", "public GET /health", 2);
    let report = declaring(report("web", &["session GET /a"]), &[library]);
    assert_eq!(messages(&audit(vec![report.clone()])), [""; 0]);
    let build = Build {
        name: "default".to_owned(),
        reports: vec![report],
    };
    let both = Audit::of(&[build], &BTreeSet::from(["web", "lib"]), Vec::new());
    assert_eq!(both.findings().len(), 1);
}

#[test]
fn a_mistyped_path_is_answered_with_the_other_end_of_it() {
    let users = declaration("session GET /api/user", 9);
    let mut report = declaring(
        report("web", &["none GET /api/users"]),
        std::slice::from_ref(&users),
    );
    report.findings[0].related = vec![Related::Meant(users)];
    let helps: Vec<_> = audit(vec![report])
        .findings()
        .iter()
        .map(|one| one.help().split('?').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        helps,
        [
            "did you mean GET /api/user, which is declared at src/lib.rs:9",
            "did you mean GET /api/users, which is mounted without a class (src/lib.rs:3)",
        ]
    );
}

/// The mistake is where it is mounted.
#[test]
fn a_handler_at_the_wrong_place_is_not_missing_as_well() {
    let me = declaration("session GET /me", 9);
    let mut report = declaring(
        report("web", &["session GET /a"]),
        std::slice::from_ref(&me),
    );
    let subject = report.routes[0].clone();
    report.findings.push(OfRouter {
        code: Code::WrongHandler,
        subject: Subject {
            path: subject.path,
            methods: subject.methods,
            shape: Shape::Route,
            place: place(9),
        },
        related: vec![Related::Declared(me)],
    });
    let found = audit(vec![report]);
    let codes: Vec<_> = found.findings().iter().map(Finding::code).collect();
    assert_eq!(codes, [Code::WrongHandler]);
}

#[test]
fn a_declaration_that_is_mounted_by_name_speaks_for_no_route_by_its_path() {
    let named = report("typed", &["session GET /a"]);
    let mut by_path = report("plain", &["session GET /a"]);
    by_path.routes[0].named = false;
    by_path.routes[0].mounted = place(30);
    assert_eq!(messages(&audit(vec![by_path.clone()])), [""; 0]);
    let both = audit(vec![by_path.clone(), named.clone()]);
    assert_eq!(
        messages(&both),
        ["unclassified-route: GET /a is mounted and has no access class"]
    );
    // The routers of another package are another program's.
    by_path.router.package = "admin".to_owned();
    assert_eq!(messages(&audit(vec![by_path, named])), [""; 0]);
}

#[test]
fn what_builds_say_differently_is_found_and_what_they_share_is_wrong_once() {
    let build = |name: &str, lines: &[&str]| Build {
        name: name.to_owned(),
        reports: vec![report("routes", lines)],
    };
    let builds = [
        build("default", &["none GET /a", "session GET /b"]),
        build(
            "beta",
            &["none GET /a", "session GET /b scope=x", "session GET /c"],
        ),
    ];
    let found = Audit::of(&builds, &BTreeSet::from(["web"]), Vec::new());
    let codes: Vec<_> = found.findings().iter().map(Finding::code).collect();
    assert_eq!(
        codes,
        [Code::UnclassifiedRoute, Code::ConflictingDeclaration]
    );
    let builds: Vec<_> = found
        .routes
        .iter()
        .map(|route| Vec::from_iter(route.builds.iter().map(String::as_str)))
        .collect();
    assert_eq!(
        builds,
        [
            vec!["beta", "default"],
            vec!["default"],
            vec!["beta"],
            vec!["beta"]
        ]
    );
}

#[test]
fn time_grows_with_the_routes_and_no_faster() {
    let time = |routes: u32| {
        let lines: Vec<String> = (0..routes)
            .map(|n| format!("none GET /api/{}/mounted-{n}", n % 2))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut report = report("web", &lines);
        let declared = (0..routes).map(|n| format!("session GET /api/{}/declared-{n}", n % 2));
        report.declared = declared.map(|line| declaration(&line, 9)).collect();
        let start = Instant::now();
        let audit = audit(vec![report]);
        let taken = start.elapsed();
        assert_eq!(audit.summary().errors, 2 * routes as usize);
        taken
    };
    // Twenty times the routes take twenty times as long, and more where they leave the caches; a
    // square would take four hundred. The least of several, in turn: other programs run beside this.
    let mut least = (Duration::MAX, Duration::MAX);
    for _ in 0..20 {
        least = (least.0.min(time(200)), least.1.min(time(4_000)));
        if least.1 < least.0 * 120 {
            return;
        }
    }
    let (few, more) = least;
    panic!("{few:?} for 200 routes, {more:?} for 4,000");
}
