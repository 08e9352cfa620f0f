//! The tests that the example's README names are there.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::fs;
use std::path::Path;

const README: &str = include_str!("../../../examples/mail-pipeline/README.md");

#[test]
fn each_fault_has_the_test_that_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources: String = fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| fs::read_to_string(file.unwrap().path()).ok())
        .collect();
    let (_, table) = README.split_once("| hop | what went").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut named = 0;
    for row in table.lines().skip(2) {
        let test = row
            .trim_end_matches(['|', ' '])
            .rsplit("| ")
            .next()
            .unwrap()
            .trim_matches('`');
        // By a macro, the ones that are run at several points.
        let there = sources.contains(&format!("async fn {test}("))
            || sources.contains(&format!("\n    {test} \""));
        assert!(there, "{row}");
        named += 1;
    }
    assert_eq!(named, 18);
}
