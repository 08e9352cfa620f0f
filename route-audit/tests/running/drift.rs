//! `drift`: listings of running services against the lock, and against each other.

use session_auth::webhook::Bearer;
use session_auth::{Keys, Mode, SessionAuthLayer};

use crate::support::{LOCK, MONITOR, Place, Service, builder, findings, serve_plain};

#[test]
fn nodes_that_keep_to_the_lock_are_clean() {
    let (one, two) = (
        Service::of(builder().lock(LOCK)),
        Service::of(builder().lock(LOCK)),
    );
    let document = Place::new().json(0, &["drift", &one.listing(), &two.listing()]);
    assert_eq!(findings(&document), [""; 0]);
    assert_eq!(document["services"].as_array().unwrap().len(), 2);
    assert_eq!(
        document["services"][1]["version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn what_is_missing_more_or_changed_is_found() {
    let service = Service::start();
    for (from, to, says) in [
        (
            "public   GET       /status                web/routes  reason=\"status page\"\n",
            "",
            "`GET /status`",
        ),
        ("/users/{id} ", "/people/{id}", "/people/{id}"),
        ("scope=admin", "scope=owner", "/users/{id}"),
        ("issues_session", "", "/signup"),
        ("expect_every=6h", "expect_every=7h", "/hook"),
        ("owner=mail", "owner=sales", "/hook"),
        ("verify=sender", "verify=another", "/hook"),
        ("/files/**", "/assets/**", "/files/**"),
        (
            "public   GET       /status ",
            "session  GET       /status ",
            "/status",
        ),
        ("session  GET|POST  /me", "session  GET  /me", "/me"),
        ("reason=\"signup form\"", "reason=\"a form\"", "/signup"),
    ] {
        let lock = LOCK.replace(from, to);
        assert_ne!(lock, LOCK, "{from}");
        let found = findings(&Place::of(&lock).json(100, &["drift", &service.listing()]));
        let is_it =
            |it: &String| it.starts_with("running-routes: ") && it.contains(says.trim_matches('`'));
        assert!(found.iter().any(is_it), "{to}: {found:#?}");
    }
    let lock = LOCK.replace("scope=admin", "scope=owner");
    Place::of(&lock).run(&["drift", &service.listing()]).expect(
        100,
        &[
            "error[running-routes]",
            "routes.lock:10",
            "deploy what the lock says",
        ],
    );
}

#[test]
fn observe_another_lock_and_unclassified_traffic_are_found() {
    let service = Service::of(builder().mode(Mode::Observe).lock("schema 1\n"));
    let found = findings(&Place::new().json(100, &["drift", &service.listing()]));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("running-observe: "), "{found:#?}");
    assert!(found[1].starts_with("running-version: "), "{found:#?}");
}

#[test]
fn nodes_that_disagree_are_named_with_what_they_disagree_in() {
    let one = Service::of(builder().lock(LOCK));
    let other_keys = SessionAuthLayer::builder(Keys::new([[8; 32]]).unwrap())
        .verifier("sender", Bearer::new("secret-of-the-sender"))
        .verifier("monitor", Bearer::new(MONITOR))
        .mode(Mode::Observe);
    let two = Service::of(other_keys);
    let urls = [one.listing(), two.listing()];
    let found = findings(&Place::new().json(100, &["drift", &urls[0], &urls[1]]));
    let node = found
        .iter()
        .find(|it| it.starts_with("running-nodes: "))
        .unwrap();
    for says in [
        &*urls[0],
        &*urls[1],
        "in mode: enforce and observe",
        "in keys: ",
        "in the lock",
    ] {
        assert!(node.contains(says), "{says}: {node}");
    }
    // What both do alike is said once.
    let lock = LOCK.replace("scope=admin", "scope=owner");
    let found = findings(&Place::of(&lock).json(100, &["drift", &urls[0], &urls[1]]));
    let routes: Vec<_> = found
        .iter()
        .filter(|it| it.starts_with("running-routes: "))
        .collect();
    assert_eq!(routes.len(), 1, "{found:#?}");
    assert!(
        routes[0].starts_with("running-routes: on all 2 nodes, "),
        "{routes:?}"
    );
}

/// A service whose listing says this.
fn saying(listing: serde_json::Value) -> String {
    let text = listing.to_string();
    let app = axum::Router::new().fallback(move || async move { text });
    format!("http://{}/routes.json", serve_plain(app))
}

fn listed(service: &Service) -> serde_json::Value {
    let agent = ureq::Agent::new_with_defaults();
    let request = agent
        .get(service.listing())
        .header("authorization", format!("Bearer {MONITOR}"));
    let text = request.call().unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn traffic_that_nobody_classified_other_routes_and_versions_of_a_node_are_found() {
    let service = Service::start();
    let mut listing = listed(&service);
    let routes = listing["routes"].as_array_mut().unwrap();
    let at = routes
        .iter()
        .position(|it| it["path"] == "/status")
        .unwrap();
    routes[at]["class"] = serde_json::Value::Null;
    routes[at]["unclassified"] = 7.into();
    listing["version"] = "0.9.0\u{202e}".into();
    let found = findings(&Place::new().json(100, &["drift", &saying(listing), &service.listing()]));
    let all = found.join("\n");
    for says in [
        "running-unclassified: http://",
        "has had 7 requests to `GET /status`, which nobody classified",
        "running-version: ",
        "0.9.0\\u{202e}",
        "running-nodes: ",
        "differ in routes: ",
        "running-routes: on http://",
    ] {
        assert!(all.contains(says), "{says}\n{all}");
    }
}

#[test]
fn what_is_no_listing_is_said() {
    let service = Service::start();
    let place = Place::new();
    place
        .run(&["drift", &format!("{}/status", service.url())])
        .expect(101, &["no listing", "machines(..)"]);
    place
        .run(&["drift", &format!("{}/nowhere", service.url())])
        .expect(101, &["answers with 404"]);
    place
        .run(&["drift", &service.listing(), "--token-env", "NONE"])
        .expect(101, &["`NONE` is not set"]);
    let mut listing = listed(&service);
    listing["schema"] = 2.into();
    place
        .run(&["drift", &saying(listing.clone())])
        .expect(101, &["schema 2"]);
    listing["schema"] = 1.into();
    listing["routes"][0]["methods"] = serde_json::json!(["BREW"]);
    place
        .run(&["drift", &saying(listing.clone())])
        .expect(101, &["cannot be read", "BREW"]);
    listing["routes"] = 1.into();
    place
        .run(&["drift", &saying(listing)])
        .expect(101, &["no listing"]);
    place
        .run(&["drift", &saying(serde_json::json!([]))])
        .expect(101, &["no `schema`"]);
    // One of two is enough.
    let urls = [service.listing(), format!("{}/nowhere", service.url())];
    let ran = place
        .run(&["drift", &urls[0], &urls[1]])
        .expect(101, &["answers with 404"]);
    assert_eq!(ran.stdout, "");
}
