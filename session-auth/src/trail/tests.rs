//! Trails that were changed, cut, rotated or could not be written.

use std::fs;
use std::path::PathBuf;

use super::*;

struct Kept {
    _folder: tempfile::TempDir,
    path: PathBuf,
    key: String,
    public: String,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn login(n: u64) -> AuditEvent {
    AuditEvent::Login {
        subject: format!("ada-{n}\n\"quoted\""),
    }
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = TrailKey::generate("auth.example.com").unwrap();
        Self {
            path: folder.path().join("trail.jsonl"),
            key: key.private(),
            public: key.public(),
            _folder: folder,
        }
    }

    fn open(&self) -> FileTrail {
        FileTrail::open(&self.path, TrailKey::parse(&self.key).unwrap()).unwrap()
    }

    fn write(&self, events: u64) {
        let trail = self.open();
        for n in 0..events {
            trail.record(at(1_700_000_000 + n), login(n));
        }
    }

    fn with(events: u64) -> Self {
        let kept = Self::new();
        kept.write(events);
        kept
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn replace(&self, lines: &[String]) {
        fs::write(
            &self.path,
            lines
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        )
        .unwrap();
    }

    fn verify(&self) -> Result<Verified, TrailError> {
        verify(&self.path, &self.public)
    }

    #[track_caller]
    fn bad(&self, line: usize, said: &str) {
        let error = self.verify().expect_err("it was changed").to_string();
        let place = format!("{}:{line}: ", self.path.display());
        assert!(error.starts_with(&place) && error.contains(said), "{error}");
    }
}

#[test]
fn what_was_written_is_verified_and_goes_on_after_a_restart() {
    let kept = Kept::with(3);
    kept.write(2);
    let verified = kept.verify().unwrap();
    assert_eq!((verified.lines, verified.signed, verified.lost), (5, 5, 0));
    let lines = kept.lines();
    let first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&first["event"], &first["n"]), (&"login".into(), &1.into()));
    assert_eq!(first["previous"].as_str().unwrap(), "0".repeat(64));
}

#[test]
fn security_the_first_line_that_was_changed_is_named() {
    let kept = Kept::with(5);
    let lines = kept.lines();
    let mut changed = lines.clone();
    changed[2] = changed[2].replace("ada-2", "bob-2");
    kept.replace(&changed);
    // The line itself parses: the one after it tells.
    kept.bad(4, "the line before it is another");

    let mut taken_out = lines.clone();
    taken_out.remove(2);
    kept.replace(&taken_out);
    kept.bad(3, "line 3 of the trail is expected");

    let mut broken = lines;
    broken[1].truncate(20);
    kept.replace(&broken);
    kept.bad(2, "it is no JSON");
}

#[test]
fn security_a_chain_that_was_made_anew_behind_a_change_does_not_fit_its_checkpoint() {
    use sha2::Digest as _;
    let kept = Kept::with(5);
    let mut lines = kept.lines();
    lines[2] = lines[2].replace("ada-2", "bob-2");
    for n in 3..5 {
        let hash = sha2::Sha256::digest(&lines[n - 1]);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut line: serde_json::Value = serde_json::from_str(&lines[n]).unwrap();
        line["previous"] = hash.into();
        lines[n] = line.to_string();
    }
    kept.replace(&lines);
    kept.bad(5, "checkpoint 1 was signed of another line");
}

#[test]
fn security_an_end_that_was_cut_off_shows() {
    let kept = Kept::with(5);
    let mut lines = kept.lines();
    lines.truncate(3);
    kept.replace(&lines);
    kept.bad(4, "its end was cut off");
    // Also where the cut is within a line.
    fs::write(&kept.path, format!("{}\n{}", lines[0], &lines[1][..10])).unwrap();
    kept.bad(2, "its end was cut off");
}

#[test]
fn security_nobody_else_signs_a_checkpoint() {
    let kept = Kept::with(2);
    let other = TrailKey::generate("auth.example.com").unwrap();
    let error = verify(&kept.path, &other.public()).expect_err("another key");
    assert!(
        matches!(error, TrailError::Checkpoint { checkpoint: 1 }),
        "{error}"
    );
    let notes = file::checkpoints_of(&kept.path);
    let text = fs::read_to_string(&notes).unwrap();
    fs::write(&notes, text.replacen("\n2\n", "\n1\n", 1)).unwrap();
    assert!(matches!(kept.verify(), Err(TrailError::Checkpoint { .. })));
}

/// The form of <https://c2sp.org/signed-note>, so that other programs read it.
#[test]
fn a_checkpoint_is_a_signed_note() {
    let kept = Kept::with(2);
    let text = fs::read_to_string(file::checkpoints_of(&kept.path)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text:?}");
    assert_eq!(&lines[..2], ["auth.example.com", "2"]);
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("\u{2014} auth.example.com "), "{text}");
}

/// A key and a note of the tests of Go's `golang.org/x/mod/sumdb/note`.
#[test]
fn keys_are_those_of_the_reference_implementation() {
    let private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let key = TrailKey::parse(private).unwrap();
    assert_eq!(
        key.public(),
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    );
    assert_eq!(key.private(), private);
    assert_eq!(
        format!("{key:?}"),
        "TrailKey { name: \"PeterNeumann\", .. }"
    );
    for broken in [
        "",
        "PRIVATE+KEY+x",
        "PRIVATE+KEY+a b+c74f20a3+AA==",
        &private.replace("c7", "c8"),
    ] {
        assert!(TrailKey::parse(broken).is_err(), "{broken}");
    }
    for name in ["", "a b", "a+b", "a\nb"] {
        assert!(TrailKey::generate(name).is_err(), "{name:?}");
    }
}

#[test]
fn files_are_rotated_and_read_as_one_trail() {
    let kept = Kept::new();
    let trail = kept.open().max_file(500);
    for n in 0..20 {
        trail.record(at(n), login(n));
    }
    drop(trail);
    assert!(file::rotated(&kept.path).unwrap().len() >= 3);
    kept.write(1);
    let verified = kept.verify().unwrap();
    assert_eq!((verified.lines, verified.signed), (21, 21));
    // One of them is gone.
    let (last, first) = file::rotated(&kept.path).unwrap().remove(0);
    fs::remove_file(first).unwrap();
    let error = kept.verify().expect_err("a file is gone").to_string();
    assert!(
        error.contains("line 1 of the trail is expected, and it is "),
        "{error} {last}"
    );
}

#[test]
fn it_is_verified_while_it_is_rotated() {
    let kept = Kept::new();
    let trail = kept.open().max_file(2_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..400 {
                trail.record(at(n), login(n));
                if n % 20 == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
        });
        let mut before = 0;
        for _ in 0..20 {
            match kept.verify() {
                Ok(verified) => {
                    assert!(verified.lines >= before);
                    before = verified.lines;
                }
                Err(TrailError::Io(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    drop(trail);
    assert_eq!(kept.verify().unwrap().lines, 400);
}

#[test]
fn a_line_that_a_crash_left_is_taken_off() {
    let kept = Kept::with(2);
    let text = fs::read_to_string(&kept.path).unwrap();
    fs::write(&kept.path, format!("{text}{{\"n\":3,\"at\":17")).unwrap();
    kept.write(1);
    let verified = kept.verify().unwrap();
    assert_eq!((verified.lines, verified.signed), (3, 3));
    fs::write(&kept.path, "not a trail\n").unwrap();
    let error = FileTrail::open(&kept.path, TrailKey::parse(&kept.key).unwrap());
    assert!(error.unwrap_err().to_string().contains("none of a trail's"));
}

/// A folder that takes no file any more.
#[test]
fn what_cannot_be_written_is_counted_and_told_and_nobody_waits() {
    let kept = Kept::with(1);
    let trail = kept.open().max_file(1);
    // To begin another file, this one is renamed.
    fs::remove_file(&kept.path).unwrap();
    let begun = std::time::Instant::now();
    for n in 0..3 {
        trail.record(at(n), login(n));
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    wait_for_loss(&trail, 3);
}

fn wait_for_loss(trail: &FileTrail, lost: u64) {
    for _ in 0..1_000 {
        if trail.state().lost == lost {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let state = trail.state();
    assert_eq!(state.lost, lost, "{state:?}");
    assert!(state.error.is_some(), "{state:?}");
}
