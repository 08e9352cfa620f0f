//! The lock on disk.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Lock, format};
use crate::error::{CannotRun, Problem};

/// Where the lock is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockFile {
    /// From the root of the workspace: what findings call it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl LockFile {
    pub(crate) fn new(workspace_root: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: workspace_root.join(name),
        }
    }

    /// The text and what it says; `None` where there is no such file.
    pub(crate) fn read(&self) -> Result<Option<(String, Lock)>, CannotRun> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.problem("cannot read the route lock", &error).into()),
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..before]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            Problem::new("not a route lock: it is not UTF-8")
                .at(format!("{}:{line}", self.name))
                .help("take the file as it was committed")
        })?;
        let lock = format::parse(&text, &self.name)?;
        Ok(Some((text, lock)))
    }

    /// The same, where there has to be one.
    pub(crate) fn read_existing(&self) -> Result<Lock, CannotRun> {
        self.read()?.map(|(_, lock)| lock).ok_or_else(|| {
            Problem::new("there is no route lock to compare with")
                .at(self.path.display())
                .help("write it with `route-audit check --update`, read it, and check it in")
                .into()
        })
    }

    /// Replaces the file in one step: whoever reads it sees the old one or the new one.
    pub(crate) fn write(&self, text: &str) -> Result<(), CannotRun> {
        self.replace(text)
            .map_err(|error| self.problem("cannot write the route lock", &error).into())
    }

    /// The same for any text; the error is without its place.
    pub(crate) fn replace(&self, text: &str) -> io::Result<()> {
        // Through a link to the file that it means, which the rename would replace.
        let path = match fs::canonicalize(&self.path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.path.clone(),
            Err(error) => return Err(error),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".routes.lock");
        // A temporary file is its owner's alone; a file that is checked in is not.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Ok(metadata) = fs::metadata(&path) {
            fs::set_permissions(file.path(), metadata.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }

    /// Takes the routes of packages that were not looked at out of a lock, and says so.
    pub(crate) fn leave_out(
        &self,
        lock: &mut Lock,
        unselected: &BTreeSet<String>,
    ) -> (Lock, Option<String>) {
        let left_out = lock.split_off(unselected);
        let count = left_out.lines().len();
        let packages: Vec<String> = left_out
            .packages()
            .into_iter()
            .map(|package| format!("`{package}`"))
            .collect();
        let note = (count > 0).then(|| {
            format!(
                "{count} {} of {} in {} not compared: the package is not selected (see `--workspace`)",
                if count == 1 { "line" } else { "lines" },
                packages.join(", "),
                self.name,
            )
        });
        (left_out, note)
    }

    fn problem(&self, what: &str, error: &io::Error) -> Problem {
        Problem::new(format!("{what}: {error}"))
            .at(self.path.display())
            .help(
                "it is at the root of the workspace, or where `lock` in \
                 [workspace.metadata.route-audit] says",
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = LockFile::new(folder.path(), "routes.lock");
        assert!(matches!(file.read(), Ok(None)));
        let line = "session GET /a web/routes\n";
        for lines in [line, ""] {
            let text = format!("schema 1\n{lines}");
            file.write(&text).expect("written");
            let (read, lock) = file.read().expect("a lock").expect("it is there");
            assert_eq!(read, text);
            assert_eq!(lock.lines().len(), lines.lines().count());
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = LockFile::new(folder.path(), "")
            .read()
            .expect_err("a folder");
        let error = error.to_string();
        assert!(error.contains("cannot read the route lock"), "{error}");
    }
}
