//! Signed probes of services that are reached as they are.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use session_auth::webhook::IpAllowlist;
use session_auth::{Keys, Mode};

use crate::support::{LOCK, Place, Service, builder, findings, serve_plain};

#[test]
fn a_service_that_keeps_to_its_lock_is_clean_and_runs_nothing() {
    let service = Service::start();
    let document = Place::new().json(0, &["probe", &service.url()]);
    assert_eq!(findings(&document), [""; 0]);
    let requests = document["requests"].as_array().unwrap();
    let of = |kind: &str| {
        let all = requests.iter().filter(|it| it["kind"] == kind);
        all.map(|it| {
            format!(
                "{} {}",
                it["method"].as_str().unwrap(),
                it["asked"].as_str().unwrap()
            )
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(of("signed").len(), 10);
    assert_eq!(
        of("unsigned"),
        [
            "GET /internal/routes",
            "GET /me",
            "POST /me",
            "GET /users/probe"
        ]
    );
    assert_eq!(document["services"][0]["mode"], "enforce");
    // The requests without a signature were refused, too.
    assert_eq!(service.runs.get(), 0, "something inside ran");
    let ran = Place::new().run(&["probe", &service.url()]);
    ran.expect(
        0,
        &[
            "route-audit: 9 routes (3 public, 3 webhook, 3 session) in 1 router: clean",
            "14 requests",
        ],
    );
}

#[test]
fn whatever_is_otherwise_than_the_lock_says_is_found() {
    let service = Service::start();
    for (from, to, says) in [
        (
            "public   GET       /status ",
            "session  GET       /status ",
            "running-answer: `GET /status` is session in the lock, and public in the running service",
        ),
        (
            "session  GET|POST  /me ",
            "public   GET|POST  /me ",
            "running-answer: `GET | POST /me`, asked by POST, is public in the lock, and session in the \
             running service",
        ),
        (
            "/users/{id} ",
            "/people/{id}",
            "running-answer: `GET /people/{id}` is in the lock, and the running service has no such route",
        ),
        (
            "session  GET       /users/{id}            web/routes  scope=admin",
            "session  GET       /users/{id}/posts  web/routes\nsession GET /{any} web/routes",
            "running-answer: `GET /users/{id}/posts` is in the lock",
        ),
        (
            "public   POST      /signup ",
            "public   PUT       /signup ",
            "running-answer: `PUT /signup` is in the lock, and the running service has no such route",
        ),
    ] {
        let lock = LOCK.replace(from, to);
        assert_ne!(lock, LOCK, "{from}");
        let place = Place::of(&lock);
        let found = findings(&place.json(100, &["probe", &service.url()]));
        assert!(
            found.iter().any(|it| it.starts_with(says)),
            "{says}\n{found:#?}"
        );
    }
    assert_eq!(service.runs.get(), 0, "something inside ran");
}

#[test]
fn a_webhook_that_lets_strangers_in_is_found() {
    let here = IpAllowlist::new(["127.0.0.0/8"]).unwrap();
    let service = Service::of(
        session_auth::SessionAuthLayer::builder(crate::support::keys())
            .verifier("sender", here)
            .verifier(
                "monitor",
                session_auth::webhook::Bearer::new("another-token"),
            ),
    );
    let found = findings(&Place::new().json(100, &["probe", &service.url()]));
    assert_eq!(
        found,
        ["running-answer: `POST /hook` lets a delivery without its proof in"]
    );
    assert_eq!(service.runs.get(), 0, "something inside ran");
}

#[test]
fn every_format_shows_the_finding_at_its_line_of_the_lock() {
    let service = Service::start();
    let place = Place::of(&LOCK.replace("public   GET       /status ", "session  GET  /status "));
    let says = "is session in the lock, and public in the running service";
    for (format, parts) in [
        (
            "human",
            ["error[running-answer]: `GET /status`", "routes.lock:9"],
        ),
        (
            "github",
            [
                "::error file=routes.lock,line=9,title=running-answer::",
                "GET /status",
            ],
        ),
        ("markdown", ["`running-answer`", "`GET /status`"]),
        (
            "sarif",
            ["\"ruleId\": \"running-answer\"", "\"startLine\": 9"],
        ),
        ("json", ["\"code\": \"running-answer\"", "\"line\": 9"]),
    ] {
        let ran = place.run(&["probe", &service.url(), "--format", format]);
        ran.expect(100, &[&parts[..], &[says]].concat());
    }
}

#[test]
fn a_service_that_only_observes_is_found_and_no_handler_runs() {
    let service = Service::of(builder().mode(Mode::Observe));
    let document = Place::new().json(100, &["probe", &service.url()]);
    let found = findings(&document);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("running-observe: "), "{found:?}");
    assert_eq!(service.runs.get(), 0, "something inside ran");
}

#[test]
fn another_lock_is_a_warning() {
    let service = Service::of(builder().lock("schema 1\n"));
    let found = findings(&Place::new().json(0, &["probe", &service.url()]));
    assert!(
        found[0].contains("was built with another lock than routes.lock"),
        "{found:?}"
    );
    let service = Service::of(builder().lock(LOCK));
    assert_eq!(
        findings(&Place::new().json(0, &["probe", &service.url()])),
        [""; 0]
    );
}

#[test]
fn without_a_layer_that_answers_no_route_is_asked() {
    let place = Place::new();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&asked);
    let address = serve_plain(axum::Router::new().fallback(
        move |request: axum::extract::Request| async move {
            seen.lock().unwrap().push(request.uri().path().to_owned());
            "hello"
        },
    ));
    let url = format!("http://{address}");
    let ran = place.run(&["probe", &url]).expect(
        101,
        &[
            "is not answered by the layer (200)",
            "the service has no layer, or other keys",
            "no route was asked",
        ],
    );
    assert_eq!(ran.stdout, "");
    assert_eq!(*asked.lock().unwrap(), ["/route-audit-probe"]);
    // Of another key.
    let service = Service::of(
        session_auth::SessionAuthLayer::builder(Keys::new([[8; 32]]).unwrap())
            .verifier(
                "sender",
                session_auth::webhook::Bearer::new("secret-of-the-sender"),
            )
            .verifier(
                "monitor",
                session_auth::webhook::Bearer::new("another-token"),
            ),
    );
    place
        .run(&["probe", &service.url()])
        .expect(101, &["(404)", "other keys"]);
    // Nobody.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    place
        .run(&["probe", &nobody])
        .expect(101, &["nothing listens there"]);
}

/// Answers everything with this.
fn canned(answer: String) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn why_the_layer_does_not_answer_is_said() {
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    for (head, says) in [
        (
            "404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT",
            "minutes behind of this one",
        ),
        (
            "404 Not Found\r\nDate: Sun, 06 Nov 2094 08:49:37 GMT",
            "minutes ahead of this one",
        ),
        (
            "401 Unauthorized\r\nsession-auth-probe: 2.e30.AAAA",
            "another version of probes",
        ),
        (
            "401 Unauthorized\r\nsession-auth-probe: 1.e30.AAAA",
            "signed for another probe",
        ),
        (
            "302 Found\r\nLocation: https://login.example.com/",
            "probe the address that it leads to, `https://login.example.com/`",
        ),
        (
            "200 OK\r\nServer: edge\r\nAge: 60\r\nContent-Type: text/html",
            "(200, server: edge, age: 60, a page)",
        ),
    ] {
        let address = canned(format!("HTTP/1.1 {head}\r\n{end}"));
        let ran = Place::new().run(&["probe", &format!("http://{address}")]);
        ran.expect(101, &[says]);
    }
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let ran = Place::new().run(&["probe", &url, "--timeout", "1"]);
    ran.expect(101, &["does not answer in time"]);
    let address = canned("no HTTP at all\r\n\r\n".to_owned());
    Place::new()
        .run(&["probe", &format!("http://{address}")])
        .expect(101, &["cannot be asked"]);
}

#[test]
fn a_key_is_asked_for_and_printed() {
    let service = Service::start();
    let url = service.url();
    Place::new().key(None).run(&["probe", &url]).expect(
        101,
        &[
            "there is no key to sign probes with",
            "SESSION_AUTH_PROBE_KEY",
            "--print-key",
        ],
    );
    Place::new()
        .key(Some("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="))
        .run(&["probe", &url])
        .expect(
            101,
            &["SESSION_AUTH_PROBE_KEY", "it does not begin with `probe1_`"],
        );
    let session_key = "6t1lHdqPZ0WrDhXgXoRk4m3m2yq8Kxg1rU0q9gqv1Jk=";
    let print = std::process::Command::new(env!("CARGO_BIN_EXE_route-audit"))
        .args(["probe", "--print-key"])
        .env("SESSION_AUTH_KEYS", session_key)
        .output()
        .unwrap();
    assert_eq!(print.status.code(), Some(0), "{print:?}");
    let printed = String::from_utf8(print.stdout).unwrap();
    let keys = Keys::parse(session_key).unwrap();
    assert_eq!(printed, format!("{}\n", *keys.probe_key().reveal()));
    assert!(!printed.contains(session_key));
}

#[test]
fn what_is_asked_for_has_to_be_clear() {
    let place = Place::of(&format!("{LOCK}public GET /a shop/routes reason=\"a\"\n"));
    let url = "http://127.0.0.1:1";
    place.run(&["probe", url]).expect(
        101,
        &["several routers", "`shop/routes`, `web/routes`", "--router"],
    );
    place
        .run(&["probe", url, "--router", "bar"])
        .expect(101, &["no router `bar`", "`web/routes`"]);
    // That far it comes.
    place
        .run(&["probe", url, "--router", "web"])
        .expect(101, &["nothing listens there"]);
    place
        .run(&["probe", url, "--router", "web/routes"])
        .expect(101, &["nothing listens there"]);
    Place::of("schema 1\n")
        .run(&["probe", url])
        .expect(101, &["the lock has no route"]);
    Place::new()
        .run(&["probe", url, "--lock", "no.lock"])
        .expect(101, &["no.lock"]);
    Place::new()
        .run(&["probe", "example.com"])
        .expect(101, &["no address of a service"]);
    Place::new().run(&["probe"]).expect(101, &["URL"]);
    Place::new()
        .run(&["probe", url, "--ca", "routes.lock"])
        .expect(101, &["certificates", "routes.lock"]);
}
