//! `preflight`: what a service in mode `observe` would have refused.

use session_auth::Mode;

use crate::support::{Place, Service, builder, findings};

fn ask(service: &Service, method: &str, path: &str, header: Option<(&str, &str)>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", service.url()));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    agent.run(request.body(()).unwrap()).unwrap();
}

#[test]
fn what_enforcing_would_refuse_is_said_route_by_route() {
    let service = Service::of(builder().mode(Mode::Observe));
    let place = Place::new();
    let quiet = place.json(0, &["preflight", &service.listing()]);
    assert_eq!(findings(&quiet), [""; 0]);
    assert_eq!(quiet["denials"].as_array().unwrap().len(), 0);

    ask(
        &service,
        "POST",
        "/hook",
        Some(("authorization", "Bearer wrong")),
    );
    ask(&service, "POST", "/hook", None);
    ask(
        &service,
        "POST",
        "/signup",
        Some(("sec-fetch-site", "cross-site")),
    );
    ask(&service, "POST", "/signup", None);
    for _ in 0..3 {
        ask(&service, "GET", "/me", None);
    }
    let document = place.json(100, &["preflight", &service.listing()]);
    let found = findings(&document);
    let all = found.join("\n");
    for says in [
        "running-denies: `POST /hook` is a webhook; enforcing would have refused 1 request at http://",
        "`signature_missing`",
        "`signature_invalid`",
        "running-denies: `GET | POST /me` needs a session, and nobody has come with one; enforcing would \
         have refused 3 requests",
    ] {
        assert!(all.contains(says), "{says}\n{all}");
    }
    let ran = place.run(&["preflight", &service.listing()]);
    ran.expect(
        100,
        &[
            "ROUTE",
            "REQUESTS",
            "missing",
            "routes.lock:3",
            "has observed since",
        ],
    );
    let ran = place.run(&["preflight", &service.listing(), "--format", "markdown"]);
    ran.expect(100, &["| ROUTE | CLASS |", "`running-denies`"]);
}

#[test]
fn a_route_that_people_log_in_for_is_listed_and_is_no_finding() {
    let auth = builder().mode(Mode::Observe);
    let layer = auth.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let issued = async { layer.sessions().issue("ada").await };
    let issued = runtime.block_on(issued).unwrap();
    let cookie = issued.set_cookie().to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let service = Service::of(builder().mode(Mode::Observe));
    ask(&service, "GET", "/me", Some(("cookie", &cookie)));
    ask(&service, "GET", "/me", None);
    let document = Place::new().json(0, &["preflight", &service.listing()]);
    assert_eq!(findings(&document), [""; 0]);
    assert_eq!(document["denials"][0]["requests"], 1);
    assert_eq!(document["denials"][0]["looks_exempt"], false);
}

#[test]
fn a_service_that_enforces_foresees_nothing() {
    let service = Service::start();
    let ran = Place::new().run(&["preflight", &service.listing()]);
    let ran = ran.expect(
        101,
        &["runs in mode `enforce`", "SESSION_AUTH_MODE=observe"],
    );
    assert_eq!(ran.stdout, "");
}
