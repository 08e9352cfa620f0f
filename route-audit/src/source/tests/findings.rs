//! What the rules find.

use expect_test::expect;
use session_auth::audit::Shape;

use super::{Program, program};
use crate::config::Exception;

const METRICS: &str = r#"use axum::{Router, routing::get};
async fn home() {}
async fn render() {}
#[audited_router]
pub fn app() -> Router {
    Router::new().route("/", get(home))
}
pub fn metrics() -> Router {
    Router::new().route("/metrics", get(render))
}
pub async fn main() {
    serve(app()).await;
    serve(metrics()).await;
}
"#;

#[test]
fn a_router_that_nobody_audits() {
    let found = program(METRICS).mounts(&["GET /"]).found();
    let [finding] = found.as_slice() else {
        panic!("{found:#?}")
    };
    expect![[r#"
        error[unaudited-router]: `shop::metrics` registers GET /metrics (src/lib.rs:9), which no audited router has
          --> src/lib.rs:9
          = help: put `#[audited_router]` on `metrics`, or merge its router into one that is audited; if it is meant to stay outside, say why in [workspace.metadata.route-audit]: `unaudited = [{ function = "shop::metrics", reason = "…" }]`"#]]
    .assert_eq(&finding.to_string());
    assert_eq!(finding.methods, ["GET"]);
    assert_eq!(finding.path.as_deref(), Some("/metrics"));
}

/// A program of `app`, which mounts `GET /`, and more.
fn beside(more: &str) -> Program {
    program(&format!(
        "use axum::{{Router, routing::get}};\nasync fn home() {{}}\nasync fn h() {{}}\n\
         #[audited_router] pub fn app() -> Router {{ Router::new().route(\"/\", get(home)) }}\n{more}"
    ))
    .mounts(&["GET /", "GET /v2/x"])
}

#[test]
fn routes_that_no_audited_router_has() {
    const NONE: &[&str] = &[];
    for (name, more, expected) in [
        ("nothing more", "fn main() { serve(app()); }", NONE),
        (
            "in main",
            "fn main() { let r = Router::new().route(\"/m\", get(h)); serve(r); }",
            &["unaudited-router GET /m src/lib.rs:5"],
        ),
        (
            "added to the audited one",
            "fn main() { serve(app().route(\"/m\", get(h))); }",
            &["unaudited-router GET /m src/lib.rs:5"],
        ),
        (
            "the same path, on another router",
            "fn main() { serve(Router::new().route(\"/\", get(home))); }",
            &["unaudited-router GET / src/lib.rs:5"],
        ),
        (
            "an audited router under another path",
            "fn main() { serve(Router::new().nest(\"/v3\", app())); }",
            &["unaudited-router  /v3 src/lib.rs:5"],
        ),
        (
            "a path that is no constant",
            "fn r(p: &str) -> Router { Router::new().route(p, get(h)) }",
            &["unaudited-router GET - src/lib.rs:5"],
        ),
        (
            "a service",
            "fn main() { serve(app().nest_service(\"/files\", ServeDir::new(\"x\"))); }",
            &["unaudited-router  /files src/lib.rs:5"],
        ),
        (
            "a fallback",
            "fn main() { serve(app().fallback(h)); }",
            &["unaudited-router FALLBACK - src/lib.rs:5"],
        ),
        (
            "a fallback service",
            "fn main() { serve(app().fallback_service(ServeDir::new(\"x\"))); }",
            &["unaudited-router FALLBACK - src/lib.rs:5"],
        ),
        (
            "another crate's routes",
            "fn main() { serve(app().merge(SwaggerUi::new(\"/docs\").url(\"/a\", api()))); }",
            &["opaque-mount  - src/lib.rs:5"],
        ),
        (
            "another crate's routes under a path",
            "fn main() { serve(app().nest(\"/in\", metrics_crate::router())); }",
            &["opaque-mount  /in src/lib.rs:5"],
        ),
        (
            "a macro",
            "fn main() { serve(register_routes! { GET => h }); }",
            &["opaque-mount  - src/lib.rs:5"],
        ),
        (
            "a macro of the crate",
            "macro_rules! add { ($r:expr) => { $r.route(\"/m\", get(h)) } }\nfn main() { serve(add!(app())); }",
            &["opaque-mount  - src/lib.rs:6"],
        ),
        (
            "a macro around items",
            "my_routes! { GET \"/m\" => h }",
            &["opaque-mount  - src/lib.rs:5"],
        ),
        (
            "a macro of the crate around an item",
            "macro_rules! add { ($h:ident) => { fn r() -> Router { Router::new().route(\"/m\", get($h)) } } }\nadd! { h }",
            &["opaque-mount  - src/lib.rs:6"],
        ),
        (
            "a macro around plain items",
            "only_unix! { fn r() -> Router { Router::new().route(\"/m\", get(h)) } }",
            &["unaudited-router GET /m src/lib.rs:5"],
        ),
        (
            "what is like a prefix",
            "#[cfg(any())] fn x() {}\nfn main() { serve(Router::new().nest(\"/v\", app())); }",
            &["unaudited-router  /v src/lib.rs:6"],
        ),
        (
            "an audited router under its own path",
            "fn main() { serve(Router::new().nest(\"/v2\", app())); }",
            NONE,
        ),
        (
            "a function that is named like the test of an audit",
            "fn route_audit_app() -> Router { Router::new().route(\"/\", get(home)) }",
            &["unaudited-router GET / src/lib.rs:5"],
        ),
        (
            "what the audit itself adds",
            "audited_router!(app = crate::app().route(\"/t\", get(h)));",
            NONE,
        ),
        (
            "a file that is not there",
            "include!(\"generated.rs\");",
            &["opaque-mount  - src/lib.rs:5"],
        ),
        (
            "a test's",
            "#[cfg(test)] fn t() -> Router { Router::new().route(\"/t\", get(h)) }",
            NONE,
        ),
        (
            "not in the tests",
            "#[cfg(not(test))] #[audited_router] fn other() -> Router { Router::new().route(\"/m\", get(h)) }",
            &["unaudited-router GET /m src/lib.rs:5"],
        ),
    ] {
        assert_eq!(beside(more).codes(), expected, "{name}");
    }
}

#[test]
fn a_router_of_the_program_that_the_tests_replace() {
    let found = program(
        "#[cfg(not(test))] #[audited_router] fn app() -> axum::Router { axum::Router::new().route(\"/real\", get(h)) }
#[cfg(test)] #[audited_router] fn app() -> axum::Router { axum::Router::new().route(\"/fake\", get(h)) }
async fn h() {}",
    )
    .mounts(&["GET /fake"])
    .found();
    let [finding] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(finding.path.as_deref(), Some("/real"));
    assert!(
        finding.message.ends_with("which no audited router has"),
        "{finding}"
    );
    assert!(
        finding.help.contains("leaves it out of the tests"),
        "{finding}"
    );
}

#[test]
fn a_report_is_of_its_package_and_file() {
    let mut other = program(METRICS).mounts(&["GET /"]);
    other.reports[0].router.package = "other".to_owned();
    assert_eq!(other.codes().len(), 2);

    let module = "#[audited_router] pub fn app() -> axum::Router {
    axum::Router::new().route(\"/\", get(h))
} async fn h() {}";
    let mut two = program("mod a; mod b;")
        .file("src/a.rs", module)
        .file("src/b.rs", module)
        .mounts(&["GET /"])
        .router("app")
        .mounts(&["GET /"]);
    two.reports[0].router.file = "src/a.rs".to_owned();
    two.reports[1].router.file = "src/b.rs".to_owned();
    let places: Vec<_> = two
        .placed()
        .findings
        .iter()
        .map(|finding| format!("{}:{}", finding.file, finding.line))
        .collect();
    assert_eq!(places, ["src/a.rs:2", "src/b.rs:2"]);
}

#[test]
fn items_in_a_macro_may_not_be_compiled() {
    let lib = "#[audited_router] fn app() -> Router { extra() }
only_unix! { fn extra() -> axum::Router { axum::Router::new().route(\"/x\", get(h)) } }
async fn h() {}";
    assert_eq!(program(lib).codes(), [""; 0]);
}

#[test]
fn a_route_that_the_audited_configuration_leaves_out() {
    let lib = "#[audited_router] fn app() -> Router { build(false) }
fn build(beta: bool) -> axum::Router {
    let r = axum::Router::new().route(\"/\", get(h));
    if beta { r.route(\"/beta\", get(h).post(h)) } else { r }
}
async fn h() {}
#[cfg(test)] mod audit { session_auth::audit::audited_router!(beta = super::build(true)); }";
    let one = program(lib).mounts(&["GET /"]);
    assert_eq!(
        one.codes(),
        ["unaudited-router GET|POST /beta src/lib.rs:4"]
    );
    let text = one.found()[0].message.clone();
    assert!(text.contains("another configuration may"), "{text}");
    // Of two methods, one.
    let partly = program(lib).mounts(&["GET /", "GET /beta"]);
    assert_eq!(partly.codes(), ["unaudited-router POST /beta src/lib.rs:4"]);
    let both = program(lib).mounts(&["GET /"]).router("beta").mounts(&[
        "GET /",
        "GET /beta",
        "POST /beta",
    ]);
    assert_eq!(both.codes(), [""; 0]);
}

#[test]
fn what_the_routers_mount_is_audited_however_they_came_by_it() {
    // By a call that the source does not show.
    let lib = "#[audited_router] fn app() -> Router { plugins::all() }
fn hidden() -> axum::Router { axum::Router::new().route(\"/x\", get(h)) }
async fn h() {}";
    let hidden = |mounted: &[&str]| program(lib).mounts(mounted).codes();
    assert_eq!(hidden(&["GET /x"]), [""; 0]);
    assert_eq!(hidden(&["GET /api/x"]), [""; 0]);
    let missing = ["unaudited-router GET /x src/lib.rs:2"];
    assert_eq!(hidden(&["POST /x"]), missing);
    assert_eq!(hidden(&["GET /api-x"]), missing);
    assert_eq!(hidden(&[]), missing);
}

#[test]
fn services_and_fallbacks_of_an_audited_router_are_left_to_its_report() {
    let lib = "#[audited_router] fn app() -> Router {
    axum::Router::new().nest_service(\"/a\", axum::Router::new().route(\"/b\", get(h)))
        .route_service(\"/c\", Dir).fallback_service(Dir).merge(SwaggerUi::new(\"/d\"))
}
async fn h() {}";
    let all = program(lib)
        .mount(Shape::OpaqueMount, "ANY /a")
        .mount(Shape::OpaqueRoute, "ANY /c")
        .mount(Shape::OpaqueFallback, "ANY");
    assert_eq!(all.codes(), [""; 0]);
    assert_eq!(
        program(lib).codes(),
        [
            "unaudited-router  /a src/lib.rs:2",
            "unaudited-router  /c src/lib.rs:3",
            "unaudited-router FALLBACK - src/lib.rs:3",
        ]
    );
}

#[test]
fn a_file_of_library_and_program_is_judged_once() {
    let shared = "pub fn r() -> axum::Router { axum::Router::new().route(\"/x\", get(h)) } \
                  async fn h() {}";
    let two = |lib: &str, main: &str, handler: &str| {
        program(&format!("mod routes; {lib}"))
            .target("server", "src/main.rs")
            .file("src/main.rs", &format!("mod routes; {main}"))
            .file("src/routes.rs", shared)
            .mounts(&["GET /x"])
            .declares("GET /x", handler)
            .codes()
    };
    let app = "#[audited_router] fn app() -> axum::Router { routes::r() }";
    let serve = "fn main() { serve(routes::r()) }";
    assert_eq!(two(app, serve, "shop::routes::h"), [""; 0]);
    assert_eq!(two("", app, "server::routes::h"), [""; 0]);
    let other = ["wrong-handler GET /x src/routes.rs:1"];
    assert_eq!(two(app, serve, "shop::h"), other);
}

/// What another registration explains is not explained twice.
#[test]
fn a_mounted_route_speaks_for_one_registration() {
    let more =
        "fn other() -> axum::Router { axum::Router::new().route(\"/\", get(h)) } async fn h() {}";
    for (name, audited, routes) in [
        (
            "plain",
            "axum::Router::new().route(\"/\", get(h))",
            &["GET /"][..],
        ),
        (
            "of methods that are not known",
            "axum::Router::new().route(\"/\", methods)",
            &["GET /", "POST /"],
        ),
        (
            "under a prefix that is not known",
            "axum::Router::new().nest(&prefix(), axum::Router::new().route(\"/\", get(h)))",
            &["GET /"],
        ),
    ] {
        let lib = format!("#[audited_router] fn app() -> Router {{ {audited} }}\n{more}");
        let found = program(&lib).mounts(routes).codes();
        assert_eq!(found, ["unaudited-router GET / src/lib.rs:2"], "{name}");
    }
}

#[test]
fn what_may_not_be_compiled_may_be_missing() {
    let lib = |condition: &str| {
        program(&format!(
            "#[audited_router] fn app() -> Router {{
    let r = axum::Router::new();
    {condition}
    let r = r.route(\"/console\", get(h));
    r
}}
async fn h() {{}}"
        ))
        .codes()
    };
    assert_eq!(lib("#[cfg(tokio_unstable)]"), [""; 0]);
    assert_eq!(lib("#[cfg(windows)]"), [""; 0]);
    assert_eq!(
        lib("#[cfg(unix)]"),
        ["unaudited-router GET /console src/lib.rs:4"]
    );
}

#[test]
fn exceptions_have_to_match() {
    let exception = |function: &str| Exception {
        left_out: false,
        function: function.to_owned(),
        place: "Cargo.toml:9:9".to_owned(),
    };
    let metrics = program(METRICS).mounts(&["GET /"]);
    let but = |functions: &[&str]| {
        let exceptions: Vec<_> = functions.iter().map(|name| exception(name)).collect();
        metrics.found_but(&exceptions)
    };
    assert_eq!(but(&["shop::metrics"]).unwrap(), []);
    // Of a package that is not read.
    assert_eq!(but(&["other::x", "shop::metrics"]).unwrap(), []);
    for stale in ["shop::app", "shop::metric", "metrics", "nobody::metrics"] {
        let refused = but(&["shop::metrics", stale]).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("`{stale}`")) && refused.contains("--> Cargo.toml:9:9"),
            "{refused}"
        );
    }
}

/// A router that mounts `POST /signup`, which `shop::signup` declares.
fn signup(body: &str) -> Program {
    program(&format!(
        "use axum::{{Router, routing::{{any, get, post, get_service}}}};
async fn signup() {{}}
mod other {{ pub async fn signup() {{}} pub use super::signup as same; }}
fn all() -> MethodRouter {{ let all = post(signup); all }}
#[audited_router] fn app() -> Router {{
    {body}
}}"
    ))
    .mounts(&["POST /signup"])
    .declares("POST /signup", "shop::signup")
}

#[test]
fn a_handler_that_is_not_the_one_which_declared_the_route() {
    let route = |service: &str| format!("Router::new().route(\"/signup\", {service})");
    for (name, service, wrong) in [
        ("the one", "post(signup)", false),
        ("by another name", "post(other::same)", false),
        ("by a variable", "{ let h = signup; post(h) }", false),
        ("with a layer", "post(signup.layer(x))", false),
        ("wrapped", "post(retry(signup))", false),
        ("a namesake", "post(other::signup)", true),
        ("a closure", "post(|| async {})", true),
        ("a value", "post(\"ok\")", true),
        ("another crate's", "post(metrics::render)", true),
        ("another crate's namesake", "post(facade::signup)", true),
        ("what cannot be told", "post(make())", true),
        (
            "a variable that cannot be told",
            "{ let h = make(); post(h) }",
            true,
        ),
        ("a whole method router", "make()", true),
        ("one that a variable has there", "all()", false),
        ("another method", "post(signup).get(other::signup)", false),
        (
            "any method, too",
            "post(signup).fallback(other::signup)",
            false,
        ),
    ] {
        let mut codes = signup(&route(service)).codes();
        codes.retain(|line| line.starts_with("wrong-handler"));
        let expected: &[&str] = if wrong {
            &["wrong-handler POST /signup src/lib.rs:6"]
        } else {
            &[]
        };
        assert_eq!(codes, expected, "{name}");
    }
    let finding = &signup(&route("post(other::signup)")).found()[0];
    expect![[r#"
        error[wrong-handler]: POST /signup is declared by `shop::signup` (src/declared.rs:7), but `shop::app` mounts `shop::other::signup` on it, which would inherit the class `public`
          --> src/lib.rs:6
          = help: mount `shop::signup`, or remove its attribute and declare what is mounted: by an attribute on it, or by `session_auth::declare_route!(public_route(POST, "/signup", ..))`"#]]
    .assert_eq(&finding.to_string());
    // A call returns what it likes.
    let finding = &signup(&route("post(make())")).found()[0];
    expect![[r#"
        error[wrong-handler]: POST /signup is declared by `shop::signup` (src/declared.rs:7), but whether that is what `shop::app` mounts on it cannot be told: another function would inherit the class `public`
          --> src/lib.rs:6
          = help: mount `shop::signup` by its name; or, if whatever is mounted there is meant, say so with `session_auth::declare_route!(public_route(POST, "/signup", ..))`"#]].assert_eq(&finding.to_string());
    let declared =
        signup(&route("post(make())")).declares("POST /signup", "declare_route! at src/lib.rs:1");
    assert_eq!(declared.codes(), [""; 0]);
}

#[test]
fn whom_a_declaration_is_for() {
    let wrong = |program: Program| {
        let mut codes = program.codes();
        codes.retain(|line| line.starts_with("wrong-handler"));
        codes
    };
    let other = "Router::new().route(\"/signup\", post(other::signup))";
    assert_eq!(wrong(signup(other)).len(), 1);
    // `declare_route!` is for whatever is mounted.
    assert_eq!(
        wrong(signup(other).declares("POST /signup", "declare_route! at src/lib.rs:1")),
        [""; 0]
    );
    // Of two that declare it, either.
    assert_eq!(
        wrong(signup(other).declares("POST /signup", "shop::other::signup")),
        [""; 0]
    );
    // On the path that it has in the end.
    let nested = "Router::new().nest(\"/signup\", Router::new().route(\"/\", post(other::signup)))";
    assert_eq!(
        wrong(signup(nested)),
        ["wrong-handler POST /signup src/lib.rs:6"]
    );
    // A prefix that only the router knows.
    let unknown =
        signup("Router::new().nest(&prefix(), Router::new().route(\"/in\", post(other::signup)))")
            .mounts(&["POST /a/in"])
            .declares("POST /a/in", "shop::signup");
    assert_eq!(wrong(unknown), ["wrong-handler POST /a/in src/lib.rs:6"]);
    // One that several have says nothing, and neither does the path as it is written.
    let several = signup(
        "Router::new().nest(&prefix(), Router::new().route(\"/signup\", post(other::signup)))",
    )
    .mounts(&["POST /a/signup", "POST /b/signup"])
    .declares("POST /a/signup", "shop::signup");
    assert_eq!(wrong(several), [""; 0]);
    // Behind a service, the layer does not go by the inner path.
    let behind = signup(
        "Router::new().nest_service(\"/in\", Router::new().route(\"/signup\", post(other::signup)).fallback(other::signup))",
    )
    .declares("POST /in/signup", "shop::signup")
    .declares("FALLBACK", "shop::signup");
    assert_eq!(wrong(behind), [""; 0]);
    // A method's own declaration goes before one for any.
    let any = |method: &str| {
        signup(&format!(
            "Router::new().route(\"/a\", {method}(other::signup))"
        ))
        .mounts(&["ANY /a"])
        .declares("ANY /a", "shop::signup")
        .declares("GET /a", "shop::other::signup")
    };
    assert_eq!(wrong(any("get")), [""; 0]);
    assert_eq!(wrong(any("any")), ["wrong-handler ANY /a src/lib.rs:6"]);
    assert_eq!(wrong(any("put")), ["wrong-handler PUT /a src/lib.rs:6"]);
    // `get` serves `HEAD`, and so does its declaration.
    let head = |service: &str| {
        signup(&format!("Router::new().route(\"/a\", {service})"))
            .mounts(&["GET /a", "HEAD /a"])
            .declares("GET /a", "shop::signup")
    };
    assert_eq!(wrong(head("get(signup).head(signup)")), [""; 0]);
    assert_eq!(
        wrong(head("get(signup).head(other::signup)")),
        ["wrong-handler HEAD /a src/lib.rs:6"]
    );
    // The fallback.
    let fallback = signup("Router::new().fallback(other::signup)")
        .mount(Shape::Fallback, "ANY")
        .declares("FALLBACK", "shop::signup");
    assert_eq!(wrong(fallback), ["wrong-handler FALLBACK - src/lib.rs:6"]);
    // A typed router's handlers bring their own class.
    let typed = signup(
        "session_auth::Router::new().mount(public(POST, \"/signup\", \"r\").to(|| async {}))",
    );
    assert_eq!(wrong(typed), [""; 0]);
}

#[test]
fn what_has_no_class_is_placed_at_its_registration() {
    let lib = "#[audited_router]
fn app() -> axum::Router {
    axum::Router::new()
        .route(\"/a\", get(legacy))
        .nest(\"/in\", inner())
        .nest(&prefix(), axum::Router::new().route(\"/x\", get(|| async {})))
        .nest_service(\"/files\", Dir)
        .fallback(legacy)
        .route(\"/twice\", get(legacy)).merge(axum::Router::new().route(\"/twice\", post(legacy)))
}
fn inner() -> axum::Router {
    axum::Router::new().route(\"/\", get(m::export))
}
async fn legacy() {}
mod m {
    pub async fn export() {}
}";
    let audit = program(lib)
        .mounts(&[
            "GET /a",
            "GET /in",
            "GET /some/x",
            "POST /twice",
            "GET /nowhere",
        ])
        .mount(Shape::OpaqueMount, "ANY /files")
        .mount(Shape::Fallback, "ANY")
        .placed();
    let lines: Vec<_> = audit
        .findings
        .iter()
        .map(|finding| {
            let path = finding.path.as_deref().unwrap_or("-");
            let definition = finding.help.rsplit(" handler ").next().unwrap_or_default();
            let definition = definition.strip_prefix('`').unwrap_or("-");
            let message = finding.message.rsplit(" and has no access class").next();
            let message = message
                .filter(|text| text.starts_with(" ("))
                .unwrap_or_default();
            format!("{path} {}{message} {definition}", finding.line)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "/files/** 7 -",
            "/a 4 (handler `legacy`) legacy` (src/lib.rs:14)",
            "/in 12 (handler `export`) export` (src/lib.rs:16)",
            "/nowhere 1 -",
            "/some/x 6 (its handler is a closure) -",
            "/twice 9 (handler `legacy`) legacy` (src/lib.rs:14)",
            "- 8 legacy` (src/lib.rs:14)",
        ]
    );
    let rows: Vec<_> = audit
        .routes
        .iter()
        .map(|row| {
            let path = row.path.as_deref().unwrap_or("-");
            format!(
                "{path} {} {}",
                row.line,
                row.handler.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "- 8 shop::legacy",
            "/a 4 shop::legacy",
            "/files/** 7 -",
            "/in 12 shop::m::export",
            "/nowhere 1 -",
            "/some/x 6 -",
            "/twice 9 shop::legacy",
        ]
    );
}

#[test]
fn what_two_calls_may_have_registered_stays_at_the_router() {
    let audit = program(
        "#[audited_router] fn app() -> axum::Router {
    if beta { axum::Router::new().route(\"/a\", get(one)) }
    else { axum::Router::new().route(\"/a\", get(two)) }
} async fn one() {} async fn two() {}",
    )
    .mounts(&["GET /a"])
    .placed();
    assert_eq!(audit.findings[0].line, 1);
}
