//! Services whose inside does not show, mounted under one class: no way to write a path leads past the
//! class of a route beside them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use session_auth::methods::{ANY, FALLBACK, GET};
use session_auth::routing::{any_service, get_service};
use session_auth::{Router, declare_route, public, session, webhook};
use tower::{Layer as _, Service, service_fn};
use tower_http::services::ServeDir;

use crate::world::{Class, auth, proof, protect, request, status};

/// Ways to write `private/a.txt` that some service or file system reads so.
const WRITTEN: &[&str] = &[
    "private/a.txt",
    "%70rivate/a.txt",
    "%50rivate/a.txt/../../private/a.txt",
    "privat%65/a.txt",
    "%70%72%69%76%61%74%65/a.txt",
    "%2570rivate/a.txt",
    "%25%37%30rivate/a.txt",
    "/private/a.txt",
    "//private/a.txt",
    "private//a.txt",
    "./private/a.txt",
    "%2e/private/a.txt",
    "%252e/private/a.txt",
    "x/../private/a.txt",
    "x/%2e%2e/private/a.txt",
    "x/%2E%2e/private/a.txt",
    "x/.%2e/private/a.txt",
    "x/..%2fprivate/a.txt",
    "x/%252e%252e/private/a.txt",
    "x;y/../private/a.txt",
    "x/..;/private/a.txt",
    "x/..;y=1/private/a.txt",
    ";x/private/a.txt",
    "private;x/a.txt",
    "private%3bx/a.txt",
    "private%2fa.txt",
    "private%2Fa.txt",
    "private%252fa.txt",
    "private\\a.txt",
    "private%5ca.txt",
    "private%5Ca.txt",
    "private%255ca.txt",
    "x\\..\\private\\a.txt",
    "private/a.txt/",
    "private/./a.txt",
    "private/x/../a.txt",
];

/// A service that reads paths as carelessly as any does, and keeps those that it took for the
/// private ones.
#[derive(Clone, Default)]
struct Careless(Arc<Mutex<Vec<String>>>);

impl Careless {
    fn service(
        &self,
    ) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static {
        let Self(seen) = self.clone();
        service_fn(move |request: Request| {
            let original = request.extensions().get::<axum::extract::OriginalUri>();
            let path = original.map_or_else(|| request.uri().path(), |original| original.path());
            if read(path).iter().any(|read| read.contains("/private/")) {
                seen.lock().unwrap().push(path.to_owned());
            }
            std::future::ready(Ok("served".into_response()))
        })
    }

    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Decodes once and twice, and after each takes `;` parts, backslashes, empty and dot segments away.
fn read(path: &str) -> Vec<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (once, twice) = (decode(path), decode(&decode(path)));
    let mut all = Vec::new();
    for text in [path, &*once, &*twice] {
        let mut segments: Vec<&str> = Vec::new();
        let text = text.replace('\\', "/");
        for segment in text.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => drop(segments.pop()),
                name => segments.push(name),
            }
        }
        all.push(format!("/{}", segments.join("/")));
    }
    all
}

/// Each way to mount a service under `/files`, with routes of another class beside it.
fn mounts(careless: &Careless) -> Vec<(&'static str, Router)> {
    let open = || public(ANY, "/files", "a test");
    let tail = "/files/{*path}";
    let closed = || session(GET, "/files/private/{name}").to(|| async { "secret" });
    let s = || careless.service();
    let plain = axum::Router::new().fallback_service(s());
    vec![
        (
            "nest_service beside a route",
            Router::new()
                .nest_service(open(), "/files", s())
                .mount(closed()),
        ),
        (
            "nest_service with a slash beside a route",
            Router::new()
                .nest_service(open(), "/files/", s())
                .mount(closed()),
        ),
        (
            "nest_service beside a nested service",
            Router::new()
                .nest_service(open(), "/files", s())
                .nest_service(
                    session(ANY, "/files/private"),
                    "/files/private",
                    Careless::default().service(),
                ),
        ),
        (
            "nest_service beside a nested router",
            Router::new().nest_service(open(), "/files", s()).nest(
                "/files/private",
                Router::new().route(
                    "/{name}",
                    session_auth::routing::get(
                        session(GET, "/files/private/{name}").to(|| async { "secret" }),
                    ),
                ),
            ),
        ),
        (
            "route_service",
            Router::new()
                .route_service(public(ANY, tail, "a test"), tail, s())
                .mount(closed()),
        ),
        (
            "get_service",
            Router::new()
                .route(tail, get_service(public(GET, tail, "a test"), s()))
                .mount(closed()),
        ),
        (
            "any_service",
            Router::new()
                .route(tail, any_service(public(ANY, tail, "a test"), s()))
                .mount(closed()),
        ),
        (
            "fallback_service",
            Router::new()
                .fallback_service(public(FALLBACK, "/", "a test"), s())
                .mount(closed()),
        ),
        (
            "a nested router's fallback_service",
            Router::new()
                .nest(
                    "/files",
                    Router::new().fallback_service(public(FALLBACK, "/files", "a test"), s()),
                )
                .mount(closed()),
        ),
        (
            "mount_axum of a fallback",
            Router::new()
                .mount_axum(open(), plain.clone())
                .mount(closed()),
        ),
        (
            "mount_axum of a route",
            Router::new()
                .mount_axum(
                    open(),
                    axum::Router::new()
                        .route("/{*path}", axum::routing::get_service(careless.service())),
                )
                .mount(closed()),
        ),
        (
            "nest_service beside a webhook",
            Router::new()
                .nest_service(open(), "/files", s())
                .mount(webhook(ANY, "/files/private/{name}", "repeated").to(|| async { "secret" })),
        ),
    ]
}

#[tokio::test]
async fn security_no_way_to_write_a_path_leads_past_a_class() {
    let careless = Careless::default();
    for (what, router) in mounts(&careless) {
        let auth = auth();
        let app = protect(&auth, router);
        for written in WRITTEN {
            for method in ["GET", "HEAD", "OPTIONS"] {
                let path = format!("/files/{written}");
                let got = status(&app, request(method, &path, "")).await;
                let seen = careless.seen();
                assert!(seen.is_empty(), "{what}: {method} {path}: {seen:?}");
                assert!(got >= 400, "{what}: {method} {path}: {got}");
            }
        }
        // What is not private is served, with escapes and all.
        for open in [
            "a.txt",
            "my%20file.txt",
            "%C3%BC.txt",
            "privateer/a.txt",
            "a;b.txt",
            "x%2By",
        ] {
            let path = format!("/files/{open}");
            let got = status(&app, request("GET", &path, "")).await;
            assert_eq!(got, 200, "{what}: {path}");
        }
    }
}

/// Several of the ways at once, made up.
#[tokio::test]
async fn security_no_mixture_of_ways_leads_past_a_class() {
    let careless = Careless::default();
    let apps: Vec<_> = mounts(&careless)
        .into_iter()
        .map(|(what, router)| (what, protect(&auth(), router)))
        .collect();
    let mut state = 7_u64;
    let mut below = move |bound: usize| {
        // Any fixed sequence will do.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut tried = 0;
    while tried < 1500 {
        let mut tail = String::from("private/a.txt");
        for _ in 0..=below(4) {
            let at = below(tail.len());
            if !tail.is_char_boundary(at) {
                continue;
            }
            let slash = tail.find('/').filter(|_| below(2) == 0);
            match (below(8), slash) {
                (0 | 1, _) => {
                    let encoded = format!("%{:02x}", tail.as_bytes()[at]);
                    tail.replace_range(at..=at, &encoded);
                }
                (2, _) => tail = tail.replace('%', "%25"),
                (3, _) => tail.insert_str(0, ["./", "/", "x/../", "x/..;/"][below(4)]),
                (4, Some(slash)) => tail.insert_str(slash, ";x=1"),
                (5, Some(slash)) => tail.replace_range(slash..=slash, "\\"),
                (6, Some(slash)) => tail.replace_range(slash..=slash, "%2F"),
                (7, Some(slash)) => tail.insert_str(slash, "/y/.."),
                _ => {}
            }
        }
        let path = format!("/files/{tail}");
        if path.parse::<axum::http::Uri>().is_err()
            || !read(&path).iter().any(|read| read.contains("/private/"))
        {
            continue;
        }
        tried += 1;
        let (what, app) = &apps[tried % apps.len()];
        let got = status(app, request("GET", &path, "")).await;
        let seen = careless.seen();
        assert!(
            seen.is_empty() && got >= 400,
            "{what}: {path}: {got} {seen:?}"
        );
    }
}

/// The careless service does take them for the private ones, where nothing stands in front of it.
#[tokio::test]
async fn the_ways_to_write_a_path_are_read_so() {
    for written in WRITTEN {
        let careless = Careless::default();
        let app = protect(
            &auth(),
            Router::new().nest_service(
                public(ANY, "/files", "a test"),
                "/files",
                careless.service(),
            ),
        );
        let path = format!("/files/{written}");
        assert_eq!(status(&app, request("GET", &path, "")).await, 200, "{path}");
        assert_eq!(careless.seen().len(), 1, "{path}");
    }
}

/// With the session that the route beside it needs, its own spelling goes to the route, and the
/// others are refused.
#[tokio::test]
async fn a_session_reads_the_private_route_by_its_own_name() {
    let careless = Careless::default();
    for (what, router) in mounts(&careless) {
        if what.ends_with("webhook") {
            continue;
        }
        let auth = auth();
        let app = protect(&auth, router);
        let cookie = proof(Class::Session, &auth).await;
        let got = status(&app, request("GET", "/files/private/a.txt", &cookie)).await;
        assert_eq!(got, 200, "{what}");
        let got = status(&app, request("GET", "/files/%70rivate/a.txt", &cookie)).await;
        assert!([200, 400].contains(&got), "{what}: {got}");
        assert_eq!(careless.seen(), Vec::<String>::new(), "{what}");
    }
}

/// One `ServeDir`, mounted twice: the case in which a folder of it is for members.
#[tokio::test]
async fn security_one_folder_of_files_is_for_members() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("private")).unwrap();
    std::fs::write(folder.path().join("private/secret.txt"), "secret").unwrap();
    std::fs::write(folder.path().join("open.txt"), "open").unwrap();
    let files = ServeDir::new(folder.path());
    let private = ServeDir::new(folder.path().join("private"));
    let auth = auth();
    let app = protect(
        &auth,
        Router::new()
            .nest_service(public(ANY, "/files", "a test"), "/files", files)
            .nest_service(session(ANY, "/files/private"), "/files/private", private),
    );
    let cookie = proof(Class::Session, &auth).await;
    for (path, headers, expected) in [
        ("/files/open.txt", "", 200),
        ("/files/private/secret.txt", "", 401),
        ("/files/private/secret.txt", &*cookie, 200),
        ("/files/private", "", 401),
        ("/files/private/", "", 401),
        ("/files/%70rivate/secret.txt", "", 400),
        ("/files/%2570rivate/secret.txt", "", 400),
        ("/files//private/secret.txt", "", 400),
        ("/files/./private/secret.txt", "", 400),
        ("/files/x/../private/secret.txt", "", 400),
        ("/files/%70rivate", "", 400),
        ("/files/none.txt", "", 404),
    ] {
        let got = status(&app, request("GET", path, headers)).await;
        assert_eq!(got, expected, "{path}");
    }
}

/// Around a service that is not axum's, every path that can be read in two ways is refused.
#[tokio::test]
async fn security_around_a_bare_service_no_path_has_two_readings() {
    declare_route!(public_route(ANY, "/bare", reason = "a test", subtree));
    declare_route!(session_route(
        ANY,
        "/bare/private",
        reason = "a test",
        subtree
    ));

    let careless = Careless::default();
    let app = auth().layer(careless.service());
    for written in WRITTEN {
        let path = format!("/bare/{written}");
        let got = status(&app, request("GET", &path, "")).await;
        assert!([400, 401].contains(&got), "{path}: {got}");
        assert_eq!(careless.seen(), Vec::<String>::new(), "{path}");
    }
    for path in ["/bare/a.txt", "/bare/my%20file.txt"] {
        assert_eq!(status(&app, request("GET", path, "")).await, 200, "{path}");
    }
}

/// A single-page application takes the paths that no route has, whatever they look like.
#[tokio::test]
async fn a_public_single_page_application_keeps_its_paths() {
    let page = service_fn(|_: Request| async { Ok("<html>".into_response()) });
    let routes = Router::new()
        .mount(session(GET, "/api/me").to(|| async { "secret" }))
        .mount(public(GET, "/health", "a test").to(|| async {}))
        .fallback_service(public(FALLBACK, "/", "a test"), page);
    let app = protect(&auth(), routes);
    for path in [
        "/",
        "/inbox;folder=3",
        "/a;b;c/d;e",
        "/notes/50%25",
        "/search/a%2Fb",
        "/~me/%7Eyou",
        "/x//y",
        "/x/./y",
        "/very/../odd",
        "/semi;colon/api",
        "/back%5Cslash",
        "/me;api",
        "/slash/at/the/end/",
    ] {
        assert_eq!(status(&app, request("GET", path, "")).await, 200, "{path}");
    }
    for path in [
        "/api/me;x",
        "/api;x/me",
        "//api/me",
        "/x/../api/me",
        "/%61pi/me",
        "/api%2fme",
    ] {
        assert_eq!(status(&app, request("GET", path, "")).await, 400, "{path}");
    }
    // It is of the same class, so it does not matter who answers.
    for path in ["/health;x", "//health", "/health/"] {
        assert_eq!(status(&app, request("GET", path, "")).await, 200, "{path}");
    }
}
