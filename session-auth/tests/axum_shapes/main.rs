//! Every shape that a router of axum 0.8 can have, and every composition that is known to be odd: read
//! from its text, asked by requests, and served.
//!
//! A row here is a promise about what the audit lists and about who answers: where axum changes either,
//! these tests say so before a user's audit does. What was tried is in the comments of
//! `src/mounted/axum_0_8.rs` and `src/mounted/ask.rs`.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[path = "../common/mod.rs"]
mod common;

mod asked;
mod crates;
mod foreign;
mod named;
mod text;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use common::{ask, cookie_of, protect};
use session_auth::audit::{self, Code};
use session_auth::{Keys, Router, SessionAuthLayer, Unclassified};

/// A method and path, the route that it reaches, and what this answers. Of axum's own 404 and 405 the
/// route is that.
type Answer<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A router, all that is to be listed of it, and who answers what.
struct Shape<'a> {
    name: &'a str,
    router: axum::Router<u8>,
    /// Without a class: `GET /a`, and `service ANY /x/**` for what shows no more than that.
    lists: &'a [&'a str],
    answers: &'a [Answer<'a>],
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn h() -> &'static str {
    "h"
}

async fn other() -> &'static str {
    "other"
}

/// What the audit of a router lists that has no class.
fn listed<S>(router: &Router<S>) -> Vec<String> {
    let mut all = Vec::new();
    for finding in audit::check(router).unwrap() {
        // One finding for all methods of which the same is to be said.
        for methods in finding.subject.methods.iter() {
            let path = finding.subject.listed_path();
            let path = path.map(|path| format!(" {path}")).unwrap_or_default();
            let service = match finding.code {
                Code::UnclassifiedRoute => "",
                Code::OpaqueMount => "service ",
                code => panic!("{code}: {finding}"),
            };
            all.push(format!("{service}{methods}{path}"));
        }
    }
    all.sort();
    all
}

/// Before its state is given and after it, below layers, and merged: all read alike, and are served
/// alike.
async fn check(shapes: Vec<Shape<'_>>) {
    for Shape {
        name,
        router,
        lists,
        answers,
    } in shapes
    {
        // As a merge on axum's own router, this looks at paths again unless it is told not to.
        let new = || Router::new().without_v07_checks();
        let foreign = |router: axum::Router<u8>| new().merge_axum(router);
        let layered = router.clone().layer(from_fn(pass)).layer(from_fn(pass));
        let merged = axum::Router::new()
            .without_v07_checks()
            .merge(router.clone());
        let with_state = Router::<()>::new()
            .without_v07_checks()
            .merge_axum(router.clone().with_state(1));
        assert_eq!(listed(&foreign(router.clone())), lists, "{name}");
        assert_eq!(listed(&with_state), lists, "{name}, with its state");
        for (how, router) in [
            ("as it is", foreign(router.clone())),
            ("below layers", foreign(layered)),
            ("merged", foreign(merged)),
            ("with layers on top", foreign(router).layer(from_fn(pass))),
        ] {
            let what = format!("{name}, {how}");
            assert_eq!(listed(&router), lists, "{what}");
            let routes = lists.iter().map(|line| line.trim_start_matches("service "));
            serve(&what, router.with_state(1), routes.collect(), answers).await;
        }
    }
}

/// Each answer as nobody and with a session, and what was counted for which route.
async fn serve(what: &str, router: Router, mut routes: Vec<&str>, answers: &[Answer<'_>]) {
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .unclassified(Unclassified::Deny)
        .build()
        .unwrap();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, router).unwrap();
    let activity = auth.activity();
    let mut known: Vec<_> = activity.iter().map(|it| it.route.as_str()).collect();
    known.sort_unstable();
    routes.push("(no route)");
    routes.sort_unstable();
    assert_eq!(known, routes, "{what}");

    let counts = || {
        let activity = auth.activity();
        let count = |it: &session_auth::RouteActivity| {
            let denied: u64 = it.denied.iter().map(|(_, count)| count).sum();
            (it.route.clone(), it.passed, denied)
        };
        let mut all: Vec<_> = activity.iter().map(count).collect();
        all.sort();
        all
    };
    for (method, path, route, body) in answers {
        let before = counts();
        let stranger = ask(&app, method, path, "").await;
        let member = ask(&app, method, path, &cookie).await;
        let what = format!("{what}: {method} {path}");
        let counted: Vec<_> = counts()
            .into_iter()
            .zip(before)
            .filter(|(now, before)| now != before)
            .map(|((route, passed, denied), before)| (route, passed - before.1, denied - before.2))
            .collect();
        if let Ok(status) = route.parse::<u16>() {
            assert_eq!((stranger.status, member.status), (status, status), "{what}");
            assert_eq!(counted, [], "{what}");
        } else {
            assert_eq!(stranger.status, 401, "{what}");
            assert_eq!(member.shown(), *body, "{what}");
            assert_eq!(counted, [((*route).to_owned(), 1, 1)], "{what}");
        }
    }
}
