//! Bearer tokens of an issuer: JWTs (RFC 7519).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::{Authenticate, ConfigError, Proof, Refusal, RequestParts, Verdict};
use crate::webhook::{Fault, Jwks, JwtIssuer, Token};

/// Callers with a JWT in `Authorization: Bearer` (RFC 6750), of an identity provider or the service's
/// own. `C` is the claims that handlers take, as [`Identity<C>`](crate::Identity). Needs the feature
/// `webhook-asymmetric`.
///
/// - The key says which algorithm is good, never the token: RS256, ES256 or EdDSA by the issuer's published
///   keys, or HS256 by a secret.
/// - `exp` is needed; `exp`, `nbf` and `iat` are whole seconds. What is judged stands once in a token: readers
///   differ in which of two they take.
/// - Scopes are those of `scope`, separated by blanks (RFC 8693), or of `scp` or `scope` as a list.
/// - Keys are looked up as [`Jwks`] says. While the issuer cannot be reached, keys that are known stay
///   good, and a token of an unknown key gets a 503.
///
/// # Example
///
/// ```
/// use serde::Deserialize;
/// use session_auth::authenticate::JwtBearer;
/// use session_auth::webhook::Jwks;
/// use session_auth::{Identity, SessionAuthLayer, session_route};
///
/// #[derive(Deserialize)]
/// struct Claims {
///     sub: String,
/// }
///
/// #[session_route(GET, "/api/me", by = "idp")]
/// async fn me(claims: Identity<Claims>) -> String {
///     claims.sub.clone()
/// }
///
/// # async fn get(url: &str) -> std::io::Result<String> { Ok(String::new()) }
/// let jwks = Jwks::fetched(|| async { Ok(get("https://idp.example.com/jwks").await?) });
/// let idp = JwtBearer::<Claims>::new("https://idp.example.com", "my-api", jwks);
/// let auth = SessionAuthLayer::builder_without_sessions().authenticator("idp", idp).build()?;
/// # Ok::<_, session_auth::BuildError>(())
/// ```
#[must_use]
pub struct JwtBearer<C> {
    issuer: Arc<JwtIssuer>,
    claims: PhantomData<fn() -> C>,
}

impl<C> JwtBearer<C> {
    /// Accepts tokens of this issuer for this audience.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, jwks: Jwks) -> Self {
        Self::by(JwtIssuer::new(issuer, audience, jwks))
    }

    /// Accepts what this issuer's tokens prove: with other claims that they must have, say.
    pub fn by(issuer: JwtIssuer) -> Self {
        Self {
            issuer: Arc::new(issuer),
            claims: PhantomData,
        }
    }

    /// Accepts tokens that are signed with this secret by HMAC-SHA256 (HS256), of whatever issuer and for
    /// whatever audience: whoever has the secret can make one. It has 32 bytes at least (RFC 7518,
    /// section 3.2). A text has no white space around it, and nothing in it that does not show: with the newline
    /// at the end of its file it is another secret.
    #[track_caller]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        Self::by(JwtIssuer::hs256(secret))
    }
}

fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::Malformed(what) => Refusal::Malformed(what),
        Fault::Forged(what) => Refusal::BadSignature(what),
        Fault::Expired(what) => Refusal::Expired(what),
        Fault::Unavailable(what) => Refusal::Unavailable(what),
    }
}

fn believe<C>(issuer: &JwtIssuer, token: &Token<'_>, now: SystemTime) -> Result<Proof<C>, Refusal>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let believed = issuer.believe(token, now).map_err(refusal)?;
    let mut proof = Proof::new(believed.claims);
    if !believed.scopes.is_empty() {
        proof = proof.scopes(believed.scopes);
    }
    Ok(match believed.end {
        Some(end) => proof.good_until(end),
        None => proof,
    })
}

/// Who a token is of, where this issuer gave it.
pub(super) fn verify<C>(issuer: &Arc<JwtIssuer>, text: &str, now: SystemTime) -> Verdict<C>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let token = match issuer.read(text) {
        Ok(token) => token,
        Err(fault) => return refusal(fault).into(),
    };
    if !issuer.needs_keys_for(&token, now) {
        return believe(issuer, &token, now).into();
    }
    let (issuer, text) = (Arc::clone(issuer), text.to_owned());
    Verdict::later(async move {
        issuer.look_up_keys_for(&text, now).await;
        let token = issuer.read(&text).map_err(refusal)?;
        believe(&issuer, &token, now)
    })
}

impl<C: DeserializeOwned + Send + Sync + 'static> Authenticate for JwtBearer<C> {
    type Identity = C;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<C> {
        match request.bearer() {
            Ok(token) => verify(&self.issuer, token, request.now()),
            Err(refusal) => refusal.into(),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.issuer.is_configured()
    }
}

impl<C> fmt::Debug for JwtBearer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwtBearer").field(&self.issuer).finish()
    }
}
