//! Markdown, and how much of it a comment holds.

use expect_test::expect;
use session_auth::audit::{Class, Severity};

use super::{FILE, Format, Workspace, clean, finding, found, route};

#[test]
fn a_comment_has_a_table() {
    let workspace = Workspace::new();
    expect![[r###"
        ## Route audit: 2 errors, 1 warning

        | Severity | Code | Finding | Place |
        | --- | --- | --- | --- |
        | **error** | `unclassified-route` | GET /legacy/\{id\} is mounted by router `routes` and has no access class<br>**help:** add `#[session_route(GET, "/legacy/{id}")]` to its handler | `src/my routes, é.rs:3` |
        | **error** | `conflicting-declaration` | GET /a&#124;b/@&#8203;team/&#60;img src=x&#62;\](https:&#8203;//evil.example)&#92;u\{1b\}\[2J&#92;n:&#8203;:&#8203;error:&#8203;:&#8203;100% is declared as `public` and as `session`<br>**help:** add <code>&#35;&#91;session&#95;route(GET, "/a&#124;b/&#64;team/&#60;img src=x&#62;&#93;(https&#58;//evil&#46;example)&#92;u&#123;1b&#125;&#91;2J&#92;n&#58;&#58;error&#58;&#58;100&#37;")&#93;</code> to its handler | `/elsewhere/lib.rs:3` |
        | warning | `unmonitored-webhook` | GET /hook is a webhook without `expect_every`<br>**help:** add `#[session_route(GET, "/hook")]` to its handler | `src/gone.rs:3` |

        2 routes (1 public, 1 unclassified) in 2 routers
    "###]].assert_eq(&workspace.check(&found(), Format::Markdown));
    expect![[r#"
        ## Route audit: clean

        1 route (1 session) in 1 router
    "#]]
    .assert_eq(&workspace.check(&clean(), Format::Markdown));
    expect![[r#"
        ## Route audit: 2 errors, 1 warning

        | Class | Methods | Path | Proof | Handler | Place | Router |
        | --- | --- | --- | --- | --- | --- | --- |
        | public | GET POST | `/waitlist/{id}` | postmark, scope admin, issues session, until 2027-01-31 | `web::handler` | `src/my routes, é.rs:3` | `routes` |
        | **NONE** | GET POST | <code>/a&#124;b/&#64;team/&#60;b&#62;</code> | - | - | `src/my routes, é.rs:3` | - |

        2 routes (1 public, 1 unclassified) in 2 routers
    "#]].assert_eq(&workspace.list(&found(), Format::Markdown, false, false));
}

#[test]
fn a_comment_fits_and_says_what_it_leaves_out() {
    let workspace = Workspace::new();
    let mut audit = found();
    let many = |what: &str| -> Vec<String> {
        (0..2_000)
            .map(|n| format!("/{what}/{n}/{}", "x".repeat(40)))
            .collect()
    };
    audit.findings = many("finding")
        .iter()
        .map(|path| finding(Severity::Error, "opaque-mount", "is opaque", path, FILE))
        .collect();
    audit.routes = many("route")
        .iter()
        .map(|path| route(Some(Class::Public), path))
        .collect();
    for (what, row, text) in [
        (
            "findings",
            "| **error** |",
            workspace.check(&audit, Format::Markdown),
        ),
        (
            "routes",
            "| public |",
            workspace.list(&audit, Format::Markdown, false, false),
        ),
    ] {
        assert!(text.len() < 65_536, "{}", text.len());
        let shown = text.lines().filter(|line| line.starts_with(row)).count();
        assert!(shown > 100, "{shown}");
        let left_out = format!(
            "\n\n**{} more {what} are not shown.** Run `cargo route-audit` to see all 2000.\n\n",
            2_000 - shown
        );
        assert!(text.contains(&left_out), "{}", &text[text.len() - 300..]);
    }
}
