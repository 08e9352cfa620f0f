//! Markdown, and how much of it a comment holds.

use expect_test::expect;
use session_auth::audit::Code;

use super::{FILE, Format, Workspace, at, audit, clean, finding, found, route};

#[test]
fn a_comment_has_a_table() {
    let workspace = Workspace::new();
    expect![[r###"
        ## Route audit: 2 errors, 1 warning

        | Severity | Code | Finding | Place |
        | --- | --- | --- | --- |
        | **error** | `unclassified-route` | GET /legacy/\{id\} is mounted and has no access class<br>**help:** add `#[public_route(GET, "/legacy/{id}", reason = "…")]`, `#[webhook_route(GET, "/legacy/{id}", verify = "…")]` or `#[session_route(GET, "/legacy/{id}")]` to its handler | `src/my routes, é.rs:3` |
        | **error** | `conflicting-declaration` | GET /a&#124;b/@&#8203;team/&#60;img src=x&#62;\](https:&#8203;//evil.example)&#92;u\{1b\}\[2J&#92;n:&#8203;:&#8203;error:&#8203;:&#8203;100% is declared twice: public at src/lib.rs:&#8203;3, and session at src/lib.rs:&#8203;9<br>**help:** keep one of the two; two routers that both have this path mount their handlers by name | `/elsewhere/lib.rs:3` |
        | warning | `unmonitored-webhook` | GET /hook is a webhook of which nobody notices when it falls silent<br>**help:** add `expect_every = "…"`: the longest time that passes between two deliveries when all is well | `src/gone.rs:3` |

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
        | public | GET POST | `/waitlist/{id}` | issues session, until 2027-01-31 | `web::handler` | `src/my routes, é.rs:3` | `routes` |
        | **NONE** | GET POST | <code>/a&#124;b/&#64;team/&#60;b&#62;</code> | - | - | `src/my routes, é.rs:3` | `routes` |

        2 routes (1 public, 1 unclassified) in 2 routers
    "#]].assert_eq(&workspace.list(&found(), Format::Markdown, false, false));
}

#[test]
fn a_comment_fits_and_says_what_it_leaves_out() {
    let workspace = Workspace::new();
    let many = |what: &str| -> Vec<String> {
        (0..2_000)
            .map(|n| format!("/{what}/{n}/{}", "x".repeat(40)))
            .collect()
    };
    let findings = many("finding");
    let findings = findings
        .iter()
        .map(|path| finding(Code::OpaqueMount, path, at(FILE, 3)));
    let routes = many("route");
    let routes = routes.iter().map(|path| route(true, path));
    let audit = audit(&["routes"], routes.collect(), findings.collect());
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
