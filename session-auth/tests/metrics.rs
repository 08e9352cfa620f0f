//! The metrics as Prometheus reads them.

#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::ask;
use common::clock::FakeClock;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::webhook::Bearer;
use session_auth::{Keys, Protected, Router, SessionAuthLayer, public, session, webhook};

struct Service {
    auth: SessionAuthLayer,
    app: Protected,
    clock: FakeClock,
    handle: PrometheusHandle,
    recorder: metrics_exporter_prometheus::PrometheusRecorder,
}

impl Service {
    fn start() -> Self {
        let clock = FakeClock::new();
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .verifier("edge", Bearer::new("edge-token"))
            .store(MemoryStore::new())
            .lock("lock")
            .clock(clock.clock())
            .build()
            .unwrap();
        let router = Router::new()
            .mount(public(GET, "/users/{id}", "a \"page\"").to(|| async {}))
            .mount(
                public(GET, "/old", "until its callers have moved")
                    .until(time::Date::from_calendar_date(2023, time::Month::November, 30).unwrap())
                    .to(|| async {}),
            )
            .mount(session(GET, "/me").to(|| async {}))
            .mount(
                webhook(POST, "/edge", "edge")
                    .expect_every(Duration::from_secs(60))
                    .to(|| async {}),
            );
        let app = common::protect(&auth, router).unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Self {
            auth,
            app,
            clock,
            handle,
            recorder,
        }
    }

    fn scrape(&self) -> String {
        metrics::with_local_recorder(&self.recorder, || self.auth.publish_metrics());
        self.handle.render()
    }
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|it| it == line), "no {line} in\n{text}");
}

#[tokio::test]
async fn everything_is_there_from_the_start() {
    let text = Service::start().scrape();
    for line in [
        r#"session_auth_requests_total{class="public",route="GET /users/{id}",outcome="passed"} 0"#,
        r#"session_auth_webhook_last_verified_timestamp_seconds{route="POST /edge",verifier="edge"} 1700000000"#,
        r#"session_auth_webhook_expected_interval_seconds{route="POST /edge"} 60"#,
        r#"session_auth_webhook_ringing{route="POST /edge",rule="silent"} 0"#,
        "session_auth_unclassified_total 0",
        r#"session_auth_exemption_until_timestamp_seconds{class="public",route="GET /old"} 1701388800"#,
        r#"session_auth_store_errors_total{op="request"} 0"#,
    ] {
        has(&text, line);
    }
    assert!(
        text.contains(r#"session_auth_info{mode="enforce",version="#),
        "{text}"
    );
    assert!(
        text.contains("session_auth_key_used_total{key=\""),
        "{text}"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_reason_and_not_by_path() {
    let service = Service::start();
    for id in ["1", "2", "3"] {
        ask(&service.app, "GET", &format!("/users/{id}"), "").await;
    }
    ask(&service.app, "GET", "/me", "").await;
    ask(&service.app, "POST", "/edge", "Authorization: Bearer wrong").await;
    service.clock.advance(Duration::from_secs(1));
    ask(
        &service.app,
        "POST",
        "/edge",
        "Authorization: Bearer edge-token",
    )
    .await;
    service.scrape();
    // Twice: a count is published, not added.
    let text = service.scrape();
    for line in [
        r#"session_auth_requests_total{class="public",route="GET /users/{id}",outcome="passed"} 3"#,
        r#"session_auth_denied_total{class="session",route="GET /me",reason="missing"} 1"#,
        r#"session_auth_denied_total{class="webhook",route="POST /edge",reason="signature_invalid"} 1"#,
        r#"session_auth_requests_total{class="webhook",route="POST /edge",outcome="denied"} 1"#,
        r#"session_auth_webhook_last_verified_timestamp_seconds{route="POST /edge",verifier="edge"} 1700000001"#,
    ] {
        has(&text, line);
    }
    assert!(!text.contains("/users/1"), "{text}");
    service.clock.advance(Duration::from_secs(362));
    has(
        &service.scrape(),
        r#"session_auth_webhook_ringing{route="POST /edge",rule="silent"} 1"#,
    );
}

#[tokio::test]
async fn callers_are_counted_by_what_proved_them() {
    use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};

    struct Tokens;

    impl Authenticate for Tokens {
        type Identity = ();

        fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<()> {
            match request.bearer() {
                Ok("good") => Proof::new(()).into(),
                Ok(_) => Refusal::Unavailable("down").into(),
                Err(refusal) => refusal.into(),
            }
        }
    }

    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", Tokens)
        .build()
        .unwrap();
    let front = public(GET, "/", "front").optional_session().by("api");
    let router = Router::new()
        .mount(session(GET, "/own").to(|| async {}))
        .mount(session(GET, "/both").by("session | api").to(|| async {}))
        .mount(front.to(|| async {}));
    let app = common::protect(&auth, router).unwrap();
    let cookie = common::cookie_of(&auth).await;
    let (cookie, good) = (cookie.trim_end(), "Authorization: Bearer good");
    let requests = [
        ("/own", cookie),
        ("/both", cookie),
        ("/both", good),
        ("/both", good),
        ("/both", "Authorization: Bearer down"),
        ("/both", ""),
        ("/", good),
        ("/", "Authorization: Bearer down"),
        ("/", ""),
    ];
    for (path, header) in requests {
        ask(&app, "GET", path, header).await;
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || auth.publish_metrics());
    let text = handle.render();
    for line in [
        r#"session_auth_callers_total{route="GET /both",by="session"} 1"#,
        r#"session_auth_callers_total{route="GET /both",by="api"} 2"#,
        r#"session_auth_callers_total{route="GET /",by="api"} 1"#,
        r#"session_auth_authenticator_unavailable_total{by="api"} 2"#,
        r#"session_auth_requests_total{class="session",route="GET /both",outcome="passed"} 3"#,
    ] {
        has(&text, line);
    }
    // Where there is nothing else, `passed` says it.
    assert!(
        !text.contains(r#"callers_total{route="GET /own""#),
        "{text}"
    );
}

#[tokio::test]
async fn a_secret_of_a_webhook_is_counted_by_its_id_and_goes_on_after_a_rotation() {
    let secrets = session_auth::webhook::Secrets::new(["the-old-secret"]);
    let auth = SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
        .verifier("edge", Bearer::new(secrets.clone()))
        .build()
        .unwrap();
    let router = Router::new().mount(webhook(POST, "/edge", "edge").to(|| async {}));
    let app = common::protect(&auth, router).unwrap();
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let scrape = || {
        metrics::with_local_recorder(&recorder, || auth.publish_metrics());
        let text = handle.render();
        let is_it = |line: &&str| line.starts_with("session_auth_webhook_secret_used_total{");
        text.lines()
            .filter(is_it)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let used = async |token: &str| {
        let header = format!("Authorization: Bearer {token}");
        assert_eq!(ask(&app, "POST", "/edge", &header).await.status, 200);
    };
    assert!(scrape()[0].ends_with("} 0"), "{:?}", scrape());
    used("the-old-secret").await;
    let old = scrape().remove(0);
    assert!(
        old.contains(r#"verifier="edge",secret=""#) && old.ends_with("} 1"),
        "{old}"
    );
    secrets
        .rotate(["the-new-secret", "the-old-secret"])
        .unwrap();
    used("the-new-secret").await;
    used("the-new-secret").await;
    let all = scrape();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all.contains(&old), "{all:?}");
    assert!(all.iter().any(|line| line.ends_with("} 2")), "{all:?}");
    assert!(!all.iter().any(|line| line.contains("the-")), "{all:?}");
}

/// What promtool says of this on its standard input; `None` where it is not installed, and that was said.
fn promtool(args: &[&str], input: &str) -> Option<(bool, String)> {
    let promtool = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(promtool) => promtool,
        Err(error) => {
            let message = format!("promtool does not start ({error}; Debian: prometheus)");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
            eprintln!("SKIPPED: {message}");
            return None;
        }
    };
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let checked = promtool.wait_with_output().unwrap();
    let said = [checked.stderr, checked.stdout].concat();
    let said = String::from_utf8(said).unwrap();
    Some((checked.status.success(), said))
}

/// Names, units and help as Prometheus wants them.
#[tokio::test]
async fn promtool_finds_nothing_wrong() {
    let service = Service::start();
    ask(&service.app, "GET", "/me", "").await;
    let text = service.scrape();
    if let Some((good, said)) = promtool(&["check", "metrics"], &text) {
        assert!(good && said.is_empty(), "{said}\n{text}");
    }
}

/// Prometheus reads what the dashboard asks for.
#[test]
fn the_dashboard_asks_in_prometheus_own_words() {
    let dashboard = include_str!("../../docs/grafana-dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = parsed["panels"].as_array().unwrap();
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            let id = &panel["id"];
            rules.push_str(&format!(
                "      - record: panel{id}\n        expr: {}\n",
                target["expr"]
            ));
            // A table shows what is now, and not one row for each moment.
            let is_now = target["instant"] == true && target["format"] == "table";
            assert_eq!(panel["type"] == "table", is_now, "{panel}");
        }
    }
    if let Some((good, said)) = promtool(&["check", "rules", "/dev/stdin"], &rules) {
        assert!(
            good && said.contains(&format!("{} rules", ids.len())),
            "{said}\n{rules}"
        );
    }
}

/// The dashboard asks for what there is.
#[tokio::test]
async fn the_dashboard_names_no_other_metric() {
    let service = Service::start();
    ask(&service.app, "GET", "/me", "").await;
    let text = service.scrape();
    let dashboard = include_str!("../../docs/grafana-dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() >= 6);
    let named: std::collections::BTreeSet<&str> = dashboard
        .match_indices("session_auth_")
        .map(|(at, _)| {
            let rest = &dashboard[at..];
            let end = rest
                .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
                .unwrap();
            &rest[..end]
        })
        .collect();
    assert!(named.len() >= 9, "{named:?}");
    for name in named {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
    }
}
