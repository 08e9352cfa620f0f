use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http::HeaderValue;
use http::header::COOKIE;

use super::*;
use crate::authenticate::{Found, Proved};
use crate::cookie::{DEFAULT_NAME, SameSite};
use crate::keys::Keys;
use crate::token::{Contents, Lasts, encode};

const NOW: Timestamp = Timestamp(1_700_000_000);
const IDLE: Duration = Duration::from_secs(1_000);

fn keys<const N: usize>(keys: [[u8; 32]; N]) -> TokenKeys {
    Keys::new(keys).expect("keys").for_audience(DEFAULT_NAME)
}

struct Fixture {
    keys: TokenKeys,
    cookie: CookieTemplate,
    now: Option<Timestamp>,
    method: Method,
    site: Option<&'static str>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            keys: keys([[1; 32]]),
            cookie: CookieTemplate::new(DEFAULT_NAME, SameSite::Lax).expect("the default"),
            now: Some(NOW),
            method: Method::GET,
            site: None,
        }
    }

    fn token(&self, idle_left: u64, absolute_left: u64, scopes: &[&str]) -> String {
        let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        let contents = Contents {
            id: [0; 16],
            issued: NOW,
            idle_deadline: Timestamp(NOW.0 + idle_left),
            absolute_deadline: Timestamp(NOW.0 + absolute_left),
            lasts: Lasts::default(),
            subject: "ada",
            scopes: &scopes,
            claims: b"",
            #[cfg(feature = "encrypt")]
            seal: None,
        };
        encode(&self.keys, &contents).expect("it is small")
    }

    fn fresh(&self) -> String {
        self.token(1_100, 100_000, &["admin"])
    }

    fn with_means<T>(&self, decide: impl FnOnce(&Means<'_>) -> T) -> T {
        decide(&Means {
            keys: &self.keys,
            cookie: &self.cookie,
            bearer: false,
            cross_origin: &CrossOrigin::new(&[]).expect("no origin is wrong"),
            idle_timeout: IDLE,
            observes: false,
            now: &|| self.now,
        })
    }

    fn decide(&self, access: Option<&Access>, cookies: &[String]) -> String {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(
                COOKIE,
                HeaderValue::from_str(cookie).expect("a header value"),
            );
        }
        if let Some(site) = self.site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        let asked = Asked {
            method: &self.method,
            uri: &Uri::from_static("/"),
            headers: &headers,
            revoked: &[],
        };
        match self.with_means(|means| decide(access, &asked, means)) {
            Decision::Grant(Grant::Nothing) => "nothing".into(),
            Decision::Grant(Grant::Issuing) => "issuing".into(),
            Decision::Grant(Grant::Optional {
                proven, issuing, ..
            }) => {
                let issuing = if issuing { ", issuing" } else { "" };
                format!("optional {}{issuing}", proven.is_some())
            }
            Decision::LeaveToHandler => "unverified".into(),
            Decision::Authenticate => "ask".into(),
            Decision::Grant(Grant::Proven(Proven::By(..))) => "by".into(),
            Decision::Grant(Grant::Proven(Proven::Session(admitted))) => match admitted.renewal {
                Some(deadline) => {
                    format!(
                        "admit, renew for {}",
                        deadline.since(admitted.now).as_secs()
                    )
                }
                None => "admit".into(),
            },
            Decision::Grant(Grant::Observed(_, denial)) => format!("observe {denial}"),
            Decision::VerifyWebhook => "verify".into(),
            Decision::Deny(denial) => format!("deny {denial}"),
        }
    }
}

const SESSION: Access = Access::Session {
    by: std::borrow::Cow::Borrowed("session"),
    scope: None,
    cross_origin: None,
};
const PUBLIC: Access = public(false, false);
const ISSUING: Access = public(true, false);
const OPTIONAL: Access = public(false, true);

const fn public(issues_session: bool, optional_session: bool) -> Access {
    Access::Public {
        issues_session,
        optional_session,
        by: std::borrow::Cow::Borrowed("session"),
        cross_origin: None,
    }
}

fn scope(name: &'static str) -> Access {
    Access::Session {
        by: "session".into(),
        scope: Some(name.into()),
        cross_origin: None,
    }
}

fn webhook(verify: Verify) -> Access {
    Access::Webhook {
        verify,
        expect_every: None,
        max_body: None,
    }
}

fn cookie(value: &str) -> String {
    format!("{DEFAULT_NAME}={value}")
}

#[test]
fn each_class_asks_for_its_own_proof() {
    let fixture = Fixture::new();
    let good = [cookie(&fixture.fresh())];
    let (admin, root) = (scope("admin"), scope("root"));
    let both = public(true, true);
    let hook = webhook(Verify::By("x".into()));
    let by_handler = webhook(Verify::Handler);

    let garbage = [cookie("garbage")];
    let none: &[String] = &[];
    let table: [(&str, Option<&Access>, &[String], &str); 17] = [
        (
            "security: session without a cookie",
            Some(&SESSION),
            none,
            "deny missing",
        ),
        (
            "security: session with garbage",
            Some(&SESSION),
            &garbage,
            "deny malformed",
        ),
        ("session with a good cookie", Some(&SESSION), &good, "admit"),
        (
            "security: a scope that is missing",
            Some(&root),
            &good,
            "deny scope",
        ),
        (
            "security: a scope without a cookie",
            Some(&root),
            none,
            "deny missing",
        ),
        ("a scope that is there", Some(&admin), &good, "admit"),
        (
            "security: undeclared without a cookie",
            None,
            none,
            "deny missing",
        ),
        ("undeclared with a good cookie", None, &good, "admit"),
        ("public without a cookie", Some(&PUBLIC), none, "nothing"),
        ("public with garbage", Some(&PUBLIC), &garbage, "nothing"),
        (
            "public that issues, with garbage",
            Some(&ISSUING),
            &garbage,
            "issuing",
        ),
        (
            "optional without a cookie",
            Some(&OPTIONAL),
            none,
            "optional false",
        ),
        (
            "optional with garbage",
            Some(&OPTIONAL),
            &garbage,
            "optional false",
        ),
        (
            "optional with a good cookie",
            Some(&OPTIONAL),
            &good,
            "optional true",
        ),
        (
            "optional that issues, with a good cookie",
            Some(&both),
            &good,
            "optional true, issuing",
        ),
        (
            "security: a session is no proof for a webhook",
            Some(&hook),
            &good,
            "verify",
        ),
        (
            "a handler that is its own verifier",
            Some(&by_handler),
            none,
            "unverified",
        ),
    ];
    for (name, access, cookies, expected) in table {
        assert_eq!(fixture.decide(access, cookies), expected, "{name}");
    }
}

#[test]
fn four_values_are_tried() {
    let fixture = Fixture::new();
    let good = cookie(&fixture.fresh());
    let bad = cookie("x");
    let join = |parts: &[&String]| {
        vec![
            parts
                .iter()
                .map(|part| part.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        ]
    };

    let fourth = join(&[&bad, &bad, &bad, &good]);
    assert_eq!(fixture.decide(Some(&SESSION), &fourth), "admit");
    let fifth = join(&[&bad, &bad, &bad, &bad, &good]);
    assert_eq!(fixture.decide(Some(&SESSION), &fifth), "deny malformed");
    let other_header = vec![bad.clone(), good.clone()];
    assert_eq!(fixture.decide(Some(&SESSION), &other_header), "admit");
}

/// A browser may have kept one of another path or partition, and a login does not take its place.
#[test]
fn of_several_that_verify_the_one_issued_last_counts() {
    let fixture = Fixture::new();
    let token = |id: u8, issued: u64, idle_left: u64| {
        let contents = Contents {
            id: [id; 16],
            issued: Timestamp(NOW.0 - issued),
            idle_deadline: Timestamp(NOW.0 + idle_left),
            absolute_deadline: Timestamp(NOW.0 + 100_000),
            lasts: Lasts::default(),
            subject: "ada",
            scopes: &[],
            claims: b"",
            #[cfg(feature = "encrypt")]
            seal: None,
        };
        encode(&fixture.keys, &contents).expect("it is small")
    };
    let (old, slid, new) = (
        token(1, 60, 2_000),
        token(1, 60, 3_000),
        token(2, 50, 1_100),
    );
    let admitted = |values: &[&str], revoked: &[u8]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                COOKIE,
                HeaderValue::from_str(&cookie(value)).expect("a value"),
            );
        }
        let revoked: Vec<_> = revoked
            .iter()
            .map(|id| SessionId::from_bytes([*id; 16]))
            .collect();
        let asked = Asked {
            method: &Method::GET,
            uri: &Uri::from_static("/"),
            headers: &headers,
            revoked: &revoked,
        };
        let (found, _) = fixture.with_means(|means| session(&asked, means));
        found.map(|found| {
            (
                found.token.id()[0],
                found.token.idle_deadline().since(NOW).as_secs(),
            )
        })
    };
    assert_eq!(admitted(&[&old, &new], &[]), Ok((2, 1_100)));
    assert_eq!(admitted(&[&new, &old], &[]), Ok((2, 1_100)));
    assert_eq!(admitted(&[&old, &slid], &[]), Ok((1, 3_000)));
    assert_eq!(admitted(&[&slid, "x", &old], &[]), Ok((1, 3_000)));
    // What the store does not have counts for nothing.
    assert_eq!(admitted(&[&old, &new], &[2]), Ok((1, 2_000)));
    assert_eq!(admitted(&[&old, &new], &[2, 1]), Err(Denial::Missing));
}

#[test]
fn the_reason_is_that_of_the_value_that_came_furthest() {
    let fixture = Fixture::new();
    let foreign = Fixture {
        keys: keys([[2; 32]]),
        ..Fixture::new()
    };
    let malformed = cookie("x");
    let unsigned = cookie(&foreign.fresh());
    let expired = cookie(&fixture.token(0, 100, &[]));
    let decide = |cookies: &[&String]| {
        fixture.decide(
            Some(&SESSION),
            &cookies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
    };
    assert_eq!(decide(&[&malformed]), "deny malformed");
    assert_eq!(decide(&[&unsigned, &malformed]), "deny bad_signature");
    assert_eq!(decide(&[&malformed, &expired, &unsigned]), "deny expired");
}

#[test]
fn a_clock_before_1970_refuses_sessions_and_nothing_else() {
    let fixture = Fixture {
        now: None,
        ..Fixture::new()
    };
    let good = [cookie(&fixture.fresh())];
    assert_eq!(fixture.decide(Some(&SESSION), &good), "deny expired");
    assert_eq!(fixture.decide(Some(&SESSION), &[]), "deny missing");
    assert_eq!(fixture.decide(Some(&PUBLIC), &good), "nothing");
    assert_eq!(fixture.decide(Some(&OPTIONAL), &good), "optional false");
}

#[test]
fn the_cookie_slides_once_in_a_tenth_of_the_idle_time() {
    let fixture = Fixture::new();
    let decide = |idle_left, absolute_left| {
        let token = fixture.token(idle_left, absolute_left, &[]);
        fixture.decide(Some(&SESSION), &[cookie(&token)])
    };
    // A tenth on top, so that the idle time is left whenever nothing is written.
    assert_eq!(decide(1_100, 100_000), "admit");
    assert_eq!(decide(1_001, 100_000), "admit");
    assert_eq!(decide(1_000, 100_000), "admit, renew for 1100");
    assert_eq!(decide(1, 100_000), "admit, renew for 1100");
    // Never past the absolute deadline, and not again and again just before it.
    assert_eq!(decide(100, 300), "admit, renew for 300");
    assert_eq!(decide(299, 300), "admit, renew for 300");
    assert_eq!(decide(300, 300), "admit");
}

#[test]
fn a_page_of_another_origin_can_use_no_session_to_change_something() {
    let hook = webhook(Verify::By("x".into()));

    let mut fixture = Fixture::new();
    let good = [cookie(&fixture.fresh())];
    fixture.site = Some("cross-site");
    assert_eq!(fixture.decide(Some(&SESSION), &good), "admit");
    fixture.method = Method::POST;
    assert_eq!(fixture.decide(Some(&SESSION), &good), "deny cross_origin");
    assert_eq!(fixture.decide(None, &good), "deny cross_origin");
    assert_eq!(fixture.decide(Some(&SESSION), &[]), "deny missing");
    // The route runs, without the session.
    assert_eq!(fixture.decide(Some(&OPTIONAL), &good), "optional false");
    // By class: nobody else is asked where they come from.
    assert_eq!(fixture.decide(Some(&PUBLIC), &good), "nothing");
    assert_eq!(fixture.decide(Some(&hook), &[]), "verify");

    fixture.site = Some("same-origin");
    assert_eq!(fixture.decide(Some(&SESSION), &good), "admit");
    assert_eq!(fixture.decide(Some(&OPTIONAL), &good), "optional true");
}

#[test]
fn a_page_of_another_origin_starts_no_session_unless_the_route_says_why() {
    let mut fixture = Fixture::new();
    let good = [cookie(&fixture.fresh())];
    let exempt = |issues_session, optional_session| Access::Public {
        by: "session".into(),
        issues_session,
        optional_session,
        cross_origin: Some("an identity provider posts its form".into()),
    };
    let both = public(true, true);
    let embedded = Access::Session {
        by: "session".into(),
        scope: Some("admin".into()),
        cross_origin: Some("partners embed it".into()),
    };
    fixture.site = Some("cross-site");
    assert_eq!(fixture.decide(Some(&ISSUING), &good), "issuing");
    fixture.method = Method::POST;
    for (access, expected) in [
        (&ISSUING, "deny cross_origin"),
        (&both, "deny cross_origin"),
        (&exempt(true, false), "issuing"),
        (&exempt(true, true), "optional true, issuing"),
        (&exempt(false, true), "optional true"),
        (&embedded, "admit"),
    ] {
        assert_eq!(fixture.decide(Some(access), &good), expected, "{access}");
    }
    // From there it needs all the rest.
    let poor = [cookie(&fixture.token(1_000, 100_000, &[]))];
    assert_eq!(fixture.decide(Some(&embedded), &poor), "deny scope");
    assert_eq!(fixture.decide(Some(&embedded), &[]), "deny missing");

    fixture.site = Some("same-origin");
    assert_eq!(fixture.decide(Some(&ISSUING), &good), "issuing");
    assert_eq!(fixture.decide(Some(&both), &good), "optional true, issuing");
}

#[test]
fn a_session_of_an_older_key_gets_a_cookie_of_the_first() {
    let mut fixture = Fixture::new();
    let old = [cookie(&fixture.fresh())];
    assert_eq!(fixture.decide(Some(&SESSION), &old), "admit");

    let ring = Keys::new([[2; 32], [1; 32]]).expect("two keys");
    fixture.keys = ring.for_audience(DEFAULT_NAME);
    assert_eq!(
        fixture.decide(Some(&SESSION), &old),
        "admit, renew for 1100"
    );
    let new = [cookie(&fixture.fresh())];
    assert_eq!(fixture.decide(Some(&SESSION), &new), "admit");
    assert_eq!(ring.uses()[1].verified, 1);

    ring.rotate(&Keys::new([[2; 32]]).expect("one key"));
    assert_eq!(fixture.decide(Some(&SESSION), &old), "deny bad_signature");
    assert_eq!(fixture.decide(Some(&SESSION), &new), "admit");
}

fn by(by: &'static str) -> Access {
    Access::Session {
        by: by.into(),
        scope: Some("admin".into()),
        cross_origin: None,
    }
}

fn proved(scopes: &[&str]) -> Result<Proven, Denial> {
    let found = Found {
        identity: Arc::new(()),
        type_name: "()",
        scopes: Some(scopes.iter().map(ToString::to_string).collect()),
        good_until: None,
    };
    let by = "api".into();
    Ok(Proven::By(Proved { found, by }, UNIX_EPOCH))
}

#[test]
fn who_was_proved_in_another_way_is_judged_as_with_a_session() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.decide(Some(&by("api")), &[]), "ask");
    assert_eq!(fixture.decide(Some(&by("session | api")), &[]), "ask");
    let optional = Access::Public {
        by: "api".into(),
        issues_session: false,
        optional_session: true,
        cross_origin: None,
    };
    assert_eq!(fixture.decide(Some(&optional), &[]), "ask");
    fixture.method = Method::POST;
    fixture.site = Some("cross-site");
    let issuing = public(true, true);
    assert_eq!(fixture.decide(Some(&issuing), &[]), "deny cross_origin");

    let admit = |access: &Access, proven, ambient| {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        let asked = Asked {
            method: &Method::POST,
            uri: &Uri::from_static("/"),
            headers: &headers,
            revoked: &[],
        };
        let admitted =
            fixture.with_means(|means| super::admit(Some(access), proven, ambient, &asked, means));
        match admitted {
            Ok(Grant::Proven(_)) => "proven".to_owned(),
            Ok(Grant::Optional { proven, .. }) => format!("optional {}", proven.is_some()),
            Ok(_) => "something else".to_owned(),
            Err(denial) => denial.to_string(),
        }
    };
    let exempt = Access::Session {
        by: "api".into(),
        scope: None,
        cross_origin: Some("test".into()),
    };
    let api = by("api");
    for (what, access, proven, ambient, expected) in [
        ("a header", &api, proved(&["admin"]), false, "proven"),
        (
            "security: a scope that is missing",
            &api,
            proved(&["staff"]),
            false,
            "scope",
        ),
        (
            "security: another origin",
            &api,
            proved(&["admin"]),
            true,
            "cross_origin",
        ),
        ("an exemption", &exempt, proved(&[]), true, "proven"),
        (
            "security: nobody",
            &exempt,
            Err(Denial::Missing),
            false,
            "missing",
        ),
        (
            "security: nobody knows",
            &api,
            Err(Denial::StoreUnavailable),
            false,
            "store_unavailable",
        ),
        ("public", &optional, proved(&[]), false, "optional true"),
        (
            "security: public, another origin",
            &optional,
            proved(&[]),
            true,
            "optional false",
        ),
        (
            "public, an outage",
            &optional,
            Err(Denial::StoreUnavailable),
            false,
            "optional false",
        ),
    ] {
        assert_eq!(admit(access, proven, ambient), expected, "{what}");
    }
}
