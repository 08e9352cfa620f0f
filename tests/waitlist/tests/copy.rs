//! `waitlist copy`: everything moves, and nobody is logged out by it.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use http::StatusCode;
use serde_json::Value;
use sqlx::{PgPool, Row as _, SqlitePool};

use service::{Database, JSON, Kind, Service, WAF_AUTHORIZATION};

/// As many as are not copied at once.
const EVENTS: u64 = 120;

/// What is in it: a session, an API key and the list.
async fn fill(service: &Service) -> (String, String, Value) {
    for email in ["ada@example.com", "Grace@Example.com", "ada@Example.com"] {
        let form = format!(r#"{{"email":"{email}","source":"footer","consent":true}}"#);
        let answer = service.post("/api/waitlist/signup", JSON, &form, &[]);
        assert_eq!(answer.await.status, StatusCode::ACCEPTED);
    }
    for number in 0..EVENTS {
        let event = format!(r#"{{"action":"block","number":{number}}}"#);
        let token = [("authorization", WAF_AUTHORIZATION)];
        let answer = service.post("/internal/waf-events", JSON, &event, &token);
        assert_eq!(answer.await.status, StatusCode::OK);
    }
    // A password that is not the first, so that an account made anew would show.
    let cookie = service.login("curl/8").await;
    let form = "current=correct+horse&new=battery+staple";
    let changed = service.form("/account/password", form, &cookie).await;
    let cookie = changed.cookie().to_owned();
    let list = waitlist_of(service, &cookie).await;
    assert_eq!(list["signups"].as_array().unwrap().len(), 2, "{list}");
    let label = r#"{"label":"export"}"#;
    let headers = [("cookie", &*cookie)];
    let issued = service.post("/keys", JSON, label, &headers).await;
    let issued: Value = serde_json::from_str(issued.text()).unwrap();
    let key = format!("Bearer {}", issued["key"].as_str().unwrap());
    (cookie, key, list)
}

async fn waitlist_of(service: &Service, cookie: &str) -> Value {
    let answer = service.get("/api/waitlist", &[("cookie", cookie)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    serde_json::from_str(answer.text()).unwrap()
}

async fn assert_moved(service: &Service, cookie: &str, list: &Value) {
    service.assert_good(cookie).await;
    assert!(service.devices(cookie).await.contains("curl/8"));
    assert_eq!(&waitlist_of(service, cookie).await, list);
    let login = service.try_login("battery staple", "curl/8").await;
    assert_eq!(login.status, StatusCode::NO_CONTENT);
    // What came again is the same lead and the same event still.
    let form = r#"{"email":"GRACE@example.com"}"#;
    let path = "/api/waitlist/signup";
    service.post(path, JSON, form, &[]).await;
    let event = r#"{"action":"block","number":7}"#;
    let token = [("authorization", WAF_AUTHORIZATION)];
    let path = "/internal/waf-events";
    service.post(path, JSON, event, &token).await;
    let after = waitlist_of(service, cookie).await;
    assert_eq!(after["signups"].as_array().unwrap().len(), 2, "{after}");
}

/// To a server and back, which is each way once.
#[tokio::test]
async fn a_session_goes_on_in_postgresql_and_back_in_sqlite() {
    let (Some(server), Some(file)) = (Database::new(Kind::Postgres), Database::new(Kind::Sqlite))
    else {
        return;
    };
    let service = Service::start(Kind::Sqlite).await.unwrap();
    let (cookie, key, list) = fill(&service).await;

    let from = service.url.parse().unwrap();
    let to = server.url().parse().unwrap();
    let copied = waitlist::copy(&from, &to).await.unwrap().to_string();
    assert_eq!(
        copied,
        "2 signups, 120 events, 1 users, 1 sessions and 1 API keys"
    );

    let moved = service.restart(&server.url()).await;
    assert_moved(&moved, &cookie, &list).await;
    let exported = moved.get("/api/signups", &[("authorization", &key)]).await;
    assert_eq!(exported.status, StatusCode::OK, "{exported:?}");
    let pool = PgPool::connect(&server.url()).await.unwrap();
    let events = sqlx::query("SELECT payload FROM events ORDER BY id")
        .fetch_all(&pool)
        .await
        .unwrap();
    let payloads = events.iter().map(|row| row.get::<Vec<u8>, _>(0));
    let sent = (0..EVENTS).map(|n| format!(r#"{{"action":"block","number":{n}}}"#).into_bytes());
    assert!(payloads.eq(sent), "{} events", events.len());

    let (from, to) = (to, file.url().parse().unwrap());
    let copied = waitlist::copy(&from, &to).await.unwrap().to_string();
    // With the login in between.
    assert_eq!(
        copied,
        "2 signups, 120 events, 1 users, 2 sessions and 1 API keys"
    );
    let back = moved.restart(&file.url()).await;
    back.assert_good(&cookie).await;
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
        .fetch_one(&SqlitePool::connect(&file.url()).await.unwrap())
        .await
        .unwrap();
    assert_eq!(events, 120);
}

#[tokio::test]
async fn only_an_empty_database_is_copied_to() {
    let service = Service::start(Kind::Sqlite).await.unwrap();
    let other = Service::start(Kind::Sqlite).await.unwrap();
    let cookie = other.login("curl/8").await;
    let (from, to) = (service.url.parse().unwrap(), other.url.parse().unwrap());
    for (from, to) in [(&from, &to), (&from, &from)] {
        let error = waitlist::copy(from, to).await.unwrap_err().to_string();
        assert!(error.contains("1 rows"), "{error}");
    }
    other.assert_good(&cookie).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("mistyped.sqlite");
    let url = |file: &std::path::Path| format!("sqlite://{}", file.display());
    let to = folder.path().join("new.sqlite");
    let databases = [&from, &to].map(|file| url(file).parse().unwrap());
    let copied = waitlist::copy(&databases[0], &databases[1]).await;
    let error = copied.unwrap_err().to_string();
    assert!(error.contains("mistyped.sqlite"), "{error}");
    assert!(error.contains("no such file"), "{error}");
    assert!(!from.exists() && !to.exists());
}
