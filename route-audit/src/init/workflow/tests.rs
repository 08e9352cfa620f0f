use super::*;

mod lint;

const GIT: &str =
    "--git https://git.example/a --rev 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a route-audit";
const FOLDER: &str = "--path \"$GITHUB_WORKSPACE\"/'my tools/route-audit'";

fn filled() -> [String; 2] {
    let words = ["--workspace", "--features=a b", "--exclude=it's"].map(str::to_owned);
    [
        fill("main", "", GIT, &[]),
        fill("release/it's", "services/my shop", FOLDER, &words),
    ]
}

#[test]
fn every_placeholder_is_filled() {
    for text in filled() {
        let left: Vec<_> = text
            .split('@')
            .filter(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(text.contains("cargo +stable install --locked --"), "{text}");
        assert!(text.contains("const marker = '<!-- route-audit diff -->';"));
        assert!(text.contains("\n  route-audit:\n    name: route-audit\n"));
    }
}

#[test]
fn what_was_asked_for_is_quoted() {
    let [plain, other] = filled();
    assert!(plain.contains("branches: ['main']\n"), "{plain}");
    assert!(!plain.contains("working-directory"), "{plain}");
    for text in [
        "branches: ['release/it''s']\n",
        &format!("        run: |\n          cargo +stable install --locked {FOLDER}\n"),
        "    defaults:\n      run:\n        working-directory: 'services/my shop'\n",
        "check --locked --format github --workspace '--features=a b' '--exclude=it'\\''s'\n",
        "--format markdown --workspace '--features=a b' '--exclude=it'\\''s' > ",
    ] {
        assert!(other.contains(text), "{text}: {other}");
    }
}

/// The job that runs what a pull request brings must not be able to write to the repository.
#[test]
fn only_the_job_that_runs_nothing_may_write() {
    for text in filled() {
        let (above, comment) = text.split_once("\n  comment:\n").expect("three jobs");
        assert!(!above.contains(": write"), "{above}");
        let (reads, _) = above.split_once("\n  route-audit:\n").expect("three jobs");
        assert!(
            !reads.contains(" run:") && !reads.contains("checkout"),
            "{reads}"
        );
        assert!(above.contains("\npermissions:\n  contents: read\n"));
        assert!(above.contains("persist-credentials: false"));
        assert!(!comment.contains(" run:"), "{comment}");
        let foreign = text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
            .find(|action| !action.starts_with("actions/"));
        assert_eq!(foreign, None);
        // An expression in a script would be code.
        for line in text.lines().filter(|line| line.contains("${{")) {
            let key = line.trim().split(':').next().unwrap_or_default();
            assert!(
                [
                    "group",
                    "cancel-in-progress",
                    "if",
                    "digest",
                    "ACKNOWLEDGED",
                    "diff",
                    "DIFF"
                ]
                .contains(&key),
                "{line}"
            );
        }
    }
}
