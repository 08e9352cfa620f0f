use session_auth::audit::{self, Shape, Subject};

use super::*;
use crate::finding::Finding;
use crate::testing::place;

const PATH: &str = "/__route-audit-self-test/web/routes";

fn finding(code: Code, path: &str) -> Finding {
    Finding::Router(audit::Finding {
        code,
        subject: Subject {
            path: Some(path.to_owned().into()),
            methods: session_auth::Methods::GET,
            shape: Shape::Route,
            place: place(1),
        },
        related: Vec::new(),
    })
}

fn found(findings: Vec<Finding>) -> Audit {
    let mut audit = Audit::default();
    audit.routers = vec![crate::testing::report("routes", &[]).router];
    audit.add(findings);
    audit
}

#[test]
fn only_the_very_finding_proves_that_the_gate_sees() {
    let own = || finding(Code::UnclassifiedRoute, "/legacy/export");
    let right = || finding(Code::UnclassifiedRoute, PATH);
    let mut twice = right();
    if let Finding::Router(finding) = &mut twice {
        finding.subject.place = place(2);
    }
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
            vec![finding(Code::OpaqueMount, PATH)],
            "was taken for `opaque-mount`",
        ),
        (
            "two of them",
            exit::FINDINGS,
            vec![right(), twice],
            "was found 2 times",
        ),
        (
            "found, and passed",
            exit::CLEAN,
            vec![right()],
            "`check` ended in 0",
        ),
    ] {
        let problems = judge(code, &found(findings));
        let [problem] = problems.as_slice() else {
            panic!("{case}: {problems:?}");
        };
        let text = problem.to_string();
        assert!(text.contains("the gate is blind"), "{case}: {text}");
        assert!(text.contains(says), "{case}: {text}");
    }
    for findings in [vec![right()], vec![own(), right()]] {
        assert_eq!(judge(exit::FINDINGS, &found(findings)), []);
    }
}
