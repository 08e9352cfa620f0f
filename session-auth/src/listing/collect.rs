//! What a layer knows, in the form of the listing.

use std::sync::Arc;

use time::Date;

use super::form::{
    Hour, Hurt, Key, Listing, Place, Refusal, Route, SCHEMA, Secret, Summary, TrailState, utc,
};
use crate::access::AccessClass;
use crate::activity::Endpoint;
use crate::clock::{Timestamp, duration};
use crate::finding::Shape;
use crate::mode::Mode;
use crate::response::Denial;
use crate::shared::Shared;
use crate::silence::{Alarm, Rule};
use crate::webhook::Binds;

/// How long before its end an exemption hurts, in days.
const ENDS_SOON: i64 = 14;

pub(super) fn collect(shared: &Shared, alarms: &[Alarm]) -> Listing {
    let now = shared.now().unwrap_or_default();
    let endpoints = shared.endpoints();
    let mut summary = Summary::default();
    let mut routes = Vec::with_capacity(endpoints.len());
    for endpoint in &endpoints {
        let route = route(shared, endpoint, alarms, now);
        summary.unclassified_requests += route.unclassified;
        // What is no route is one that something answered for.
        if endpoint.mount.is_none() && endpoint.declaration.is_none() && route.unclassified == 0 {
            continue;
        }
        summary.routes += 1;
        match endpoint.class() {
            Some(AccessClass::Public) => summary.public += 1,
            Some(AccessClass::Webhook) => summary.webhook += 1,
            Some(AccessClass::Session) => summary.session += 1,
            None => summary.unclassified += 1,
        }
        match shape(endpoint) {
            Shape::OpaqueMount | Shape::OpaqueRoute => summary.opaque += 1,
            Shape::Fallback | Shape::MethodFallback => summary.fallbacks += 1,
            Shape::Route => {}
        }
        routes.push(route);
    }
    // A layer without sessions has a key that nobody knows, another at each start.
    let uses = shared
        .policy
        .has_sessions
        .then(|| shared.policy.keys.uses());
    let keys = uses.into_iter().flatten().map(|uses| Key {
        key: uses.key,
        signs: uses.signs,
        signed: uses.signed,
        verified: uses.verified,
    });
    let keys: Vec<_> = keys.collect();
    Listing {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        mode: shared.mode.as_str(),
        lock: shared.lock.clone(),
        started: utc(shared.silence.started()),
        now: utc(now),
        hurts: hurts(shared, &endpoints, alarms, &keys),
        summary,
        routes,
        keys,
        secrets: secrets(shared),
        trail: trail(shared),
    }
}

fn secrets(shared: &Shared) -> Vec<Secret> {
    let all = shared.secret_uses().into_iter();
    all.map(|(verifier, uses)| Secret {
        verifier: verifier.to_owned(),
        secret: uses.secret,
        uses: uses.uses,
    })
    .collect()
}

fn trail(shared: &Shared) -> Option<TrailState> {
    let state = shared.policy.audit.as_ref()?.state();
    Some(TrailState {
        written: state.written,
        lost: state.lost,
        error: state.error,
    })
}

fn shape(endpoint: &Endpoint) -> Shape {
    match (&endpoint.mount, &endpoint.declaration) {
        (Some(mount), _) => mount.shape,
        (None, Some(declaration)) => Shape::of(declaration.target()),
        (None, None) => Shape::Route,
    }
}

fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Route => "route",
        Shape::OpaqueRoute => "opaque-route",
        Shape::OpaqueMount => "opaque-mount",
        Shape::Fallback => "fallback",
        Shape::MethodFallback => "method-fallback",
    }
}

fn route(shared: &Shared, endpoint: &Endpoint, alarms: &[Alarm], now: Timestamp) -> Route {
    let declaration = endpoint.declaration.as_deref();
    let mount = endpoint.mount.as_ref();
    let shape = shape(endpoint);
    let activity = endpoint.activity(now);
    let expected = endpoint.expected(shared.silence.grace);
    let due = expected.and_then(|it| it.due(&endpoint.heard(shared.silence.started())));
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let by_reason = |counts: Vec<(Denial, u64)>| {
        let named = counts
            .into_iter()
            .map(|(reason, count)| (reason.as_str(), count));
        named.collect()
    };
    let path = match (mount, declaration) {
        (Some(mount), _) => mount
            .path
            .as_deref()
            .map(|path| shape.listed(path).into_owned()),
        (None, Some(declaration)) => {
            let paths = declaration.target().paths();
            (!paths.is_empty()).then(|| paths.join(", "))
        }
        (None, None) => None,
    };
    let methods = mount.map(|it| it.methods);
    let methods = methods.or_else(|| declaration.map(|it| it.target().methods()));
    let handler = declaration.map(|it| it.handler());
    let function = mount.and_then(|it| it.function.as_deref());
    Route {
        route: endpoint.route.clone(),
        methods: methods.map(|it| it.names()).unwrap_or_default(),
        path,
        class: endpoint.class().map(AccessClass::as_str),
        shape: shape_name(shape),
        handler: owned(handler.or(function)),
        file: declaration.map(|it| it.location().file.clone().into_owned()),
        line: declaration.map(|it| it.location().line),
        mounted: mount.map(|it| Place {
            file: it.place.file.clone().into_owned(),
            line: it.place.line,
        }),
        named: mount.is_some_and(|it| it.named),
        reason: owned(declaration.and_then(|it| it.reason())),
        verifier: declaration
            .and_then(|it| it.verify())
            .map(|it| it.as_str().to_owned()),
        binds: endpoint
            .verifier
            .as_ref()
            .and_then(|it| it.terms().binds)
            .map(Binds::as_str),
        retry_budget: endpoint
            .verifier
            .as_ref()
            .and_then(|it| it.terms().retry_budget)
            .map(duration),
        by: owned(declaration.and_then(|it| it.by())),
        scope: owned(declaration.and_then(|it| it.scope())),
        expect_every: declaration.and_then(|it| it.expect_every()).map(duration),
        until: declaration
            .and_then(|it| it.until())
            .map(|it| it.to_string()),
        owner: owned(declaration.and_then(|it| it.owner())),
        issues_session: declaration.is_some_and(|it| it.issues_session()),
        optional_session: declaration.is_some_and(|it| it.optional_session()),
        cross_origin: owned(declaration.and_then(|it| it.cross_origin())),
        max_body: declaration.and_then(|it| it.max_body()),
        alarms: alarms
            .iter()
            .filter(|alarm| alarm.route == endpoint.route)
            .map(|alarm| alarm.rule.as_str())
            .collect(),
        silent_after: due.map(utc),
        last_verified: activity.last_verified.map(utc),
        last_denied: activity.last_denied.map(|(at, reason)| Refusal {
            at: utc(at),
            reason: reason.as_str(),
        }),
        passed: activity.passed,
        verified: activity.verified,
        denied: by_reason(activity.denied),
        observed: by_reason(activity.observed),
        handler_refused: activity.handler_refused,
        handler_failed: activity.handler_failed,
        unclassified: endpoint.counters.all_unclassified(),
        hours: activity
            .hours
            .iter()
            .map(|hour| Hour {
                passed: hour.passed,
                denied: hour.denied,
            })
            .collect(),
    }
}

/// What hurts, the worst first.
fn hurts(
    shared: &Shared,
    endpoints: &[Arc<Endpoint>],
    alarms: &[Alarm],
    keys: &[Key],
) -> Vec<Hurt> {
    let mut hurts = Vec::new();
    for rule in [Rule::Refused, Rule::Silent] {
        for alarm in alarms.iter().filter(|alarm| alarm.rule == rule) {
            hurts.push(Hurt {
                kind: rule.as_str(),
                route: Some(alarm.route.clone()),
                since: Some(utc(alarm.since)),
                message: match (rule, alarm.reason) {
                    (Rule::Refused, Some(reason)) => format!("deliveries are refused: {reason}"),
                    (Rule::Refused, None) => "its handler refuses the deliveries".to_owned(),
                    (Rule::Silent, _) => "nothing was verified for longer than expected".to_owned(),
                },
            });
        }
    }
    for endpoint in endpoints {
        let requests = endpoint.counters.all_unclassified();
        if requests > 0 {
            hurts.push(Hurt {
                kind: "unclassified",
                route: Some(endpoint.route.clone()),
                since: None,
                message: format!("{requests} requests to what nobody classified"),
            });
        }
    }
    if shared.mode == Mode::Observe {
        hurts.push(Hurt {
            kind: "observe",
            route: None,
            since: Some(utc(shared.silence.started())),
            message: "mode observe: nothing is protected".to_owned(),
        });
    }
    let today = shared.today();
    for endpoint in endpoints {
        let until: Option<Date> = endpoint.declaration.as_deref().and_then(|it| it.until());
        let Some(until) = until else { continue };
        let days = (until - today).whole_days();
        if days > ENDS_SOON {
            continue;
        }
        hurts.push(Hurt {
            kind: "expiring",
            route: Some(endpoint.route.clone()),
            since: None,
            message: match days {
                0.. => {
                    format!("its exemption ends on {until}: the service does not start after that")
                }
                _ => format!("its exemption ended on {until}: the service will not start again"),
            },
        });
    }
    if let Some(TrailState {
        lost,
        error: Some(error),
        ..
    }) = trail(shared)
    {
        hurts.push(Hurt {
            kind: "trail",
            route: None,
            since: None,
            message: format!("the trail has lost {lost} events: {error}"),
        });
    }
    for key in keys.iter().filter(|key| !key.signs && key.verified > 0) {
        hurts.push(Hurt {
            kind: "old-key",
            route: None,
            since: None,
            message: format!(
                "the older key {} is still in use: {} sessions were signed anew, or are not yet",
                key.key, key.verified
            ),
        });
    }
    hurts
}
