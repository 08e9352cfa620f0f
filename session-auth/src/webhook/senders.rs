//! The senders whose deliveries are signed with an HMAC: a table.

use super::greeting::Greeting;
use super::hmac::{Hmac, PLAIN};
use super::key::KeyForm;
#[cfg(feature = "sha1")]
use super::mac::Algorithm;
use super::mac::Encoding;
#[cfg(any(feature = "sha1", feature = "webhook-asymmetric"))]
use super::row::By;
use super::row::{At, Id, Part, Row, Shape, Time, Tolerance, Unit};
use super::scheme::{self, Scheme, Setup};
use super::secret::IntoSecrets;
use super::verifier::{ConfigError, Rejection, Verifier};

const fn time(at: At, unit: Unit, tolerance: Tolerance) -> Option<Time> {
    Some(Time {
        at,
        unit,
        tolerance,
        early: false,
    })
}

/// A row is a sender: its constructor, what is known of it, and how it signs.
macro_rules! senders {
    ($(
        $(#[doc = $doc:literal])*
        $([$cfg:meta])?
        $name:ident, $row:ident = $form:expr, $scheme:expr;
    )*) => {
        $($(#[$cfg])? pub(super) static $row: Row = $form;)*

        /// The senders that sign with an HMAC.
        pub(super) static SCHEMES: &[Scheme] = &[$($(#[$cfg])? Scheme {
            constructor: concat!("Hmac::", stringify!($name)),
            tolerance: $form.tolerance(),
            delivery_id: $form.delivery_id(),
            build: |setup| build($scheme.name, &$row, setup),
            ..$scheme
        },)*];

        /// How each signs, by the names of their schemes.
        #[cfg(feature = "testing")]
        pub(super) static ROWS: &[(&str, &Row)] = &[$($(#[$cfg])? ($scheme.name, &$row),)*];

        /// The senders that are known.
        impl Hmac {
            $(
                $(#[doc = $doc])*
                $(#[$cfg])?
                #[track_caller]
                pub fn $name(secret: impl IntoSecrets) -> Self {
                    Self::of(scheme::known(SCHEMES, $scheme.name), &$row, secret.into_secrets())
                }
            )*
        }
    };
}

senders! {
    /// Standard Webhooks and Svix, and whoever signs like them (OpenAI, Supabase, Clerk, Resend ..):
    /// `webhook-signature` or `svix-signature`, version `v1`. The secret is `whsec_` and base64.
    ///
    /// For version `v1a`, Ed25519, there is `PublicKey::standard_webhooks`.
    standard_webhooks, STANDARD_WEBHOOKS = Row {
        signature: &["webhook-signature", "svix-signature"],
        shape: Shape::List { version: "v1" },
        encoding: Encoding::Base64,
        key: KeyForm::Whsec,
        message: STANDARD_MESSAGE,
        time: STANDARD_TIME,
        id: STANDARD_ID,
        ..PLAIN
    }, Scheme {
        name: "standard-webhooks",
        sender: "Standard Webhooks, Svix",
        signs: "`{id}.{timestamp}.{body}`; HMAC-SHA256 (`v1`), Ed25519 (`v1a`)",
        proof: "webhook-signature, svix-signature",
        // What svix-server does by default; the specification's example goes on for three days.
        retry_budget: Some(99_305),
        retries: "after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; 410 ends it, and 120 h of failures",
        ..Scheme::UNSAID
    };

    /// Stripe: `Stripe-Signature`, version `v1`. The secret is all of `whsec_..`, as text.
    stripe, STRIPE = Row {
        signature: &["stripe-signature"],
        shape: Shape::Pairs {
            separator: ',',
            time: "t",
            version: "v1",
            // Its libraries tell it from a wrong one: "No signatures found with expected scheme".
            none: Rejection::SignatureMissing,
        },
        message: &[Part::Time, Part::Text("."), Part::Body],
        time: time(At::Pair, Unit::Seconds, Tolerance::OfSender(300)),
        id: Id::Body("/id"),
        ..PLAIN
    }, Scheme {
        name: "stripe",
        sender: "Stripe",
        signs: "`{t}.{body}`; HMAC-SHA256, hexadecimal",
        proof: "Stripe-Signature",
        retry_budget: Some(3 * DAY),
        retries: "exponentially for 3 days (live)",
        ..Scheme::UNSAID
    };

    /// GitHub: `X-Hub-Signature-256`, and `X-GitHub-Delivery` as the delivery's id.
    ///
    /// The signature does not cover the id, so whoever replays a delivery can give it a new one.
    github, GITHUB = Row {
        signature: &["x-hub-signature-256"],
        shape: Shape::Whole { prefix: "sha256=" },
        id: Id::Header(&["x-github-delivery"]),
        ..PLAIN
    }, Scheme {
        name: "github",
        sender: "GitHub",
        signs: "the body; HMAC-SHA256, hexadecimal",
        proof: "X-Hub-Signature-256",
        retry_budget: Some(0),
        retries: "never: by hand or by its API, for 3 days",
        ..Scheme::UNSAID
    };

    /// Slack: `X-Slack-Signature`, version `v0`, under the app's signing secret. `url_verification` is
    /// answered by the layer.
    slack, SLACK = Row {
        signature: &["x-slack-signature"],
        shape: Shape::Whole { prefix: "v0=" },
        message: &[Part::Text("v0:"), Part::Time, Part::Text(":"), Part::Body],
        time: time(
            At::Header(&["x-slack-request-timestamp"]),
            Unit::Seconds,
            Tolerance::OfSender(300),
        ),
        id: Id::Body("/event_id"),
        greeting: Some(Greeting::Slack),
        ..PLAIN
    }, Scheme {
        name: "slack",
        sender: "Slack",
        signs: "`v0:{timestamp}:{body}`; HMAC-SHA256, hexadecimal",
        proof: "X-Slack-Signature",
        retry_budget: Some(360),
        retries: "at once, after 1 min and 5 min",
        handshake: Some("`url_verification`: the challenge is echoed"),
        ..Scheme::UNSAID
    };

    /// Shopify: `X-Shopify-Hmac-Sha256`, or `shopify-hmac-sha256` of its newer events, under the app's
    /// client secret.
    shopify, SHOPIFY = Row {
        signature: &["x-shopify-hmac-sha256", "shopify-hmac-sha256"],
        encoding: Encoding::Base64,
        id: Id::Header(&["x-shopify-webhook-id", "shopify-webhook-id"]),
        ..PLAIN
    }, Scheme {
        name: "shopify",
        sender: "Shopify",
        signs: "the body; HMAC-SHA256, base64",
        proof: "X-Shopify-Hmac-Sha256, shopify-hmac-sha256",
        retry_budget: Some(4 * HOUR),
        retries: "8 times in 4 h; then the subscription may be deleted",
        ..Scheme::UNSAID
    };

    /// LINE: `x-line-signature`, under the channel secret.
    line, LINE = Row {
        signature: &["x-line-signature"],
        encoding: Encoding::Base64,
        ..PLAIN
    }, Scheme {
        name: "line",
        sender: "LINE",
        signs: "the body; HMAC-SHA256, base64",
        proof: "x-line-signature",
        retries: "only where redelivery is switched on",
        ..Scheme::UNSAID
    };


    /// WorkOS: `WorkOS-Signature`.
    workos, WORKOS = Row {
        signature: &["workos-signature"],
        shape: Shape::Pairs {
            separator: ',',
            time: "t",
            version: "v1",
            none: Rejection::SignatureInvalid,
        },
        message: &[Part::Time, Part::Text("."), Part::Body],
        time: time(At::Pair, Unit::Milliseconds, Tolerance::OfSender(180)),
        id: Id::Body("/id"),
        ..PLAIN
    }, Scheme {
        name: "workos",
        sender: "WorkOS",
        signs: "`{t}.{body}`, `t` in milliseconds; HMAC-SHA256, hexadecimal",
        proof: "WorkOS-Signature",
        retry_budget: Some(3 * DAY),
        retries: "up to 12 times in 3 days",
        ..Scheme::UNSAID
    };

    /// Linear: `linear-signature`. The time is `webhookTimestamp` in the body, which is signed.
    linear, LINEAR = Row {
        signature: &["linear-signature"],
        time: time(At::Body("/webhookTimestamp"), Unit::Milliseconds, Tolerance::OfSender(60)),
        id: Id::Header(&["linear-delivery"]),
        ..PLAIN
    }, Scheme {
        name: "linear",
        sender: "Linear",
        signs: "the body; HMAC-SHA256, hexadecimal",
        proof: "linear-signature",
        retry_budget: Some(7 * HOUR + 60),
        retries: "after 1 min, 1 h, 6 h",
        ..Scheme::UNSAID
    };

    /// Razorpay: `X-Razorpay-Signature`.
    razorpay, RAZORPAY = Row {
        signature: &["x-razorpay-signature"],
        id: Id::Header(&["x-razorpay-event-id"]),
        ..PLAIN
    }, Scheme {
        name: "razorpay",
        sender: "Razorpay",
        signs: "the body; HMAC-SHA256, hexadecimal",
        proof: "X-Razorpay-Signature",
        retry_budget: Some(DAY),
        retries: "for 24 h; then the webhook is switched off",
        ..Scheme::UNSAID
    };

    /// Sanity: `sanity-webhook-signature`.
    sanity, SANITY = Row {
        signature: &["sanity-webhook-signature"],
        shape: Shape::Pairs {
            separator: ',',
            time: "t",
            version: "v1",
            none: Rejection::SignatureInvalid,
        },
        encoding: Encoding::Base64Url,
        message: &[Part::Time, Part::Text("."), Part::Body],
        time: time(At::Pair, Unit::Milliseconds, Tolerance::Chosen(300)),
        id: Id::Header(&["idempotency-key"]),
        ..PLAIN
    }, Scheme {
        name: "sanity",
        sender: "Sanity",
        signs: "`{t}.{body}`, `t` in milliseconds; HMAC-SHA256, base64 for URLs",
        proof: "sanity-webhook-signature",
        ..Scheme::UNSAID
    };

    /// Square: `x-square-hmacsha256-signature` over public URL and body. It needs
    /// [`public_url`](Self::public_url).
    square, SQUARE = Row {
        signature: &["x-square-hmacsha256-signature"],
        encoding: Encoding::Base64,
        message: &[Part::Url, Part::Body],
        id: Id::Body("/event_id"),
        ..PLAIN
    }, Scheme {
        name: "square",
        sender: "Square",
        signs: "`{url}{body}`; HMAC-SHA256, base64",
        proof: "x-square-hmacsha256-signature",
        retry_budget: Some(DAY),
        retries: "exponentially for 24 h",
        ..Scheme::UNSAID
    };

    /// Paddle: `Paddle-Signature`, version `h1`.
    paddle, PADDLE = Row {
        signature: &["paddle-signature"],
        shape: Shape::Pairs {
            separator: ';',
            time: "ts",
            version: "h1",
            none: Rejection::SignatureInvalid,
        },
        message: &[Part::Time, Part::Text(":"), Part::Body],
        time: time(At::Pair, Unit::Seconds, Tolerance::OfSender(5)),
        id: Id::Body("/event_id"),
        ..PLAIN
    }, Scheme {
        name: "paddle",
        sender: "Paddle",
        signs: "`{ts}:{body}`; HMAC-SHA256, hexadecimal",
        proof: "Paddle-Signature",
        retry_budget: Some(3 * DAY),
        retries: "60 times in 3 days (live); only 200 counts",
        ..Scheme::UNSAID
    };

    /// Zoom: `x-zm-signature`, version `v0`, under the app's secret token. `endpoint.url_validation`
    /// is answered by the layer.
    zoom, ZOOM = Row {
        signature: &["x-zm-signature"],
        shape: Shape::Whole { prefix: "v0=" },
        message: &[Part::Text("v0:"), Part::Time, Part::Text(":"), Part::Body],
        time: time(
            At::Header(&["x-zm-request-timestamp"]),
            Unit::Seconds,
            Tolerance::Chosen(300),
        ),
        greeting: Some(Greeting::Zoom),
        ..PLAIN
    }, Scheme {
        name: "zoom",
        sender: "Zoom",
        signs: "`v0:{timestamp}:{body}`; HMAC-SHA256, hexadecimal",
        proof: "x-zm-signature",
        retries: "3 times",
        handshake: Some("`endpoint.url_validation`: the token is echoed with its HMAC, every 72 h"),
        ..Scheme::UNSAID
    };

    /// Sentry: `Sentry-Hook-Signature`, under the integration's client secret.
    sentry, SENTRY = Row {
        signature: &["sentry-hook-signature"],
        id: Id::Header(&["request-id"]),
        ..PLAIN
    }, Scheme {
        name: "sentry",
        sender: "Sentry",
        signs: "the body; HMAC-SHA256, hexadecimal",
        proof: "Sentry-Hook-Signature",
        ..Scheme::UNSAID
    };

    /// Hookdeck: `x-hookdeck-signature`, and `x-hookdeck-signature-2` while its secret is changed.
    hookdeck, HOOKDECK = Row {
        signature: &["x-hookdeck-signature", "x-hookdeck-signature-2"],
        shape: Shape::Each,
        encoding: Encoding::Base64,
        id: Id::Header(&["x-hookdeck-eventid", "x-hookdeck-eventid"]),
        ..PLAIN
    }, Scheme {
        name: "hookdeck",
        sender: "Hookdeck",
        signs: "the body; HMAC-SHA256, base64",
        proof: "x-hookdeck-signature, x-hookdeck-signature-2",
        retries: "up to 50 times, as configured",
        ..Scheme::UNSAID
    };

    /// FreeScout: `X-FreeScout-Signature`, HMAC-SHA1, and the secret of 32 hexadecimal digits as
    /// its webhooks page shows it. It names no delivery. Needs the feature `sha1`.
    [cfg(feature = "sha1")]
    freescout, FREESCOUT = Row {
        signature: &["x-freescout-signature"],
        encoding: Encoding::Base64,
        by: By::Hmac(Algorithm::Sha1),
        ..PLAIN
    }, Scheme {
        name: "freescout",
        sender: "FreeScout",
        signs: "the body; HMAC-SHA1, base64",
        proof: "X-FreeScout-Signature",
        feature: Some("sha1"),
        ..Scheme::UNSAID
    };
}

const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 3600;

const STANDARD_MESSAGE: &[Part] = &[
    Part::Id,
    Part::Text("."),
    Part::Time,
    Part::Text("."),
    Part::Body,
];
const STANDARD_TIME: Option<Time> = Some(Time {
    at: At::Header(&["webhook-timestamp", "svix-timestamp"]),
    unit: Unit::Seconds,
    tolerance: Tolerance::OfSender(300),
    early: true,
});
const STANDARD_ID: Id = Id::Header(&["webhook-id", "svix-id"]);

/// Version `v1a` of Standard Webhooks.
#[cfg(feature = "webhook-asymmetric")]
pub(super) static STANDARD_V1A: Row = Row {
    signature: &["webhook-signature", "svix-signature"],
    shape: Shape::List { version: "v1a" },
    encoding: Encoding::Base64,
    by: By::PublicKey,
    key: KeyForm::Whpk,
    message: STANDARD_MESSAGE,
    time: STANDARD_TIME,
    id: STANDARD_ID,
    greeting: None,
};

fn build(name: &str, row: &'static Row, setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
    #[cfg(feature = "webhook-asymmetric")]
    let (name, row) = match setup.secrets.first() {
        Some(first) if row.key == KeyForm::Whsec && first.starts_with(b"whpk_") => {
            ("standard-webhooks", &STANDARD_V1A)
        }
        _ => (name, row),
    };
    let mut hmac = Hmac::of(scheme::known(SCHEMES, name), row, setup.secrets());
    hmac.configure(setup);
    Ok(Box::new(hmac))
}

/// Meta's deliveries; [`Meta`](super::Meta) has the handshake.
pub(super) static META: Row = Row {
    signature: &["x-hub-signature-256"],
    shape: Shape::Whole { prefix: "sha256=" },
    ..PLAIN
};

pub(super) static ADYEN_PLATFORM: Row = Row {
    signature: &["hmacsignature"],
    encoding: Encoding::Base64,
    key: KeyForm::Hex,
    ..PLAIN
};

pub(super) static HUBSPOT: Row = Row {
    signature: &["x-hubspot-signature-v3"],
    encoding: Encoding::Base64,
    message: &[Part::Method, Part::DecodedUrl, Part::Body, Part::Time],
    time: time(
        At::Header(&["x-hubspot-request-timestamp"]),
        Unit::Milliseconds,
        Tolerance::OfSender(300),
    ),
    ..PLAIN
};
