//! What the service shows of itself: every route with who may call it and what became of it, and a
//! health answer that fails while a webhook is refused or silent.
//!
//! One line mounts it. A person with a session of the scope `routes` gets a page, a program JSON,
//! from one URL by `Accept`:
//!
//! ```
//! use session_auth::methods::POST;
//! use session_auth::webhook::Bearer;
//! use session_auth::{Keys, Router, SessionAuthLayer, audited_router, listing, webhook};
//!
//! #[audited_router]
//! fn routes() -> Router {
//!     Router::new()
//!         .mount(webhook(POST, "/events", "edge").to(|| async {}))
//!         .merge(listing::routes("/internal/routes"))
//! }
//!
//! let auth = SessionAuthLayer::builder(Keys::random()?)
//!     .verifier("edge", Bearer::new("token-of-the-edge-worker"))
//!     .build()?;
//! let app = auth.protect(routes())?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A program without a session shows a bearer token, by a [`Verifier`](crate::webhook::Verifier) of
//! the layer's, on routes of its own:
//!
//! ```
//! use session_auth::webhook::Bearer;
//! use session_auth::{Keys, Router, SessionAuthLayer, audited_router, listing};
//!
//! #[audited_router]
//! fn routes() -> Router {
//!     Router::new().merge(
//!         listing::routes("/internal/routes")
//!             .scope("admin")
//!             .machines("/internal/routes.json", "monitor")
//!             .health("/internal/health", "monitor"),
//!     )
//! }
//!
//! let auth = SessionAuthLayer::builder(Keys::random()?)
//!     .verifier("monitor", Bearer::new("token-of-the-monitor"))
//!     .build()?;
//! let app = auth.protect(routes())?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! 1. It is complete: what is mounted is in it, services and fallbacks too, and it says how many
//!    routes of each class there are.
//! 2. It is read-only, and holds no secret: keys and secrets are named by id, with their uses. Whoever
//!    is let in sees the paths of all routes, of those too that they may not call.
//! 3. What hurts comes first: webhooks that are refused or silent, traffic that nobody classified,
//!    exemptions that end soon, mode `observe`, an old key in use.
//! 4. The page is one document without inline script, under a strict policy, and is kept by no cache.
//!    It works without JavaScript; with it, it refreshes itself every 15 seconds, until told not to.
//! 5. Counts are those of this process, since it started.
//!
//! # Parameters
//!
//! | parameter | |
//! |---|---|
//! | `only=exempt` | the exemptions: public routes and webhooks, short enough for a review |
//! | `only=hurting` | routes that ring, or that nobody classified |
//! | `class=public` | `public`, `webhook`, `session` or `unclassified` |
//! | `owner=mail` | the routes of one team |
//! | `q=text` | routes with this text in path, handler, reason, verifier, owner or file |
//! | `sort=path` | `path`, `class`, `passed`, `denied`, `verified` or `refused` |
//! | `order=asc` | `asc` or `desc`; counts and times begin with the most unless it says so |
//! | `from=1000` | on the page, which shows 1,000 routes at a time: from which one on |
//!
//! Any other is refused with 400. `docs/listing.schema.json` describes the JSON, of schema 1.
//!
//! The health answer is 200 `{"status":"ok","alarms":[]}`, or 503 with `"failing"` and the list. It is
//! for a monitor, not for a load balancer: a node that answers 503 is not at fault.
//!
//! On an [`axum::Router`]: `Router::new().merge_axum(routes).merge(listing::routes(..))`.

mod collect;
mod form;
mod page;
mod query;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::header::{VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};

use self::query::Query;
use crate::inline::{InlineSession, InlineWebhook, session, webhook};
use crate::methods::GET;
use crate::pass::{Caller, Pass};
use crate::routing::{IntoRouter, Router, SealedRouter};
use crate::shared::Shared;
use crate::webhook_task;

/// The scope that a session needs, unless the service says otherwise.
const SCOPE: &str = "routes";
/// No script but the page's own file, no style but its own, and nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// In the extensions of a request that was let in: what its layer knows.
#[derive(Clone)]
pub(crate) struct Shown(pub(crate) Arc<Shared>);

/// The routes of the listing: [`Router::merge`](crate::Router::merge) takes them.
#[derive(Clone, Debug)]
#[must_use = "the listing is not served until it is mounted"]
pub struct ListingRoutes {
    page: InlineSession,
    machines: Vec<(InlineWebhook, Answer)>,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Page or JSON, by `Accept`.
    Any,
    Json,
    Health,
}

/// The listing at this path, for sessions with the scope `routes`.
#[track_caller]
pub fn routes(path: impl Into<Cow<'static, str>>) -> ListingRoutes {
    let page = session(GET, path)
        .scope(SCOPE)
        .reason("who may call each route, and what became of the requests");
    ListingRoutes {
        page,
        machines: Vec::new(),
    }
}

impl ListingRoutes {
    /// Sets the scope that a session needs, `routes` by default: `admin`, `admin | auditor`.
    pub fn scope(mut self, scope: impl Into<Cow<'static, str>>) -> Self {
        self.page = self.page.scope(scope);
        self
    }

    /// Sets what proves who looks at it, by the names of the layer's
    /// [authenticators](crate::authenticate), in place of a session: `idp`, `session | idp`. Their scopes
    /// count. A layer without sessions needs it.
    pub fn by(mut self, names: impl Into<Cow<'static, str>>) -> Self {
        self.page = self.page.by(names);
        self
    }

    /// Adds the JSON at a path for programs: the layer's verifier of this name lets them in, a
    /// [`Bearer`](crate::webhook::Bearer) say. They need not be heard from: no rule of
    /// [`silence`](crate::silence) is for them.
    #[track_caller]
    pub fn machines(
        mut self,
        path: impl Into<Cow<'static, str>>,
        verifier: impl Into<Cow<'static, str>>,
    ) -> Self {
        let declared = webhook(GET, path, verifier).reason("the listing of routes, for programs");
        self.machines.push((declared, Answer::Json));
        self
    }

    /// Adds the health answer at a path, for programs that this verifier lets in.
    #[track_caller]
    pub fn health(
        mut self,
        path: impl Into<Cow<'static, str>>,
        verifier: impl Into<Cow<'static, str>>,
    ) -> Self {
        let declared = webhook(GET, path, verifier).reason("whether a webhook rings");
        self.machines.push((declared, Answer::Health));
        self
    }
}

impl SealedRouter for ListingRoutes {}

impl<S: Clone + Send + Sync + 'static> IntoRouter<S> for ListingRoutes {
    fn __into(self) -> Router<S> {
        let of = |kind| move |request: Request| answer(request, kind);
        let page = self.page.of_the_listing().to(of(Answer::Any));
        let machines = self.machines.into_iter();
        machines.fold(Router::new().mount(page), |router, (declared, kind)| {
            router.mount(declared.of_the_listing().to(of(kind)))
        })
    }
}

async fn answer(request: Request, kind: Answer) -> Response {
    let Some(Shown(shared)) = request.extensions().get::<Shown>() else {
        return match Pass::caller(request.extensions()) {
            // Mode `observe` lets everybody through; this is for nobody without its session.
            Some(Caller::Observed { denial, .. }) => denial.into_response(),
            _ => {
                tracing::error!(
                    target: "session_auth",
                    "the listing is served without its guard, so it shows nothing: serve what \
                     `protect` returns"
                );
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the listing has no guard\n".to_owned(),
                )
            }
        };
    };
    let alarms = webhook_task::look(shared).await;
    if let Answer::Health = kind {
        let failing = !alarms.is_empty();
        let health = form::Health {
            status: if failing { "failing" } else { "ok" },
            alarms: alarms.iter().map(form::Alarm::of).collect(),
        };
        let status = if failing {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        return json(status, &health);
    }
    let query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(mistake) => return text(StatusCode::BAD_REQUEST, format!("{mistake}\n")),
    };
    let html = matches!(kind, Answer::Any) && wants_html(request.headers());
    match query.asset {
        Some(query::Asset::Style) => {
            return of_type(
                StatusCode::OK,
                "text/css; charset=utf-8",
                page::STYLE.into(),
            );
        }
        Some(query::Asset::Script) => {
            return of_type(
                StatusCode::OK,
                "text/javascript; charset=utf-8",
                page::SCRIPT.into(),
            );
        }
        None => {}
    }
    let mut listing = collect::collect(shared, &alarms);
    query.apply(&mut listing.routes);
    if !html {
        return json(StatusCode::OK, &listing);
    }
    let page = page::page(&listing, &query).into_string();
    of_type(StatusCode::OK, "text/html; charset=utf-8", page.into())
}

fn json(status: StatusCode, of: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(of) {
        Ok(bytes) => of_type(status, "application/json", bytes.into()),
        Err(error) => {
            tracing::error!(target: "session_auth", %error, "the listing is no JSON");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the listing cannot be written\n".to_owned(),
            )
        }
    }
}

fn text(status: StatusCode, text: String) -> Response {
    of_type(status, "text/plain; charset=utf-8", text.into())
}

fn of_type(status: StatusCode, of: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, of),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a page is asked for rather than JSON (RFC 9110, section 12.5.1): a browser names
/// `text/html`, and a program that names nothing gets JSON.
fn wants_html(headers: &HeaderMap) -> bool {
    let quality = |wanted: &str| {
        let all = headers.get_all(ACCEPT).into_iter();
        let ranges = all
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        ranges
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
                let quality = parts.find_map(|part| part.strip_prefix("q="));
                is_it.then(|| quality.map_or(Some(1.0), |it| it.parse::<f32>().ok()))?
            })
            .fold(0.0, f32::max)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}
