use session_auth::audit::Finding;

use super::*;

const PATH: &str = "/__route-audit-self-test/0";

fn probes() -> Vec<Probe> {
    vec![Probe {
        package: "web".to_owned(),
        target: "library `web`".to_owned(),
        source: "src/lib.rs".into(),
        path: PATH.to_owned(),
        code: String::new(),
    }]
}

fn finding(code: &str, severity: Severity, path: &str) -> Finding {
    Finding {
        severity,
        code: code.to_owned(),
        message: String::new(),
        help: String::new(),
        methods: vec!["GET".to_owned()],
        path: Some(path.to_owned()),
        file: "src/lib.rs".to_owned(),
        line: 1,
    }
}

fn found(findings: Vec<Finding>) -> Audit {
    let mut audit = session_auth::audit::reconcile(&[], time::macros::date!(2026 - 11 - 22));
    audit.findings = findings;
    audit
}

#[test]
fn only_the_very_finding_proves_that_the_gate_sees() {
    let own = || finding("unclassified-route", Severity::Error, "/legacy/export");
    let right = || finding("unclassified-route", Severity::Error, PATH);
    for (case, code, findings, says) in [
        ("nothing found", exit::CLEAN, vec![], "was not found"),
        (
            "an error of the workspace's own instead",
            exit::FINDINGS,
            vec![own()],
            "was not found",
        ),
        (
            "another finding at that path",
            exit::FINDINGS,
            vec![finding("opaque-mount", Severity::Error, PATH)],
            "was taken for `opaque-mount`",
        ),
        (
            "a warning",
            exit::FINDINGS,
            vec![
                own(),
                finding("unclassified-route", Severity::Warning, PATH),
            ],
            "is no error",
        ),
        (
            "two of them",
            exit::FINDINGS,
            vec![right(), right()],
            "was found 2 times",
        ),
        (
            "found, and passed",
            exit::CLEAN,
            vec![right()],
            "`check` ended in 0",
        ),
    ] {
        let problems = judge(code, &found(findings), &probes());
        let [problem] = problems.as_slice() else {
            panic!("{case}: {problems:?}");
        };
        let text = problem.to_string();
        assert!(text.contains("the gate is blind"), "{case}: {text}");
        assert!(text.contains(says), "{case}: {text}");
    }
    for findings in [vec![right()], vec![own(), right()]] {
        assert_eq!(judge(exit::FINDINGS, &found(findings), &probes()), []);
    }
}
