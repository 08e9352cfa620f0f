//! What the macros leave at run time: the declarations, and functions that are still functions.

use std::collections::BTreeSet;

use auth::{AccessClass, Declaration};

/// `routes` and its crate must be linked for its declarations to be.
fn declared(handler: &str) -> Vec<&'static Declaration> {
    let _ = renamed_dependency::routes;
    auth::declarations()
        .into_iter()
        .filter(|declaration| declaration.handler() == handler)
        .collect()
}

fn one(handler: &str) -> &'static Declaration {
    let found = declared(handler);
    assert_eq!(found.len(), 1, "{handler}: {found:#?}");
    found[0]
}

#[test]
fn every_macro_leaves_one_declaration() {
    let health = one("renamed_dependency::health");
    assert_eq!(health.class(), AccessClass::Public);
    assert_eq!(health.target().to_string(), "GET | POST /health");
    assert_eq!(health.reason(), Some("liveness probe"));
    assert_eq!(health.owner(), Some("platform"));
    assert_eq!(health.package(), "renamed-dependency");
    assert!(health.location().file.ends_with("renamed/src/lib.rs"));
    let source = include_str!("../src/lib.rs");
    let line = source.lines().nth(health.location().line as usize - 1);
    assert!(line.is_some_and(|line| line.starts_with("#[public_route(GET | POST, \"/health\"")));
    assert_eq!(health.location().column, 1);

    let mail = one("renamed_dependency::mail");
    assert_eq!(mail.class(), AccessClass::Webhook);
    let verify = mail.verify().map(auth::Verify::as_str);
    assert_eq!(verify, Some("mail"));
    assert_eq!(
        mail.expect_every().map(|every| every.as_secs()),
        Some(6 * 60 * 60)
    );
    assert_eq!(mail.max_body(), Some(1 << 20));
    assert_eq!(
        mail.until().map(|day| day.to_string()).as_deref(),
        Some("2096-02-29")
    );

    let echo = one("renamed_dependency::echo");
    assert_eq!(echo.class(), AccessClass::Session);
    assert_eq!(echo.scope(), Some("echo"));
    assert_eq!(echo.target().paths(), ["/echo/{text}", "/repeat/{text}"]);
    assert_eq!(
        (echo.issues_session(), echo.optional_session()),
        (false, false)
    );

    let login = one("renamed_dependency::login");
    assert_eq!(
        (login.issues_session(), login.optional_session()),
        (true, true)
    );

    for (handler, target) in [
        ("renamed_dependency::not_found", "FALLBACK"),
        ("renamed_dependency::no_such_page", "FALLBACK /staff"),
        ("renamed_dependency::remove", "DELETE"),
        ("renamed_dependency::never_called", "ANY /never"),
    ] {
        assert_eq!(one(handler).target().to_string(), target);
    }
    let targets: Vec<_> = declared("")
        .iter()
        .map(|found| found.target().to_string())
        .collect();
    assert_eq!(targets, ["GET /metrics", "ANY /assets/**"]);
}

/// Whoever has nothing but the file finds in it what runs.
#[test]
fn every_declaration_is_found_in_the_file_that_was_linked() {
    let program = std::env::current_exe().and_then(std::fs::read).unwrap();
    let program = String::from_utf8_lossy(&program);
    // Backwards, since this is in the file, too: of two pieces the linker may make one.
    let start: String = "\u{1}noitaralced htua-noisses\u{1}".chars().rev().collect();
    let found: BTreeSet<&str> = program
        .split(&start)
        .skip(1)
        .filter_map(|rest| rest.split_once('\u{2}'))
        .map(|(mark, _)| mark)
        .collect();
    let declared: Vec<_> = auth::declarations()
        .into_iter()
        .map(|declaration| {
            let place = declaration.location();
            let place = format!("{}:{}:{}", place.file, place.line, place.column);
            [declaration.package(), declaration.handler(), &place].join("\u{1}")
        })
        .collect();
    assert!(declared.len() > 10, "{declared:#?}");
    assert_eq!(found, declared.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn a_handler_is_called_like_any_function() {
    assert_eq!(renamed_dependency::health().await, "ok");
    assert_eq!(renamed_dependency::mail("body".to_owned()).await, "body");
    let path = axum::extract::Path("text".to_owned());
    assert_eq!(renamed_dependency::echo::<u8>(path).await, "text");
    let text = "left".to_owned();
    assert_eq!(
        renamed_dependency::borrowed(&text, "right").await,
        ("left", 5)
    );
}

#[test]
fn a_handlers_future_is_send_and_as_large_as_the_function_makes_it() {
    fn size<F: Future + Send>(future: F) -> usize {
        size_of_val(&future)
    }
    async fn plain(body: String) -> String {
        body
    }
    // No box, no flag: the class costs nothing at run time.
    assert_eq!(
        size(renamed_dependency::mail(String::new())),
        size(plain(String::new()))
    );
}
