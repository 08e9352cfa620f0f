//! Probes of a running service: the layer answers with its decision, and nothing else happens.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::Method;
use session_auth::authenticate::Extension;
use session_auth::methods::{ANY, GET, POST};
use session_auth::probe::{HEADER, MARK, ProbeAnswer, ProbeDecision, ProbeKey, SignedProbe};
use session_auth::webhook::{Bearer, Encoding, Hmac};
use session_auth::{
    Keys, Mode, Router, SessionAuthLayer, SessionAuthLayerBuilder, public, session, webhook,
};

use common::{Answer, activity};

/// How often something inside of the guards ran.
type Runs = Arc<AtomicU64>;

fn routes(runs: &Runs) -> Router {
    let run = |runs: &Runs| {
        let runs = Arc::clone(runs);
        move || async move {
            runs.fetch_add(1, Ordering::SeqCst);
            "ran"
        }
    };
    let inside = Arc::clone(runs);
    Router::new()
        .mount(public(GET, "/status", "status page").to(run(runs)))
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(run(runs)),
        )
        .mount(
            public(GET, "/start", "start page")
                .optional_session()
                .to(run(runs)),
        )
        .mount(session(GET | POST, "/me").to(run(runs)))
        .mount(session(GET, "/users/{id}").scope("admin").to(run(runs)))
        .mount(session(GET, "/by").by("idp").to(run(runs)))
        .mount(webhook(POST, "/hook", "sender").to(run(runs)))
        .mount(webhook(POST, "/mac", "mac").to(run(runs)))
        .mount(
            webhook(POST, "/own", "handler")
                .reason("a token in the path")
                .to(run(runs)),
        )
        .nest_service(
            public(ANY, "/files", "style sheets"),
            "/files",
            common::service("a file"),
        )
        .layer(from_fn(move |request: Request, next: Next| {
            let runs = Arc::clone(&inside);
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                next.run(request).await
            }
        }))
}

fn keys() -> Keys {
    Keys::new([[7; 32], [8; 32]]).unwrap()
}

fn builder() -> SessionAuthLayerBuilder {
    let idp = Extension::<String>::new();
    SessionAuthLayer::builder(keys())
        .verifier("sender", Bearer::new("secret-of-the-sender"))
        .verifier(
            "mac",
            Hmac::sha256("x-signature", Encoding::Hex, "secret-of-the-mac").unwrap(),
        )
        .authenticator("idp", idp)
}

async fn serve(auth: &SessionAuthLayer, runs: &Runs) -> SocketAddr {
    common::serve(common::protect(auth, routes(runs)).unwrap()).await
}

fn signed(method: &str, path: &str) -> SignedProbe {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    keys()
        .probe_key()
        .sign(&method, path, SystemTime::now())
        .unwrap()
}

async fn send(address: SocketAddr, method: &str, path: &str, header: &str) -> Answer {
    let header = format!("{HEADER}: {header}\r\n");
    common::request(address, method, &format!("{path}?{MARK}"), &header).await
}

fn read(probe: &SignedProbe, answer: &Answer) -> Option<ProbeAnswer> {
    let header = answer.header(HEADER).next()?;
    probe.read(header.as_bytes())
}

async fn probe(address: SocketAddr, method: &str, path: &str) -> (Answer, ProbeAnswer) {
    let probe = signed(method, path);
    let answer = send(address, method, path, probe.header()).await;
    let said = read(&probe, &answer);
    let said =
        said.unwrap_or_else(|| panic!("{method} {path}: no answer of the layer: {answer:?}"));
    assert_eq!(said.status.as_u16(), answer.status);
    (answer, said)
}

#[tokio::test]
async fn every_class_is_answered_with_its_decision_and_nothing_runs() {
    let log = common::log();
    let runs = Runs::default();
    let auth = builder().lock("schema 1\n").build().unwrap();
    let address = serve(&auth, &runs).await;
    let before = log.text();
    for (method, path, status, decision, reason, pattern) in [
        ("GET", "/status", 200, "Grant", None, "/status"),
        ("HEAD", "/status", 200, "Grant", None, "/status"),
        ("POST", "/login", 200, "Grant", None, "/login"),
        ("GET", "/start", 200, "Grant", None, "/start"),
        ("GET", "/me", 401, "Deny", Some("missing"), "/me"),
        ("POST", "/me", 401, "Deny", Some("missing"), "/me"),
        ("GET", "/by", 401, "Deny", Some("missing"), "/by"),
        (
            "GET",
            "/users/probe",
            401,
            "Deny",
            Some("missing"),
            "/users/{id}",
        ),
        (
            "POST",
            "/hook",
            401,
            "Deny",
            Some("signature_missing"),
            "/hook",
        ),
        (
            "POST",
            "/mac",
            401,
            "Deny",
            Some("signature_missing"),
            "/mac",
        ),
        ("POST", "/own", 200, "Grant", None, "/own"),
        ("GET", "/files/a.css", 200, "Grant", None, ""),
        (
            "GET",
            "/files/..%2fme",
            400,
            "Deny",
            Some("ambiguous_path"),
            "",
        ),
        ("DELETE", "/status", 404, "NoRoute", None, "/status"),
    ] {
        let (answer, said) = probe(address, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}: {said:?}");
        assert_eq!(format!("{:?}", said.decision), decision, "{method} {path}");
        assert_eq!(said.reason.as_deref(), reason, "{method} {path}");
        // What is in a service has no pattern of axum's.
        let matched = said.pattern.as_deref().unwrap_or_default();
        assert_eq!(matched, pattern, "{method} {path}");
        assert_eq!(said.mode, "enforce");
        assert_eq!(said.lock.as_deref().map(str::len), Some(64));
    }
    let (_, said) = probe(address, "GET", "/nowhere").await;
    assert_eq!(said.decision, ProbeDecision::NoRoute);
    assert_eq!(said.pattern, None);

    assert_eq!(runs.load(Ordering::SeqCst), 0, "something inside ran");
    for route in auth.activity() {
        assert_eq!(route.passed, 0, "{route:?}");
        assert!(route.denied.is_empty(), "{route:?}");
        assert_eq!(route.last_denied, None);
    }
    assert_eq!(auth.unclassified(), 0);
    assert_eq!(log.text(), before, "a probe is logged");
    // The same request without the header is a stranger's.
    let answer = common::request(address, "GET", &format!("/status?{MARK}"), "").await;
    assert_eq!(answer.body, "ran");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_header_that_is_not_right_changes_nothing() {
    let runs = Runs::default();
    let auth = builder().build().unwrap();
    let address = serve(&auth, &runs).await;
    let good = signed("GET", "/status").header().to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let with = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        parts.join(".")
    };
    let now = SystemTime::now();
    let at = |time| {
        let key = keys().probe_key();
        let probe = key.sign(&Method::GET, "/status", time).unwrap();
        probe.header().to_owned()
    };
    let other = Keys::new([[9; 32]]).unwrap().probe_key();
    let other = other.sign(&Method::GET, "/status", now).unwrap();
    let ours_with_another_id = {
        let id = other.header().split('.').nth(1).unwrap();
        with(1, id)
    };
    let stranger = common::request(address, "GET", &format!("/status?{MARK}"), "").await;
    let mut wrong = vec![
        ("no text", String::new()),
        ("another version", with(0, "2")),
        ("another key", other.header().to_owned()),
        ("another key's id", ours_with_another_id),
        ("another time", with(2, "1700000000")),
        ("no time", with(2, "now")),
        ("another nonce", with(3, "AAAAAAAAAAAAAAAAAAAAAA")),
        ("a short nonce", with(3, "AAAA")),
        ("no signature", with(4, "")),
        ("another signature", with(4, &"A".repeat(43))),
        ("one part more", format!("{good}.x")),
        ("an hour late", at(now - Duration::from_secs(3600))),
        ("an hour early", at(now + Duration::from_secs(3600))),
        ("another path", signed("GET", "/start").header().to_owned()),
        (
            "another method",
            signed("POST", "/status").header().to_owned(),
        ),
    ];
    wrong.push(("two headers", format!("{good}\r\n{HEADER}: {good}")));
    for (what, header) in wrong {
        let before = runs.load(Ordering::SeqCst);
        let answer = send(address, "GET", "/status", &header).await;
        let same = |head: &str| -> Vec<String> {
            let lines = head.lines().filter(|line| !line.starts_with("date:"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(same(&answer.head), same(&stranger.head), "{what}");
        assert_eq!(answer.body, "ran", "{what}");
        assert_eq!(runs.load(Ordering::SeqCst), before + 2, "{what}");
    }
    // Without its mark neither.
    let header = format!("{HEADER}: {good}\r\n");
    let answer = common::request(address, "GET", "/status", &header).await;
    assert_eq!(
        (answer.body.as_str(), answer.header(HEADER).count()),
        ("ran", 0)
    );
    // And it is good after all.
    assert_eq!(send(address, "GET", "/status", &good).await.body, "");
    // Once.
    assert_eq!(send(address, "GET", "/status", &good).await.body, "ran");
}

#[tokio::test]
async fn any_key_of_the_ring_is_good_and_one_that_went_is_not() {
    let runs = Runs::default();
    let keys = keys();
    let auth = SessionAuthLayer::builder(keys.clone())
        .verifier("sender", Bearer::new("secret-of-the-sender"))
        .build()
        .unwrap();
    let router = Router::new()
        .mount(webhook(POST, "/hook", "sender").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}));
    let app = common::protect(&auth, router).unwrap();
    let address = common::serve(app).await;
    let old = Keys::new([[8; 32]]).unwrap().probe_key();
    let ask = async |key: &ProbeKey| {
        let probe = key.sign(&Method::GET, "/me", SystemTime::now()).unwrap();
        let answer = send(address, "GET", "/me", probe.header()).await;
        read(&probe, &answer)
    };
    assert!(ask(&old).await.is_some());
    keys.rotate(&Keys::new([[7; 32]]).unwrap());
    assert_eq!(ask(&old).await, None);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_is_bound_to_its_probe() {
    let auth = builder().build().unwrap();
    let address = serve(&auth, &Runs::default()).await;
    let (one, two) = (signed("GET", "/me"), signed("GET", "/me"));
    let answer = send(address, "GET", "/me", one.header()).await;
    let header = answer.header(HEADER).next().unwrap().as_bytes();
    assert!(one.read(header).is_some());
    // As a cache would give it.
    assert_eq!(two.read(header), None);
    let mut forged = header.to_vec();
    forged[4] ^= 1;
    assert_eq!(one.read(&forged), None);
    assert_eq!(one.read(b"1.e30.AAAA"), None);
    assert_eq!(one.read(b""), None);
}

#[tokio::test]
async fn observe_says_what_it_would_deny() {
    let log = common::log();
    let runs = Runs::default();
    let auth = builder().mode(Mode::Observe).build().unwrap();
    let address = serve(&auth, &runs).await;
    let before = log.text();
    for (method, path, reason) in [
        ("GET", "/me", "missing"),
        ("GET", "/by", "missing"),
        ("POST", "/hook", "signature_missing"),
        ("GET", "/files/..%2fme", "ambiguous_path"),
    ] {
        let (answer, said) = probe(address, method, path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(said.decision, ProbeDecision::Observe, "{method} {path}");
        assert_eq!(said.reason.as_deref(), Some(reason), "{method} {path}");
        assert_eq!(said.mode, "observe");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0, "something inside ran");
    assert!(activity(&auth, "GET /by").observed.is_empty());
    assert_eq!(log.text(), before, "a probe is logged");
}

#[tokio::test]
async fn a_bare_layer_answers_too() {
    #[session_auth::session_route(GET, "/bare/me")]
    async fn me() -> &'static str {
        "ran"
    }
    let log = common::log();
    let auth = builder().build().unwrap();
    let unclassified = || async { "ran" };
    let app = axum::Router::new()
        .route("/bare/me", axum::routing::get(me))
        .route("/bare/nobodys", axum::routing::get(unclassified))
        .layer(auth.clone());
    let address = common::serve(app).await;
    let before = log.text();
    let (_, said) = probe(address, "GET", "/bare/me").await;
    assert_eq!(said.decision, ProbeDecision::Deny);
    assert_eq!(said.class.map(|it| it.as_str()), Some("session"));
    let (answer, said) = probe(address, "GET", "/bare/nobodys").await;
    assert_eq!((answer.status, said.class), (401, None));
    assert_eq!(auth.unclassified(), 0);
    assert_eq!(log.text(), before, "a probe is logged");
}

#[tokio::test]
async fn a_layer_without_sessions_is_told_whose_probes_it_answers() {
    let serve = async |builder: SessionAuthLayerBuilder| {
        let auth = builder.build().unwrap();
        let router = Router::new().mount(public(GET, "/status", "status page").to(|| async {}));
        common::serve(common::protect(&auth, router).unwrap()).await
    };
    let ask = async |address| {
        let probe = signed("GET", "/status");
        let answer = send(address, "GET", "/status", probe.header()).await;
        read(&probe, &answer)
    };
    let without = serve(SessionAuthLayer::builder_without_sessions()).await;
    assert_eq!(ask(without).await, None);
    let told = SessionAuthLayer::builder_without_sessions().probe_keys(keys());
    let told = serve(told).await;
    assert!(ask(told).await.is_some());
}

#[test]
fn a_key_is_read_as_it_was_printed_and_shows_itself_to_nobody() {
    let key = keys().probe_key();
    let text = key.reveal();
    assert!(text.starts_with("probe1_"), "{}", *text);
    let again = ProbeKey::parse(&format!(" {}\n", *text)).unwrap();
    assert_eq!(again.reveal(), text);
    let shown = format!("{key:?}");
    assert!(shown.len() < 20 && !text.contains(&shown), "{shown}");
    let wrong = [
        "",
        "probe1_",
        "probe1_AAAA",
        "probe1_*",
        "probe2_AAAA",
        "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
        &format!("{}A", *text),
    ];
    for wrong in wrong {
        let error = ProbeKey::parse(wrong).unwrap_err().to_string();
        assert!(error.contains("--print-key"), "{error}");
        assert!(!error.contains("q83v"), "{error}");
    }
    // A time before 1970 is no panic.
    let early = UNIX_EPOCH - Duration::from_secs(1);
    assert!(key.sign(&Method::GET, "/", early).is_ok());
}
