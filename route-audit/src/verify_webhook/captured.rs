//! A delivery as it was captured.

use std::time::SystemTime;

use http::{HeaderMap, Method, Request, Uri};
use session_auth::webhook::{Delivery, Rejection, Scheme, Setup, Verifier, WebhookRequest};

#[derive(Clone)]
pub(super) struct Captured {
    pub(super) scheme: &'static Scheme,
    pub(super) setup: Setup,
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) now: SystemTime,
}

pub(super) enum Verdict {
    Accepted(Delivery),
    Handshake(Delivery),
    Refused(Rejection),
}

impl Captured {
    pub(super) fn verdict_of(&self, verifier: &dyn Verifier) -> Verdict {
        let mut request = Request::new(&*self.body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        match verifier.verify(&WebhookRequest::new(&request, self.now)) {
            Ok(delivery) if delivery.answer().is_some() => Verdict::Handshake(delivery),
            Ok(delivery) => Verdict::Accepted(delivery),
            Err(rejection) => Verdict::Refused(rejection),
        }
    }

    /// Whether it would be accepted, at any time.
    pub(super) fn is_proved(&self) -> bool {
        let mut setup = self.setup.clone();
        setup.any_time = true;
        let Ok(verifier) = self.scheme.verifier(&setup) else {
            return false;
        };
        verifier.check().is_ok() && !matches!(self.verdict_of(&*verifier), Verdict::Refused(_))
    }
}
