//! What each code stands for, from the page that explains it.

use session_auth::audit::{Finding, Severity};

use crate::codes::PAGES;

/// A kind of finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) code: String,
    pub(super) severity: Severity,
    /// What it means, in a sentence.
    pub(super) short: String,
    /// What it means.
    pub(super) full: String,
    /// All there is to say, in Markdown.
    pub(super) help: String,
}

impl Rule {
    /// Of a page as `route-audit explain` prints it.
    fn of(code: &str, page: &str) -> Self {
        let meaning = page
            .split_once("\n## What it means\n\n")
            .and_then(|(_, rest)| rest.split("\n\n").next())
            .unwrap_or_default();
        let full = meaning.replace('\n', " ");
        let short = match full.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => full.clone(),
        };
        Self {
            code: code.to_owned(),
            severity: if page.contains("\nSeverity: warning") {
                Severity::Warning
            } else {
                Severity::Error
            },
            short,
            full,
            help: page.to_owned(),
        }
    }

    /// Of a code without a page: a later version of the library may have one.
    fn unknown(finding: &Finding) -> Self {
        let words = format!("{}.", finding.code.replace('-', " "));
        Self {
            code: finding.code.clone(),
            severity: finding.severity,
            short: words.clone(),
            full: words,
            help: "Each finding says what to do about it.\n".to_owned(),
        }
    }
}

/// A rule for each page, and after them one for each code of the findings that has none.
pub(super) fn all(findings: &[Finding]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = PAGES
        .iter()
        .map(|(code, page)| Rule::of(code, page))
        .collect();
    for finding in findings {
        if !rules.iter().any(|rule| rule.code == finding.code) {
            rules.push(Rule::unknown(finding));
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// Read as prose: it is the title of an alert.
    #[test]
    fn the_first_sentence_of_a_page_says_what_is_wrong() {
        let titles: String = all(&[])
            .iter()
            .map(|rule| format!("{}[{}]: {}\n", rule.severity, rule.code, rule.short))
            .collect();
        expect![[r#"
            error[unclassified-route]: A router mounts a route that nobody gave an access class.
            error[unmounted-declaration]: An attribute declares a method and path that no audited router mounts.
            error[conflicting-declaration]: Two declarations speak for the same method and path, and they disagree: another class, verifier, scope or limit.
            error[opaque-mount]: A whole service, or a router of another framework, is mounted under a path.
            error[expired-exemption]: The declaration has an `until`, and that day (in UTC) has passed.
            warning[unmonitored-webhook]: A webhook has no `expect_every`.
            error[lock-widened]: Compared with `routes.lock`, more callers may reach this route: it is new, or its class, scope, verifier, limit or `until` lets in callers that were kept out.
            error[lock-narrowed]: Compared with `routes.lock`, fewer callers may reach this route: it is gone, or its class, scope, verifier, limit or `until` keeps out callers that were let in.
            error[lock-changed]: The route differs from its line in `routes.lock`, and it does not simply open or close.
            error[policy-class]: The policy says which classes routes below a path may have, and this route has another.
            error[policy-max-public]: More routes are public than the policy allows.
            error[policy-owner]: The declaration has no `owner`, and the policy asks for one: of every route (`true`), or of those of some classes (`["public", "webhook"]`).
            error[policy-expect-every]: A webhook has no `expect_every`, and the policy asks for one on each.
            error[policy-verify-handler]: The declaration has `verify = "handler"`: the layer lets every request reach the handler, and the handler is trusted to prove the sender by itself.
        "#]].assert_eq(&titles);
    }

    #[test]
    fn a_rule_is_of_its_page_s_own_words() {
        for rule in all(&[]) {
            let Rule {
                code, short, full, ..
            } = &rule;
            assert!(short.starts_with(char::is_uppercase), "{code}: {short}");
            assert!(short.ends_with('.') && full.ends_with('.'), "{code}");
            assert!(full.starts_with(short.as_str()), "{code}: {full}");
            // GitHub refuses a longer one.
            assert!(full.chars().count() <= 1024, "{code}: {full}");
            assert!(rule.help.starts_with(&format!("# {code}\n")), "{code}");
            assert!(rule.help.replace('\n', " ").contains(full), "{code}");
        }
    }

    #[test]
    fn a_code_that_is_not_known_still_gets_a_rule() {
        let finding = |code: &str| Finding {
            severity: Severity::Warning,
            code: code.to_owned(),
            message: String::new(),
            help: String::new(),
            methods: Vec::new(),
            path: None,
            file: String::new(),
            line: 1,
        };
        let rules = all(&[
            finding("brand-new"),
            finding("brand-new"),
            finding("lock-changed"),
        ]);
        assert_eq!(rules.len(), PAGES.len() + 1);
        let new = rules.last().expect("a rule");
        assert_eq!(
            (new.code.as_str(), new.short.as_str()),
            ("brand-new", "brand new.")
        );
        assert_eq!(new.severity, Severity::Warning);
    }
}
