//! Webhooks, beside one HMAC of their body and beside a layer that only verifies it.

use axum::body::{Body, Bytes};
use axum::routing::post;
use http::{HeaderValue, Method, Request, StatusCode, Uri};

use crate::case::Case;
use crate::floor::FloorHookLayer;
use crate::services::{Routers, WEBHOOK_SECRET, auth, hmac, hook};

/// A body, and the names of what is done with it.
pub struct Delivery {
    len: usize,
    batch: u32,
    /// Handed to the handler by a router with an identity layer.
    pub identity: &'static str,
    /// Verified before, on each kind of router.
    pub verified: [&'static str; 3],
    /// Verified by a layer that does nothing else.
    pub least: &'static str,
    /// One HMAC of it.
    pub hmac: &'static str,
    /// The most that verifying it may add to `identity`, over what the least adds.
    pub at_most: f64,
}

/// A small delivery, and the largest that the default limit lets through.
pub const DELIVERIES: [Delivery; 2] = [
    Delivery {
        len: 1024,
        batch: 200,
        identity: "identity, 1 KiB body",
        verified: [
            "webhook, 1 KiB, typed",
            "webhook, 1 KiB, merged",
            "webhook, 1 KiB, layered",
        ],
        least: "webhook, 1 KiB, the least",
        hmac: "HMAC-SHA256 of 1 KiB",
        at_most: 1.85,
    },
    Delivery {
        len: 1024 * 1024,
        batch: 4,
        identity: "identity, 1 MiB body",
        verified: [
            "webhook, 1 MiB, typed",
            "webhook, 1 MiB, merged",
            "webhook, 1 MiB, layered",
        ],
        least: "webhook, 1 MiB, the least",
        hmac: "HMAC-SHA256 of 1 MiB",
        at_most: 1.1,
    },
];

/// # Panics
///
/// A service does not answer as its case says.
pub(crate) fn cases() -> Vec<Case> {
    let Routers {
        identity,
        typed,
        merged,
        layered,
        ..
    } = Routers::new(&auth());
    let least = axum::Router::new()
        .route("/hook", post(hook))
        .layer(FloorHookLayer::new(WEBHOOK_SECRET))
        .with_state(());
    let ok = StatusCode::OK;
    let mut cases = Vec::new();
    for delivery in DELIVERIES {
        let body = Bytes::from(vec![b'x'; delivery.len]);
        let request = request(&body);
        let [of_typed, of_merged, of_layered] = delivery.verified;
        let of_this = [
            Case::service(delivery.identity, identity.clone(), ok, request.clone()),
            Case::service(of_typed, typed.clone(), ok, request.clone()),
            Case::service(of_merged, merged.clone(), ok, request.clone()),
            Case::service(of_layered, layered.clone(), ok, request.clone()),
            Case::service(delivery.least, least.clone(), ok, request),
            Case::function(delivery.hmac, move || hmac(WEBHOOK_SECRET, &body)),
        ];
        cases.extend(of_this.map(|case| case.in_batches_of(delivery.batch)));
    }
    cases
}

fn request(body: &Bytes) -> impl FnMut() -> Request<Body> + Clone + use<> {
    let tag = hmac(WEBHOOK_SECRET, body);
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = HeaderValue::from_str(&format!("sha256={hex}")).expect("hexadecimal");
    let body = body.clone();
    move || {
        let mut request = Request::new(Body::from(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/hook");
        request
            .headers_mut()
            .insert("x-hub-signature-256", signature.clone());
        request
    }
}
