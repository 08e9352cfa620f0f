//! Logins, devices and passwords, over HTTP, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};
use serde_json::json;
use session_auth::Keys;
use tokio::time::sleep;

use service::{Answer, FORM, JSON, Kind, PASSWORD, Service};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/138.0.0.0 Mobile Safari/537.36";
const NEW_PASSWORD: &str = "battery staple";

/// Each test twice.
macro_rules! on_both_databases {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Service::start(super::Kind::Sqlite).await.unwrap()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(service) = super::Service::start(super::Kind::Postgres).await {
                    super::$test(service).await;
                }
            })*
        }
    };
}

on_both_databases! {
    a_login_needs_the_name_and_its_password
    a_page_logs_in_by_its_form
    a_login_leads_nowhere_else
    a_form_of_another_site_logs_nobody_in
    the_list_shows_each_login
    one_session_is_ended
    an_id_that_is_no_session_of_mine_ends_none
    all_other_sessions_are_ended
    logging_out_ends_the_session
    a_page_without_a_session_goes_to_the_login_and_back
    a_new_password_ends_the_other_sessions
    a_login_under_way_does_not_survive_a_new_password
    a_password_is_changed_by_its_owner_alone
    a_form_of_another_site_changes_nothing
    what_a_device_says_of_itself_is_text
    everything_outlives_a_restart
    a_nul_is_no_error
}

async fn a_login_needs_the_name_and_its_password(service: Service) {
    for (name, password) in [
        ("operator", "correct hors"),
        ("operator", ""),
        ("Operator", PASSWORD),
        ("nobody", PASSWORD),
        ("operator\0", PASSWORD),
        ("' OR 1 = 1 --", PASSWORD),
    ] {
        let body = json!({ "name": name, "password": password }).to_string();
        let answer = service.post("/login", JSON, &body, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {password}");
        // The same for each: what is wrong is nobody's business.
        assert_eq!(answer.text(), r#"{"error":"Wrong password"}"#);
        assert!(!answer.headers.contains_key(SET_COOKIE), "{answer:?}");
    }
    let cookie = service.login(FIREFOX).await;
    let me = service.get("/api/me", &[("cookie", &cookie)]).await;
    assert_eq!(me.text(), r#"{"scopes":["operator"],"subject":"operator"}"#);
}

async fn a_page_logs_in_by_its_form(service: Service) {
    let page = service.get("/login", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(page.text().contains(r#"action="/login""#), "{page:?}");

    let wrong = "name=operator&password=wrong&next=/devices?page%3D2";
    let answer = service.post("/login", FORM, wrong, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("Wrong name or password"));
    // The second try leads to the same place.
    let kept = r#"name="next" type="hidden" value="/devices?page=2""#;
    assert!(answer.text().contains(kept), "{answer:?}");

    for (next, location) in [("", "/devices"), ("&next=/api/me%3Fa%3Db", "/api/me?a=b")] {
        let form = format!("name=operator&password=correct+horse{next}");
        let answer = service.post("/login", FORM, &form, &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        assert_eq!(answer.headers[LOCATION], location);
        assert!(answer.cookie().starts_with("__Host-session="), "{answer:?}");
    }
}

async fn a_login_leads_nowhere_else(service: Service) {
    for next in [
        "https://evil.example",
        "//evil.example",
        r"/\evil.example",
        "%2F%2Fevil.example",
        "/%09/evil.example",
        "/%0d%0aset-cookie:a=b",
        "javascript:alert(1)",
        "",
    ] {
        let page = service.get(&format!("/login?next={next}"), &[]).await;
        let form = format!("password=correct+horse&next={next}");
        let login = service.post("/login", FORM, &form, &[]).await;
        for answer in [page, login] {
            let status = answer.status;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{next}");
            assert!(!answer.headers.contains_key(LOCATION), "{next}");
            assert!(!answer.headers.contains_key(SET_COOKIE), "{next}");
        }
    }
    let page = service.get("/login?next=/devices%22%3E%3Cb%3E", &[]).await;
    assert!(!page.text().contains("<b>"), "{page:?}");
}

async fn a_form_of_another_site_logs_nobody_in(service: Service) {
    let form = "password=correct+horse";
    for site in ["cross-site", "same-site"] {
        let from = [("sec-fetch-site", site)];
        let answer = service.post("/login", FORM, form, &from).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{site}");
    }
    let from = [("sec-fetch-site", "same-origin")];
    let answer = service.post("/login", FORM, form, &from).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

async fn the_list_shows_each_login(service: Service) {
    let firefox = service.login(FIREFOX).await;
    let chrome = service.login(CHROME).await;
    for (cookie, this, other) in [
        (&firefox, "Firefox on Linux", "Chrome on Android"),
        (&chrome, "Chrome on Android", "Firefox on Linux"),
    ] {
        let page = service.devices(cookie).await;
        let rows: Vec<&str> = page.split("<li").skip(1).collect();
        assert_eq!(rows.len(), 2, "{page}");
        let row = |label: &str| *rows.iter().find(|row| row.contains(label)).unwrap();
        assert!(row(this).contains("this device"), "{page}");
        assert!(!row(this).contains(r#"/revoke""#), "{page}");
        assert!(!row(other).contains("this device"), "{page}");
        assert!(row(other).contains(r#"/revoke""#), "{page}");
        assert!(row(other).contains("Logged in ") && row(other).contains(" UTC"));
    }
    let answer = service.get("/devices", &[("cookie", &chrome)]).await;
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

async fn one_session_is_ended(service: Service) {
    let firefox = service.login(FIREFOX).await;
    let chrome = service.login(CHROME).await;
    let third = service.login("curl/8").await;
    let action = service.revoke_action(&firefox, "Chrome on Android").await;

    let answer = service.form(&action, "", &firefox).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.headers[LOCATION], "/devices");
    service.assert_revoked(&chrome).await;
    service.assert_good(&firefox).await;
    service.assert_good(&third).await;
    assert!(!service.devices(&firefox).await.contains("Chrome"));

    // Again: it is over all the same. A program is told that there was none.
    let answer = service.form(&action, "", &firefox).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let program = [("cookie", firefox.as_str())];
    let answer = service.post(&action, JSON, "", &program).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);

    // One's own: that is logging out.
    let own = service.revoke_action(&third, "Firefox on Linux").await;
    let answer = service.form(&own, "", &firefox).await;
    assert_eq!(answer.headers[LOCATION], "/login");
    let forget = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(forget.contains("Max-Age=0"), "{forget}");
    service.assert_revoked(&firefox).await;
}

async fn an_id_that_is_no_session_of_mine_ends_none(service: Service) {
    let cookie = service.login(FIREFOX).await;
    let none = "0".repeat(32);
    for id in [none.as_str(), "1", "%00", "..%2f"] {
        let path = format!("/devices/{id}/revoke");
        let program = [("cookie", cookie.as_str())];
        let answer = service.post(&path, JSON, "", &program).await;
        assert!(answer.status.is_client_error(), "{id}: {answer:?}");
    }
    service.assert_good(&cookie).await;
}

async fn all_other_sessions_are_ended(service: Service) {
    let [first, second, third] = [
        service.login(FIREFOX).await,
        service.login(CHROME).await,
        service.login("curl/8").await,
    ];
    let answer = service.form("/devices/revoke-others", "", &second).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    service.assert_good(&second).await;
    service.assert_revoked(&first).await;
    service.assert_revoked(&third).await;
    // Nothing is left to press it for.
    let page = service.devices(&second).await;
    assert!(!page.contains("revoke-others"), "{page}");
}

async fn logging_out_ends_the_session(service: Service) {
    let other = service.login(FIREFOX).await;
    let page = service.login(CHROME).await;
    let answer = service.form("/logout", "", &page).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers[LOCATION], "/login");
    let forget = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(forget.contains("Max-Age=0"), "{forget}");
    // A copy of the cookie is good for nothing but logging out.
    service.assert_revoked(&page).await;
    for cookie in [page.as_str(), "__Host-session=x", "a=b"] {
        let again = service.form("/logout", "", cookie).await;
        assert_eq!(again.status, StatusCode::SEE_OTHER, "{cookie}");
        assert_eq!(again.headers[LOCATION], "/login");
        assert_eq!(again.headers[SET_COOKIE].to_str().unwrap(), forget);
    }
    service.assert_good(&other).await;
}

async fn a_page_without_a_session_goes_to_the_login_and_back(service: Service) {
    let answer = service.get("/devices", &[("accept", "text/html")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let login = answer.headers[LOCATION].to_str().unwrap();
    assert_eq!(login, "/login?next=/devices");
    let page = service.get(login, &[("accept", "text/html")]).await;
    let kept = r#"name="next" type="hidden" value="/devices""#;
    assert!(page.text().contains(kept), "{page:?}");
}

async fn a_new_password_ends_the_other_sessions(service: Service) {
    let other = service.login(FIREFOX).await;
    let mine = service.login(CHROME).await;
    let form = "current=correct+horse&new=battery+staple";
    let answer = service.form("/account/password", form, &mine).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.headers[LOCATION], "/devices");

    let renewed = answer.cookie().to_owned();
    service.assert_good(&renewed).await;
    assert!(
        service
            .devices(&renewed)
            .await
            .contains("Chrome on Android")
    );
    service.assert_revoked(&mine).await;
    service.assert_revoked(&other).await;

    let login = async |password| service.try_login(password, FIREFOX).await.status;
    assert_eq!(login(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(login(NEW_PASSWORD).await, StatusCode::NO_CONTENT);
}

async fn a_login_under_way_does_not_survive_a_new_password(service: Service) {
    let mine = service.login(FIREFOX).await;
    let logins = async {
        let mut tasks = Vec::new();
        // All the while that the change takes, and after.
        for _ in 0..24 {
            let service = service.clone();
            tasks.push(tokio::spawn(async move {
                service.try_login(PASSWORD, CHROME).await
            }));
            sleep(Duration::from_millis(25)).await;
        }
        let mut answers: Vec<Answer> = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    };
    let change = async {
        sleep(Duration::from_millis(50)).await;
        let form = "current=correct+horse&new=battery+staple";
        service.form("/account/password", form, &mine).await
    };
    let (answers, changed) = tokio::join!(logins, change);
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{changed:?}");
    let mut judged = 0;
    for answer in answers {
        match answer.status {
            // The store was not asked in time, on a busy machine: there is no session.
            StatusCode::SERVICE_UNAVAILABLE => continue,
            StatusCode::UNAUTHORIZED => {}
            StatusCode::NO_CONTENT => service.assert_revoked(answer.cookie()).await,
            _ => panic!("{answer:?}"),
        }
        judged += 1;
    }
    assert_ne!(judged, 0, "no login was answered");
}

async fn a_password_is_changed_by_its_owner_alone(service: Service) {
    let cookie = service.login(FIREFOX).await;
    let other = service.login(CHROME).await;
    for (form, status, notice) in [
        (
            "current=wrong&new=battery+staple",
            StatusCode::UNAUTHORIZED,
            "That is not your password",
        ),
        (
            "current=correct+horse&new=short",
            StatusCode::UNPROCESSABLE_ENTITY,
            "12 to 1024 characters",
        ),
    ] {
        let answer = service.form("/account/password", form, &cookie).await;
        assert_eq!(answer.status, status, "{form}");
        assert!(answer.text().contains(notice), "{answer:?}");
        assert!(!answer.headers.contains_key(SET_COOKIE), "{answer:?}");
    }
    let body = json!({ "current": "wrong", "new": NEW_PASSWORD }).to_string();
    let program = [("cookie", cookie.as_str())];
    let answer = service
        .post("/account/password", JSON, &body, &program)
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.text(), r#"{"error":"Wrong password"}"#);
    let answer = service.post("/account/password", JSON, &body, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    service.assert_good(&other).await;
    let again = service.try_login(PASSWORD, FIREFOX).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);
}

async fn a_form_of_another_site_changes_nothing(service: Service) {
    let cookie = service.login(FIREFOX).await;
    let other = service.login(CHROME).await;
    let action = service.revoke_action(&cookie, "Chrome on Android").await;
    for (path, form) in [
        (action.as_str(), ""),
        ("/devices/revoke-others", ""),
        ("/logout", ""),
        (
            "/account/password",
            "current=correct+horse&new=battery+staple",
        ),
    ] {
        for from in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ] {
            let headers = [("cookie", cookie.as_str()), from];
            let answer = service.post(path, FORM, form, &headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}, {from:?}");
        }
    }
    service.assert_good(&cookie).await;
    service.assert_good(&other).await;
}

async fn what_a_device_says_of_itself_is_text(service: Service) {
    let hostile = "<script>alert(1)</script>\"'&";
    let cookie = service.login(hostile).await;
    service.login(hostile).await;
    let page = service.devices(&cookie).await;
    assert!(!page.contains("<script"), "{page}");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;";
    assert_eq!(page.matches(shown).count(), 2, "{page}");
}

async fn everything_outlives_a_restart(service: Service) {
    let cookie = service.login(FIREFOX).await;
    let form = "current=correct+horse&new=battery+staple";
    let changed = service.form("/account/password", form, &cookie).await;
    // The first password is in the environment still, and makes no account again.
    let service = service.restart(&service.url).await;
    service.assert_good(changed.cookie()).await;
    let login = async |password| service.try_login(password, FIREFOX).await.status;
    assert_eq!(login(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(login(NEW_PASSWORD).await, StatusCode::NO_CONTENT);
}

async fn a_nul_is_no_error(service: Service) {
    let form = r#"{"email":"ada@example.com","source":"a\u0000b"}"#;
    let path = "/api/waitlist/signup";
    let answer = service.post(path, JSON, form, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let event = r#"{"action":"a\u0000b"}"#;
    let token = [("authorization", service::WAF_AUTHORIZATION)];
    let path = "/internal/waf-events";
    let answer = service.post(path, JSON, event, &token).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn without_a_first_password_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("w.sqlite").display());
    let mut config = service::config(&url, Keys::random().unwrap());
    config.operator_password = None;
    let error = waitlist::app(config).await.err().unwrap().to_string();
    assert!(error.contains("set OPERATOR_PASSWORD"), "{error}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    for (url, named) in [
        (
            "sqlite:///there/is/no/such.sqlite",
            "/there/is/no/such.sqlite",
        ),
        (
            "postgres://ada:hunter2@127.0.0.1:1/list",
            "postgres://127.0.0.1:1/list",
        ),
    ] {
        let config = service::config(url, Keys::random().unwrap());
        let error = waitlist::app(config).await.err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn there_are_pages_for_people_and_answers_for_programs() {
    let service = Service::start(Kind::Sqlite).await.unwrap();
    let answer = service.get("/devices", &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains(r#""reason":"missing""#));
    let first = service.login(FIREFOX).await;
    let second = service.login(CHROME).await;
    let program = [("cookie", second.as_str())];
    let path = "/devices/revoke-others";
    let answer = service.send(Method::POST, path, "", &program).await;
    assert_eq!(answer.text(), r#"{"ended":1}"#);
    service.assert_revoked(&first).await;
}
