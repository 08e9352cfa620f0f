//! Compositions that make it hard to ask for a route: another one is in the way, or no request can have
//! its path.

use axum::Router;
use axum::routing::{any, get};

use super::common::{ask, cookie_of, log, protect, service};
use super::{Shape, check, h, listed, other};

#[tokio::test]
async fn parameters_beside_what_looks_like_them() {
    let new = Router::new;
    check(vec![
        Shape {
            name: "a parameter beside one with a prefix",
            router: new().route("/{id}", get(h)).route("/z{x}", get(other)),
            lists: &["GET /z{x}", "GET /{id}"],
            answers: &[
                ("GET", "/1", "GET /{id}", "h"),
                ("GET", "/z", "GET /{id}", "h"),
                ("GET", "/z1", "GET /z{x}", "other"),
            ],
        },
        Shape {
            name: "a parameter in the middle of a name, beside the name with braces",
            router: new()
                .route("/con{tact}", get(h))
                .route("/con{{tact}}", get(other)),
            lists: &["GET /con{tact}", "GET /con{{tact}}"],
            answers: &[
                ("GET", "/con1", "GET /con{tact}", "h"),
                ("GET", "/con{tact}", "GET /con{{tact}}", "other"),
            ],
        },
        Shape {
            name: "braces that are no parameter",
            router: new()
                .route("/{{literal}}", get(h))
                .route("/a{{b}}c/{id}", get(other)),
            lists: &["GET /a{{b}}c/{id}", "GET /{{literal}}"],
            answers: &[
                ("GET", "/{literal}", "GET /{{literal}}", "h"),
                ("GET", "/a{b}c/1", "GET /a{{b}}c/{id}", "other"),
                ("GET", "/literal", "404", ""),
            ],
        },
        Shape {
            name: "an encoded path is a path like any other",
            router: new().route("/a%20b", get(h)).route("/{id}", get(other)),
            lists: &["GET /a%20b", "GET /{id}"],
            answers: &[
                ("GET", "/a%20b", "GET /a%20b", "h"),
                ("GET", "/a%20c", "GET /{id}", "other"),
            ],
        },
        Shape {
            name: "the text of another router as a path",
            router: new()
                .route("/}}, node: Node {{ paths: {{", any(h))
                .route("/\"}}\\", get(h))
                .route("/a", get(other)),
            lists: &["GET /\"}}\\", "GET /a"],
            answers: &[
                ("GET", "/a", "GET /a", "other"),
                ("GET", "/\"}\\", "GET /\"}}\\", "h"),
            ],
        },
    ])
    .await;
}

/// Each character that a word could begin with has a route of its own.
#[tokio::test]
async fn where_every_word_is_taken_another_is_found() {
    let characters = ('!'..='~').filter(|char| !"\"#%*:<>?\\^`{|}/".contains(*char));
    let mut router = Router::new()
        .route("/{id}", get(h))
        .route("/{id}/{*rest}", get(h));
    let mut lists = vec!["GET /{id}".to_owned(), "GET /{id}/{*rest}".to_owned()];
    for char in characters {
        let path = format!("/{char}");
        router = router.route(&path, get(other));
        lists.push(format!("GET {path}"));
    }
    lists.sort();
    let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
    check(vec![Shape {
        name: "all characters",
        router,
        lists: &lists,
        answers: &[
            ("GET", "/a", "GET /a", "other"),
            ("GET", "/~", "GET /~", "other"),
            ("GET", "/ab", "GET /{id}", "h"),
            ("GET", "/a/b/c", "GET /{id}/{*rest}", "h"),
        ],
    }])
    .await;
}

#[tokio::test]
async fn catch_alls_leave_little_to_what_is_beside_them() {
    let new = Router::new;
    check(vec![
        Shape {
            name: "one below another, and a path that is longer",
            router: new()
                .route("/{*rest}", get(h))
                .route("/x/{*rest}", get(other))
                .route("/1/b/c/d/e", get(other)),
            lists: &["GET /1/b/c/d/e", "GET /x/{*rest}", "GET /{*rest}"],
            answers: &[
                ("GET", "/1/2", "GET /{*rest}", "h"),
                ("GET", "/x/1", "GET /x/{*rest}", "other"),
                ("GET", "/1/b/c/d/e", "GET /1/b/c/d/e", "other"),
                ("GET", "/1/b/c/d/f", "GET /{*rest}", "h"),
                ("GET", "/", "404", ""),
            ],
        },
        Shape {
            name: "beside a fallback, which has the root alone",
            router: new().route("/{*rest}", get(h)).fallback(other),
            lists: &["FALLBACK", "GET /{*rest}"],
            answers: &[
                ("GET", "/1/2", "GET /{*rest}", "h"),
                ("GET", "/", "FALLBACK", "other"),
                ("OPTIONS", "*", "FALLBACK", "other"),
            ],
        },
        Shape {
            name: "with the root too: then no path is left",
            router: new()
                .route("/{*rest}", get(h))
                .route("/", get(h))
                .fallback(other),
            lists: &["FALLBACK", "GET /", "GET /{*rest}"],
            answers: &[
                ("GET", "/", "GET /", "h"),
                ("PUT", "/x", "405", ""),
                ("OPTIONS", "*", "FALLBACK", "other"),
                ("CONNECT", "example.com:443", "FALLBACK", ""),
            ],
        },
        Shape {
            name: "inside of a nest with a fallback",
            router: new().nest("/in", new().route("/{*rest}", get(h)).fallback(other)),
            lists: &["FALLBACK /in", "GET /in/{*rest}"],
            answers: &[
                ("GET", "/in/1", "GET /in/{*rest}", "h"),
                ("GET", "/in", "FALLBACK /in", "other"),
            ],
        },
        Shape {
            name: "a route on the path of a nest with a fallback",
            router: new()
                .route("/in", get(h))
                .nest("/in", new().fallback(other)),
            lists: &["FALLBACK /in", "GET /in"],
            answers: &[
                ("GET", "/in", "GET /in", "h"),
                ("GET", "/in/1", "FALLBACK /in", "other"),
                ("PUT", "/in", "405", ""),
            ],
        },
        Shape {
            name: "a fallback below a parameter",
            router: new()
                .route("/t/x/a", get(h))
                .nest("/t/{tenant}", new().route("/b", get(h)).fallback(other)),
            lists: &["FALLBACK /t/{tenant}", "GET /t/x/a", "GET /t/{tenant}/b"],
            answers: &[
                ("GET", "/t/x/a", "GET /t/x/a", "h"),
                ("GET", "/t/x/c", "FALLBACK /t/{tenant}", "other"),
                ("GET", "/t/1/b", "GET /t/{tenant}/b", "h"),
                ("GET", "/t/1", "FALLBACK /t/{tenant}", "other"),
            ],
        },
        Shape {
            name: "a service below a parameter, beside a longer route",
            router: new()
                .nest_service("/{tenant}/files", service("files"))
                .route("/{tenant}/files/a/b/c", get(h)),
            lists: &[
                "GET /{tenant}/files/a/b/c",
                "service ANY /{tenant}/files/**",
            ],
            answers: &[
                ("GET", "/1/files/a/b/c", "GET /{tenant}/files/a/b/c", "h"),
                ("GET", "/1/files/a/b", "ANY /{tenant}/files/**", "files"),
                ("GET", "/1/files", "ANY /{tenant}/files/**", "files"),
            ],
        },
    ])
    .await;
}

/// What no request can have is mounted and serves nobody: no alarm, and no silence.
#[tokio::test]
async fn a_path_that_no_request_can_have_is_a_warning() {
    let log = log();
    let long = format!("/{}", "x".repeat(70_000));
    let paths = ["/a blank", "/a\nline", "/a?query", "/a#fragment", &long];
    let mut routes = Router::new().route("/a", get(h));
    for path in paths {
        routes = routes.route(path, get(other));
    }
    let router = session_auth::Router::new().merge_axum(routes);
    assert_eq!(listed(&router), ["GET /a"]);

    let auth = session_auth::SessionAuthLayer::builder(session_auth::Keys::random().unwrap())
        .unclassified(session_auth::Unclassified::Deny)
        .build()
        .unwrap();
    let cookie = cookie_of(&auth).await;
    let app = protect(&auth, router).unwrap();
    for path in paths {
        let line = format!("pattern={path:?}");
        assert_eq!(log.lines("WARN", &line).len(), 1, "{path:.20}");
    }
    // They are other paths.
    for (target, body) in [("/a?query", "h"), ("/a%20blank", "404")] {
        assert_eq!(ask(&app, "GET", target, &cookie).await.shown(), body);
    }
}
