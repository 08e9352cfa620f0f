//! Mode `observe`: what would be denied is let through, counted and logged, and said to be so.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::process::Command;

use axum::body::Bytes;
use axum::http::StatusCode;
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Mode, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions,
    public, session, webhook,
};

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/login", "creates the session")
                .issues_session()
                .to(|sessions: Sessions| async move { sessions.issue("ada").await }),
        )
        .mount(
            public(POST, "/greet", "greets")
                .optional_session()
                .to(|session: Option<Session>| async move { session.is_some().to_string() }),
        )
        .mount(
            public(POST, "/checkout", "guests get a session")
                .issues_session()
                .optional_session()
                .to(|session: Option<Session>, _: Sessions| async move {
                    session.is_some().to_string()
                }),
        )
        .mount(
            session(POST, "/own")
                .to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(session(GET | POST, "/old").to(|| async { "its own login" }))
        .mount(
            session(GET, "/admin")
                .scope("admin")
                .to(|| async { "admin" }),
        )
        .mount(
            session(GET, "/maybe")
                .to(|session: Option<Session>| async move { session.is_some().to_string() }),
        )
        .mount(
            session(GET, "/me").to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(session(GET | POST, "/root").scope("root").to(
            |session: Session, maybe: Option<Session>| async move {
                assert_eq!(maybe.unwrap().id(), session.id());
                session.subject().to_owned()
            },
        ))
        .mount(webhook(POST, "/hook", "sender").to(|body: Bytes| async move { body }))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
        .verifier("sender", Bearer::new("secret"))
        .max_webhook_body(8)
        .mode(Mode::Observe)
}

async fn serve(auth: SessionAuthLayer) -> SocketAddr {
    common::serve(common::protect(&auth, routes()).unwrap()).await
}

#[tokio::test]
async fn what_would_be_denied_is_let_through_counted_and_logged() {
    let log = common::log();
    let auth = builder().login_path("/login").build().unwrap();
    assert_eq!(auth.mode(), Mode::Observe);
    assert!(
        log.text().contains("NOTHING IS PROTECTED"),
        "{}",
        log.text()
    );
    let address = serve(auth.clone()).await;
    let get =
        async |path: &str, headers: &str| common::request(address, "GET", path, headers).await;

    assert_eq!(get("/old", "").await.body, "its own login");
    assert_eq!(
        get("/old", "Cookie: __Host-session=junk\r\n").await.body,
        "its own login"
    );
    assert_eq!(get("/maybe", "").await.body, "false");
    let navigation = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";
    assert_eq!(get("/old", navigation).await.status, 200);
    // A session is what it always was.
    let cookie = common::cookie(&common::post(address, "/login", "", "").await);
    let cookie = format!("Cookie: {cookie}\r\n");
    assert_eq!(get("/me", &cookie).await.body, "ada");
    assert_eq!(get("/maybe", &cookie).await.body, "true");
    assert_eq!(get("/admin", &cookie).await.body, "admin");
    let cross = format!("{cookie}Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(
        common::post(address, "/old", &cross, "").await.body,
        "its own login"
    );
    // A handler that needs one gets none made up.
    let answer = get("/me", "").await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.body.contains(r#""reason":"missing""#),
        "{}",
        answer.body
    );

    // Webhooks keep every byte, whatever is wrong with them.
    assert_eq!(
        common::post(address, "/hook", "", "12345").await.body,
        "12345"
    );
    let long = "0123456789".repeat(1_000);
    assert_eq!(common::post(address, "/hook", "", &long).await.body, long);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let chunks = "5\r\nabcde\r\n5\r\nfghij\r\n3\r\nklm\r\n0\r\n\r\n";
    let text = format!(
        "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{chunked}\r\n{chunks}"
    );
    let answer = common::send(address, text.as_bytes()).await;
    assert!(answer.body.contains("abcdefghijklm"), "{}", answer.body);

    // A body that breaks off cannot be handed on: the handler would take it for a whole one.
    let broken = "POST /hook HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                  Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nnot a length\r\n";
    let answer = common::send(address, broken.as_bytes()).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains("body_incomplete"), "{}", answer.body);

    let activity = auth.activity();
    let observed = |route: &str, reason| {
        let activity = activity.iter().find(|a| a.route == route).unwrap();
        let denied: &[_] = match route {
            "POST /hook" => &[(Denial::BodyIncomplete, 1)],
            _ => &[],
        };
        assert_eq!(activity.denied, denied, "{route}");
        let found = activity
            .observed
            .iter()
            .find(|(denial, _)| *denial == reason);
        found.map_or(0, |(_, count)| *count)
    };
    assert_eq!(observed("GET | POST /old", Denial::Missing), 2);
    assert_eq!(observed("GET | POST /old", Denial::Malformed), 1);
    assert_eq!(observed("GET | POST /old", Denial::CrossOrigin), 1);
    assert_eq!(observed("GET /admin", Denial::Scope), 1);
    assert_eq!(observed("POST /hook", Denial::SignatureMissing), 1);
    assert_eq!(observed("POST /hook", Denial::BodyTooLarge), 2);
    let text = log.text();
    let line = "let through by mode `observe`; enforcing would deny it";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("route=\"GET /admin\" reason=scope count=1"),
        "{text}"
    );
}

/// Who has a session comes in as who they are, whatever enforcing would say: nothing is to break for them
/// while the trusted origins are not complete, or a proxy changes `Host`.
#[tokio::test]
async fn who_is_known_is_let_in_as_who_they_are() {
    for with_store in [false, true] {
        let layer = match with_store {
            true => builder().store(MemoryStore::new()),
            false => builder(),
        };
        let auth = layer.build().unwrap();
        let address = serve(auth.clone()).await;
        let cookie = common::cookie_of(&auth).await;
        let cross = format!("{cookie}Sec-Fetch-Site: cross-site\r\n");
        let answer = common::request(address, "GET", "/root", &cookie).await;
        assert_eq!((answer.status, &*answer.body), (200, "ada"), "{answer:?}");
        let answer = common::post(address, "/root", &cross, "").await;
        assert_eq!((answer.status, &*answer.body), (200, "ada"), "{answer:?}");
        let answer = common::post(address, "/own", &cross, "").await;
        assert_eq!((answer.status, &*answer.body), (200, "ada"), "{answer:?}");
        assert_eq!(
            common::post(address, "/greet", &cross, "").await.body,
            "true"
        );
        let answer = common::post(address, "/checkout", &cross, "").await;
        assert_eq!(answer.body, "true", "{answer:?}");
        let activity = common::activity(&auth, "POST /checkout");
        assert_eq!(activity.observed, [(Denial::CrossOrigin, 1)]);
        assert_eq!(activity.passed, 1);
        let activity = common::activity(&auth, "GET | POST /root");
        assert_eq!(activity.observed, [(Denial::Scope, 2)]);
        let activity = common::activity(&auth, "POST /own");
        assert_eq!(activity.observed, [(Denial::CrossOrigin, 1)]);
        assert_eq!(activity.passed, 1);
        if with_store {
            // What is over is nobody's.
            auth.sessions().revoke_all("ada").await.unwrap();
            let answer = common::request(address, "GET", "/root", &cookie).await;
            assert!(answer.body.contains("\"revoked\""), "{answer:?}");
        }
    }
}

/// A delivery without a good proof is read as far as one that has it, and its answer counts as that one's.
#[tokio::test]
async fn a_delivery_that_would_be_denied_is_handled_as_any_other() {
    const MIB: usize = 1 << 20;
    let routes = Router::new()
        .mount(
            webhook(POST, "/large", "sender")
                .max_body(4 * MIB)
                .to(|body: Bytes| async move { body.len().to_string() }),
        )
        .mount(webhook(POST, "/broken", "sender").to(|| async { StatusCode::BAD_GATEWAY }))
        .mount(webhook(POST, "/picky", "sender").to(|| async { StatusCode::CONFLICT }));
    let auth = builder().build().unwrap();
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    let large = "x".repeat(3 * MIB);
    for headers in ["", "Authorization: Bearer secrex\r\n"] {
        let answer = common::post(address, "/large", headers, &large).await;
        assert_eq!((answer.status, answer.body), (200, large.len().to_string()));
    }
    let over = "x".repeat(4 * MIB + 1);
    assert_eq!(common::post(address, "/large", "", &over).await.status, 413);
    assert_eq!(common::post(address, "/broken", "", "").await.status, 502);
    assert_eq!(common::post(address, "/picky", "", "").await.status, 409);
    for (route, counts) in [
        ("POST /large", (2, 1, 0)),
        ("POST /broken", (0, 0, 1)),
        ("POST /picky", (0, 1, 0)),
    ] {
        let it = common::activity(&auth, route);
        let counted = (it.passed, it.handler_refused, it.handler_failed);
        assert_eq!(counted, counts, "{route}");
        assert!(it.verified == 0 && it.denied.is_empty(), "{route}");
    }
}

/// Runs itself again, with a variable set.
#[test]
fn a_mode_that_is_none_does_not_start() {
    const CHILD: &str = "SESSION_AUTH_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        match SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap()).build() {
            Ok(auth) => println!("mode {:?}", auth.mode()),
            Err(error) => println!("{error}"),
        }
        return;
    }
    let run = |mode: Option<&str>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env(CHILD, "1")
            .args(["--exact", "a_mode_that_is_none_does_not_start"]);
        command.arg("--nocapture");
        match mode {
            Some(mode) => command.env("SESSION_AUTH_MODE", mode),
            None => command.env_remove("SESSION_AUTH_MODE"),
        };
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let typo = run(Some("enforced"));
    let expected = "SESSION_AUTH_MODE: \"enforced\" is no mode: set it to `enforce` or `observe`, \
                    or unset it";
    assert!(typo.contains(expected), "{typo}");
    assert!(run(Some("observe")).contains("mode Observe"));
    assert!(run(Some("enforce")).contains("mode Enforce"));
    assert!(run(None).contains("mode Enforce"));
}
