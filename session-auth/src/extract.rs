//! The extractors: what the layer left in a request for its handler, or a 500 that says what the
//! declaration lacks.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use axum::response::IntoResponse;
use http::request::Parts;
use http::{Extensions, HeaderValue, Response, StatusCode};

use crate::access::{AccessClass, Declaration};
use crate::by;
use crate::declared::declarations;
use crate::end::EndSession;
use crate::mode::Mode;
use crate::pass::{Caller, Pass, Who};
use crate::response::Denial;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::webhook::Delivery;

/// An extractor was used on a route whose declaration does not allow it: a mistake in the program,
/// answered with a 500.
#[derive(Clone, Debug)]
pub struct ExtractorMisuse {
    extractor: Cow<'static, str>,
    method: http::Method,
    path: String,
    handler: Option<String>,
    why: Cow<'static, str>,
}

impl ExtractorMisuse {
    fn new(parts: &Parts, extractor: &'static str) -> Self {
        Self::because(parts, Cow::Borrowed(extractor), None)
    }

    /// What is wrong; `None` where the declaration says it.
    pub(crate) fn because(
        parts: &Parts,
        extractor: Cow<'static, str>,
        why: Option<Cow<'static, str>>,
    ) -> Self {
        let pattern = parts
            .extensions
            .get::<MatchedPath>()
            .map(MatchedPath::as_str);
        let by_pattern = || {
            // Not a second classification: it finds a name to print, in a request that has failed.
            declarations().into_iter().find(|declaration| {
                let target = declaration.target();
                let paths = target.paths();
                paths.iter().any(|path| Some(&**path) == pattern)
                    && target.methods().serves(&parts.method)
            })
        };
        let declaration: Option<&Declaration> = match Pass::declaration(&parts.extensions) {
            Some(declaration) => Some(declaration),
            None => by_pattern(),
        };
        let is_identity = extractor.contains("Identity<");
        let missing = match (declaration.map(Declaration::class), &*extractor) {
            // On a public route there is no pass to tell what it declares.
            (None, "Sessions") => "`issues_session`, or a guard around its router",
            (None, "Option<Session>" | "EndSession") => {
                "`optional_session`, or a guard around its router"
            }
            (None, "Delivery") => "the class `webhook`, or a guard around its router",
            (None, _) => "the class `session`, or a guard around its router",
            (Some(AccessClass::Webhook), "Delivery") => "a verifier (its handler is its own)",
            (Some(_), "Delivery") => "the class `webhook`",
            (Some(AccessClass::Session), _) if is_identity => "a guard around its router",
            (Some(AccessClass::Public), _) if is_identity => {
                "the class `session` (or `optional_session`, with `Option<Identity<..>>`)"
            }
            (Some(AccessClass::Webhook), _) => "the class `session` (a webhook has no session)",
            (Some(AccessClass::Session), _) => "a guard around its router",
            (Some(AccessClass::Public), "Sessions") => "`issues_session`",
            (Some(AccessClass::Public), "Session") => {
                "the class `session` (or `optional_session`, with `Option<Session>`)"
            }
            (Some(AccessClass::Public), _) => "`optional_session`",
        };
        let misuse = Self {
            extractor,
            method: parts.method.clone(),
            path: pattern.unwrap_or_else(|| parts.uri.path()).to_owned(),
            handler: declaration.map(|declaration| declaration.handler().to_owned()),
            why: why.unwrap_or_else(|| Cow::Owned(format!("lacks {missing}"))),
        };
        tracing::error!(target: "session_auth", "{misuse}");
        misuse
    }
}

impl fmt::Display for ExtractorMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            extractor,
            method,
            path,
            handler,
            why,
        } = self;
        let handler = handler.as_deref().unwrap_or("its handler");
        write!(
            f,
            "{method} {path:?}: {handler} takes `{extractor}`, but {why}"
        )
    }
}

impl std::error::Error for ExtractorMisuse {}

impl IntoResponse for ExtractorMisuse {
    fn into_response(self) -> axum::response::Response {
        // What is wrong is in the log and, for `audit::probe` and outer layers, in the extensions.
        let mut response = Response::new(Body::from(r#"{"error":"Internal server error"}"#));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response.extensions_mut().insert(self);
        response
    }
}

/// There is no session to extract.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The declaration of the route does not allow it.
    Misuse(ExtractorMisuse),
    /// The layer only [observes](crate::Mode::Observe), and let a request through that has no
    /// session: the handler cannot run, so the response is the one that enforcing would give. Or a page
    /// of another origin would end the session.
    Denied(Denial),
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Denied(denial) => write!(f, "there is no session: {denial}"),
        }
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Misuse(misuse) => misuse.into_response(),
            Self::Denied(denial) => denial.into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        match Pass::caller(&parts.extensions) {
            Some(
                Caller::Session(session)
                | Caller::Observed {
                    who: Some(Who::Session(session)),
                    ..
                },
            ) => Ok(session.clone()),
            Some(
                Caller::Proved { proved, .. }
                | Caller::Observed {
                    who: Some(Who::Proved(proved, _)),
                    ..
                },
            ) => {
                let why = format!(
                    "the caller was proved by {:?}: take `Option<Session>`, or `Identity<..>`",
                    proved.by
                );
                let (extractor, why) = (Cow::Borrowed("Session"), Some(Cow::Owned(why)));
                let misuse = ExtractorMisuse::because(parts, extractor, why);
                Err(SessionRejection::Misuse(misuse))
            }
            Some(Caller::Observed { denial, .. }) => Err(SessionRejection::Denied(*denial)),
            _ => {
                let misuse = ExtractorMisuse::new(parts, "Session");
                Err(SessionRejection::Misuse(misuse))
            }
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = ExtractorMisuse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractorMisuse> {
        match Pass::caller(&parts.extensions) {
            Some(
                Caller::Session(session)
                | Caller::Optional {
                    who: Some(Who::Session(session)),
                    ..
                }
                | Caller::Observed {
                    who: Some(Who::Session(session)),
                    ..
                },
            ) => Ok(Some(session.clone())),
            Some(Caller::Optional { .. } | Caller::Proved { .. })
                if !takes_sessions(&parts.extensions) =>
            {
                let why =
                    "no session of this library can open the route: add `session` to its `by`";
                let (extractor, why) = (Cow::Borrowed("Option<Session>"), Cow::Borrowed(why));
                Err(ExtractorMisuse::because(parts, extractor, Some(why)))
            }
            Some(Caller::Observed { .. } | Caller::Optional { .. } | Caller::Proved { .. }) => {
                Ok(None)
            }
            _ => Err(ExtractorMisuse::new(parts, "Option<Session>")),
        }
    }
}

fn takes_sessions(extensions: &Extensions) -> bool {
    let declaration = Pass::declaration(extensions);
    let by = declaration.and_then(|declaration| declaration.by());
    by.is_none_or(by::has_session)
}

impl<S: Send + Sync> FromRequestParts<S> for Sessions {
    type Rejection = ExtractorMisuse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorMisuse> {
        match Pass::caller(&parts.extensions) {
            Some(Caller::Session(session)) => {
                let sessions = Self::new(Arc::clone(session.policy()));
                Ok(sessions.of_request(&parts.headers))
            }
            // What is in the cookie may be over, or whose it is may not count here; its browser has it
            // all the same, until it gets another.
            Some(
                Caller::Optional {
                    sessions,
                    issuing: true,
                    ..
                }
                | Caller::Issues(sessions)
                | Caller::Proved { sessions, .. }
                | Caller::Observed { sessions, .. },
            ) => Ok(sessions.of_request(&parts.headers)),
            _ => Err(ExtractorMisuse::new(parts, "Sessions")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EndSession {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        match Pass::caller(&parts.extensions) {
            Some(Caller::Optional {
                cross_origin: Some((endpoint, mode)),
                sessions,
                ..
            }) => {
                let (denial, now) = (Denial::CrossOrigin, sessions.now().ok());
                if *mode == Mode::Enforce {
                    endpoint.deny(denial, now);
                    return Err(SessionRejection::Denied(denial));
                }
                endpoint.observe(denial, now);
                Ok(EndSession::new(sessions, &parts.headers))
            }
            Some(
                Caller::Optional { sessions, .. }
                | Caller::Proved { sessions, .. }
                | Caller::Observed { sessions, .. },
            ) => Ok(EndSession::new(sessions, &parts.headers)),
            Some(Caller::Session(session)) => {
                let sessions = Sessions::new(Arc::clone(session.policy()));
                Ok(EndSession::new(&sessions, &parts.headers))
            }
            _ => {
                let misuse = ExtractorMisuse::new(parts, "EndSession");
                Err(SessionRejection::Misuse(misuse))
            }
        }
    }
}

/// For handlers of class `webhook` that are verified by the layer.
impl<S: Send + Sync> FromRequestParts<S> for Delivery {
    type Rejection = ExtractorMisuse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractorMisuse> {
        match Pass::caller(&parts.extensions) {
            Some(Caller::Delivery(Some(delivery), _)) => Ok(delivery.clone()),
            // Nothing proved this one.
            Some(Caller::Observed { .. }) => Ok(Self::new()),
            _ => Err(ExtractorMisuse::new(parts, "Delivery")),
        }
    }
}
