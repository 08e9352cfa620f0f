//! JSON, and the schema that is published for it.

use serde_json::{Value, json};
use session_auth::Methods;
use session_auth::audit::{RouterKind, Shape};

use super::{Format, Workspace, assert_valid, clean, found, route, validator};
use crate::audit::Audit;
use crate::testing::declaration;

const OURS: &str = include_str!("../../../../docs/route-audit.schema.json");

fn document(audit: &Audit) -> Value {
    serde_json::from_str(&Workspace::new().check(audit, Format::Json)).expect("JSON")
}

#[test]
fn json_is_as_its_schema_says() {
    let workspace = Workspace::new();
    let schema = validator(OURS);
    let mut typed = clean();
    typed.routers[0].kind = RouterKind::Typed;
    let mut fallback = route(false, "/");
    fallback.subject.path = None;
    fallback.subject.methods = Methods::FALLBACK;
    fallback.subject.shape = Shape::Fallback;
    typed.routes.push(fallback);
    for audit in [found(), clean(), Audit::default(), typed] {
        let checked = document(&audit);
        assert_valid(&schema, &checked);
        let listed = workspace.list(&audit, Format::Json, false, false);
        assert_eq!(
            serde_json::from_str::<Value>(&listed).expect("JSON"),
            checked
        );
    }
}

#[test]
fn a_route_is_what_its_declaration_says() {
    let mut audit = clean();
    let line = "webhook POST /hook verify=postmark expect_every=6h until=2027-01-31 max_body=1KiB \
                owner=mail reason=\"a reason\"";
    audit.routes[0].declaration = Some(declaration(line, 3));
    audit.routes[0].subject.methods = Methods::POST;
    audit.routes[0].subject.path = Some("/hook".into());
    assert_eq!(
        document(&audit)["routes"][0],
        json!({
            "methods": ["POST"], "path": "/hook", "class": "webhook", "handler": "web::handler",
            "file": "src/my routes, é.rs", "line": 3, "reason": "a reason", "verifier": "postmark",
            "binds": "sender", "retry_budget": "21m",
            "by": null, "scope": null, "expect_every": "6h", "until": "2027-01-31",
            "owner": "mail", "issues_session": false, "optional_session": false,
            "cross_origin": null, "max_body": 1024, "named": true, "package": "web",
            "router": "routes", "routers": [{ "package": "web", "name": "routes" }],
            "builds": ["default"],
        })
    );
    let line =
        "public POST /login issues_session cross_origin=\"Apple posts its form\" reason=login";
    audit.routes[0].declaration = Some(declaration(line, 3));
    assert_eq!(
        document(&audit)["routes"][0]["cross_origin"],
        "Apple posts its form"
    );
    // Of a mount, all that is below it.
    audit.routes[0].subject.shape = Shape::OpaqueMount;
    assert_eq!(document(&audit)["routes"][0]["path"], "/hook/**");
    assert_eq!(
        document(&audit)["summary"],
        json!({"routes": 1, "public": 1, "webhook": 0, "session": 0, "errors": 0, "warnings": 0})
    );
}

/// A change to one place of a document.
type Change = (&'static str, fn(&mut Value));

#[test]
fn the_schema_refuses_what_the_program_does_not_print() {
    let schema = validator(OURS);
    let good = document(&found());
    assert_valid(&schema, &good);
    let changes: [Change; 17] = [
        ("another schema", |audit| audit["schema"] = json!(2)),
        ("a key too many", |audit| audit["more"] = json!(1)),
        ("a key of a route too many", |audit| {
            audit["routes"][0]["more"] = json!(1);
        }),
        ("a key of a route's router too many", |audit| {
            audit["routes"][0]["routers"][0]["more"] = json!(1);
        }),
        ("a key of a finding too many", |audit| {
            audit["findings"][0]["more"] = json!(1);
        }),
        ("a key of a router too many", |audit| {
            audit["routers"][0]["more"] = json!(1);
        }),
        ("a count too many", |audit| {
            audit["summary"]["more"] = json!(1)
        }),
        ("no findings", |audit| {
            audit.as_object_mut().expect("an object").remove("findings");
        }),
        ("an absent value left out", |audit| {
            let route = audit["routes"][1].as_object_mut().expect("a route");
            route.remove("scope");
        }),
        ("another class", |audit| {
            audit["routes"][0]["class"] = json!("private");
        }),
        ("another method", |audit| {
            audit["routes"][0]["methods"] = json!(["get"]);
        }),
        ("no method", |audit| {
            audit["routes"][0]["methods"] = json!([])
        }),
        ("another severity", |audit| {
            audit["findings"][0]["severity"] = json!("note");
        }),
        ("line 0", |audit| audit["findings"][0]["line"] = json!(0)),
        ("no day", |audit| {
            audit["routes"][0]["until"] = json!("2027-02-30");
        }),
        ("a build without a name", |audit| {
            audit["routes"][0]["builds"] = json!([""]);
        }),
        ("another time", |audit| {
            audit["routes"][0]["expect_every"] = json!("6 hours");
        }),
    ];
    for (name, change) in changes {
        let mut document = good.clone();
        change(&mut document);
        assert!(!schema.is_valid(&document), "{name}");
    }
}

#[test]
fn the_schema_has_every_key_and_requires_it() {
    let schema: Value = serde_json::from_str(OURS).expect("JSON");
    let audit = document(&found());
    for (object, schema) in [
        (&audit, &schema),
        (&audit["routers"][0], &schema["$defs"]["router"]),
        (&audit["routes"][0], &schema["$defs"]["route"]),
        (&audit["findings"][0], &schema["$defs"]["finding"]),
        (
            &audit["routes"][0]["routers"][0],
            &schema["$defs"]["routerName"],
        ),
        (&audit["summary"], &schema["$defs"]["summary"]),
    ] {
        let mut keys: Vec<_> = object.as_object().expect("an object").keys().collect();
        let mut known: Vec<_> = schema["properties"]
            .as_object()
            .expect("keys")
            .keys()
            .collect();
        let required = schema["required"].as_array().expect("a list");
        let mut required: Vec<_> = required
            .iter()
            .map(|key| key.as_str().expect("a key"))
            .collect();
        keys.sort();
        known.sort();
        required.sort_unstable();
        assert_eq!(keys, known);
        assert_eq!(keys, required);
        assert_eq!(schema["additionalProperties"], false);
    }
}
