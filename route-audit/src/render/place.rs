//! Where the files of findings are: on disk, and for those who know only the repository.

use std::path::{Component, Path, PathBuf};

/// Findings name files as the compiler does: relative to the workspace, or absolute where a package
/// is outside of it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    workspace: PathBuf,
    repository: PathBuf,
}

/// A file, with `/` between folders and no `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Relative to the top of the repository.
    Inside(String),
    /// An absolute path.
    Outside(String),
}

impl Places {
    /// For a workspace. Its repository is the closest folder above with a `.git`, or else the
    /// workspace itself.
    pub(crate) fn of(workspace: &Path) -> Self {
        let repository = workspace
            .ancestors()
            // A file in a work tree that is not the main one, and in a submodule.
            .find(|folder| folder.join(".git").exists())
            .unwrap_or(workspace);
        Self {
            workspace: workspace.to_owned(),
            repository: repository.to_owned(),
        }
    }

    /// Its top folder.
    pub(crate) fn repository(&self) -> &Path {
        &self.repository
    }

    pub(super) fn on_disk(&self, file: &str) -> PathBuf {
        self.workspace.join(file)
    }

    pub(super) fn in_repository(&self, file: &str) -> Place {
        let path = normal(&self.on_disk(file));
        match path.strip_prefix(&self.repository) {
            Ok(inside) => Place::Inside(slashes(inside)),
            Err(_) => Place::Outside(slashes(&path)),
        }
    }
}

/// Without `.` and `..`, which `#[path]` leaves in the compiler's file names. By the text alone, as
/// the file may be gone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    }
}

#[cfg(all(test, unix))]
mod tests;
