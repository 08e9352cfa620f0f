use http::header::{DATE, HeaderMap};
use session_auth::Methods;
use session_auth::probe::ProbeAnswer;

use super::*;
use crate::lock::format;

/// The only line of a lock.
fn row(line: &str) -> Row {
    let lock = format::parse(&format!("schema 1\n{line}\n"), "routes.lock").expect("a lock");
    let lines = lock.lines();
    let line = lines.first().expect("a line");
    let said = line.said.expect("it is said");
    Row {
        methods: line.verbs,
        at: line.mount.at.clone(),
        declaration: said.0.clone(),
    }
}

/// An answer of the layer: class, pattern, decision, reason, status.
fn said(class: &str, pattern: &str, decision: &str, reason: &str, status: u16) -> ProbeAnswer {
    let or_null = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    serde_json::from_value(serde_json::json!({
        "version": "0.1.0", "mode": "enforce", "lock": null, "class": or_null(class),
        "pattern": or_null(pattern), "decision": decision, "reason": or_null(reason),
        "status": status,
    }))
    .expect("an answer")
}

const SESSION: &str = "session GET /me web/routes";
const PUBLIC: &str = "public GET /status web/routes reason=\"status\"";
const HOOK: &str = "webhook POST /hook web/routes verify=sender";
const OWN: &str = "webhook POST /own web/routes verify=handler reason=\"a token\"";
const FILES: &str = "public ANY /files/** web/routes reason=\"files\"";
const LOST: &str = "public FALLBACK - web/routes reason=\"not found\"";

#[test]
fn what_the_lock_says_is_what_is_right() {
    for (line, said) in [
        (SESSION, said("session", "/me", "deny", "missing", 401)),
        (
            SESSION,
            said("session", "/under/me", "deny", "missing", 401),
        ),
        (SESSION, said("session", "/me", "deny", "missing", 303)),
        (
            SESSION,
            said("session", "/me", "deny", "bad_signature", 401),
        ),
        (SESSION, said("session", "/me", "observe", "missing", 200)),
        (PUBLIC, said("public", "/status", "grant", "", 200)),
        (
            HOOK,
            said("webhook", "/hook", "deny", "signature_missing", 401),
        ),
        (
            HOOK,
            said("webhook", "/hook", "deny", "signature_invalid", 503),
        ),
        (
            HOOK,
            said("webhook", "/hook", "deny", "timestamp_out_of_range", 401),
        ),
        (HOOK, said("webhook", "/hook", "answer", "", 200)),
        (OWN, said("webhook", "/own", "grant", "", 200)),
        (FILES, said("public", "", "grant", "", 200)),
        (LOST, said("public", "", "grant", "", 200)),
    ] {
        let status = said.status;
        assert_eq!(signed(&row(line), &said, status), None, "{line}: {said:?}");
    }
}

#[test]
fn whatever_else_is_decided_is_wrong() {
    for (line, said, says) in [
        (
            SESSION,
            said("", "", "no-route", "", 404),
            "has no such route",
        ),
        (
            SESSION,
            said("session", "/you", "deny", "missing", 401),
            "another route, `/you`",
        ),
        (
            SESSION,
            said("", "/me", "deny", "missing", 401),
            "has no class",
        ),
        (
            SESSION,
            said("public", "/me", "grant", "", 200),
            "is session in the lock, and public",
        ),
        (
            SESSION,
            said("session", "/me", "grant", "", 200),
            "lets a caller without a session in",
        ),
        (
            SESSION,
            said("session", "/me", "deny", "store_unavailable", 503),
            "`store_unavailable`, 503",
        ),
        (
            SESSION,
            said("session", "/me", "deny", "missing", 200),
            "refuses a caller without a session with 200",
        ),
        (
            PUBLIC,
            said("public", "/status", "deny", "cross_origin", 403),
            "refuses strangers: `cross_origin`, 403",
        ),
        (
            PUBLIC,
            said("public", "/status", "observe", "cross_origin", 200),
            "refuses strangers",
        ),
        (
            HOOK,
            said("webhook", "/hook", "grant", "", 200),
            "lets a delivery without its proof in",
        ),
        (
            HOOK,
            said("webhook", "/hook", "deny", "verifier_unavailable", 503),
            "`verifier_unavailable`, 503",
        ),
        (
            HOOK,
            said("webhook", "/hook", "deny", "missing", 401),
            "for another reason",
        ),
        (
            OWN,
            said("webhook", "/own", "deny", "signature_missing", 401),
            "refuses strangers",
        ),
        (
            LOST,
            said("session", "", "deny", "missing", 401),
            "is public in the lock",
        ),
        (LOST, said("", "", "no-route", "", 404), "has no such route"),
        (
            FILES,
            said("public", "", "deny", "ambiguous_path", 400),
            "refuses strangers",
        ),
    ] {
        let status = said.status;
        let wrong = signed(&row(line), &said, status);
        let Some(Wrong::Decides(what)) = wrong else {
            panic!("{line}: {said:?}: {wrong:?}");
        };
        assert!(what.contains(says), "{says}: {what}");
    }
}

#[test]
fn another_status_than_the_layers_is_of_something_in_front() {
    let said = said("session", "/me", "deny", "missing", 401);
    let wrong = signed(&row(SESSION), &said, StatusCode::OK);
    let Some(Wrong::Front(what)) = wrong else {
        panic!("{wrong:?}");
    };
    assert!(
        what.contains("answered with 401 by the layer, and 200 came"),
        "{what}"
    );
}

#[test]
fn a_stranger_is_refused_by_401_or_303_and_nothing_else() {
    let came = |status| Came {
        status: StatusCode::from_u16(status).expect("a status"),
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    for status in [401, 303] {
        assert_eq!(unsigned(&came(status)), None);
    }
    for status in [200, 204, 302, 307, 400, 403, 404, 500, 503] {
        assert!(
            matches!(unsigned(&came(status)), Some(Wrong::Front(_))),
            "{status}"
        );
    }
}

#[test]
fn a_clock_within_the_minute_is_no_reason() {
    let mut headers = HeaderMap::new();
    let now = time::OffsetDateTime::now_utc();
    let date = now.format(&time::format_description::well_known::Rfc2822);
    let date = date.expect("a date").replace("+0000", "GMT");
    headers.insert(DATE, date.parse().expect("a header"));
    let came = Came {
        status: StatusCode::NOT_FOUND,
        headers,
        body: Vec::new(),
    };
    assert_eq!(came.clock_ahead(), None);
    assert!(unanswered(&came, None).contains("other keys"));
}

#[test]
fn what_runs_for_anyone_is_known() {
    for (line, runs) in [
        (SESSION, false),
        (PUBLIC, true),
        (HOOK, false),
        (OWN, true),
        (LOST, true),
    ] {
        assert_eq!(row(line).runs_for_anyone(), runs, "{line}");
    }
    assert_eq!(row(LOST).methods, Methods::FALLBACK);
}
