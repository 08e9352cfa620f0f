//! JSON, and the schema that is published for it.

use serde_json::{Value, json};
use session_auth::audit::{Audit, RouteRecord, RouterKind, SCHEMA, Summary};

use super::{Format, Workspace, assert_valid, clean, found, route, validator};

const OURS: &str = include_str!("../../../../docs/route-audit.schema.json");

/// The JSON of an audit without anything in it.
fn nothing() -> Audit {
    Audit {
        schema: SCHEMA,
        routers: Vec::new(),
        routes: Vec::new(),
        findings: Vec::new(),
        summary: Summary::default(),
    }
}

#[test]
fn json_is_as_its_schema_says() {
    let workspace = Workspace::new();
    let schema = validator(OURS);
    let mut typed = clean();
    typed.routers[0].kind = RouterKind::Typed;
    typed.routes.push(RouteRecord {
        methods: vec!["FALLBACK".to_owned()],
        path: None,
        ..route(None, "")
    });
    for audit in [found(), clean(), nothing(), typed] {
        for text in [
            workspace.check(&audit, Format::Json),
            workspace.list(&audit, Format::Json, false, false),
        ] {
            let document: Value = serde_json::from_str(&text).expect("JSON");
            assert_valid(&schema, &document);
            // Nothing is lost on the way.
            assert_eq!(
                serde_json::from_str::<Audit>(&text).expect("an audit"),
                audit
            );
        }
    }
}

/// A change to one place of a document.
type Change = (&'static str, fn(&mut Value));

#[test]
fn the_schema_refuses_what_the_program_does_not_print() {
    let schema = validator(OURS);
    let good = serde_json::to_value(found()).expect("JSON");
    assert_valid(&schema, &good);
    let changes: [Change; 16] = [
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
    let audit = serde_json::to_value(found()).expect("JSON");
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
