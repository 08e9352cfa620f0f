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
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name_in_its_repository() {
        let places = Places {
            workspace: "/repo/backend".into(),
            repository: "/repo".into(),
        };
        let inside = |path: &str| Place::Inside(path.to_owned());
        for (file, expected) in [
            ("src/a b.rs", inside("backend/src/a b.rs")),
            ("src/x/../y.rs", inside("backend/src/y.rs")),
            ("./src/y.rs", inside("backend/src/y.rs")),
            ("../shared/y.rs", inside("shared/y.rs")),
            ("/repo/shared/y.rs", inside("shared/y.rs")),
            ("../../y.rs", Place::Outside("/y.rs".to_owned())),
            (
                "/repository/y.rs",
                Place::Outside("/repository/y.rs".to_owned()),
            ),
        ] {
            assert_eq!(places.in_repository(file), expected, "{file}");
        }
    }

    #[test]
    fn the_repository_is_found_from_the_workspace() {
        let folder = tempfile::tempdir().expect("a folder");
        let workspace = folder.path().join("services/api");
        std::fs::create_dir_all(&workspace).expect("the folders");
        assert_eq!(Places::of(&workspace).repository, workspace);
        std::fs::write(folder.path().join(".git"), "gitdir: elsewhere\n").expect("the file");
        assert_eq!(Places::of(&workspace).repository, folder.path());
    }
}
