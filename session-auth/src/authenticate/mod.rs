//! Callers that something else than this library's session proves: a bearer token, an API key, a
//! proxy in front, a session of another library.
//!
//! An [`Authenticate`] has a name, by which the builder registers it
//! ([`authenticator`](crate::SessionAuthLayerBuilder::authenticator)) and routes ask for it:
//! `#[session_route(GET, "/api/items", by = "api")]`. With `by = "session | api"` any of them will do.
//! A handler takes what it found out with [`Identity`](crate::Identity).
//!
//! 1. They are asked in the order of `by`, and the first that proves the caller decides: its scopes count,
//!    and whether its credential is [ambient](Authenticate::is_ambient).
//! 2. Where none does, the answer is that of the last one asked: its reason, and its
//!    [challenge](Authenticate::challenge). One that cannot say
//!    ([`Refusal::Unavailable`]) is the last one: its answer is 503, and nobody is sent to log in again
//!    because of an outage.
//! 3. One that panics, or has not answered within
//!    [`authenticator_timeout`](crate::SessionAuthLayerBuilder::authenticator_timeout), cannot say.
//! 4. It sees the head of a request and never the body, on routes that name it and on no others.
//! 5. What it proves holds for this request alone, and not past [`Proof::good_until`].
//!
//! Built in are
//!
//! - [`ApiKeys`], which the service issues;
//! - `JwtBearer` (feature `webhook-asymmetric`), for tokens of an identity provider or the service's own;
//! - [`ForwardedIdentity`], which an authenticating proxy in front has found;
//! - `TowerSessions` (feature `tower-sessions`), for sessions of that library;
//! - [`Extension`], for an identity that a middleware in front has put on the request: axum-login's, say.
//!
//! # Example
//!
//! Tokens in a table, and the service's own `User`:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
//! use session_auth::{Identity, Router, SessionAuthLayer, audited_router, session_route};
//!
//! #[derive(Clone)]
//! struct User {
//!     name: String,
//! }
//!
//! struct Tokens(HashMap<String, User>);
//!
//! impl Tokens {
//!     fn find(&self, request: &RequestParts<'_>) -> Result<Proof<User>, Refusal> {
//!         let token = request.bearer()?;
//!         let user = self.0.get(token).ok_or(Refusal::BadSignature("no such token"))?;
//!         Ok(Proof::new(user.clone()).scopes(["items"]))
//!     }
//! }
//!
//! impl Authenticate for Tokens {
//!     type Identity = User;
//!
//!     fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<User> {
//!         self.find(request).into()
//!     }
//! }
//!
//! #[session_route(GET, "/api/items", by = "api", scope = "items")]
//! async fn items(user: Identity<User>) -> String {
//!     format!("items of {}", user.name)
//! }
//!
//! #[audited_router]
//! fn routes() -> Router {
//!     Router::new().mount(items)
//! }
//!
//! let ada = User { name: "ada".to_owned() };
//! let tokens = Tokens(HashMap::from([("cafe".to_owned(), ada)]));
//! let auth = SessionAuthLayer::builder_without_sessions()
//!     .authenticator("api", tokens)
//!     .build()?;
//! let app = auth.protect(routes())?;
//! # let _ = app;
//! # Ok::<_, session_auth::BuildError>(())
//! ```

mod api_keys;
mod extension;
mod forwarded;
#[cfg(feature = "webhook-asymmetric")]
mod jwt;
mod proof;
mod registered;
mod request;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

pub use self::api_keys::{ApiKeyError, ApiKeys, IssuedApiKey, NewApiKey};
pub use self::extension::Extension;
pub use self::forwarded::ForwardedIdentity;
#[cfg(feature = "webhook-asymmetric")]
pub use self::jwt::JwtBearer;
#[cfg(test)]
pub(crate) use self::proof::Found;
pub(crate) use self::proof::Proved;
pub use self::proof::{Proof, Refusal, Verdict};
pub(crate) use self::registered::{Asked, Pending, Registered};
pub use self::request::RequestParts;
#[cfg(feature = "tower-sessions")]
pub use self::tower_sessions::TowerSessions;
use crate::trail::AuditSink;
pub use crate::webhook::ConfigError;

/// What proves who calls.
///
/// [`authenticate`](Self::authenticate) answers at once, or with a future: then nothing is boxed for
/// those that need not wait, and one that keeps what it knows, such as keys or a cache, waits only for the rest.
///
/// ```
/// use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
///
/// # #[derive(Clone)] struct Pool;
/// # impl Pool { async fn user_of(&self, token: &str) -> Result<Option<String>, std::io::Error> { Ok(None) } }
/// struct InDatabase(Pool);
///
/// impl Authenticate for InDatabase {
///     type Identity = String;
///
///     fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<String> {
///         let token = match request.bearer() {
///             Ok(token) => token.to_owned(),
///             Err(refusal) => return refusal.into(),
///         };
///         let pool = self.0.clone();
///         Verdict::later(async move {
///             match pool.user_of(&token).await {
///                 Ok(Some(user)) => Ok(Proof::new(user)),
///                 Ok(None) => Err(Refusal::BadSignature("no such token")),
///                 Err(_) => Err(Refusal::Unavailable("the database did not answer")),
///             }
///         })
///     }
/// }
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// What handlers take as [`Identity`](crate::Identity).
    type Identity: Send + Sync + 'static;

    /// Says who calls, or why that is not known: `self.find(request).into()`, or [`Verdict::later`].
    ///
    /// It must not block: while it does, nothing can end it, and other requests wait too.
    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<Self::Identity>;

    /// The `WWW-Authenticate` of a 401 (RFC 9110, section 11.6.1). The default is that of a bearer token
    /// (RFC 6750, section 3): `Bearer`, with `error="invalid_token"` where there was one.
    fn challenge(&self, refusal: &Refusal) -> HeaderValue {
        HeaderValue::from_static(match refusal {
            Refusal::Missing => "Bearer",
            _ => r#"Bearer error="invalid_token""#,
        })
    }

    /// Whether a browser sends the credential by itself, as it does cookies, HTTP Basic and client
    /// certificates: then a page of another origin must not use it, as with sessions of this library.
    ///
    /// The default is `false`, which is right for what a program puts into a header. Where it is `true`,
    /// people without a credential are sent to the layer's
    /// [`login_path`](crate::SessionAuthLayerBuilder::login_path).
    fn is_ambient(&self) -> bool {
        false
    }

    /// Headers that nobody but a peer of whom [`may_send`](Self::may_send) says so may send: from the
    /// requests of all others they are removed, on every route of the layer. The default is none.
    fn reserved_headers(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// Whether this request may have the [reserved headers](Self::reserved_headers). The default is
    /// `false`.
    fn may_send(&self, request: &RequestParts<'_>) -> bool {
        let _ = request;
        false
    }

    /// Gives it the layer's sink, to tell who was given a credential and whose was taken away: see
    /// [`trail`](crate::trail). Called when a layer that has one is built. The default tells nothing.
    fn tell(&self, sink: &Arc<dyn AuditSink>) {
        let _ = sink;
    }

    /// Whether this can prove anyone at all. Called once, when the layer is built; an error stops the
    /// start.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration: no key, say.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}
