//! OpenAPI: who may call each operation of a document, by the routes' own declarations (feature
//! `utoipa`). So what is published cannot disagree with what is enforced.
//!
//! ```
//! use session_auth::{Keys, Router, SessionAuthLayer, openapi, public_route, session_route};
//! use utoipa_axum::router::OpenApiRouter;
//! use utoipa_axum::routes;
//!
//! #[utoipa::path(get, path = "/openapi/pets/{id}", responses((status = OK)))]
//! #[session_route(GET, "/openapi/pets/{id}", scope = "read")]
//! async fn pet() {}
//!
//! #[utoipa::path(get, path = "/openapi/health", responses((status = OK)))]
//! #[public_route(GET, "/openapi/health", reason = "liveness probe")]
//! async fn health() {}
//!
//! let (documented, mut api) = OpenApiRouter::<()>::new()
//!     .routes(routes!(pet))
//!     .routes(routes!(health))
//!     .split_for_parts();
//! let routes = Router::new().merge_axum(documented);
//! let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
//! openapi::secure(&mut api, &routes, &auth)?;
//! let json = api.to_json()?;
//! assert!(json.contains(r#""security":[{"session":["read"]}]"#));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;

use http::{HeaderValue, Method};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, PathItem};

use crate::access::{Access, Declaration};
use crate::audit::{self, AuditableRouter};
use crate::authenticate::Refusal;
use crate::by;
use crate::layer::SessionAuthLayer;
use crate::mounted::Route;
use crate::probed::fill;
use crate::shared::Shared;

/// The token of a session, where the layer takes it from `Authorization` as well.
const SESSION_TOKEN: &str = "session-token";

/// Sets the security requirement of each operation in the document to what its route declares, in place
/// of what is there. Call it before the router is protected, so that the app can serve the document.
///
/// | route | requirement |
/// |---|---|
/// | `public` | none: `[]` |
/// | `public` with `optional_session` | none, or any of `by`: `[{}, {"session": []}]` |
/// | `webhook` | the verifier's name |
/// | `session` | any of `by`, with its scopes: `[{"session": ["admin"]}, {"api": ["admin"]}]` |
///
/// Scopes of which any is enough (`a | b`) are alternatives. Schemes of the same names are in the
/// document then: those that it has stay as they are. `session` is the cookie, and `session-token` the
/// same in `Authorization` where the layer takes [bearer tokens]; what else asks for `Bearer` or `Basic` is
/// added as such. Routes that are not in the document stay out of it.
///
/// [bearer tokens]: crate::SessionAuthLayerBuilder::bearer_tokens
///
/// # Errors
///
/// All at once: the operations that no route answers or whose route has no class, and the schemes that
/// the document has to describe itself, such as a header of its own. The document is as it was then.
pub fn secure<R: AuditableRouter>(
    api: &mut OpenApi,
    router: &R,
    auth: &SessionAuthLayer,
) -> Result<(), OpenApiError> {
    let judged = audit::judge(router).map_err(|error| OpenApiError::of(error.to_string()))?;
    let mut secured = api.clone();
    let mut problems = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, item) in &mut secured.paths.paths {
        for (method, operation) in operations(item) {
            match declaration(&judged.routes, &method, path) {
                Ok(declaration) => {
                    let required = requirements(declaration, auth.shared());
                    names.extend(required.iter().flat_map(|one| one.names.clone()));
                    operation.security = Some(required.into_iter().map(Into::into).collect());
                }
                Err(what) => {
                    problems.insert(format!("{method} {path} {what}"));
                }
            }
        }
    }
    let schemes = &mut secured
        .components
        .get_or_insert_with(Default::default)
        .security_schemes;
    add_schemes(schemes, &names, auth.shared(), &mut problems);
    if problems.is_empty() {
        *api = secured;
        return Ok(());
    }
    Err(OpenApiError {
        problems: problems.into_iter().collect(),
    })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::OPTIONS, &mut item.options),
        (Method::HEAD, &mut item.head),
        (Method::PATCH, &mut item.patch),
        (Method::TRACE, &mut item.trace),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What speaks for the route that answers this operation. Names of parameters may differ.
fn declaration<'a>(
    routes: &'a [Route],
    method: &Method,
    path: &str,
) -> Result<&'a Declaration, &'static str> {
    let path = fill(path);
    let is_it = |route: &&Route| {
        let pattern = route.pattern.as_deref();
        pattern.is_some_and(|pattern| fill(pattern) == path) && route.methods.serves(method)
    };
    // One for any method leaves to the others what they have.
    let mut found: Vec<_> = routes.iter().filter(is_it).collect();
    found.sort_by_key(|route| route.methods.is_any());
    let route = found.first().ok_or(
        "is answered by no route: mount it, or take it out of the document; its path there is the whole one",
    )?;
    route
        .declaration
        .as_deref()
        .ok_or("has no access class: say who may call it, by an attribute on its handler")
}

/// Schemes that are all needed, each with scopes.
struct Required {
    names: Vec<String>,
    scopes: Vec<String>,
}

impl Required {
    fn of(name: &str, scopes: Vec<String>) -> Self {
        Self {
            names: vec![name.to_owned()],
            scopes,
        }
    }
}

impl From<Required> for SecurityRequirement {
    fn from(required: Required) -> Self {
        let empty = Self::default();
        let scopes = required.scopes;
        required
            .names
            .into_iter()
            .fold(empty, |all, name| all.add(name, scopes.clone()))
    }
}

/// Any of these is enough.
fn requirements(declaration: &Declaration, shared: &Shared) -> Vec<Required> {
    match declaration.access() {
        Access::Webhook { verify, .. } => vec![Required::of(verify.as_str(), Vec::new())],
        Access::Public { .. } => match declaration.by() {
            None => Vec::new(),
            Some(by) => {
                let nobody = Required {
                    names: Vec::new(),
                    scopes: Vec::new(),
                };
                let known = ways(by, shared).map(|way| Required::of(way, Vec::new()));
                std::iter::once(nobody).chain(known).collect()
            }
        },
        Access::Session { by, .. } => {
            let scopes: Vec<Vec<String>> = match declaration.scopes() {
                None => vec![Vec::new()],
                Some(scopes) => {
                    let names = scopes.names().map(str::to_owned);
                    if scopes.needs_all() {
                        vec![names.collect()]
                    } else {
                        names.map(|name| vec![name]).collect()
                    }
                }
            };
            let each = |way| scopes.iter().map(move |scopes| (way, scopes.clone()));
            ways(by, shared)
                .flat_map(each)
                .map(|(way, scopes)| Required::of(way, scopes))
                .collect()
        }
    }
}

fn ways<'a>(by: &'a str, shared: &Shared) -> impl Iterator<Item = &'a str> {
    let bearer = shared.policy.bearer;
    by::names(by).flat_map(move |name| {
        let token = (bearer && name == by::SESSION).then_some(SESSION_TOKEN);
        std::iter::once(name).chain(token)
    })
}

/// Adds the schemes that are named and not there.
fn add_schemes(
    schemes: &mut BTreeMap<String, SecurityScheme>,
    names: &BTreeSet<String>,
    shared: &Shared,
    problems: &mut BTreeSet<String>,
) {
    for name in names {
        if schemes.contains_key(name) {
            continue;
        }
        match scheme(name, shared) {
            Some(scheme) => {
                schemes.insert(name.clone(), scheme);
            }
            None => {
                problems.insert(format!(
                    "the document has no security scheme {name:?}, and how it is sent is not known here: add \
                     one of that name to its components"
                ));
            }
        }
    }
}

fn scheme(name: &str, shared: &Shared) -> Option<SecurityScheme> {
    let bearer = || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    if name == by::SESSION {
        let cookie = ApiKeyValue::new(shared.policy.cookie.name());
        return Some(SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
    if name == SESSION_TOKEN {
        return Some(bearer());
    }
    let challenge = match (shared.authenticators.get(name), shared.verifiers.get(name)) {
        (Some(authenticator), _) => Some(authenticator.challenge(&Refusal::Missing)),
        (None, Some(verifier)) => verifier.challenge(),
        (None, None) => None,
    };
    let challenge = challenge.as_ref().map(HeaderValue::as_bytes)?;
    let word = challenge.split(|byte| *byte == b' ').next()?;
    match &*word.to_ascii_lowercase() {
        b"bearer" => Some(bearer()),
        b"basic" => Some(SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
        _ => None,
    }
}

/// Why a document cannot say who may call its operations.
pub struct OpenApiError {
    problems: Vec<String>,
}

impl OpenApiError {
    fn of(problem: String) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for OpenApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the OpenAPI document and the routes do not agree:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

/// The message: it is what `fn main() -> Result<..>` prints of an error.
impl fmt::Debug for OpenApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for OpenApiError {}
