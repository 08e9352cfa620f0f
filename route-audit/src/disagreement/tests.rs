use super::*;
use crate::testing::report;

fn builds(other: &[&str]) -> Vec<Build> {
    let build = |name: &str, lines: &[&str]| Build {
        name: name.to_owned(),
        reports: vec![report("routes", lines)],
    };
    let first = ["session GET|POST /a", "public GET /b reason=open"];
    vec![build("default", &first), build("release", other)]
}

#[test]
fn a_route_says_the_same_in_every_build() {
    let same = ["session GET|POST /a"];
    assert_eq!(disagreements(&builds(&same)), []);
    let found = disagreements(&builds(&["public POST /a", "public GET /b reason=shut"]));
    let messages: Vec<_> = found.iter().map(Disagreement::message).collect();
    assert_eq!(
        messages,
        [
            "POST /a is session in the build `default` (src/lib.rs:7), and public in the build \
                 `release` (src/lib.rs:7): they differ in `class`",
            "GET /b is public in the build `default` (src/lib.rs:7), and public in the build \
                 `release` (src/lib.rs:7): they differ in `reason`",
        ]
    );
}
