//! Counters and gauges for the facade [`metrics`], with whatever exporter the
//! service has installed.
//!
//! The layer's task publishes them every 15 seconds, and
//! [`publish_metrics`](crate::SessionAuthLayer::publish_metrics) does at once, before a scrape say: a
//! request costs nothing more. All are there from the start, at zero. `route` is the pattern as reports
//! name it, never the path of a request, so their number is that of the program's routes.
//!
//! | name | labels | |
//! |---|---|---|
//! | `session_auth_requests_total` | `class`, `route`, `outcome` | requests: `passed`, `denied`, `handler_refused`, `handler_failed` |
//! | `session_auth_denied_total` | `class`, `route`, `reason` | denied requests; in mode `observe`, those that would have been |
//! | `session_auth_webhook_last_verified_timestamp_seconds` | `route`, `verifier` | when a delivery was last verified; until one is, when the process started |
//! | `session_auth_webhook_expected_interval_seconds` | `route` | `expect_every`, where there is one |
//! | `session_auth_webhook_ringing` | `route`, `rule` | 1 while the webhook rings: `refused`, `silent` |
//! | `session_auth_key_used_total` | `key` | sessions that this key signed or verified, by the key's id |
//! | `session_auth_webhook_secret_used_total` | `verifier`, `secret` | deliveries that this secret proved, by the secret's [id](crate::webhook::SecretIds) |
//! | `session_auth_exemption_until_timestamp_seconds` | `class`, `route` | when the last day of `until` ends, in UTC, where there is one |
//! | `session_auth_unclassified_total` | | requests to what nobody classified |
//! | `session_auth_store_errors_total` | `op` | questions that the session store did not answer: of a `request`, or of a `subject` (lists, logins, times of webhooks) |
//! | `session_auth_callers_total` | `route`, `by` | callers that each name in `by` has proved, on routes with more or other than `session` |
//! | `session_auth_authenticator_unavailable_total` | `by` | callers of whom an authenticator could not say who they are |
//! | `session_auth_info` | `mode`, `version`, `lock` | 1; `lock` is the SHA-256 of the route lock, or `none` |
//!
//! Counts are those of one layer; of two layers in a process with a route of one name, the larger count
//! shows.
//!
//! ```
//! use session_auth::methods::GET;
//! use session_auth::{Keys, Router, SessionAuthLayer, audited_router, public};
//!
//! #[audited_router]
//! fn routes() -> Router {
//!     Router::new().mount(public(GET, "/status", "status page").to(|| async {}))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
//! let handle = recorder.handle();
//! metrics::set_global_recorder(recorder)?; // before the service starts
//!
//! let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
//! let app = auth.protect(routes())?;
//! auth.publish_metrics();
//! assert!(handle.render().contains(
//!     r#"session_auth_requests_total{class="public",route="GET /status",outcome="passed"} 0"#
//! ));
//! # Ok(()) }
//! ```

use std::sync::Arc;

use ::metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::response::Denial;
use crate::shared::Shared;
use crate::silence::{Alarm, Rule};

fn describe() {
    describe_counter!(
        "session_auth_requests_total",
        "Requests by class, route and what became of them."
    );
    describe_counter!(
        "session_auth_denied_total",
        "Denied requests by class, route and reason."
    );
    describe_gauge!(
        "session_auth_webhook_last_verified_timestamp_seconds",
        "When a delivery was last verified; until one is, when the process started."
    );
    describe_gauge!(
        "session_auth_webhook_expected_interval_seconds",
        "The longest time in which a verified delivery is expected."
    );
    describe_gauge!(
        "session_auth_webhook_ringing",
        "1 while a webhook is refused or silent."
    );
    describe_counter!(
        "session_auth_key_used_total",
        "Sessions that a key signed or verified."
    );
    describe_counter!(
        "session_auth_webhook_secret_used_total",
        "Deliveries that a secret of a verifier proved."
    );
    describe_gauge!(
        "session_auth_exemption_until_timestamp_seconds",
        "When the last day of an exemption ends."
    );
    describe_counter!(
        "session_auth_unclassified_total",
        "Requests to what nobody classified."
    );
    describe_counter!(
        "session_auth_store_errors_total",
        "Questions that the session store did not answer."
    );
    describe_counter!("session_auth_callers_total", "Callers by what proved them.");
    describe_counter!(
        "session_auth_authenticator_unavailable_total",
        "Callers of whom an authenticator could not say who they are."
    );
    describe_gauge!(
        "session_auth_info",
        "Mode, version and route lock of what is running."
    );
}

/// Publishes all counts.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970 are far below 2^52"
)]
pub(crate) fn publish(shared: &Shared, alarms: &[Alarm]) {
    describe();
    let now = shared.now().unwrap_or_default();
    let mut unclassified = 0;
    for endpoint in shared.endpoints() {
        unclassified += endpoint.counters.all_unclassified();
        of_route(&endpoint, now);
        let Some(expected) = endpoint.expected(shared.silence.grace) else {
            continue;
        };
        let verifier = endpoint.declaration.as_deref().and_then(|it| it.verify());
        let verifier = verifier
            .map(|it| it.as_str().to_owned())
            .unwrap_or_default();
        let last = endpoint.counters.last_verified();
        let last = last.unwrap_or_else(|| shared.silence.started());
        let route = || endpoint.route.clone();
        gauge!(
            "session_auth_webhook_last_verified_timestamp_seconds",
            "route" => route(), "verifier" => verifier
        )
        .set(Timestamp::as_secs(last) as f64);
        if let Some(every) = expected.every {
            gauge!("session_auth_webhook_expected_interval_seconds", "route" => route())
                .set(every.as_secs_f64());
        }
        for rule in [Rule::Refused, Rule::Silent] {
            let rings = alarms
                .iter()
                .any(|alarm| alarm.rule == rule && alarm.route == endpoint.route);
            gauge!("session_auth_webhook_ringing", "route" => route(), "rule" => rule.as_str())
                .set(f64::from(u8::from(rings)));
        }
    }
    counter!("session_auth_unclassified_total").absolute(unclassified);
    for uses in shared.policy.keys.uses() {
        counter!("session_auth_key_used_total", "key" => uses.key)
            .absolute(uses.signed + uses.verified);
    }
    for (verifier, uses) in shared.secret_uses() {
        counter!(
            "session_auth_webhook_secret_used_total",
            "verifier" => verifier.to_owned(), "secret" => uses.secret
        )
        .absolute(uses.uses);
    }
    if let Some(store) = &shared.policy.store {
        for (op, count) in store.errors() {
            counter!("session_auth_store_errors_total", "op" => op).absolute(count);
        }
    }
    for (name, authenticator) in &shared.authenticators {
        counter!("session_auth_authenticator_unavailable_total", "by" => name.to_string())
            .absolute(authenticator.unavailable());
    }
    let lock = shared.lock.clone().unwrap_or_else(|| "none".to_owned());
    gauge!(
        "session_auth_info",
        "mode" => shared.mode.as_str(), "version" => env!("CARGO_PKG_VERSION"), "lock" => lock
    )
    .set(1.0);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970 are far below 2^52"
)]
fn of_route(endpoint: &Arc<Endpoint>, now: Timestamp) {
    let activity = endpoint.activity(now);
    let class = endpoint
        .class()
        .map_or("unclassified", crate::AccessClass::as_str);
    let route = || endpoint.route.clone();
    let until = endpoint.declaration.as_deref().and_then(|it| it.until());
    if let Some(ends) = until.and_then(time::Date::next_day) {
        gauge!(
            "session_auth_exemption_until_timestamp_seconds",
            "class" => class, "route" => route()
        )
        .set(ends.midnight().assume_utc().unix_timestamp() as f64);
    }
    let denied: u64 = activity.denied.iter().map(|(_, count)| count).sum();
    for (outcome, count) in [
        ("passed", activity.passed),
        ("denied", denied),
        ("handler_refused", activity.handler_refused),
        ("handler_failed", activity.handler_failed),
    ] {
        counter!(
            "session_auth_requests_total",
            "class" => class, "route" => route(), "outcome" => outcome
        )
        .absolute(count);
    }
    for (by, count) in endpoint.callers() {
        counter!("session_auth_callers_total", "route" => route(), "by" => by).absolute(count);
    }
    for reason in Denial::ALL {
        let of = |counts: &[(Denial, u64)]| {
            let found = counts.iter().find(|(denial, _)| denial == reason);
            found.map_or(0, |(_, count)| *count)
        };
        let count = of(&activity.denied) + of(&activity.observed);
        // A series for each reason that never occurred would be most of them.
        if count > 0 {
            counter!(
                "session_auth_denied_total",
                "class" => class, "route" => route(), "reason" => reason.as_str()
            )
            .absolute(count);
        }
    }
}
