use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use super::*;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn each_code_has_its_page_and_no_page_is_orphaned() {
    let pages: BTreeSet<String> = fs::read_dir(here("src/explain"))
        .expect("the pages")
        .map(|entry| entry.expect("a page").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name != "tests.rs")
        .collect();
    let codes = Code::ALL.iter().map(|code| format!("{code}.md"));
    assert_eq!(pages, codes.collect());
    for &code in Code::ALL {
        assert!(page(code).starts_with(&format!("# {code}\n")), "{code}");
    }
}

#[test]
fn a_page_says_what_how_and_what_to_do() {
    for &code in Code::ALL {
        let page = page(code);
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| line.trim_start_matches('#').starts_with(' ') && line.starts_with('#'))
            .collect();
        assert_eq!(
            headings,
            [
                format!("# {code}").as_str(),
                "## What it means",
                "## How it comes about",
                "## What to do"
            ],
            "{code}"
        );
        let severity = page.lines().nth(2).unwrap_or_default();
        let expected = format!("Severity: {}", code.severity());
        assert!(severity.starts_with(&expected), "{code}: {severity}");
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{code}");
        let long = page.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "{code}");
    }
}

/// The pages are the documentation. `UPDATE_EXPECT=1` writes it.
#[test]
fn the_documentation_is_the_pages() {
    let mut text = String::from(
        "# Findings\n\nWhat `route-audit` finds, page by page as `route-audit explain CODE` \
             prints them.\n\n",
    );
    for code in Code::ALL {
        text.push_str(&format!("- [`{code}`](#{code})\n"));
    }
    for &code in Code::ALL {
        text.push('\n');
        let mut is_code = false;
        for line in page(code).lines() {
            is_code ^= line.starts_with("```");
            // One level below the title.
            let deeper = if line.starts_with('#') && !is_code {
                "#"
            } else {
                ""
            };
            text.push_str(&format!("{deeper}{line}\n"));
        }
    }
    expect_file![here("../docs/findings.md")].assert_eq(&text);
}

#[test]
fn an_unknown_code_is_answered_with_the_one_that_was_meant() {
    for (code, meant) in [
        ("lock-narowed", "did you mean `lock-narrowed`?"),
        ("unclasified_route", "did you mean `unclassified-route`?"),
    ] {
        let problem = unknown(code).to_string();
        assert!(problem.contains(meant), "{problem}");
    }
    let problem = unknown("E0277\u{1b}[2J").to_string();
    assert!(!problem.contains("did you mean"), "{problem}");
    assert!(!problem.contains('\u{1b}'), "{problem}");
    assert!(problem.contains("`policy-verify-handler`"), "{problem}");
}
