//! One audit in every format.

mod json;
mod markdown;
mod sarif;

use std::collections::BTreeSet;

use expect_test::expect;
use jsonschema::Validator;
use serde_json::Value;
use session_auth::audit::{self, Code, Related, RouterKind, RouterRecord, Shape, Subject};
use session_auth::{Location, Methods};

use super::{Output, Places, check, list, only_findings};
use crate::audit::Audit;
use crate::cli::Format;
use crate::finding::Finding;
use crate::listing::{Route, RouterName};
use crate::testing::declaration;

/// The formats that `check` has.
const FORMATS: [Format; 5] = [
    Format::Human,
    Format::Json,
    Format::Sarif,
    Format::Github,
    Format::Markdown,
];

/// A file with a name that has to be escaped in a URI, and something on its line 3.
const FILE: &str = "src/my routes, é.rs";
const SOURCE: &str = "use axum::Router;\n\n#[audited_router]\npub fn routes() -> Router {}\n";

struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// The workspace is `backend` of its repository.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("backend").join(FILE);
        std::fs::create_dir_all(source.parent().expect("a folder")).expect("the folders");
        std::fs::create_dir(folder.path().join(".git")).expect("the repository");
        std::fs::write(source, SOURCE).expect("the source");
        Self { folder }
    }

    fn places(&self) -> Places {
        Places::of(&self.folder.path().join("backend"))
    }

    fn check(&self, audit: &Audit, format: Format) -> String {
        self.check_with(audit, format, false, false)
    }

    fn check_with(&self, audit: &Audit, format: Format, colors: bool, quiet: bool) -> String {
        let places = self.places();
        let output = Output {
            format,
            colors,
            quiet,
            places: &places,
        };
        check(audit, &output).expect("a document")
    }

    fn list(&self, audit: &Audit, format: Format, colors: bool, quiet: bool) -> String {
        let places = self.places();
        let output = Output {
            format,
            colors,
            quiet,
            places: &places,
        };
        list(audit, &output).expect("a document")
    }
}

fn at(file: &str, line: u32) -> Location {
    Location {
        file: file.to_owned().into(),
        line,
        column: 1,
    }
}

fn subject(path: &str, place: Location) -> Subject {
    Subject {
        path: Some(path.to_owned().into()),
        methods: Methods::GET,
        shape: Shape::Route,
        place,
    }
}

fn finding(code: Code, path: &str, place: Location) -> Finding {
    Finding::Router(audit::Finding {
        code,
        subject: subject(path, place),
        related: match code {
            Code::ConflictingDeclaration => vec![
                Related::Declared(declaration("public GET /x", 3)),
                Related::Other(declaration("session GET /x", 9)),
            ],
            _ => Vec::new(),
        },
    })
}

/// A public route with all of its terms; or one of no class.
fn route(is_declared: bool, path: &str) -> Route {
    let terms = "issues_session reason=open until=2027-01-31 owner=growth";
    let declaration =
        is_declared.then(|| declaration(&format!("public GET|POST {path} {terms}"), 3));
    Route {
        subject: Subject {
            methods: Methods::GET | Methods::POST,
            ..subject(path, at(FILE, 3))
        },
        named: true,
        package: "web".to_owned(),
        routers: BTreeSet::from([RouterName {
            package: "web".to_owned(),
            name: "routes".to_owned(),
        }]),
        builds: BTreeSet::from(["default".to_owned()]),
        function: None,
        declaration,
    }
}

fn router(name: &str) -> RouterRecord {
    RouterRecord {
        name: name.to_owned(),
        package: "web".to_owned(),
        kind: RouterKind::Axum,
        file: FILE.to_owned(),
        line: 3,
    }
}

fn audit(routers: &[&str], routes: Vec<Route>, findings: Vec<Finding>) -> Audit {
    let mut audit = Audit::default();
    audit.routers = routers.iter().map(|name| router(name)).collect();
    audit.routes = routes;
    audit.add(findings);
    audit
}

/// What whoever wrote the path means no good by.
const EVIL: &str = "/a|b/@team/<img src=x>](https://evil.example)\u{1b}[2J\n::error::100%";

/// With an error that has its source, one in a file outside of the repository, and a warning whose
/// file is gone.
fn found() -> Audit {
    audit(
        &["admin", "routes"],
        vec![
            route(true, "/waitlist/{id}"),
            route(false, "/a|b/@team/<b>"),
        ],
        vec![
            finding(Code::UnclassifiedRoute, "/legacy/{id}", at(FILE, 3)),
            finding(
                Code::ConflictingDeclaration,
                EVIL,
                at("/elsewhere/lib.rs", 3),
            ),
            finding(Code::UnmonitoredWebhook, "/hook", at("src/gone.rs", 3)),
        ],
    )
}

fn clean() -> Audit {
    let me = Route {
        subject: subject("/me", at(FILE, 3)),
        declaration: Some(declaration("session GET /me scope=admin", 3)),
        ..route(false, "/me")
    };
    audit(&["routes"], vec![me], Vec::new())
}

#[test]
fn people_see_the_line_of_source() {
    let workspace = Workspace::new();
    let text = workspace.check(&found(), Format::Human);
    expect![[r#"
        error[unclassified-route]: GET /legacy/{id} is mounted and has no access class
         --> src/my routes, é.rs:3:1
          |
        3 | #[audited_router]
          | ^^^^^^^^^^^^^^^^^
          |
          = help: add `#[public_route(GET, "/legacy/{id}", reason = "…")]`, `#[webhook_route(GET, "/legacy/{id}", verify = "…")]` or `#[session_route(GET, "/legacy/{id}")]` to its handler

        error[conflicting-declaration]: GET /a|b/@team/<img src=x>](https://evil.example)\u{1b}[2J\n::error::100% is declared twice: public at src/lib.rs:3, and session at src/lib.rs:9
          --> /elsewhere/lib.rs:3
          = help: keep one of the two; two routers that both have this path mount their handlers by name

        warning[unmonitored-webhook]: GET /hook is a webhook of which nobody notices when it falls silent
          --> src/gone.rs:3
          = help: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well

        route-audit: 2 routes (1 public, 1 unclassified) in 2 routers: 2 errors, 1 warning
    "#]].assert_eq(&text);
    // Findings and nothing after them.
    let quiet = workspace.check_with(&found(), Format::Human, false, true);
    assert!(text.starts_with(&quiet), "{quiet}");
    assert!(
        !quiet.contains("2 errors") && quiet.ends_with("all is well\n"),
        "{quiet}"
    );
    assert_eq!(
        workspace.check_with(&clean(), Format::Human, false, true),
        ""
    );
}

#[test]
fn colours_mark_what_matters() {
    let workspace = Workspace::new();
    let whole = found();
    let kept = |finding: &&Finding| finding.code() != Code::ConflictingDeclaration;
    let findings = whole.findings().iter().filter(kept).cloned().collect();
    let audit = audit(&["admin", "routes"], whole.routes.clone(), findings);
    let visible = |text: String| text.replace('\u{1b}', "␛");
    expect![[r#"
        ␛[1m␛[91merror[unclassified-route]␛[0m␛[1m: GET /legacy/{id} is mounted and has no access class␛[0m
         ␛[1m␛[94m--> ␛[0msrc/my routes, é.rs:3:1
          ␛[1m␛[94m|␛[0m
        ␛[1m␛[94m3␛[0m ␛[1m␛[94m|␛[0m #[audited_router]
          ␛[1m␛[94m|␛[0m ␛[1m␛[91m^^^^^^^^^^^^^^^^^␛[0m
          ␛[1m␛[94m|␛[0m
          ␛[1m␛[94m= ␛[0m␛[1mhelp␛[0m: add `#[public_route(GET, "/legacy/{id}", reason = "…")]`, `#[webhook_route(GET, "/legacy/{id}", verify = "…")]` or `#[session_route(GET, "/legacy/{id}")]` to its handler

        ␛[1m␛[33mwarning[unmonitored-webhook]␛[0m␛[1m: GET /hook is a webhook of which nobody notices when it falls silent␛[0m
          ␛[1m␛[94m--> ␛[0msrc/gone.rs:3
          ␛[1m␛[94m= ␛[0m␛[1mhelp␛[0m: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well

        route-audit: 2 routes (1 public, 1 unclassified) in 2 routers: ␛[1m␛[91m1 error␛[0m, ␛[1m␛[33m1 warning␛[0m
    "#]].assert_eq(&visible(workspace.check_with(
        &audit,
        Format::Human,
        true,
        false,
    )));
    expect![[r#"
        ␛[1mCLASS   METHODS     PATH            PROOF                             HANDLER       PLACE                  ROUTER␛[0m
        public  GET | POST  /waitlist/{id}  issues session, until 2027-01-31  web::handler  src/my routes, é.rs:3  routes
        ␛[1m␛[91mNONE    GET | POST  /a|b/@team/<b>  -                                 -             src/my routes, é.rs:3  routes␛[0m

        route-audit: 2 routes (1 public, 1 unclassified) in 2 routers: ␛[1m␛[91m1 error␛[0m, ␛[1m␛[33m1 warning␛[0m
        `route-audit check` shows the findings
    "#]].assert_eq(&visible(workspace.list(&audit, Format::Human, true, false)));
    expect![[r#"
        route-audit: 1 route (1 session) in 1 router: ␛[1m␛[92mclean␛[0m
    "#]]
    .assert_eq(&visible(workspace.check_with(
        &clean(),
        Format::Human,
        true,
        false,
    )));
}

#[test]
fn colours_change_no_word_and_no_other_format() {
    let workspace = Workspace::new();
    for audit in [found(), clean()] {
        for format in FORMATS {
            let plain = workspace.check_with(&audit, format, false, false);
            let colored = workspace.check_with(&audit, format, true, false);
            if format == Format::Human {
                assert_ne!(colored, plain);
                assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
            } else {
                assert_eq!(colored, plain);
            }
        }
    }
}

#[test]
fn no_format_passes_on_what_moves_a_cursor() {
    let workspace = Workspace::new();
    for format in FORMATS {
        let text = workspace.check(&found(), format);
        let moves = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(moves), "{format:?}: {text}");
    }
}

#[test]
fn actions_get_a_command_for_each_finding() {
    let workspace = Workspace::new();
    let text = workspace.check(&found(), Format::Github);
    expect![[r#"
        ::error file=backend/src/my routes%2C é.rs,line=3,title=unclassified-route::GET /legacy/{id} is mounted and has no access class%0Ahelp: add `#[public_route(GET, "/legacy/{id}", reason = "…")]`, `#[webhook_route(GET, "/legacy/{id}", verify = "…")]` or `#[session_route(GET, "/legacy/{id}")]` to its handler
        ::error file=/elsewhere/lib.rs,line=3,title=conflicting-declaration::GET /a|b/@team/<img src=x>](https://evil.example)\u{1b}[2J\n::error::100%25 is declared twice: public at src/lib.rs:3, and session at src/lib.rs:9%0Ahelp: keep one of the two; two routers that both have this path mount their handlers by name
        ::warning file=backend/src/gone.rs,line=3,title=unmonitored-webhook::GET /hook is a webhook of which nobody notices when it falls silent%0Ahelp: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well
        route-audit: 2 routes (1 public, 1 unclassified) in 2 routers: 2 errors, 1 warning
    "#]].assert_eq(&text);
    let commands = text.lines().filter(|line| line.starts_with("::")).count();
    assert_eq!(commands, found().findings().len());
    assert_eq!(
        workspace.check(&clean(), Format::Github),
        "route-audit: 1 route (1 session) in 1 router: clean\n"
    );
    assert_eq!(
        workspace.check_with(&clean(), Format::Github, false, true),
        ""
    );
}

#[test]
fn a_listing_is_refused_in_a_format_of_findings() {
    let workspace = Workspace::new();
    let places = workspace.places();
    for format in [Format::Sarif, Format::Github] {
        let output = Output {
            format,
            colors: false,
            quiet: false,
            places: &places,
        };
        assert_eq!(list(&found(), &output), Err(only_findings(format).into()));
    }
    expect![[r#"
        error: `list` has no format `sarif`
          = help: the formats of a listing are: human, json, markdown
    "#]]
    .assert_eq(&only_findings(Format::Sarif).to_string());
}

#[track_caller]
fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema")
}

#[track_caller]
fn assert_valid(validator: &Validator, document: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}
