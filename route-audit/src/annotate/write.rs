//! The files that change: made up in full before the first is written.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{CannotRun, Problem};

/// Stands at the root of the workspace while files are being replaced, and says which.
const JOURNAL: &str = ".route-audit-annotate";
/// The same before that, while the new texts are being written beside the files.
const PREPARING: &str = ".route-audit-preparing";

/// What becomes of a file.
#[derive(Debug)]
pub(super) struct Change {
    /// From the root of the workspace.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) old: String,
    pub(super) new: String,
}

impl Change {
    pub(super) fn diff(&self) -> String {
        similar::TextDiff::from_lines(&self.old, &self.new)
            .unified_diff()
            .context_radius(3)
            .header(&format!("a/{}", self.name), &format!("b/{}", self.name))
            .to_string()
    }

    /// Makes the new text what rustfmt would write, if the old one is that.
    pub(super) fn format(&mut self, edition: &str) {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if rustfmt(&self.old, edition, folder).is_some_and(|old| old == self.old)
            && let Some(new) = rustfmt(&self.new, edition, folder)
        {
            self.new = new;
        }
    }
}

pub(super) fn rustfmt(text: &str, edition: &str, folder: &Path) -> Option<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", edition, "--emit", "stdout"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    // It writes when it has read all.
    let written = stdin.write_all(text.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    written.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

/// What an earlier run says that was ended while it wrote: which files are changed. One that was ended
/// before that has changed none, and what it left is taken away.
///
/// # Errors
///
/// With that.
pub(super) fn interrupted(root: &Path) -> Result<(), CannotRun> {
    let path = root.join(PREPARING);
    if let Ok(journal) = fs::read_to_string(&path) {
        for (_, prepared) in journal.lines().filter_map(|line| line.split_once('\t')) {
            let _ = fs::remove_file(root.join(prepared));
        }
        let _ = fs::remove_file(&path);
    }
    let path = root.join(JOURNAL);
    let Ok(journal) = fs::read_to_string(&path) else {
        return Ok(());
    };
    let (mut changed, mut kept) = (Vec::new(), Vec::new());
    for line in journal.lines() {
        let Some((name, prepared)) = line.split_once('\t') else {
            continue;
        };
        // Renamed, if it is not there any more.
        match fs::remove_file(root.join(prepared)) {
            Ok(()) => kept.push(name),
            Err(_) => changed.push(name),
        }
    }
    let list = |names: &[&str]| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let _ = fs::remove_file(&path);
    Err(Problem::new(format!(
        "an earlier run was interrupted while it wrote. Changed: {}. As they were: {}",
        list(&changed),
        list(&kept)
    ))
    .at(path.display())
    .help("take the changed files as they were committed, or keep them; then run this again")
    .into())
}

/// Replaces the files, each in one step. Where one cannot be written, none is changed; where this
/// program is ended before all are, the journal says which.
pub(super) fn write(root: &Path, changes: &[Change]) -> Result<(), CannotRun> {
    let problem = |change: &Change, error: &io::Error| {
        Problem::new(format!("cannot write {}: {error}", change.name))
            .at(change.path.display())
            .help("nothing was changed; run this again once it can be written")
    };
    interrupted(root)?;
    let mut journal = String::from(
        "route-audit is replacing these files; what stands behind each is gone when it is done\n",
    );
    for change in changes {
        let beside = beside(change);
        let beside = beside.strip_prefix(root).unwrap_or(&beside);
        journal.push_str(&format!("{}\t{}\n", change.name, beside.display()));
    }
    let (preparing, path) = (root.join(PREPARING), root.join(JOURNAL));
    let cannot = |error: io::Error| {
        // Half of it may be there.
        let _ = fs::remove_file(&preparing);
        Problem::new(format!("cannot write {JOURNAL}: {error}"))
            .at(path.display())
            .help("nothing was changed")
    };
    fs::write(&preparing, journal).map_err(cannot)?;
    let mut prepared = Vec::new();
    for change in changes {
        let file = prepare(change).map_err(|error| {
            let _ = fs::remove_file(&preparing);
            problem(change, &error)
        })?;
        prepared.push((change, file));
    }
    // From here on they are being replaced.
    fs::rename(&preparing, &path).map_err(cannot)?;
    let mut done: Vec<&Change> = Vec::new();
    for (change, file) in prepared {
        if let Err(error) = file.persist(&change.path) {
            let mut problems = vec![problem(change, &error.error)];
            for before in done {
                if let Err(error) = fs::write(&before.path, &before.old) {
                    problems.push(
                        Problem::new(format!("cannot put {} back: {error}", before.name))
                            .at(before.path.display())
                            .help("it has its annotations; take it as it was committed"),
                    );
                }
            }
            let _ = fs::remove_file(&path);
            return CannotRun::unless_none(problems);
        }
        done.push(change);
    }
    let _ = fs::remove_file(&path);
    Ok(())
}

/// Where the new text is prepared.
fn beside(change: &Change) -> PathBuf {
    let name = change.path.file_name().unwrap_or_default();
    let name = format!(".route-audit-{}", name.to_string_lossy());
    change.path.with_file_name(name)
}

/// The new text, beside the file. Goes away again by itself if it is not put in its place.
fn prepare(change: &Change) -> io::Result<tempfile::NamedTempFile> {
    let metadata = fs::metadata(&change.path)?;
    // A rename would replace it all the same.
    if metadata.permissions().readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file is read-only",
        ));
    }
    // A run takes minutes, and an editor is quick.
    if fs::read(&change.path)? != change.old.as_bytes() {
        return Err(io::Error::other(
            "it was changed after this run had read it",
        ));
    }
    let folder = change.path.parent().unwrap_or(Path::new("."));
    let beside = beside(change);
    let mut file = tempfile::Builder::new()
        .prefix(beside.file_name().unwrap_or_default())
        .rand_bytes(0)
        .tempfile_in(folder)?;
    file.write_all(change.new.as_bytes())?;
    fs::set_permissions(file.path(), metadata.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(root: &Path, name: &str) -> Change {
        let path = root.join(name);
        fs::write(&path, "old").expect("a file");
        Change {
            name: name.to_owned(),
            path,
            old: "old".to_owned(),
            new: "new".to_owned(),
        }
    }

    #[test]
    fn all_files_are_written_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let changes = [change(root, "a.rs"), change(root, "b.rs")];
        let text = |name: &str| fs::read_to_string(root.join(name)).expect("a file");
        let mut permissions = fs::metadata(root.join("b.rs"))
            .expect("a file")
            .permissions();
        permissions.set_readonly(true);
        fs::set_permissions(root.join("b.rs"), permissions.clone()).expect("read-only");
        let failure = write(root, &changes)
            .expect_err("it is read-only")
            .to_string();
        assert!(
            failure.contains("cannot write b.rs: the file is read-only"),
            "{failure}"
        );
        assert_eq!(
            (text("a.rs"), text("b.rs")),
            ("old".to_owned(), "old".to_owned())
        );
        assert_eq!(fs::read_dir(root).expect("it is there").count(), 2);
        #[allow(
            clippy::permissions_set_readonly_false,
            reason = "of a file of the test's own"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(root.join("b.rs"), permissions).expect("writable");
        write(root, &changes).expect("now it can");
        assert_eq!(
            (text("a.rs"), text("b.rs")),
            ("new".to_owned(), "new".to_owned())
        );
        assert_eq!(fs::read_dir(root).expect("it is there").count(), 2);
        interrupted(root).expect("it was not");
    }

    #[test]
    fn what_was_changed_in_the_meantime_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let changes = [change(root, "a.rs"), change(root, "b.rs")];
        fs::write(root.join("b.rs"), "edited").expect("a file");
        let failure = write(root, &changes).expect_err("it is another");
        let failure = failure.to_string();
        assert!(failure.contains("b.rs: it was changed"), "{failure}");
        let text = |name: &str| fs::read_to_string(root.join(name)).expect("a file");
        assert_eq!(
            (text("a.rs"), text("b.rs")),
            ("old".to_owned(), "edited".to_owned())
        );
        assert_eq!(fs::read_dir(root).expect("it is there").count(), 2);
    }

    #[test]
    fn an_interrupted_run_says_which_files_are_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::write(root.join(".route-audit-1"), "new").expect("a file");
        fs::write(
            root.join(JOURNAL),
            "words\nsrc/a.rs\t.route-audit-0\nsrc/b.rs\t.route-audit-1\n",
        )
        .expect("a file");
        let failure = interrupted(root).expect_err("it was").to_string();
        assert!(
            failure.contains("Changed: src/a.rs. As they were: src/b.rs"),
            "{failure}"
        );
        assert_eq!(fs::read_dir(root).expect("it is there").count(), 0);
    }

    /// Ended by the system in the middle of the second file: it may not be this large.
    #[cfg(unix)]
    #[test]
    fn a_run_that_is_killed_while_it_prepares_leaves_nothing() {
        const FOLDER: &str = "ROUTE_AUDIT_TEST_PREPARES_IN";
        if let Some(folder) = std::env::var_os(FOLDER) {
            let root = Path::new(&folder);
            let mut changes = [change(root, "a.rs"), change(root, "b.rs")];
            changes[1].new = "new".repeat(10_000);
            write(root, &changes).expect("it is killed before it returns");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let mut child = Command::new("sh");
        let test = "annotate::write::tests::a_run_that_is_killed_while_it_prepares_leaves_nothing";
        child
            .args(["-c", "ulimit -c 0; ulimit -f 8; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().expect("this program"))
            .args(["--exact", test])
            .env(FOLDER, root)
            .stdout(Stdio::null());
        let ended = child.status().expect("it starts");
        let killed = std::os::unix::process::ExitStatusExt::signal(&ended);
        assert!(killed.is_some(), "{ended}");
        let left = || fs::read_dir(root).expect("it is there").count();
        assert_eq!(left(), 5, "both files, both beside them, and the journal");
        interrupted(root).expect("nothing was changed");
        assert_eq!(left(), 2);
        for name in ["a.rs", "b.rs"] {
            assert_eq!(fs::read_to_string(root.join(name)).expect("a file"), "old");
        }
    }

    #[test]
    fn what_was_formatted_stays_so_and_what_was_not_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut change = change(folder.path(), "a.rs");
        change.old = "use axum::{Json, Router};\n".to_owned();
        change.new = "use axum::{Json};\nuse a::Router;\n".to_owned();
        change.format("2024");
        assert_eq!(change.new, "use a::Router;\nuse axum::Json;\n");
        change.old = "use axum::{ Json };\n".to_owned();
        change.new = "use axum::{ Json };\nuse a::Router;\n".to_owned();
        change.format("2024");
        assert!(
            change.new.starts_with("use axum::{ Json };"),
            "{}",
            change.new
        );
    }
}
