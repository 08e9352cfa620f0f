//! `--by`: what proves callers is in each attribute, and the skeleton of it is printed and compiles.

use std::fs;

use expect_test::expect;

use super::{annotate, read, service, shown};

const API: &str = r#"//! An API whose handlers know their callers by an extractor.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Router, routing::get};

pub mod auth {
    pub struct AuthUser {
        pub name: String,
    }
}

use auth::AuthUser;

impl<S: Sync> FromRequestParts<S> for AuthUser {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let token = parts.headers.get("authorization").and_then(|it| it.to_str().ok());
        let name = token.and_then(|token| token.strip_prefix("Bearer "));
        let name = name.ok_or(StatusCode::UNAUTHORIZED)?.to_owned();
        Ok(Self { name })
    }
}

async fn me(user: AuthUser) -> String {
    user.name
}

async fn items(_user: AuthUser) -> &'static str {
    "items"
}

async fn maybe(user: Result<AuthUser, StatusCode>) -> &'static str {
    if user.is_ok() { "somebody" } else { "nobody" }
}

async fn ping() -> &'static str {
    "pong"
}

pub fn app() -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/items", get(items))
        .route("/maybe", get(maybe))
        .route("/ping", get(ping).put(|| async { "put" }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_served() {
        let _service = super::app().into_make_service();
    }
}
"#;

#[test]
fn the_skeleton_of_an_authenticator_is_printed_for_what_handlers_take() {
    let fixture = service("annotate-by", "").file("src/lib.rs", API).write();
    let ran = annotate(&fixture, &["--by", "api"]).expect_code(0);
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        3 handlers know their callers by `annotate_by::auth::AuthUser` today. What its `FromRequestParts` does is
        for an authenticator to do, once for all routes:

            /// What it needs: a pool, the key of the tokens.
            pub struct ByApi;

            impl session_auth::authenticate::Authenticate for ByApi {
                type Identity = crate::auth::AuthUser;

                fn authenticate(
                    &self,
                    request: &session_auth::authenticate::RequestParts<'_>,
                ) -> session_auth::authenticate::Verdict<Self::Identity> {
                    use session_auth::authenticate::{Proof, Refusal, Verdict};
                    let token = match request.bearer() {
                        Ok(token) => token.to_owned(),
                        Err(refusal) => return refusal.into(),
                    };
                    Verdict::later(async move {
                        // TODO(access): as in `FromRequestParts` of `AuthUser`
                        let found: Option<crate::auth::AuthUser> = None;
                        let _ = token;
                        found.map(Proof::new).ok_or(Refusal::BadSignature("no such caller"))
                    })
                }
            }

        It is registered by `.authenticator("api", ByApi)`, and handlers take `Identity<AuthUser>` in place of `AuthUser`.

        4 handlers annotated, 0 left to do

        Next:
          1. Decide on each `TODO(access)` (1): until then their class is `session`.
          2. Protect the router where it is served: `let app = auth.protect(routes())?;`, where
             `auth` is `SessionAuthLayer::builder_without_sessions().authenticator("api", ..).build()?`. Until then its handlers refuse.
          3. Run `route-audit check`: it says where router and declarations disagree, and with `--fix` mends
             methods and paths.
          4. Run `route-audit init`: the lock, the configuration, a workflow.
    "#]].assert_eq(&shown(&ran.stdout, &fixture));
    let text = read(&fixture, "src/lib.rs");
    let declared: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("session"))
        .collect();
    expect![[r#"
        use session_auth::{Router, routing::get};
        #[session_auth::session_route(GET, "/me", by = "api")]
        #[session_auth::session_route(GET, "/items", by = "api")]
        #[session_auth::session_route(GET, "/maybe", by = "api")]
        #[session_auth::session_route(GET, "/ping", by = "api")]
        #[session_auth::audited_router]
                .route("/ping", get(ping).put(session_auth::session(session_auth::methods::PUT, "/ping").by("api").to(|| async { "put" })))
    "#]].assert_eq(&(declared.join("\n") + "\n"));

    // What is printed to be pasted, pasted: the service starts with it, and lets nobody in yet.
    let (_, rest) = ran
        .stdout
        .split_once("once for all routes:\n\n")
        .expect("a skeleton");
    let (pasted, _) = rest.split_once("\n\nIt is registered").expect("its end");
    let text = format!("{text}\n{pasted}\n\n{STARTS}");
    fs::write(fixture.root.join("src/lib.rs"), text).expect("a file");
    fixture.run(&["check"]).expect_code(0);
}

const STARTS: &str = r#"
#[test]
fn it_starts() {
    let auth = session_auth::SessionAuthLayer::builder_without_sessions()
        .authenticator("api", ByApi)
        .build()
        .expect("a layer");
    let _app = auth.protect(app()).expect("an app");
}
"#;

#[test]
fn a_name_that_is_none_is_refused() {
    let fixture = service("annotate-by-none", "")
        .file("src/lib.rs", API)
        .write();
    let ran = annotate(&fixture, &["--by", "Api"]).expect_code(101);
    assert!(ran.stderr.contains("a name has `a`-`z`"), "{}", ran.stderr);
    let ran = fixture.run(&["init", "--by", "api"]).expect_code(101);
    assert!(ran.stderr.contains("--annotate"), "{}", ran.stderr);
}
