//! The peers, each as its documentation says and with the same handler: it answers with the
//! caller's name.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{FromRef, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use axum_extra::extract::cookie::{Cookie, Key, SignedCookieJar};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, login_required};
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tower_sessions::{MemoryStore, SessionManagerLayer, SessionStore};

use crate::SUBJECT;
use crate::case::{Case, answer, runtime};
use crate::services::{first_pair, request};

/// # Panics
///
/// A service does not answer as its case says.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = axum_login();
    cases.extend(signed_cookie_jar());
    cases.extend(json_web_token());
    cases
}

#[derive(Clone, Debug)]
struct User {
    name: String,
    password_hash: Vec<u8>,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.password_hash
    }
}

/// Users in memory: a data base would cost more.
#[derive(Clone)]
struct Users(Arc<HashMap<String, User>>);

impl AuthnBackend for Users {
    type User = User;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, name: String) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(&name).cloned())
    }

    async fn get_user(&self, name: &String) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(name).cloned())
    }
}

/// axum-login over tower-sessions: a signed cookie, sessions in this store.
pub(crate) fn axum_login_over<S>(store: S) -> Router
where
    S: SessionStore + Clone,
{
    async fn me(auth: AuthSession<Users>) -> Result<String, StatusCode> {
        let user = auth.user.ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(user.name)
    }
    async fn log_in(mut auth: AuthSession<Users>) -> Result<(), StatusCode> {
        let Ok(Some(user)) = auth.authenticate(SUBJECT.to_owned()).await else {
            return Err(StatusCode::UNAUTHORIZED);
        };
        let logged_in = auth.login(&user).await;
        logged_in.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }

    let user = User {
        name: SUBJECT.to_owned(),
        password_hash: vec![7; 32],
    };
    let users = Users(Arc::new([(SUBJECT.to_owned(), user)].into()));
    let sessions =
        SessionManagerLayer::new(store).with_signed(tower_sessions::cookie::Key::from(&[7; 64]));
    let auth = AuthManagerLayerBuilder::new(users, sessions).build();
    Router::new()
        .route("/me", get(me))
        .route_layer(login_required!(Users))
        .route("/login", post(log_in))
        .layer(auth)
        .with_state(())
}

/// What makes a session at [`axum_login_over`].
pub(crate) fn log_in() -> Request {
    let mut log_in = request("/login", None)();
    *log_in.method_mut() = Method::POST;
    log_in
}

fn axum_login() -> Vec<Case> {
    let app = axum_login_over(MemoryStore::default());
    let answer = answer(&runtime(), &app, log_in());
    let cookie = first_pair(&answer.headers()[SET_COOKIE]);
    vec![
        Case::service(
            "session, axum-login",
            app.clone(),
            StatusCode::OK,
            request("/me", Some((COOKIE, cookie))),
        ),
        Case::service(
            "denied, axum-login",
            app,
            StatusCode::UNAUTHORIZED,
            request("/me", None),
        ),
    ]
}

#[derive(Clone)]
struct CookieKey(Key);

impl FromRef<CookieKey> for Key {
    fn from_ref(state: &CookieKey) -> Self {
        state.0.clone()
    }
}

/// A signed cookie, read by the handler: no expiry, no session.
fn signed_cookie_jar() -> Vec<Case> {
    async fn me(jar: SignedCookieJar) -> Result<String, StatusCode> {
        let cookie = jar.get("session").ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(cookie.value().to_owned())
    }

    let key = CookieKey(Key::from(&[7; 64]));
    let jar = SignedCookieJar::new(key.0.clone()).add(Cookie::new("session", SUBJECT));
    let set = axum::response::IntoResponse::into_response((jar, ()));
    let cookie = first_pair(&set.headers()[SET_COOKIE]);
    let app = Router::new().route("/me", get(me)).with_state(key);
    vec![
        Case::service(
            "session, SignedCookieJar",
            app.clone(),
            StatusCode::OK,
            request("/me", Some((COOKIE, cookie))),
        ),
        Case::service(
            "denied, SignedCookieJar",
            app,
            StatusCode::UNAUTHORIZED,
            request("/me", None),
        ),
    ]
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// A bearer token in JWS compact form, HS256, verified in a middleware.
fn json_web_token() -> Vec<Case> {
    type Verifier = Arc<(DecodingKey, Validation)>;
    async fn verify(
        State(verifier): State<Verifier>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, StatusCode> {
        let (key, validation) = &*verifier;
        let token = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        let token = jsonwebtoken::decode::<Claims>(token, key, validation)
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        request.extensions_mut().insert(token.claims);
        Ok(next.run(request).await)
    }
    async fn me(Extension(claims): Extension<Claims>) -> String {
        claims.sub
    }

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let claims = Claims {
        sub: SUBJECT.to_owned(),
        exp: (now + Duration::from_secs(86_400)).as_secs(),
    };
    let token = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(&[7; 32]),
    );
    let token = token.expect("claims can be signed");
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("base64url and dots");
    let verifier: Verifier = Arc::new((
        DecodingKey::from_secret(&[7; 32]),
        Validation::new(Algorithm::HS256),
    ));
    let app = Router::new()
        .route("/me", get(me))
        .layer(from_fn_with_state(verifier, verify))
        .with_state(());
    vec![
        Case::service(
            "session, jsonwebtoken",
            app.clone(),
            StatusCode::OK,
            request("/me", Some((AUTHORIZATION, bearer))),
        ),
        Case::service(
            "denied, jsonwebtoken",
            app,
            StatusCode::UNAUTHORIZED,
            request("/me", None),
        ),
    ]
}
