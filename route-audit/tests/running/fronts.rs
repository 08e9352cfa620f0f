//! What stands in front of a service: nginx, in the ways in which it does harm.

use test_servers::Nginx;

use crate::support::{Place, Service, findings};

/// `location / { .. }` that passes everything on, with this in it.
fn passing(service: &Service, more: &str) -> String {
    format!("location / {{ proxy_pass {}; {more} }}", service.url())
}

fn url(nginx: &Nginx) -> String {
    format!("http://{}", nginx.address())
}

#[test]
fn one_that_passes_everything_on_is_clean() {
    let service = Service::start();
    let Some(nginx) = Nginx::in_front(&passing(&service, ""), None) else {
        return;
    };
    assert_eq!(
        findings(&Place::new().json(0, &["probe", &url(&nginx)])),
        [""; 0]
    );
}

#[test]
fn a_header_that_is_taken_off_is_said_and_no_route_is_asked() {
    let service = Service::start();
    for strip in [
        "proxy_set_header session-auth-probe '';",
        "proxy_hide_header session-auth-probe;",
        "rewrite ^ /; rewrite ^ /?; ",
    ] {
        let Some(nginx) = Nginx::in_front(&passing(&service, strip), None) else {
            return;
        };
        let ran = Place::new().run(&["probe", &url(&nginx)]);
        ran.expect(
            101,
            &[
                "takes off the header `session-auth-probe`",
                "server: nginx",
                "no route was asked",
            ],
        );
    }
}

#[test]
fn one_that_takes_it_off_for_some_routes_is_found_and_what_may_run_is_not_asked() {
    let service = Service::start();
    let some = format!(
        "location /status {{ proxy_pass {}; proxy_set_header session-auth-probe ''; }} {}",
        service.url(),
        passing(&service, "")
    );
    let Some(nginx) = Nginx::in_front(&some, None) else {
        return;
    };
    let found = findings(&Place::new().json(100, &["probe", &url(&nginx)]));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with(
            "running-front: `GET /status` is not answered by the layer (200, server: nginx"
        ),
        "{found:#?}"
    );
    for (found, route) in found[1..].iter().zip(["POST /own", "POST /signup"]) {
        let start = format!("running-unasked: `{route}` was not asked: the layer did not answer");
        assert!(found.starts_with(&start), "{found}");
    }
    // The status page, which changes nothing.
    assert_eq!(service.runs.get(), 1);
}

#[test]
fn one_that_answers_by_itself_is_found() {
    let service = Service::start();
    let pages = format!(
        "location /me {{ default_type text/html; return 200 '<html>'; }}
         location /hook {{ return 302 https://www.example.com/; }} {}",
        passing(&service, "")
    );
    let Some(nginx) = Nginx::in_front(&pages, None) else {
        return;
    };
    let found = findings(&Place::new().json(100, &["probe", &url(&nginx)])).join("\n");
    for says in [
        "running-front: `GET | POST /me`, asked by GET, is not answered by the layer (200, server: nginx",
        "a page)",
        "running-front: `POST /hook` is not answered by the layer: something in front redirects (302, to \
         https://www.example.com/",
    ] {
        assert!(found.contains(says), "{says}\n{found}");
    }
}

#[test]
fn a_status_that_is_changed_on_the_way_is_found() {
    let service = Service::start();
    let changed = format!(
        "location = /login {{ internal; return 200 'log in'; }} {}",
        passing(
            &service,
            "proxy_intercept_errors on; error_page 401 =200 /login;"
        )
    );
    let Some(nginx) = Nginx::in_front(&changed, None) else {
        return;
    };
    let found = findings(&Place::new().json(100, &["probe", &url(&nginx)])).join("\n");
    // nginx drops the layer's header with the answer that it replaces.
    assert!(
        found.contains(
            "running-front: `GET /users/{id}` is not answered by the layer (200, server: nginx"
        ),
        "{found}"
    );
    let Some(nginx) = Nginx::in_front(
        &passing(
            &service,
            "if ($http_session_auth_probe = '') { return 200; }",
        ),
        None,
    ) else {
        return;
    };
    let found = findings(&Place::new().json(100, &["probe", &url(&nginx)])).join("\n");
    assert!(
        found.contains(
            "running-front: `GET /users/{id}` answers a stranger with 200, server: nginx"
        ),
        "{found}"
    );
    assert!(found.contains("has to get 401 or 303"), "{found}");
}

#[test]
fn over_tls_the_authority_has_to_be_trusted() {
    let service = Service::start();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params =
        rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
            .unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let certificate = params.self_signed(&key).unwrap().pem();
    let tls = Some((certificate.as_str(), key.serialize_pem()));
    let tls = tls
        .as_ref()
        .map(|(certificate, key)| (*certificate, key.as_str()));
    let Some(nginx) = Nginx::in_front(&passing(&service, ""), tls) else {
        return;
    };
    let url = format!("https://{}", nginx.address());
    let place = Place::new().file("ca.pem", &certificate);
    place
        .run(&["probe", &url])
        .expect(101, &["an authority that is not trusted", "--ca FILE"]);
    place
        .run(&["probe", &url, "--ca", "ca.pem"])
        .expect(0, &["clean"]);
    let ran = place.run(&["probe", &format!("http://{}", nginx.address())]);
    ran.expect(101, &["(400, server: nginx"]);
    assert_eq!(service.runs.get(), 0);
}
