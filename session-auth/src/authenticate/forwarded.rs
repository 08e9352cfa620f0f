//! What an authenticating proxy in front says of the caller.

use std::fmt;
use std::time::SystemTime;

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderName, HeaderValue};

use super::{Authenticate, ConfigError, Proof, Refusal, RequestParts, Verdict};
use crate::subject;
use crate::webhook::{Network, networks};

type Read<T> = Box<dyn Fn(&str, SystemTime) -> Verdict<T> + Send + Sync>;

/// Callers whom a proxy in front has authenticated, such as oauth2-proxy, Authelia, Cloudflare Access or a
/// gateway with client certificates: it names them in a header, or sends a JWT.
///
/// - Only the proxies that are named here may send the header, by the address of the connection:
///   `X-Forwarded-For` is not read. **From the requests of everybody else it is removed**, on every route of
///   the layer, also public ones; before the handler and middlewares inside see them.
/// - A proxy that adds the header must take the client's own off: of two, nobody knows whose which is, and
///   they are refused as `malformed`. That goes for each header that is named here: one that the proxy leaves
///   alone, such as that of the scopes, is the client's own.
/// - The service has to be served with the peer's address, by
///   [`into_make_service_with_connect_info`](crate::Protected::into_make_service_with_connect_info) with
///   `SocketAddr`. Where it is not known, the answer is a 503, with an ERROR in the log.
/// - The proxy's own login is taken to be [ambient](Authenticate::is_ambient), as it is by a cookie or a
///   certificate, so that a page of another origin cannot use it; [`not_ambient`](Self::not_ambient) says
///   that it is not.
///
/// # Example
///
/// ```
/// use axum::http::HeaderName;
/// use session_auth::authenticate::ForwardedIdentity;
/// use session_auth::{Identity, SessionAuthLayer, session_route};
///
/// #[session_route(GET, "/me", by = "proxy")]
/// async fn me(user: Identity<String>) -> String {
///     user.to_string()
/// }
///
/// let header = HeaderName::from_static("x-forwarded-user");
/// let proxy = ForwardedIdentity::new(header, ["10.0.0.7", "10.1.0.0/16"])?
///     .scopes_from(HeaderName::from_static("x-forwarded-groups"))
///     .reserve(HeaderName::from_static("x-forwarded-email"));
/// let auth = SessionAuthLayer::builder_without_sessions().authenticator("proxy", proxy).build()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct ForwardedIdentity<T> {
    header: HeaderName,
    scopes: Option<HeaderName>,
    reserved: Vec<HeaderName>,
    proxies: Vec<Network>,
    ambient: bool,
    read: Read<T>,
}

impl ForwardedIdentity<String> {
    /// The name of the caller is in this header, and comes from one of these proxies: addresses, or networks
    /// (`10.1.0.0/16`, `2001:db8::/32`). It has 1 to 1024 bytes of ASCII.
    ///
    /// # Errors
    ///
    /// Where one is no address and no network.
    pub fn new<A: AsRef<str>>(
        header: HeaderName,
        proxies: impl IntoIterator<Item = A>,
    ) -> Result<Self, ConfigError> {
        Self::by(header, proxies, |name| Some(name.to_owned()))
    }
}

impl<T: Send + Sync + 'static> ForwardedIdentity<T> {
    /// The same, where the service has a type of its own for callers: `None` is for a text that names
    /// nobody, which is refused as `malformed`.
    ///
    /// # Errors
    ///
    /// Where one is no address and no network.
    pub fn by<A: AsRef<str>>(
        header: HeaderName,
        proxies: impl IntoIterator<Item = A>,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let read = move |name: &str, _| {
            let found = subject::check(name).ok().and_then(|()| read(name));
            let found = found.ok_or(Refusal::Malformed("the header of the proxy names nobody"));
            found.map(Proof::new).into()
        };
        Self::reading(header, proxies, Box::new(read))
    }

    /// A JWT of this issuer is in this header, such as `cf-access-jwt-assertion`, and comes from one of these
    /// proxies. Scopes are those of the token. Needs the feature `webhook-asymmetric`.
    ///
    /// # Errors
    ///
    /// Where one is no address and no network, or the issuer could believe no token: it has no name, say.
    #[cfg(feature = "webhook-asymmetric")]
    pub fn jwt<A: AsRef<str>>(
        header: HeaderName,
        issuer: crate::webhook::JwtIssuer,
        proxies: impl IntoIterator<Item = A>,
    ) -> Result<Self, ConfigError>
    where
        T: serde::de::DeserializeOwned,
    {
        issuer.is_configured()?;
        let issuer = std::sync::Arc::new(issuer);
        let read = move |token: &str, now| super::jwt::verify(&issuer, token, now);
        Self::reading(header, proxies, Box::new(read))
    }

    fn reading<A: AsRef<str>>(
        header: HeaderName,
        proxies: impl IntoIterator<Item = A>,
        read: Read<T>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            reserved: vec![header.clone()],
            header,
            scopes: None,
            proxies: networks(proxies)?,
            ambient: true,
            read,
        })
    }

    /// Takes the caller's scopes from this header: names with commas between them, such as groups. Without
    /// it they have none, or those of the token.
    pub fn scopes_from(mut self, header: HeaderName) -> Self {
        self.reserved.push(header.clone());
        self.scopes = Some(header);
        self
    }

    /// Removes this header, too, from the requests of everybody but the proxies: for what else handlers take
    /// from them, such as an address for mail.
    pub fn reserve(mut self, header: HeaderName) -> Self {
        self.reserved.push(header);
        self
    }

    /// Says that no browser sends the proxy's credential by itself: a token that a program sets.
    pub fn not_ambient(mut self) -> Self {
        self.ambient = false;
        self
    }

    fn is_proxy(&self, request: &RequestParts<'_>) -> bool {
        let peer = request.peer();
        peer.is_some_and(|peer| self.proxies.iter().any(|proxy| proxy.has(peer)))
    }

    /// The scopes that the proxy names, if it is to name them.
    fn scopes(&self, request: &RequestParts<'_>) -> Result<Option<Vec<String>>, Refusal> {
        let Some(header) = &self.scopes else {
            return Ok(None);
        };
        let names = match request.header(header) {
            Ok(names) => names,
            Err(Refusal::Missing) => "",
            Err(refusal) => return Err(refusal),
        };
        let names = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Ok(Some(names.map(str::to_owned).collect()))
    }
}

impl<T: Send + Sync + 'static> Authenticate for ForwardedIdentity<T> {
    type Identity = T;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<T> {
        if request.peer().is_none() {
            return Refusal::Unavailable(
                "the address of the peer is not known: serve the app by \
                 `into_make_service_with_connect_info::<SocketAddr>()`",
            )
            .into();
        }
        if !self.is_proxy(request) {
            return Refusal::Missing.into();
        }
        let name = match request.header(&self.header) {
            Ok(name) => name.trim_ascii(),
            Err(refusal) => return refusal.into(),
        };
        match self.scopes(request) {
            Ok(None) => (self.read)(name, request.now()),
            Ok(Some(scopes)) => (self.read)(name, request.now()).with_scopes(scopes),
            Err(refusal) => refusal.into(),
        }
    }

    fn challenge(&self, _: &Refusal) -> HeaderValue {
        HeaderValue::from_static(if self.ambient { "Cookie" } else { "Bearer" })
    }

    fn is_ambient(&self) -> bool {
        self.ambient
    }

    fn reserved_headers(&self) -> Vec<HeaderName> {
        self.reserved.clone()
    }

    fn may_send(&self, request: &RequestParts<'_>) -> bool {
        self.is_proxy(request)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.proxies.is_empty() {
            return Err(ConfigError::new("no proxy is trusted: name one at least"));
        }
        let others = [AUTHORIZATION, COOKIE, HOST, ORIGIN];
        if let Some(name) = self.reserved.iter().find(|name| others.contains(name)) {
            return Err(ConfigError::new(format!(
                "the header `{name}` is everybody's, and would be removed from all requests but the \
                 proxies': have the proxy use one of its own"
            )));
        }
        Ok(())
    }
}

impl<T> fmt::Debug for ForwardedIdentity<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardedIdentity")
            .field("header", &self.header)
            .field("ambient", &self.ambient)
            .finish_non_exhaustive()
    }
}
