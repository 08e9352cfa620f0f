//! What each code stands for, in a sentence.

use session_auth::audit::{Finding, Severity};

/// A kind of finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) code: String,
    pub(super) severity: Severity,
    /// When it is found, without a full stop.
    pub(super) what: String,
    /// What to do about it.
    pub(super) help: String,
}

/// The kinds that every audit looks for, in the order of the documentation.
const KNOWN: [(&str, Severity, &str, &str); 11] = [
    (
        "unclassified-route",
        Severity::Error,
        "A route is mounted and does not say who may call it",
        "Add `#[public_route(..)]`, `#[webhook_route(..)]` or `#[session_route(..)]` to its \
         handler.",
    ),
    (
        "unmounted-declaration",
        Severity::Error,
        "A route is declared and no audited router mounts it",
        "Correct the declared path, mount the handler, or remove the declaration.",
    ),
    (
        "conflicting-declaration",
        Severity::Error,
        "One method and path is declared twice, with different terms",
        "Remove one of the two, or make them say the same.",
    ),
    (
        "opaque-mount",
        Severity::Error,
        "A service or foreign router is mounted without a class for what is below it",
        "Declare the whole subtree, or mount its routes one by one.",
    ),
    (
        "unaudited-router",
        Severity::Error,
        "The source registers a route on a router that is not audited",
        "Put `#[audited_router]` on the function that returns the router.",
    ),
    (
        "wrong-handler",
        Severity::Error,
        "A router mounts another function on a declared method and path",
        "Mount the handler that declares the route, or move the declaration to the one mounted.",
    ),
    (
        "expired-exemption",
        Severity::Error,
        "An exemption is past its last day",
        "Remove the route, protect it, or decide on a new day.",
    ),
    (
        "lock-widened",
        Severity::Error,
        "More callers may reach a route than routes.lock says",
        "Undo the change, or accept it by `route-audit check --update`.",
    ),
    (
        "lock-narrowed",
        Severity::Error,
        "Fewer callers may reach a route than routes.lock says",
        "Undo the change, or accept it by `route-audit check --update`.",
    ),
    (
        "lock-changed",
        Severity::Error,
        "A route differs from routes.lock",
        "Undo the change, or accept it by `route-audit check --update`.",
    ),
    (
        "unmonitored-webhook",
        Severity::Warning,
        "A webhook does not say how often it is expected",
        "Add the longest time that should pass between two deliveries: `expect_every = \"6h\"`.",
    ),
];

/// The known rules, and after them one for each code of the findings that is not known here.
pub(super) fn all(findings: &[Finding]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = KNOWN
        .iter()
        .map(|(code, severity, what, help)| Rule {
            code: (*code).to_owned(),
            severity: *severity,
            what: (*what).to_owned(),
            help: (*help).to_owned(),
        })
        .collect();
    for finding in findings {
        if !rules.iter().any(|rule| rule.code == finding.code) {
            rules.push(Rule {
                code: finding.code.clone(),
                severity: finding.severity,
                what: finding.code.replace('-', " "),
                help: "Each finding says what to do about it.".to_owned(),
            });
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_rule_of_the_library_has_an_entry() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../session-auth/src/audit/rules");
        let mut codes = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("the rules") {
            let text = fs::read_to_string(entry.expect("a file").path()).expect("its text");
            codes.extend(
                text.lines()
                    .filter_map(|line| line.trim().strip_prefix("code: \"")?.strip_suffix("\","))
                    .map(str::to_owned),
            );
        }
        assert!(codes.len() >= 6, "{codes:?}");
        for code in codes {
            assert!(
                KNOWN.iter().any(|(known, ..)| *known == code),
                "{code} has no entry"
            );
        }
    }

    #[test]
    fn entries_are_sentences_and_codes_are_not_repeated() {
        let codes: BTreeSet<_> = KNOWN.iter().map(|(code, ..)| code).collect();
        assert_eq!(codes.len(), KNOWN.len());
        for (code, _, what, help) in KNOWN {
            assert!(what.starts_with(char::is_uppercase), "{code}: {what}");
            assert!(!what.ends_with('.'), "{code}: {what}");
            assert!(help.ends_with('.'), "{code}: {help}");
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
        assert_eq!(rules.len(), KNOWN.len() + 1);
        let new = rules.last().expect("a rule");
        assert_eq!(
            (new.code.as_str(), new.what.as_str()),
            ("brand-new", "brand new")
        );
        assert_eq!(new.severity, Severity::Warning);
    }
}
