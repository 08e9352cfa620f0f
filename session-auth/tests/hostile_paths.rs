//! No request reaches a session handler without a session, whatever its path and method look like, on
//! each way of mounting: this crate's router, one that comes in from axum's, a bare layer on an
//! `axum::Router`, and one around it from outside. The handlers of axum's functions have no seal, so
//! that the guards alone are in the way.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Path;
use axum::routing::{any, get};
use common::{auth, cookie_of, protect};
use session_auth::methods::{ANY, DELETE, GET, POST, PUT};
use session_auth::{Router, public, public_route, session, session_route};
use tower::Layer as _;

/// How often a session handler ran, with or without a session.
static REACHED: AtomicUsize = AtomicUsize::new(0);

/// The tests of this file count on the same counter.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[public_route(GET, "/", reason = "start page")]
async fn start() -> &'static str {
    "public"
}

#[public_route(GET | POST, "/api/waitlist", reason = "form")]
async fn waitlist() -> &'static str {
    "public"
}

#[public_route(GET, "/files/{*path}", reason = "downloads")]
async fn files(Path(path): Path<String>) -> String {
    format!("public {path}")
}

#[public_route(GET, "/users/{id}/avatar", reason = "pictures")]
async fn avatar(Path(_): Path<String>) -> &'static str {
    "public"
}

#[public_route(ANY, "/echo", reason = "answers every method")]
async fn echo() -> &'static str {
    "public"
}

#[session_route(GET, "/api/waitlist-admin")]
async fn waitlist_admin() {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(DELETE, "/api/waitlist")]
async fn clear_waitlist() {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(GET | POST, "/admin")]
async fn admin() {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(GET | DELETE, "/admin/{*rest}")]
async fn admin_area(Path(_): Path<String>) {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(GET | DELETE, "/users/{id}")]
async fn user(Path(_): Path<String>) {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(PUT, "/echo")]
async fn put_echo() {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

#[session_route(ANY, "/vault")]
async fn vault() {
    REACHED.fetch_add(1, Ordering::SeqCst);
}

/// Declared in place: a handler that is mounted by its name says nothing of a path of axum's.
fn typed() -> Router {
    Router::new()
        .mount(public(GET, "/", "x").to(start))
        .mount(public(GET | POST, "/api/waitlist", "x").to(waitlist))
        .mount(public(GET, "/files/{*path}", "x").to(files))
        .mount(public(GET, "/users/{id}/avatar", "x").to(avatar))
        .mount(public(ANY, "/echo", "x").to(echo))
        .mount(session(GET, "/api/waitlist-admin").to(waitlist_admin))
        .mount(session(DELETE, "/api/waitlist").to(clear_waitlist))
        .mount(session(GET | POST, "/admin").to(admin))
        .mount(session(GET | DELETE, "/admin/{*rest}").to(admin_area))
        .mount(session(GET | DELETE, "/users/{id}").to(user))
        .mount(session(PUT, "/echo").to(put_echo))
        .mount(session(ANY, "/vault").to(vault))
}

fn plain() -> axum::Router {
    let api = axum::Router::new()
        .route(
            "/waitlist",
            get(waitlist).post(waitlist).delete(clear_waitlist),
        )
        .route("/waitlist-admin", get(waitlist_admin));
    axum::Router::new()
        .route("/", get(start))
        .nest("/api", api)
        .route("/files/{*path}", get(files))
        .route("/users/{id}/avatar", get(avatar))
        .route("/users/{id}", get(user).delete(user))
        .route("/echo", any(echo).put(put_echo))
        .route("/vault", any(vault))
        .route("/admin", get(admin).post(admin))
        .route("/admin/{*rest}", get(admin_area).delete(admin_area))
}

/// Requests that must not be let through, by name. What is not a route at all may answer 404, 405 or
/// 400 too; what must not happen is that a session handler runs.
const HOSTILE: &[(&str, &str, &str)] = &[
    ("a session route", "GET", "/admin"),
    ("a session route by another method", "POST", "/admin"),
    ("HEAD of a session route", "HEAD", "/admin"),
    (
        "HEAD of a session route below a public one",
        "HEAD",
        "/users/1",
    ),
    (
        "a session method of a public path",
        "DELETE",
        "/api/waitlist",
    ),
    ("a session method beside ANY", "PUT", "/echo"),
    (
        "a name that begins like a public one",
        "GET",
        "/api/waitlist-admin",
    ),
    ("slash at the end", "GET", "/admin/"),
    ("two slashes at the end", "GET", "/admin//"),
    ("two slashes at the front", "GET", "//admin"),
    ("three slashes", "GET", "///admin"),
    ("two slashes in the middle", "GET", "/api//waitlist-admin"),
    ("a dot segment", "GET", "/./admin"),
    ("a dot segment at the end", "GET", "/admin/."),
    (
        "up from a public path",
        "GET",
        "/api/waitlist/../waitlist-admin",
    ),
    ("up from public files", "GET", "/files/../admin"),
    ("up twice", "GET", "/files/a/../../admin"),
    ("up beyond the root", "GET", "/../admin"),
    ("encoded dots", "GET", "/files/%2e%2e/admin"),
    ("encoded dots, upper case", "GET", "/files/%2E%2E/admin"),
    ("half-encoded dots", "GET", "/files/.%2e/admin"),
    ("an encoded slash", "GET", "/files/..%2Fadmin"),
    ("an encoded slash, lower case", "GET", "/files/..%2fadmin"),
    ("an encoded slash at the front", "GET", "/%2Fadmin"),
    (
        "an encoded slash instead of a slash",
        "GET",
        "/api%2Fwaitlist-admin",
    ),
    ("a doubly encoded slash", "GET", "/files/..%252Fadmin"),
    ("a backslash", "GET", "/files/..\\admin"),
    ("an encoded backslash", "GET", "/files/..%5Cadmin"),
    (
        "an encoded backslash, lower case",
        "GET",
        "/files/..%5cadmin",
    ),
    ("a path parameter", "GET", "/admin;x=1"),
    ("a path parameter at the front", "GET", "/;x/admin"),
    (
        "a path parameter of a dot segment",
        "GET",
        "/files/..;/admin",
    ),
    (
        "a public name as a path parameter",
        "GET",
        "/admin;/api/waitlist",
    ),
    ("an encoded semicolon", "GET", "/admin%3bx"),
    ("an encoded NUL", "GET", "/admin%00"),
    (
        "an encoded NUL and a public suffix",
        "GET",
        "/admin%00/avatar",
    ),
    ("an encoded line feed", "GET", "/admin%0a"),
    ("an encoded space", "GET", "/admin%20"),
    ("a tab", "GET", "/admin%09"),
    ("an encoded letter", "GET", "/%61dmin"),
    ("all letters encoded", "GET", "/%61%64%6d%69%6e"),
    ("upper case", "GET", "/ADMIN"),
    ("mixed case", "GET", "/Admin"),
    ("a full-width slash", "GET", "/files/..%ef%bc%8fadmin"),
    ("an overlong slash", "GET", "/files/..%c0%afadmin"),
    ("a bad percent", "GET", "/admin%"),
    ("a bad percent with one digit", "GET", "/admin%2"),
    ("a percent without hex", "GET", "/%zzadmin"),
    ("a query that looks public", "GET", "/admin?/api/waitlist"),
    ("a query with a path", "GET", "/admin?path=/files/x"),
    ("a public suffix", "GET", "/admin/avatar"),
    ("a public prefix within", "GET", "/admin/files/x"),
    ("a parameter that is a path", "GET", "/users/1%2Favatar"),
    ("a parameter that is dots", "GET", "/users/.."),
    ("an empty parameter", "GET", "/users/"),
    ("an empty parameter in the middle", "GET", "/users//avatar"),
    ("a pattern as a path", "GET", "/users/{id}"),
    ("a catch-all as a path", "GET", "/admin/{*rest}"),
    ("a star", "GET", "/admin/*"),
    ("two stars", "GET", "/**"),
    ("below a session catch-all", "GET", "/admin/users/1"),
    (
        "below a session catch-all, by DELETE",
        "DELETE",
        "/admin/users/1",
    ),
    ("an absolute URI", "GET", "http://localhost/admin"),
    (
        "an absolute URI of another host",
        "GET",
        "http://files/admin",
    ),
    (
        "an absolute URI with user",
        "GET",
        "http://files@localhost/admin",
    ),
    ("a fragment", "GET", "/files/x#/../../admin"),
    ("OPTIONS of a session route", "OPTIONS", "/admin"),
    ("TRACE of a session route", "TRACE", "/admin"),
    ("an invented method", "BREW", "/admin"),
    (
        "an invented method on a public path",
        "BREW",
        "/api/waitlist",
    ),
    ("a lower-case method", "get", "/admin"),
    ("a method with a public name", "PUBLIC", "/admin"),
    ("PRI, as in HTTP/2", "PRI", "/admin"),
    ("a star as the target", "OPTIONS", "*"),
    ("CONNECT", "CONNECT", "localhost:80"),
    ("a route of any method", "GET", "/vault"),
    ("an invented method of it", "BREW", "/vault"),
    ("a very long path", "GET", LONG),
];

/// 4,000 dots and slashes after a public prefix.
const LONG: &str = const {
    const LEN: usize = 4_006;
    const BYTES: [u8; LEN] = {
        let mut bytes = [b'/'; LEN];
        let start = b"/files";
        let mut at = 0;
        while at < LEN {
            if at < start.len() {
                bytes[at] = start[at];
            } else if at % 3 != 0 {
                bytes[at] = b'.';
            }
            at += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("it is ASCII"),
    }
};

/// Headers that other systems have been talked into believing.
const OVERRIDES: &[&str] = &[
    "X-HTTP-Method-Override: GET\r\n",
    "X-Original-URL: /api/waitlist\r\n",
    "X-Rewrite-URL: /api/waitlist\r\n",
    "X-Forwarded-Prefix: /files\r\n",
    "X-Forwarded-Uri: /api/waitlist\r\n",
    "Cookie: __Host-session=\r\n",
    "Authorization: Bearer x\r\n",
];

#[tokio::test]
async fn security_no_session_handler_runs_without_a_session() {
    let _guard = ONE_AT_A_TIME.lock().await;
    REACHED.store(0, Ordering::SeqCst);
    assert!(HOSTILE.len() >= 60);
    let outside = {
        let auth = auth();
        auth.layer(plain())
    };
    let ways = [
        (
            "this crate's router",
            common::serve(protect(&auth(), typed()).unwrap()).await,
        ),
        (
            "merge_axum",
            common::serve(protect(&auth(), plain()).unwrap()).await,
        ),
        (
            "layer on a router",
            common::serve(plain().layer(auth())).await,
        ),
        ("layer around a router", common::serve(outside).await),
    ];
    for (way, address) in ways {
        for (name, method, target) in HOSTILE {
            for headers in [""]
                .iter()
                .chain(if *target == "/admin" { OVERRIDES } else { &[] })
            {
                let answer = common::request(address, method, target, headers).await;
                assert_eq!(
                    REACHED.load(Ordering::SeqCst),
                    0,
                    "{way}: {name}: {method} {target} {headers} reached a session handler: {answer:?}"
                );
                // A catch-all that is public may well serve odd paths: it was asked to.
                let served = answer.status < 400 && !answer.body.starts_with("public");
                let empty = matches!(*method, "HEAD" | "BREW" | "OPTIONS" | "TRACE");
                assert!(
                    !served || empty,
                    "{way}: {name}: {method} {target}: {answer:?}"
                );
            }
        }
        // The neighbours are open, or the table above would prove nothing.
        for (method, target) in [
            ("GET", "/"),
            ("POST", "/api/waitlist"),
            ("GET", "/files/a/b"),
            ("GET", "/users/1/avatar"),
            ("BREW", "/echo"),
        ] {
            let answer = common::request(address, method, target, "").await;
            assert_eq!(answer.status, 200, "{way}: {method} {target}: {answer:?}");
        }
    }
}

/// Each session handler of the table above does run with a session: the paths are no dead ends.
#[tokio::test]
async fn the_same_routes_answer_to_a_session() {
    let _guard = ONE_AT_A_TIME.lock().await;
    REACHED.store(0, Ordering::SeqCst);
    for way in ["this crate's router", "merge_axum", "a bare layer"] {
        let auth = auth();
        let cookie = cookie_of(&auth).await;
        let address = match way {
            "this crate's router" => common::serve(protect(&auth, typed()).unwrap()).await,
            "merge_axum" => common::serve(protect(&auth, plain()).unwrap()).await,
            _ => common::serve(plain().layer(auth)).await,
        };
        for (method, target) in [
            ("GET", "/admin"),
            ("HEAD", "/admin"),
            ("GET", "/users/1"),
            ("PUT", "/echo"),
            ("GET", "/api/waitlist-admin"),
            ("GET", "/admin/users/1"),
            ("DELETE", "/api/waitlist"),
        ] {
            let answer = common::request(address, method, target, &cookie).await;
            assert_eq!(answer.status, 200, "{way}: {method} {target}: {answer:?}");
        }
    }
    assert_eq!(REACHED.load(Ordering::SeqCst), 21);
}
