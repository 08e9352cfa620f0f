//! What a pull request shows.

use expect_test::expect;

use super::*;
use crate::lock::format;

fn comparison(old: &str, new: &str) -> Comparison {
    let lock =
        |lines: &str| format::parse(&format!("schema 1\n{lines}"), "routes.lock").expect("a lock");
    let differences = compare(&lock(old), &lock(new));
    Comparison {
        base: Base {
            revision: "origin/main".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            has_lock: true,
            lock: lock(old),
        },
        digest: Digest::of(&differences),
        differences,
    }
}

fn without_lock(mut comparison: Comparison) -> Comparison {
    comparison.base.has_lock = false;
    comparison
}

fn three() -> Comparison {
    comparison(
        "public POST /api/waitlist/signup web/routes\n\
         webhook POST /hook web/routes verify=postmark\n\
         session GET /api/me web/routes",
        "session POST /api/waitlist/signup web/routes\n\
         webhook POST /hook web/routes verify=github\n\
         session GET /api/me web/routes\n\
         public GET /status web/routes",
    )
}

#[test]
fn people_see_what_opens_what_closes_and_what_else() {
    expect![[r#"
        Opens: more callers may reach it
          GET /status is new and public: anyone may call it

        Closes: fewer callers may reach it
          POST /api/waitlist/signup was public and now needs a session: callers without one will get 401

        Changes its proof or terms
          POST /hook now takes proof for the verifier `github` instead of `postmark`: senders with no more than the old proof will get 401

        route-audit diff: opens 1, closes 1, otherwise changes 1, compared with `origin/main` (0123456789ab)
        to acknowledge exactly this: route-audit check --locked --base origin/main --acknowledged a4fe497b61c9b18dae53ccafc73f99f27decd641b6daf86e4f87a05938564195
    "#]].assert_eq(&render::human(&three(), false, false));
    expect![[r#"
        route-audit diff: no route changes for its callers, compared with `origin/main` (0123456789ab)
    "#]].assert_eq(&render::human(&comparison("", ""), false, false));
    let loud = render::human(&three(), false, false);
    let quiet = render::human(&three(), true, false);
    assert!(
        loud.starts_with(&format!("{quiet}\nroute-audit diff: ")),
        "{quiet}"
    );
    assert_eq!(render::human(&comparison("", ""), true, false), "");
}

#[test]
fn colours_change_no_word() {
    let colored = render::human(&three(), false, true);
    assert!(
        colored.contains("\u{1b}[1m\u{1b}[91mOpens: more callers may reach it\u{1b}[0m\n"),
        "{colored:?}"
    );
    let plain = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(plain, render::human(&three(), false, false));
}

#[test]
fn the_document_is_as_its_schema_says() {
    let schema = include_str!("../../../docs/route-audit-diff.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let terms = "webhook POST /hook web/routes verify=postmark expect_every=6h until=2027-01-31 \
                 owner=mail max_body=1KiB\n\
                 public FALLBACK - web/routes reason=\"not found\"\n\
                 session ANY /files/** web/routes scope=files";
    for (old, new) in [("", ""), (terms, ""), ("", terms)] {
        let compared = [comparison(old, new), without_lock(comparison(old, new))];
        for compared in compared.into_iter().chain([three()]) {
            let text = render::json(&compared).expect("JSON");
            let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let errors: Vec<_> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
            // A schema that takes anything would show nothing.
            for key in document.as_object().expect("an object").keys() {
                let mut less = document.clone();
                less.as_object_mut().expect("an object").remove(key);
                assert!(!validator.is_valid(&less), "{key}");
            }
        }
    }
}

#[test]
fn a_comment_begins_with_its_marker() {
    expect![[r#"
        <!-- route-audit diff -->
        ### Routes: opens 1, closes 1, otherwise changes 1

        Compared with `origin/main` (`0123456789ab`).

        **Opens: more callers may reach it**

        | Route | For its callers | Router |
        | --- | --- | --- |
        | `GET /status` | is new and public: anyone may call it | `web/routes` |

        **Closes: fewer callers may reach it**

        | Route | For its callers | Router |
        | --- | --- | --- |
        | `POST /api/waitlist/signup` | was public and now needs a session: callers without one will get 401 | `web/routes` |

        **Changes its proof or terms**

        | Route | For its callers | Router |
        | --- | --- | --- |
        | `POST /hook` | now takes proof for the verifier `github` instead of `postmark`: senders with no more than the old proof will get 401 | `web/routes` |

        A reviewer acknowledges exactly these changes by a review that has the line
        `/route-audit acknowledge a4fe497b61c9b18dae53ccafc73f99f27decd641b6daf86e4f87a05938564195`
    "#]].assert_eq(&render::markdown(&three()));
    let nothing = without_lock(comparison("", ""));
    expect![[r#"
        <!-- route-audit diff -->
        ### Routes: no route changes for its callers

        Compared with `origin/main` (`0123456789ab`).

        There is no lock at the base: every route shows as new.
    "#]]
    .assert_eq(&render::markdown(&nothing));
}

#[test]
fn the_document_has_both_sides() {
    let document: serde_json::Value =
        serde_json::from_str(&render::json(&three()).expect("JSON")).expect("JSON");
    assert_eq!(document["schema"], 1);
    assert_eq!(document["base"]["revision"], "origin/main");
    assert_eq!(
        document["summary"],
        serde_json::json!({"widened": 1, "narrowed": 1, "changed": 1})
    );
    let signup = &document["differences"][0];
    assert_eq!(signup["code"], "lock-narrowed");
    assert_eq!(signup["old"]["class"], "public");
    assert_eq!(signup["new"]["class"], "session");
    let status = &document["differences"][2];
    assert_eq!(status["path"], "/status");
    assert!(status["old"].is_null());
}

/// A pull request comes from anybody, and its comment is shown to those who decide.
#[test]
fn nothing_of_a_route_gets_out_of_its_cell() {
    let evil = "x | y` --> <script>alert(1)</script> [ok](http://evil) @team #1 ![](http://pixel)\\u{a}# h";
    let quoted = evil.replace('"', "\\\"");
    let mut shown = comparison(
        "",
        &format!(
            "webhook POST \"/{quoted}\" web/routes verify=\"{quoted}\"\n\
             session GET /a \"web/{quoted}\" scope=\"{quoted}\""
        ),
    );
    shown.base.revision = evil.to_owned();
    let text = render::markdown(&shown);
    let (_, body) = text.split_once("\n### ").expect("a marker and a heading");
    // Which are harmless, and so between backticks.
    let digest = shown.digest.expect("differences");
    let acknowledge = format!("`{ACKNOWLEDGE} {digest}`");
    let ours = ["`0123456789ab`", "`GET /a`", "`web/routes`", &acknowledge];
    let body = ours.into_iter().fold(body.to_owned(), |body, code| {
        assert!(body.contains(code), "{code}: {body}");
        body.replace(code, "")
    });
    for markup in ["<script", "](", "@", "`", "http:", "\n# h"] {
        assert!(!body.contains(markup), "{markup}: {body}");
    }
    // What is left of `#` and `<` is of entities, and ours.
    assert_eq!(
        body.matches('#').count(),
        body.matches("&#").count(),
        "{body}"
    );
    let tags = ["<code>", "</code>"].map(|tag| body.matches(tag).count());
    assert_eq!(
        body.matches('<').count(),
        tags.iter().sum::<usize>(),
        "{body}"
    );
    // Two rows, each with as many cells as the head of the table.
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("web/")).collect();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.matches('|').count(), 4, "{row}");
    }
}

#[test]
fn a_comment_fits_and_says_what_it_leaves_out() {
    let many: String = (0..2_000)
        .map(|n| format!("public GET /a/rather/long/path/to/route/{n} web/routes\n"))
        .collect();
    let text = render::markdown(&comparison("", &many));
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `GET /a/"))
        .count();
    let left_out = format!("**{} more are not shown here:**", 2_000 - rows);
    assert!(rows > 100 && text.contains(&left_out), "{rows}");
}

/// A reviewer's word is for what was reviewed: nothing may be added, taken away or exchanged, in either
/// direction. Where the code stands is no matter.
#[test]
fn a_digest_is_of_one_set_of_differences() {
    let digest = |old: &str, new: &str| comparison(old, new).digest.expect("differences");
    let (old, new) = ("public GET /a web/routes", "session GET /a web/routes");
    let one = digest(old, new);
    assert_eq!(one.to_string().parse::<Digest>(), Ok(one.clone()));
    // Lines of a lock move without a change of any route.
    assert_eq!(
        digest(
            &format!("session GET /b web/routes\n\n{old}"),
            &format!("{new}\nsession GET /b web/routes")
        ),
        one
    );
    for (old, new) in [
        (new, old),
        (old, ""),
        (old, "session POST /a web/routes"),
        (old, "session GET /a web/other"),
        (old, "session GET /a api/routes"),
        (old, "session GET /a web/routes scope=staff"),
        (old, "session GET /a web/routes\npublic GET /b web/routes"),
        (
            "public GET /a web/routes\nsession GET /b web/routes",
            "session GET /a web/routes",
        ),
        (
            "public GET /a web/routes reason=x",
            "session GET /a web/routes",
        ),
    ] {
        assert_ne!(digest(old, new), one, "{old} -> {new}");
    }
    assert_eq!(comparison(old, old).digest, None);
    for wrong in [
        "",
        "ab",
        &"0".repeat(63),
        &"0".repeat(65),
        &"+1".repeat(32),
        &"é".repeat(32),
    ] {
        assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
    }
}

#[test]
fn nobody_is_asked_to_acknowledge_what_is_not_shown() {
    let many: String = (0..2_000)
        .map(|number| format!("public GET /{number}/{} web/routes\n", "x".repeat(60)))
        .collect();
    let all = comparison("", &many);
    let digest = all.digest.clone().expect("differences").to_string();
    let text = render::markdown(&all);
    assert!(text.contains(" more are not shown here"), "{text}");
    assert!(!text.contains(&digest), "{text}");
    assert!(render::human(&all, false, false).contains(&digest));
}
