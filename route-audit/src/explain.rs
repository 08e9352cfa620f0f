//! `route-audit explain CODE`: what a finding means, how it comes about, how to fix it.

use crate::codes::PAGES;
use crate::error::{CannotRun, Problem};
use crate::{Env, exit};

pub(crate) fn run(code: &str, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let Some((_, page)) = PAGES.iter().find(|(known, _)| *known == code) else {
        return Err(unknown(code).into());
    };
    crate::print(env.stdout, page)?;
    Ok(exit::CLEAN)
}

fn unknown(code: &str) -> Problem {
    let shown = crate::sentence::visible(code);
    let meant = PAGES
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(code, known), *known))
        .min()
        // Half the letters of a code are another code.
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map_or_else(String::new, |(_, known)| {
            format!("; did you mean `{known}`?")
        });
    let codes: Vec<String> = PAGES.iter().map(|(code, _)| format!("`{code}`")).collect();
    Problem::new(format!("there is no finding `{shown}`{meant}"))
        .help(format!("the findings are: {}", codes.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use expect_test::expect_file;

    use super::*;

    fn here(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    fn codes() -> BTreeSet<String> {
        PAGES.iter().map(|(code, _)| (*code).to_owned()).collect()
    }

    #[test]
    fn no_code_is_there_twice_and_no_page_is_orphaned() {
        assert_eq!(codes().len(), PAGES.len());
        let pages: BTreeSet<String> = fs::read_dir(here("src/explain"))
            .expect("the pages")
            .map(|entry| entry.expect("a page").file_name())
            .map(|name| {
                let name = name.to_string_lossy().into_owned();
                name.strip_suffix(".md").expect("Markdown").to_owned()
            })
            .collect();
        assert_eq!(pages, codes());
    }

    /// Every code that the sources hold, read from them: one that is added without a page fails.
    #[test]
    fn every_code_has_its_page() {
        let mut used = BTreeSet::new();
        for folder in ["../session-auth/src/audit/rules", "src"] {
            for file in fs::read_dir(here(folder)).expect(folder) {
                let path = file.expect("a file").path();
                if path.extension().is_none_or(|extension| extension != "rs") {
                    continue;
                }
                // Codes are written where a finding is made, or there.
                let start = match path.file_name().and_then(|name| name.to_str()) {
                    Some("codes.rs") => ": &str = \"",
                    _ => "code: \"",
                };
                let text = fs::read_to_string(path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                used.extend(
                    code.split(start)
                        .skip(1)
                        .filter_map(|rest| rest.split_once('"'))
                        .map(|(code, _)| code.to_owned()),
                );
            }
        }
        assert!(used.contains("unclassified-route") && used.contains("lock-widened"));
        let without: Vec<_> = used.difference(&codes()).cloned().collect();
        assert!(without.is_empty(), "no page explains {without:?}");
    }

    #[test]
    fn a_page_says_what_how_and_what_to_do() {
        for (code, page) in PAGES {
            let headings: Vec<&str> = page
                .lines()
                .filter(|line| {
                    line.trim_start_matches('#').starts_with(' ') && line.starts_with('#')
                })
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
            assert!(
                severity.starts_with("Severity: error")
                    || severity.starts_with("Severity: warning"),
                "{code}: {severity}"
            );
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
        for (code, _) in PAGES {
            text.push_str(&format!("- [`{code}`](#{code})\n"));
        }
        for (_, page) in PAGES {
            text.push('\n');
            let mut code = false;
            for line in page.lines() {
                code ^= line.starts_with("```");
                // One level below the title.
                let deeper = if line.starts_with('#') && !code {
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
}
