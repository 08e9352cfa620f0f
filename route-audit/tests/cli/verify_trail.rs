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
