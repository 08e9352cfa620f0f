//! An identity that a middleware in front has put on the request.

use std::fmt;

use http::{Extensions, HeaderValue};

use super::{Authenticate, Proof, Refusal, RequestParts, Verdict};

type Find<T> = Box<dyn Fn(&Extensions) -> Result<Option<T>, Refusal> + Send + Sync>;

type Scopes<T> = Box<dyn Fn(&T) -> Vec<String> + Send + Sync>;

/// Takes the caller from the request's extensions, where a middleware outside of the guard has put a
/// `T`: that of the service's own login, say. The proof is the type: a client cannot send one.
///
/// The middleware has to be outside: `auth.protect(routes())?.layer(middleware)`. Where there is no `T`,
/// nobody is there (`missing`).
///
/// What the middleware puts there may be more than the caller: [`of`](Self::of).
///
/// By default the credential is taken to be [ambient](Authenticate::is_ambient), as that of a cookie is, so
/// that a page of another origin cannot use it; [`not_ambient`](Self::not_ambient) says that it is not.
///
/// # Example
///
/// ```
/// use session_auth::authenticate::Extension;
/// use session_auth::{Identity, Router, SessionAuthLayer, audited_router, session_route};
///
/// #[derive(Clone)]
/// struct User {
///     name: String,
///     is_admin: bool,
/// }
///
/// #[session_route(GET, "/me", by = "login", scope = "admin")]
/// async fn me(user: Identity<User>) -> String {
///     user.name.clone()
/// }
///
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new().mount(me)
/// }
///
/// let login = Extension::<User>::new().scopes(|user| user.is_admin.then(|| "admin".to_owned()));
/// let auth = SessionAuthLayer::builder_without_sessions().authenticator("login", login).build()?;
/// let app = auth.protect(routes())?; // .layer(the middleware that finds the user)
/// # let _ = app;
/// # Ok::<_, session_auth::BuildError>(())
/// ```
#[must_use]
pub struct Extension<T> {
    ambient: bool,
    scopes: Option<Scopes<T>>,
    find: Find<T>,
}

impl<T: Clone + Send + Sync + 'static> Extension<T> {
    /// Takes a `T` for the caller.
    pub fn new() -> Self {
        Self::by(|extensions| Ok(extensions.get::<T>().cloned()))
    }

    /// Finds the caller in what a middleware puts on **every** request, such as axum-login's `AuthSession`:
    ///
    /// ```
    /// use axum_login::AuthSession;
    /// use session_auth::authenticate::Extension;
    ///
    /// # fn example<Backend>() where Backend: axum_login::AuthnBackend + 'static {
    /// let login = Extension::of(|login: &AuthSession<Backend>| login.user.clone());
    /// # let _ = login;
    /// # }
    /// ```
    ///
    /// A request without an `E` did not come through the middleware. That is no caller's fault: the answer
    /// is a 503, and an ERROR in the log.
    pub fn of<E: Send + Sync + 'static>(
        find: impl Fn(&E) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        Self::by(move |extensions| match extensions.get::<E>() {
            Some(extension) => Ok(find(extension)),
            None => Err(Refusal::Unavailable(
                "the middleware in front has put nothing on the request: its layer belongs outside, \
                 `protect(..)?.layer(..)`",
            )),
        })
    }

    fn by(
        find: impl Fn(&Extensions) -> Result<Option<T>, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self {
            ambient: true,
            scopes: None,
            find: Box::new(find),
        }
    }

    /// Says that no browser sends what the middleware looks at by itself: a header that a program sets.
    pub fn not_ambient(mut self) -> Self {
        self.ambient = false;
        self
    }

    /// Says which scopes a caller has. The default is none.
    pub fn scopes<S>(mut self, of: impl Fn(&T) -> S + Send + Sync + 'static) -> Self
    where
        S: IntoIterator<Item = String>,
    {
        self.scopes = Some(Box::new(move |caller| of(caller).into_iter().collect()));
        self
    }
}

impl<T: Clone + Send + Sync + 'static> Default for Extension<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Send + Sync + 'static> Authenticate for Extension<T> {
    type Identity = T;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<T> {
        let caller = match (self.find)(request.extensions()) {
            Ok(Some(caller)) => caller,
            Ok(None) => return Refusal::Missing.into(),
            Err(refusal) => return refusal.into(),
        };
        let scopes = self.scopes.as_ref().map(|scopes| scopes(&caller));
        Proof::new(caller).scopes(scopes.unwrap_or_default()).into()
    }

    fn challenge(&self, _: &Refusal) -> HeaderValue {
        HeaderValue::from_static(if self.ambient { "Cookie" } else { "Bearer" })
    }

    fn is_ambient(&self) -> bool {
        self.ambient
    }
}

impl<T> fmt::Debug for Extension<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("of", &std::any::type_name::<T>())
            .field("ambient", &self.ambient)
            .finish_non_exhaustive()
    }
}
