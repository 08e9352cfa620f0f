//! Step 1: the service of the outage, with every route classified, over real sockets and with a real
//! database file. Each caller of the outage succeeds without a cookie, and nobody else does.
#![allow(clippy::unwrap_used)]

mod service;

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use service::Proof::{Basic, Bearer, FreeScout};
use service::{
    FREESCOUT_SECRET, MAX_BODY, OPERATOR_PASSWORD, POSTMARK_PASSWORD, Proof, Service, WAF_TOKEN,
    payload,
};

/// What the outage answered: now only where a session is really missing.
const MISSING: &str = r#"{"error":"Authentication required","reason":"missing"}"#;

const POSTMARK: Proof = Basic("postmark", POSTMARK_PASSWORD);
const FREESCOUT: Proof = FreeScout(FREESCOUT_SECRET);
const WAF: Proof = Bearer(WAF_TOKEN);

const FORMS: [&str; 2] = ["/api/waitlist/signup", "/api/marketing/waitlist"];
const MAIL: &str = "/webhooks/postmark/delivery";

/// Path, proof, payload, and what is kept of it: sender and kind.
const DELIVERIES: [(&str, Proof, &str, (&str, &str)); 6] = [
    (
        MAIL,
        POSTMARK,
        "postmark-delivery",
        ("postmark", "Delivery"),
    ),
    (MAIL, POSTMARK, "postmark-bounce", ("postmark", "Bounce")),
    (
        MAIL,
        POSTMARK,
        "postmark-spam-complaint",
        ("postmark", "SpamComplaint"),
    ),
    (
        "/webhooks/freescout/support",
        FREESCOUT,
        "freescout-conversation",
        ("freescout", "support"),
    ),
    (
        "/webhooks/freescout/audit",
        FREESCOUT,
        "freescout-conversation",
        ("freescout", "audit"),
    ),
    (
        "/internal/waf-events",
        WAF,
        "waf-event",
        ("waf", "challenge"),
    ),
];

#[tokio::test]
async fn visitors_sign_up_without_a_cookie() {
    let service = Service::start().await;
    let second =
        Bytes::from(r#"{"email":"grace@example.com","source":"marketing","consent":false}"#);
    for (path, form) in FORMS.into_iter().zip([payload("waitlist-signup"), second]) {
        let answer = service.post(path, form, Proof::None).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{path}: {answer:?}");
        assert_eq!(answer.body, r#"{"status":"check_your_email"}"#, "{path}");
    }
    let kept = [
        ("ada@example.com".to_owned(), "landing-hero".to_owned(), 1),
        ("grace@example.com".to_owned(), "marketing".to_owned(), 1),
    ];
    assert_eq!(service.signups().await, kept);
}

#[tokio::test]
async fn senders_deliver_without_a_cookie() {
    let service = Service::start().await;
    let mut kept = Vec::new();
    for (path, proof, name, (sender, kind)) in DELIVERIES {
        let body = payload(name);
        let answer = service.post(path, body.clone(), proof).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}, {name}: {answer:?}");
        kept.push((sender.to_owned(), kind.to_owned(), body.to_vec()));
    }
    assert_eq!(service.events().await, kept);
}

#[tokio::test]
async fn ten_identical_deliveries_store_one_row() {
    let service = Service::start().await;
    let deliver = || service.post(MAIL, payload("postmark-delivery"), POSTMARK);
    let at_once: Vec<_> = (0..5).map(|_| deliver()).collect();
    for answer in futures_util::future::join_all(at_once).await {
        // One is handled; whoever came meanwhile is to come again.
        let comes_again = answer.status == StatusCode::SERVICE_UNAVAILABLE;
        assert!(comes_again || answer.status == StatusCode::OK, "{answer:?}");
    }
    for _ in 0..5 {
        let answer = deliver().await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.body, r#"{"status":"duplicate"}"#);
    }
    assert_eq!(service.events().await.len(), 1);
}

#[tokio::test]
async fn a_broken_cookie_does_not_stand_in_the_way() {
    let service = Service::start().await;
    let callers = FORMS
        .map(|path| (path, Proof::None, "waitlist-signup"))
        .into_iter()
        .chain(DELIVERIES.map(|(path, proof, name, _)| (path, proof, name)));
    for (path, proof, name) in callers {
        let body = payload(name);
        let mut request = service
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .header(COOKIE, "__Host-session=of-another-year");
        if let Some((header, value)) = proof.header(&body) {
            request = request.header(header, value);
        }
        let answer = service.send(request.body(Full::new(body)).unwrap()).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        assert!(
            !answer.headers.contains_key(SET_COOKIE),
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_webhook_without_its_proof_is_refused() {
    let service = Service::start().await;
    for (path, _, name, _) in DELIVERIES {
        let answer = service.post(path, payload(name), Proof::None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.json()["reason"], "signature_missing", "{path}");
    }
    assert_eq!(service.events().await, []);
}

#[tokio::test]
async fn a_webhook_with_a_wrong_proof_is_refused() {
    let service = Service::start().await;
    for (path, right, name, _) in DELIVERIES {
        let wrong: &[Proof] = match right {
            Basic(..) => &[
                Basic("postmark", "p0stmarc"),
                Basic("admin", POSTMARK_PASSWORD),
                Bearer(POSTMARK_PASSWORD),
            ],
            FreeScout(_) => &[FreeScout("another secret")],
            Bearer(_) => &[Bearer("edge-worker-tokem"), Basic("waf", WAF_TOKEN)],
            Proof::None => unreachable!("a webhook has a proof"),
        };
        for proof in wrong {
            let answer = service.post(path, payload(name), *proof).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}, {proof:?}");
            assert_eq!(
                answer.json()["reason"],
                "signature_invalid",
                "{path}, {proof:?}"
            );
        }
    }
    // The right secret over another body.
    let (name, signature) = FREESCOUT.header(b"{}").unwrap();
    let request = service
        .request(Method::POST, "/webhooks/freescout/support")
        .header(name, signature)
        .body(Full::new(payload("freescout-conversation")));
    let answer = service.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["reason"], "signature_invalid");

    assert_eq!(service.events().await, []);
}

#[tokio::test]
async fn a_proof_that_is_there_twice_is_refused() {
    let service = Service::start().await;
    for (path, proof, name, _) in DELIVERIES {
        let body = payload(name);
        let (header, value) = proof.header(&body).unwrap();
        let request = service
            .request(Method::POST, path)
            .header(header, &value)
            .header(header, &value)
            .body(Full::new(body));
        let answer = service.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.json()["reason"], "signature_invalid", "{path}");
    }
    assert_eq!(service.events().await, []);
}

#[tokio::test]
async fn session_routes_need_a_session() {
    let service = Service::start().await;
    for path in ["/api/me", "/api/waitlist"] {
        let answer = service.get(path, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.body, MISSING, "{path}");
        assert!(answer.headers.contains_key(WWW_AUTHENTICATE), "{path}");
    }
    let path = "/devices/revoke-others";
    let answer = service.post(path, Bytes::new(), Proof::None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body, MISSING);
}

#[tokio::test]
async fn the_operator_logs_in_reads_the_list_and_logs_out() {
    let service = Service::start().await;
    service
        .post(FORMS[0], payload("waitlist-signup"), Proof::None)
        .await;

    let credentials = json!({ "password": OPERATOR_PASSWORD }).to_string();
    let login = service
        .post("/login", credentials.into(), Proof::None)
        .await;
    assert_eq!(login.status, StatusCode::NO_CONTENT, "{login:?}");
    let cookie = login.cookie();

    let me = service.get("/api/me", Some(cookie)).await;
    assert_eq!(me.status, StatusCode::OK, "{me:?}");
    assert_eq!(
        me.json(),
        json!({ "subject": "operator", "scopes": ["operator"] })
    );

    let list = service.get("/api/waitlist", Some(cookie)).await;
    assert_eq!(list.status, StatusCode::OK, "{list:?}");
    assert_eq!(list.json()["signups"][0]["email"], "ada@example.com");
    assert_eq!(list.json()["signups"][0]["consent"], true);

    let request = service
        .request(Method::POST, "/logout")
        .header(COOKIE, cookie);
    let logout = service
        .send(request.body(Full::<Bytes>::default()).unwrap())
        .await;
    assert_eq!(logout.status, StatusCode::NO_CONTENT, "{logout:?}");
    let forget = logout.headers[SET_COOKIE].to_str().unwrap();
    assert!(forget.starts_with("__Host-session=;"), "{forget}");
    assert!(forget.contains("Max-Age=0"), "{forget}");
    let after = service.get("/api/me", Some(logout.cookie())).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED, "{after:?}");
}

#[tokio::test]
async fn a_wrong_password_starts_no_session() {
    let service = Service::start().await;
    for password in ["", "correct hors", "correct horsf", "correct horse "] {
        let credentials = json!({ "password": password }).to_string();
        let login = service
            .post("/login", credentials.into(), Proof::None)
            .await;
        assert_eq!(login.status, StatusCode::UNAUTHORIZED, "{password:?}");
        assert!(!login.headers.contains_key(SET_COOKIE), "{password:?}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_kept() {
    let service = Service::start().await;
    // A stream of another kind, pointed here by mistake; a format of tomorrow; no JSON at all.
    let bodies = [
        payload("postmark-inbound"),
        Bytes::from(r#"{"RecordType":"Read"}"#),
        Bytes::from("{"),
        Bytes::from_static(b"\xff\xfe"),
    ];
    for body in &bodies {
        let answer = service.post(MAIL, body.clone(), POSTMARK).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    let unreadable = bodies.map(|body| ("postmark".into(), "unreadable".into(), body.to_vec()));
    assert_eq!(service.events().await, unreadable);
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_no_signup() {
    let service = Service::start().await;
    for (body, status) in [
        (
            r#"{"source":"landing-hero"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (r#"{"email":"nobody"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"email":"#, StatusCode::BAD_REQUEST),
    ] {
        let answer = service.post(FORMS[0], body.into(), Proof::None).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    assert_eq!(service.signups().await, []);
}

#[tokio::test]
async fn the_same_form_again_is_one_lead() {
    let service = Service::start().await;
    let again = Bytes::from(r#"{"email":"Ada@Example.com","source":"footer"}"#);
    for form in [payload("waitlist-signup"), again] {
        let answer = service.post(FORMS[0], form, Proof::None).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    }
    let kept = [("ada@example.com".to_owned(), "landing-hero".to_owned(), 2)];
    assert_eq!(service.signups().await, kept);
}

#[tokio::test]
async fn the_same_event_again_is_kept_once() {
    let service = Service::start().await;
    for _ in 0..2 {
        let answer = service
            .post(MAIL, payload("postmark-bounce"), POSTMARK)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert_eq!(service.events().await.len(), 1);
}

/// White space after JSON is JSON.
fn padded(name: &str, len: usize) -> Bytes {
    let mut body = payload(name).to_vec();
    body.resize(len, b' ');
    body.into()
}

#[tokio::test]
async fn a_body_may_have_the_limit_and_no_byte_more() {
    let service = Service::start().await;
    for (path, proof, name, _) in DELIVERIES {
        let answer = service.post(path, padded(name, MAX_BODY), proof).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }
    let kept = service.events().await.len();
    for (path, proof, name, _) in DELIVERIES {
        let answer = service.post(path, padded(name, MAX_BODY + 1), proof).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(answer.json()["reason"], "body_too_large", "{path}");
    }
    assert_eq!(service.events().await.len(), kept);
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let service = Service::start().await;
    for (path, proof, name, _) in DELIVERIES {
        for (body, status) in [
            (payload(name), StatusCode::OK),
            (padded(name, MAX_BODY + 1), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let (header, value) = proof.header(&body).unwrap();
            let chunk = body.len() / 7 + 1;
            let frames = body.chunks(chunk).map(Bytes::copy_from_slice);
            let frames: Vec<_> = frames
                .map(|data| Ok::<_, Infallible>(Frame::data(data)))
                .collect();
            let request = service
                .request(Method::POST, path)
                .header(TRANSFER_ENCODING, "chunked")
                .header(header, value)
                .body(StreamBody::new(futures_util::stream::iter(frames)));
            let answer = service.send(request.unwrap()).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
        }
    }
    assert_eq!(service.events().await.len(), DELIVERIES.len());
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_handled() {
    let service = Service::start().await;
    for (path, proof, name, _) in DELIVERIES {
        let answer = service.post_half(path, &payload(name), proof, true).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
    for path in FORMS {
        let answer = service
            .post_half(path, &payload("waitlist-signup"), Proof::None, true)
            .await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
    assert_eq!(service.events().await, []);
    assert_eq!(service.signups().await, []);
    // And the service goes on.
    let answer = service
        .post(MAIL, payload("postmark-delivery"), POSTMARK)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_in_time() {
    let service = Service::start().await;
    let answer = service
        .post_half(MAIL, &payload("postmark-delivery"), POSTMARK, false)
        .await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(service.events().await, []);
}

#[tokio::test]
async fn denied_requests_have_an_id_too() {
    let service = Service::start().await;
    for path in ["/api/me", "/health"] {
        let answer = service.get(path, None).await;
        assert!(
            answer.headers.contains_key("x-request-id"),
            "{path}: {answer:?}"
        );
    }
}
