//! API keys as the operator issues them and a program uses them, over HTTP, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use http::StatusCode;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use serde_json::Value;

use service::{FORM, JSON, Kind, Service};

#[tokio::test]
async fn sqlite() {
    a_key_from_its_issue_to_its_end(Service::start(Kind::Sqlite).await.unwrap()).await;
}

#[tokio::test]
async fn postgres() {
    if let Some(service) = Service::start(Kind::Postgres).await {
        a_key_from_its_issue_to_its_end(service).await;
    }
}

/// The id of a key, and the key.
async fn changed(service: &Service, path: &str, body: &str, cookie: &str) -> (String, String) {
    let answer = service.post(path, JSON, body, &[("cookie", cookie)]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    let body: Value = serde_json::from_str(answer.text()).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

async fn a_key_from_its_issue_to_its_end(service: Service) {
    let export = async |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", &*bearer)];
        service.get("/api/signups", &headers).await.status
    };
    let cookie = service.login("curl/8").await;
    let label = r#"{"label":"nightly export"}"#;
    let (id, key) = changed(&service, "/keys", label, &cookie).await;
    assert!(key.starts_with("waitlist_test_"), "{key}");
    assert_eq!(export(&key).await, StatusCode::OK);

    // A key is no session, and a session is no key.
    let bearer = format!("Bearer {key}");
    for path in ["/api/waitlist", "/keys", "/api/me"] {
        let answer = service.get(path, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let answer = service.get("/api/signups", &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");

    // Rotated, both are good; revoked, one is not.
    let path = format!("/keys/{id}/rotate");
    let (new_id, new) = changed(&service, &path, "", &cookie).await;
    assert_eq!(export(&key).await, StatusCode::OK);
    assert_eq!(export(&new).await, StatusCode::OK);
    let path = format!("/keys/{id}/revoke");
    let answer = service.post(&path, JSON, "", &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(export(&key).await, StatusCode::UNAUTHORIZED);
    assert_eq!(export(&new).await, StatusCode::OK);
    for path in [path, "/keys/nonsense/revoke".to_owned()] {
        let answer = service.post(&path, JSON, "", &[("cookie", &cookie)]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }

    // The page shows a key once, and never in the list.
    let page = service.form("/keys", "label=%3Cb%3Epage", &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");
    let shown = page.text().split("waitlist_test_").nth(1).unwrap();
    let shown = format!("waitlist_test_{}", &shown[..72]);
    assert_eq!(export(&shown).await, StatusCode::OK);
    let list = service.get("/keys", &[("cookie", &cookie)]).await;
    for expected in ["nightly export", "&lt;b&gt;page", "Revoked ", &new_id] {
        assert!(list.text().contains(expected), "{expected}: {list:?}");
    }
    assert!(!list.text().contains("waitlist_test_"), "{list:?}");

    // A page of another site issues none.
    let elsewhere = [("cookie", &*cookie), ("sec-fetch-site", "cross-site")];
    let answer = service.post("/keys", FORM, "label=x", &elsewhere).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // It outlives a restart.
    let service = service.restart(&service.url).await;
    let bearer = format!("Bearer {new}");
    let headers = [("authorization", &*bearer)];
    let answer = service.get("/api/signups", &headers).await;
    assert_eq!(answer.status, StatusCode::OK);
}
