//! The service's future, and what is done with an answer before it goes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, ETAG, LAST_MODIFIED,
    SET_COOKIE, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;

use crate::activity::{DeliveryCount, Endpoint};
use crate::clock::{Clock, Timestamp};
use crate::issue::Renewed;
use crate::pass::PassEnd;
use crate::policy::{self, SessionPolicy};
use crate::response::Denial;
use crate::session::Session;
use crate::shared_cache::{self, CarriesCookie};

type Boxed<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

/// What describes a body, and goes where the body goes.
const OF_A_BODY: [HeaderName; 12] = [
    ACCEPT_RANGES,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_RANGE,
    CONTENT_TYPE,
    ETAG,
    LAST_MODIFIED,
    TRAILER,
    TRANSFER_ENCODING,
];

pin_project! {
    /// The future of [`SessionAuth`](crate::SessionAuth) and of a route's guard. Boxed for webhooks
    /// and session stores alone.
    #[must_use = "futures do nothing unless awaited"]
    pub struct ResponseFuture<F, E> {
        #[pin]
        kind: Kind<F, E>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, E> {
        // Most requests: a smaller future, and nothing to look for in it.
        Open {
            #[pin]
            future: F,
        },
        Forward {
            #[pin]
            future: F,
            outcome: Outcome,
        },
        Denied {
            response: Option<Response<Body>>,
        },
        Boxed {
            future: Boxed<E>,
        },
    }
}

/// What is done with an answer.
#[derive(Default)]
pub(crate) struct Outcome {
    // Held for its `Drop`: the pass ends with the answer.
    pass: Option<PassEnd>,
    vary: Vary,
    after: After,
}

/// What of a request an answer depends on, beside what was asked for.
#[derive(Clone, Copy, Default)]
pub(crate) enum Vary {
    /// Nothing that this layer knows of.
    #[default]
    Nothing,
    /// The session in the cookie.
    Cookie,
    /// The session in the cookie, or what else proves callers: in `Authorization`, or found by a proxy in
    /// front that read one of the two.
    CookieAndToken,
}

/// One of these at the most, and none for most: the future moves with every request.
#[derive(Default)]
enum After {
    #[default]
    Nothing,
    /// The session slides. Boxed: it is rare.
    Renew(Box<RenewCookie>),
    /// Nobody was let in, so it has no body: a preflight's.
    NoBody,
    /// A webhook's: how it answers is counted.
    Delivery(DeliveryCount),
    /// axum's own 404 and 405 were to answer.
    OfAxum(Arc<dyn Unmatched>),
}

/// In the extensions of a denial: what a middleware had answered where no route is mounted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredInside(pub(crate) StatusCode);

/// What answers in place of a middleware that answered for a route that there is not.
pub(crate) trait Unmatched: Send + Sync {
    /// `None` where the answer goes out all the same.
    fn deny(&self, status: StatusCode) -> Option<Denial>;
}

/// The cookie of a session that slides, to be set unless the response sets one itself.
pub(crate) struct RenewCookie {
    policy: Arc<SessionPolicy>,
    session: Session,
    /// What it slid to when the request was let in.
    deadline: Timestamp,
}

impl RenewCookie {
    pub(crate) fn new(policy: Arc<SessionPolicy>, session: Session, deadline: Timestamp) -> Self {
        Self {
            policy,
            session,
            deadline,
        }
    }

    /// Whether this answer may set it: not one that a shared cache may keep, nor one that comes after
    /// the session has ended in its browser.
    fn may_go_with(&self, response: &Response<Body>) -> bool {
        let Self {
            policy, session, ..
        } = self;
        // Login and logout have the last word on the cookie.
        !policy.cookie.is_set_by(response.headers())
            && shared_cache::may_carry_a_cookie(response)
            && !policy.ended.has(session.id())
    }

    /// The time that it is, and what the session slides to when its answer goes out now.
    fn slides_to(&self) -> Option<(Timestamp, Timestamp)> {
        let (now, token) = (Timestamp::of(&self.policy.clock)?, self.session.token());
        let idle_timeout = token.idle_timeout(self.policy.idle_timeout);
        let later = policy::idle_deadline(now, idle_timeout, token.absolute_deadline());
        Some((now, later.max(self.deadline)))
    }

    /// Whether the session still is one, by the store. Where the answer took its time the store is told that
    /// the session was used until now, or it would forget the session before the cookie ends.
    async fn goes_on(&self) -> bool {
        let Self {
            policy, session, ..
        } = self;
        let (subject, id) = (session.subject(), session.id());
        let every = policy::seen_every(session.token().idle_timeout(policy.idle_timeout));
        let later = self
            .slides_to()
            .filter(|(_, later)| later.since(self.deadline) >= every);
        match (&policy.store, later) {
            (Some(store), Some((now, later))) => {
                let touched = store.ask(|store| store.touch(subject, id, now, later));
                touched.await.unwrap_or(false)
            }
            _ => policy.is_live(subject, id).await == Some(true),
        }
    }

    /// The cookie and its deadline, by the clock and the keys of now: meanwhile the browser may have got one with
    /// a later deadline, or of a newer key, by an answer to another request.
    fn cookie(&self) -> Option<(HeaderValue, Timestamp)> {
        let Self {
            policy, session, ..
        } = self;
        let (now, deadline) = self.slides_to()?;
        let (left, token) = (deadline.since(now), session.token());
        if left.is_zero() {
            return None;
        }
        let value = token.renewed(&policy.keys, deadline);
        let cookie = policy.cookie.set(&value, token.lasts().max_age(left))?;
        Some((cookie, deadline))
    }

    fn write(&self, response: &mut Response<Body>) {
        if !self.may_go_with(response) {
            return;
        }
        let Some((cookie, deadline)) = self.cookie() else {
            return;
        };
        self.policy.watch.moved(self.session.id(), deadline);
        shared_cache::make_private(response.headers_mut());
        response.headers_mut().append(SET_COOKIE, cookie.clone());
        CarriesCookie::in_answer(response.extensions_mut())
            .slid
            .push(cookie);
    }
}

impl Outcome {
    pub(crate) fn of_pass(pass: PassEnd, renewal: Option<Box<RenewCookie>>) -> Self {
        Self {
            pass: Some(pass),
            after: renewal.map_or(After::Nothing, After::Renew),
            ..Self::default()
        }
    }

    pub(crate) fn varying(self, vary: Vary) -> Self {
        Self { vary, ..self }
    }

    pub(crate) fn of_preflight(pass: PassEnd) -> Self {
        Self {
            pass: Some(pass),
            after: After::NoBody,
            ..Self::default()
        }
    }

    /// `judged` is the clock where the handler checks the proof itself.
    pub(crate) fn of_delivery(
        pass: PassEnd,
        endpoint: Arc<Endpoint>,
        judged: Option<Arc<dyn Clock>>,
    ) -> Self {
        Self {
            pass: Some(pass),
            after: After::Delivery(DeliveryCount::new(endpoint, judged)),
            ..Self::default()
        }
    }

    /// `OPTIONS` to where nobody is let in.
    pub(crate) fn without_body() -> Self {
        Self {
            after: After::NoBody,
            ..Self::default()
        }
    }

    pub(crate) fn of_axum(unmatched: Arc<dyn Unmatched>) -> Self {
        Self {
            after: After::OfAxum(unmatched),
            ..Self::default()
        }
    }

    /// In place: a response is large, and moves with every request.
    #[inline]
    fn apply(&mut self, response: &mut Response<Body>) {
        self.pass = None;
        keep_private(response);
        match std::mem::take(&mut self.after) {
            After::Nothing => {}
            After::Renew(renewal) => renewal.write(response),
            After::Delivery(mut count) => count.answered(response.status()),
            After::NoBody => {
                *response.body_mut() = Body::empty();
                for header in &OF_A_BODY {
                    response.headers_mut().remove(header);
                }
            }
            After::OfAxum(unmatched) => {
                let status = response.status();
                // A 300 names what there is, and a 304 says that it has not changed.
                let says_nothing = status.is_client_error()
                    || status.is_server_error()
                    || matches!(status.as_u16(), 301..=303 | 305..=399);
                if !says_nothing && let Some(denial) = unmatched.deny(status) {
                    *response = denial.into_response();
                    response.extensions_mut().insert(AnsweredInside(status));
                }
            }
        }
        let on: &[HeaderName] = match self.vary {
            Vary::Nothing => &[],
            Vary::Cookie => &[COOKIE],
            Vary::CookieAndToken => &[COOKIE, AUTHORIZATION],
        };
        for header in on {
            shared_cache::vary(response.headers_mut(), header);
        }
    }

    /// The answer of a future, with what is done to it; where it sets a cookie of a session that goes on, after the
    /// store was asked whether it still is one. Where that cannot be said, the cookie that slides can wait. The one
    /// of a new id cannot: without it the session is lost, as the old id is good for a moment only.
    pub(crate) async fn after<F, E>(
        mut self,
        policy: &SessionPolicy,
        future: F,
    ) -> Result<Response<Body>, E>
    where
        F: Future<Output = Result<Response<Body>, E>>,
    {
        let mut response = future.await?;
        if let After::Renew(renewal) = &self.after
            && renewal.may_go_with(&response)
            && !Box::pin(renewal.goes_on()).await
        {
            self.after = After::Nothing;
        }
        if let Some(renewed) = response.extensions_mut().remove::<Renewed>()
            && Box::pin(policy.is_live(&renewed.subject, renewed.id)).await == Some(false)
        {
            shared_cache::take_off(response.headers_mut(), &[renewed.cookie]);
        }
        self.apply(&mut response);
        Ok(response)
    }
}

/// A login or a logout keeps its cookie from shared caches, whatever a middleware has marked its answer as
/// since.
#[inline]
fn keep_private(response: &mut Response<Body>) {
    if response.extensions().get::<CarriesCookie>().is_some() {
        shared_cache::make_private(response.headers_mut());
    }
}

impl<F, E> ResponseFuture<F, E> {
    pub(crate) fn forward(future: F, outcome: Outcome) -> Self {
        Self {
            kind: Kind::Forward { future, outcome },
        }
    }

    /// Nothing is to be done with the answer.
    pub(crate) fn open(future: F) -> Self {
        Self {
            kind: Kind::Open { future },
        }
    }

    pub(crate) fn denied(response: Response<Body>) -> Self {
        Self {
            kind: Kind::Denied {
                response: Some(response),
            },
        }
    }

    pub(crate) fn boxed(future: Boxed<E>) -> Self {
        Self {
            kind: Kind::Boxed { future },
        }
    }
}

impl<F, E> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    // An answer is changed in its place: it is large.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Open { future } => {
                let mut answered = future.poll(cx);
                if let Poll::Ready(Ok(response)) = &mut answered {
                    keep_private(response);
                }
                answered
            }
            KindProj::Forward { future, outcome } => {
                let mut answered = future.poll(cx);
                if let Poll::Ready(Ok(response)) = &mut answered {
                    outcome.apply(response);
                }
                answered
            }
            KindProj::Denied { response } => {
                Poll::Ready(Ok(response.take().expect("polled after completion")))
            }
            KindProj::Boxed { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, E> fmt::Debug for ResponseFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
