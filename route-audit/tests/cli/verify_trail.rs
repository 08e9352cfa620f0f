//! `verify-trail`, on trails that the library wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use session_auth::Timestamp;
use session_auth::trail::{AuditEvent, AuditSink, FileTrail, TrailKey};
use tempfile::TempDir;

/// A trail of three logins, signed, and the key that proves it.
fn written() -> (TempDir, PathBuf, String) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("trail.jsonl");
    let key = TrailKey::generate("auth.example.com").expect("a key");
    let public = key.public();
    let trail = FileTrail::open(&path, key).expect("a trail");
    for subject in ["ada", "bob", "eve"] {
        let subject = subject.to_owned();
        trail.record(Timestamp::default(), AuditEvent::Login { subject });
    }
    drop(trail);
    (folder, path, public)
}

fn verify(path: &Path, public: &str) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_route-audit"))
        .arg("verify-trail")
        .arg(path)
        .args(["--public-key", public])
        .output()
        .expect("the binary starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("text");
    (output.status.code().expect("a code"), said)
}

#[test]
fn a_trail_as_it_was_written_is_clean() {
    let (_folder, path, public) = written();
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("3 lines are as they were written, the first 3 are signed"),
        "{said}"
    );
}

#[test]
fn the_first_bad_line_is_named() {
    let (_folder, path, public) = written();
    let text = fs::read_to_string(&path).expect("the trail");
    fs::write(&path, text.replace("ada", "mal")).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("trail.jsonl:2: the line before it is another"),
        "{said}"
    );
}

#[test]
fn a_cut_tail_shows() {
    let (_folder, path, public) = written();
    let text = fs::read_to_string(&path).expect("the trail");
    let kept: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&path, kept).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("trail.jsonl:3: ") && said.contains("its end was cut off"),
        "{said}"
    );
}

#[test]
fn a_trail_without_its_checkpoints_proves_nothing() {
    let (folder, path, public) = written();
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        let other = entry.expect("a file").path();
        if other != path {
            fs::remove_file(other).expect("removed");
        }
    }
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(said.contains("no checkpoint is signed"), "{said}");
}

/// A trail of so many logins, in files of at most so many bytes.
fn written_of(logins: u64, max_file: u64) -> (TempDir, PathBuf, String) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("trail.jsonl");
    let key = TrailKey::generate("auth.example.com").expect("a key");
    let public = key.public();
    let trail = FileTrail::open(&path, key).expect("a trail");
    let trail = trail.max_file(max_file);
    for n in 0..logins {
        let subject = format!("ada-{n}");
        trail.record(Timestamp::from_secs(n), AuditEvent::Login { subject });
    }
    drop(trail);
    (folder, path, public)
}

fn checkpoints(path: &Path) -> PathBuf {
    path.with_file_name("trail.jsonl.checkpoints")
}

#[test]
fn an_end_within_a_line_shows_where_it_was_signed() {
    let (_folder, path, public) = written();
    let text = fs::read_to_string(&path).expect("the trail");
    fs::write(&path, &text[..text.len() - 10]).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("trail.jsonl:3: ") && said.contains("its end was cut off"),
        "{said}"
    );
    // What is being written now is no part of it yet.
    fs::write(&path, format!("{text}{{\"n\":4,\"at\"")).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn an_empty_trail_is_none_and_one_that_was_emptied_was_changed() {
    let (_folder, path, public) = written();
    fs::write(&path, "").expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("trail.jsonl:1: ") && said.contains("its end was cut off"),
        "{said}"
    );
    fs::remove_file(checkpoints(&path)).expect("removed");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 101, "{said}");
    assert!(said.contains("there is nothing to verify"), "{said}");
    // Checkpoints alone.
    let (_folder, path, public) = written();
    fs::remove_file(&path).expect("removed");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 101, "{said}");
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn a_chain_that_was_made_anew_behind_a_change_shows() {
    use sha2::Digest as _;
    let (_folder, path, public) = written();
    let text = fs::read_to_string(&path).expect("the trail");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[0] = lines[0].replace("ada", "mal");
    for n in 1..lines.len() {
        let hash = sha2::Sha256::digest(&lines[n - 1]);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut line: serde_json::Value = serde_json::from_str(&lines[n]).expect("JSON");
        line["previous"] = hash.into();
        lines[n] = line.to_string();
    }
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, lines).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("checkpoint 1 was signed of another line"),
        "{said}"
    );
}

#[test]
fn later_checkpoints_that_are_gone_show() {
    let (_folder, path, public) = written_of(450, u64::MAX);
    let text = fs::read_to_string(checkpoints(&path)).expect("checkpoints");
    let first = text
        .find("\n\n\u{2014}")
        .and_then(|at| Some(at + text[at..].find("\n\n")? + 2));
    let first = first
        .and_then(|at| Some(at + text[at..].find("\n\n")? + 2))
        .expect("the first");
    fs::write(checkpoints(&path), &text[..first]).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("the last checkpoint is of line 100, and 450 lines are there"),
        "{said}"
    );
    // One that is cut within is signed by nobody.
    fs::write(checkpoints(&path), &text[..first - 20]).expect("written");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 100, "{said}");
    assert!(
        said.contains("checkpoint 1 is not signed by this key"),
        "{said}"
    );
}

#[test]
fn files_that_were_rotated_away_are_read_and_missed() {
    let (folder, path, public) = written_of(50, 1_000);
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("50 lines are as they were written"), "{said}");
    fs::rename(&path, folder.path().join("elsewhere")).expect("renamed");
    let (code, said) = verify(&path, &public);
    assert_eq!(code, 101, "{said}");
    assert!(
        said.contains("its last file is gone, and older ones are there"),
        "{said}"
    );
}

#[test]
fn it_may_be_verified_while_it_is_written_and_rotated() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("trail.jsonl");
    let key = TrailKey::generate("auth.example.com").expect("a key");
    let public = key.public();
    let trail = FileTrail::open(&path, key)
        .expect("a trail")
        .max_file(5_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..3_000 {
                let subject = format!("ada-{n}");
                trail.record(Timestamp::from_secs(n), AuditEvent::Login { subject });
                if n % 10 == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
        });
        while trail.state().written < 200 {
            std::thread::yield_now();
        }
        for _ in 0..20 {
            let (code, said) = verify(&path, &public);
            // Faster than it can be read is no result, and never a wrong one.
            assert!(
                code == 0 || (code == 101 && said.contains("rotated faster")),
                "{said}"
            );
        }
    });
}

#[test]
fn programs_are_told_in_json() {
    let schema = include_str!("../../../docs/route-audit-trail.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let (folder, path, public) = written();
    let (_other_folder, other, _) = written();
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").expect("written");
    let text = fs::read_to_string(&path).expect("the trail");
    let changed = folder.path().join("changed.jsonl");
    fs::write(&changed, text.replace("ada", "mal")).expect("written");
    let unsigned = folder.path().join("unsigned.jsonl");
    fs::write(&unsigned, &text).expect("written");
    for (path, code, verdict, line) in [
        (&path, 0, "verified", None),
        (&changed, 100, "changed", Some(2)),
        (&other, 100, "changed", None),
        (&unsigned, 100, "unsigned", None),
        (&empty, 101, "unread", None),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_route-audit"))
            .args(["verify-trail", "--format", "json", "--public-key", &public])
            .arg(path)
            .output()
            .expect("the binary starts");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let errors: Vec<_> = validator.iter_errors(&document).collect();
        assert!(errors.is_empty(), "{errors:?}\n{document:#}");
        let trail = &document["trails"][0];
        assert_eq!(trail["verdict"], verdict, "{document:#}");
        assert_eq!(trail["line"].as_u64(), line, "{document:#}");
        assert!(
            trail["path"]
                .as_str()
                .is_some_and(|it| it.ends_with(".jsonl"))
        );
    }
}

#[test]
fn what_cannot_be_verified_is_no_clean_trail() {
    let (folder, path, public) = written();
    let (code, said) = verify(&folder.path().join("none.jsonl"), &public);
    assert_eq!(code, 101, "{said}");
    let (code, said) = verify(&path, "no key");
    assert_eq!(code, 101, "{said}");
    assert!(said.contains("--public-key"), "{said}");
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").expect("written");
    let (code, said) = verify(&empty, &public);
    assert_eq!(code, 101, "{said}");
}
