//! An identity that a middleware in front has put on the request.

use std::fmt;
use std::marker::PhantomData;

use super::{Authenticate, Proof, Refusal, RequestParts, Verdict};

type Scopes<T> = Box<dyn Fn(&T) -> Vec<String> + Send + Sync>;

/// Takes the caller from the request's extensions, where a middleware outside of the guard has put a
/// `T`: that of the service's own login, say. The proof is the type: a client cannot send one.
///
/// The middleware has to be outside: `auth.protect(routes())?.layer(middleware)`. Where there is no `T`,
/// nobody is there (`missing`).
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
    identity: PhantomData<fn() -> T>,
}

impl<T: Clone + Send + Sync + 'static> Extension<T> {
    /// Takes a `T` for the caller.
    pub fn new() -> Self {
        Self {
            ambient: true,
            scopes: None,
            identity: PhantomData,
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
        let Some(caller) = request.extensions().get::<T>() else {
            return Refusal::Missing.into();
        };
        let scopes = self.scopes.as_ref().map(|scopes| scopes(caller));
        Proof::new(caller.clone())
            .scopes(scopes.unwrap_or_default())
            .into()
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
