//! Services whose sessions are those of tower-sessions, and of axum-login: what is let in, and what is not.
#![cfg(feature = "tower-sessions")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId};
use common::{Answer, cookie, protect, request, serve};
use session_auth::authenticate::{Extension, TowerSessions};
use session_auth::{Identity, Protected, Router, SessionAuthLayer, public_route, session_route};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

fn told(answer: &Answer) -> String {
    let reason = answer.body.split_once(r#""reason":""#);
    let reason = reason.map_or(&*answer.body, |(_, rest)| rest.trim_end_matches("\"}"));
    format!("{} {reason}", answer.status)
}

async fn log_in(service: SocketAddr, path: &str) -> String {
    let answer = request(service, "POST", path, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    format!("Cookie: {}\r\n", cookie(&answer))
}

// ---- tower-sessions alone ----

#[public_route(POST, "/login", reason = "creates the session")]
async fn login(session: Session) {
    session.insert("user", "ada").await.unwrap();
}

/// A session that is somebody's visit, and nobody's login.
#[public_route(POST, "/visit", reason = "counts")]
async fn visit(session: Session) {
    session.insert("visits", 1).await.unwrap();
}

#[public_route(POST, "/odd", reason = "test")]
async fn odd(session: Session) {
    session.insert("user", 7).await.unwrap();
}

#[public_route(POST, "/logout", reason = "ends the session")]
async fn logout(session: Session) {
    session.flush().await.unwrap();
}

#[session_route(GET, "/me", by = "login")]
async fn me(user: Identity<String>) -> String {
    user.to_string()
}

#[session_route(POST, "/me", by = "login")]
async fn change(user: Identity<String>) -> String {
    format!("changed by {}", *user)
}

#[session_route(GET, "/staff", by = "login", scope = "staff")]
async fn staff() {}

fn routes() -> Router {
    Router::new()
        .mount(login)
        .mount(visit)
        .mount(odd)
        .mount(logout)
        .mount(me)
        .mount(change)
        .mount(staff)
}

fn protected() -> Protected {
    let login = TowerSessions::<String>::new("user")
        .scopes(|user| (user == "grace").then(|| "staff".to_owned()));
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("login", login)
        .build()
        .unwrap();
    protect(&auth, routes()).unwrap()
}

#[tokio::test]
async fn security_a_session_with_the_key_is_the_callers_and_no_other_is() {
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let service = serve(protected().layer(sessions)).await;
    let ask = async |method, path, headers: &str| {
        let answer = request(service, method, path, headers).await;
        told(&answer)
    };
    let nobody = request(service, "GET", "/me", "").await;
    assert_eq!(told(&nobody), "401 missing");
    assert_eq!(nobody.header("www-authenticate").next(), Some("Cookie"));
    let visitor = log_in(service, "/visit").await;
    assert_eq!(ask("GET", "/me", &visitor).await, "401 missing");
    let odd = log_in(service, "/odd").await;
    assert_eq!(ask("GET", "/me", &odd).await, "401 malformed");
    assert_eq!(
        ask("GET", "/me", "Cookie: id=garbage\r\n").await,
        "401 missing"
    );

    let ada = log_in(service, "/login").await;
    assert_eq!(ask("GET", "/me", &ada).await, "200 ada");
    assert_eq!(ask("POST", "/me", &ada).await, "200 changed by ada");
    assert_eq!(ask("GET", "/staff", &ada).await, "403 scope");
    // A browser sends the cookie by itself: a page of another origin may not use it.
    let cross = format!("{ada}Sec-Fetch-Site: cross-site\r\nOrigin: https://elsewhere.example\r\n");
    assert_eq!(ask("POST", "/me", &cross).await, "403 cross_origin");
    assert_eq!(ask("GET", "/me", &cross).await, "200 ada");

    assert_eq!(ask("POST", "/logout", &ada).await, "200 ");
    assert_eq!(ask("GET", "/me", &ada).await, "401 missing");
}

#[derive(Clone, Debug)]
struct Down;

impl SessionStore for Down {
    fn save<'a, 'b, 'c>(
        &'a self,
        _: &'b Record,
    ) -> std::pin::Pin<Box<dyn Future<Output = session_store::Result<()>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Err(session_store::Error::Backend("down".to_owned())) })
    }

    fn load<'a, 'b, 'c>(
        &'a self,
        _: &'b Id,
    ) -> std::pin::Pin<Box<dyn Future<Output = session_store::Result<Option<Record>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Err(session_store::Error::Backend("down".to_owned())) })
    }

    fn delete<'a, 'b, 'c>(
        &'a self,
        _: &'b Id,
    ) -> std::pin::Pin<Box<dyn Future<Output = session_store::Result<()>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Err(session_store::Error::Backend("down".to_owned())) })
    }
}

#[tokio::test]
async fn an_outage_and_a_layer_in_the_wrong_place_are_a_503() {
    let up = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let ada = log_in(serve(protected().layer(up)).await, "/login").await;
    let down = serve(protected().layer(SessionManagerLayer::new(Down))).await;
    let answer = request(down, "GET", "/me", &ada).await;
    assert_eq!(told(&answer), "503 store_unavailable");
    // Whoever has no cookie is not told of it: nothing was asked.
    assert_eq!(told(&request(down, "GET", "/me", "").await), "401 missing");

    let log = common::log();
    let without = serve(protected()).await;
    let answer = request(without, "GET", "/me", &ada).await;
    assert_eq!(told(&answer), "503 store_unavailable");
    let lines = log.lines("ERROR", "its layer belongs outside");
    assert_eq!(lines.len(), 1, "{}", log.text());
}

// ---- axum-login ----

#[derive(Clone, Debug)]
struct User {
    name: String,
    hash: Vec<u8>,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.hash
    }
}

#[derive(Clone, Default)]
struct Users(Arc<Mutex<HashMap<String, User>>>);

impl AuthnBackend for Users {
    type User = User;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, name: String) -> Result<Option<User>, Infallible> {
        Ok(self.0.lock().unwrap().get(&name).cloned())
    }

    async fn get_user(&self, name: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

#[public_route(POST, "/login/{name}", reason = "creates the session")]
async fn log_user_in(
    mut auth: AuthSession<Users>,
    name: axum::extract::Path<String>,
) -> Result<(), StatusCode> {
    let found = auth.authenticate(name.0).await.unwrap();
    let user = found.ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user).await.unwrap();
    Ok(())
}

#[public_route(POST, "/logout", reason = "ends the session")]
async fn log_user_out(mut auth: AuthSession<Users>) {
    auth.logout().await.unwrap();
}

/// As before: with axum-login's own extractor.
#[session_route(GET, "/me", by = "login")]
async fn user(auth: AuthSession<Users>) -> String {
    auth.user.unwrap().name
}

#[session_route(POST, "/me", by = "login")]
async fn user_changes(user: Identity<User>) -> String {
    format!("changed by {}", user.name)
}

#[session_route(GET, "/staff", by = "login", scope = "staff")]
async fn user_of_staff() -> &'static str {
    "staff"
}

#[tokio::test]
async fn security_an_axum_login_service_changes_its_attributes_and_where_its_layer_is() {
    let users = Users::default();
    let set = |name: &str, hash: &str| {
        let user = User {
            name: name.to_owned(),
            hash: hash.into(),
        };
        users.0.lock().unwrap().insert(name.to_owned(), user);
    };
    set("ada", "1");
    set("grace", "1");
    let by = Extension::of(|login: &AuthSession<Users>| login.user.clone())
        .scopes(|user| (user.name == "grace").then(|| "staff".to_owned()));
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("login", by)
        .build()
        .unwrap();
    let routes = || {
        Router::new()
            .mount(log_user_in)
            .mount(log_user_out)
            .mount(user)
            .mount(user_changes)
            .mount(user_of_staff)
    };
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let login = AuthManagerLayerBuilder::new(users.clone(), sessions).build();
    let service = serve(protect(&auth, routes()).unwrap().layer(login.clone())).await;
    let ask = async |method, path, headers: &str| {
        let answer = request(service, method, path, headers).await;
        told(&answer)
    };
    let (ada, grace) = (
        log_in(service, "/login/ada").await,
        log_in(service, "/login/grace").await,
    );
    assert_eq!(ask("GET", "/me", "").await, "401 missing");
    assert_eq!(ask("GET", "/me", &ada).await, "200 ada");
    assert_eq!(ask("POST", "/me", &ada).await, "200 changed by ada");
    assert_eq!(ask("GET", "/staff", &ada).await, "403 scope");
    assert_eq!(ask("GET", "/staff", &grace).await, "200 staff");
    let cross = format!("{ada}Origin: https://elsewhere.example\r\n");
    assert_eq!(ask("POST", "/me", &cross).await, "403 cross_origin");

    // A new password, and a user who is deleted: both are out.
    set("ada", "2");
    assert_eq!(ask("GET", "/me", &ada).await, "401 missing");
    users.0.lock().unwrap().remove("grace");
    assert_eq!(ask("GET", "/staff", &grace).await, "401 missing");
    let ada = log_in(service, "/login/ada").await;
    assert_eq!(ask("POST", "/logout", &ada).await, "200 ");
    assert_eq!(ask("GET", "/me", &ada).await, "401 missing");

    // The layer inside, where it was: nobody can say who calls.
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator(
            "login",
            Extension::of(|login: &AuthSession<Users>| login.user.clone()),
        )
        .build()
        .unwrap();
    let inside: Router = routes().layer(login);
    let inside = serve(protect(&auth, inside).unwrap()).await;
    let answer = request(inside, "GET", "/me", &ada).await;
    assert_eq!(told(&answer), "503 store_unavailable");
}

#[test]
fn security_the_key_of_axum_login_alone_is_no_proof() {
    let built = SessionAuthLayer::builder_without_sessions()
        .authenticator("login", TowerSessions::<String>::new("axum-login.data"))
        .build();
    let error = built.unwrap_err().to_string();
    assert!(error.contains("`Extension::of("), "{error}");
}
