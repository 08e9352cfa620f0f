//! The lock of another commit, which `diff` and `check --base` compare with.

mod git;

use crate::error::CannotRun;
use crate::lock::file::LockFile;
use crate::lock::{Lock, format};
use crate::workspace::Workspace;

use self::git::Git;

/// A commit, and the lock that it has.
#[derive(Debug)]
pub(crate) struct Base {
    /// What was asked for: `HEAD`, `origin/main`.
    pub(crate) revision: String,
    /// The commit whose lock was read.
    pub(crate) commit: String,
    /// Whether that commit has a lock. Where not, every route is new.
    pub(crate) has_lock: bool,
    pub(crate) lock: Lock,
}

impl Base {
    /// Reads the lock of the commit where HEAD parted from `revision`, or of HEAD itself, and says what
    /// is to be known of it.
    pub(crate) fn read(
        workspace: &Workspace,
        file: &LockFile,
        revision: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Result<Self, CannotRun> {
        let git = Git {
            folder: workspace.root(),
        };
        let parted = revision.is_some();
        let revision = revision.unwrap_or("HEAD").to_owned();
        let mut commit = git.commit(&revision)?;
        if parted {
            match git.merge_base(&commit)? {
                Some(common) => commit = common,
                None => notes.push(format!(
                    "`{revision}` and HEAD have no common commit here (a shallow clone?): compared \
                     with `{revision}` itself, so what it changed since shows as well"
                )),
            }
        }
        let text = git.file(&commit, &file.name)?;
        let has_lock = text.is_some();
        let lock = match text {
            Some(text) => format::parse(&text, &format!("{revision}:{}", file.name))?,
            None => {
                notes.push(format!(
                    "there is no {} at `{revision}`: every route shows as new",
                    file.name
                ));
                Lock::default()
            }
        };
        Ok(Self {
            revision,
            commit,
            has_lock,
            lock,
        })
    }
}
