//! A copy of the workspace, and of the packages beside it that it depends on by path.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io, iter};

use cargo_metadata::Metadata;

use crate::error::Problem;

/// Folders that no build reads, or that are too large for a copy.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];

#[derive(Debug)]
pub(super) struct Copy {
    /// The folder that all copied ones are below, on the original's side.
    base: PathBuf,
    roots: Vec<PathBuf>,
    folder: PathBuf,
}

impl Copy {
    /// Copies to a folder that is empty. What lies beside the workspace keeps its place beside it,
    /// so that `path = "../other"` holds.
    pub(super) fn make(metadata: &Metadata, target: &Path, folder: &Path) -> Result<Self, Problem> {
        let cannot = |error: io::Error, at: &Path| {
            Problem::new(format!(
                "cannot copy the workspace for the self-test: {error}"
            ))
            .at(at.display())
            .help("it reads every file of the workspace, and writes below the target folder")
        };
        let workspace = metadata.workspace_root.as_std_path();
        let outside = metadata
            .packages
            .iter()
            .filter(|package| package.source.is_none())
            .filter_map(|package| package.manifest_path.as_std_path().parent())
            .filter(|folder| !folder.starts_with(workspace))
            .map(workspace_of);
        let mut roots = Vec::new();
        for root in iter::once(workspace).chain(outside) {
            roots.push(fs::canonicalize(root).map_err(|error| cannot(error, root))?);
        }
        roots.sort();
        roots.dedup();
        let base = roots
            .first()
            .into_iter()
            .flat_map(|root| root.ancestors().skip(1))
            .find(|base| roots.iter().all(|root| root.starts_with(base)))
            .unwrap_or(workspace)
            .to_owned();
        let copy = Self {
            base,
            roots,
            folder: folder.to_owned(),
        };
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        // Sorted, a folder comes before those in it. These are copied with it, unless they are in
        // one that is left out.
        for root in &copy.roots {
            if copy.inside(root).exists() {
                continue;
            }
            let mut walk = Walk {
                target: &target,
                // Cargo reads the configuration of every folder above: that of the original, too,
                // where the copy is inside.
                configuration: folder.starts_with(root).then(|| root.join(".cargo")),
                above: Vec::new(),
            };
            walk.folder(root, &copy.inside(root))
                .map_err(|error| cannot(error, root))?;
        }
        Ok(copy)
    }

    /// Where the copy of a file or folder is; `None` where there is none.
    pub(super) fn place(&self, original: &Path) -> Option<PathBuf> {
        // By its own name, which the copy has too; what it links to may be elsewhere.
        let by_name = original
            .parent()
            .zip(original.file_name())
            .and_then(|(parent, name)| Some(fs::canonicalize(parent).ok()?.join(name)));
        by_name
            .into_iter()
            .chain(fs::canonicalize(original))
            .filter(|path| self.roots.iter().any(|root| path.starts_with(root)))
            .map(|path| self.inside(&path))
            .find(|copy| copy.exists())
    }

    fn inside(&self, path: &Path) -> PathBuf {
        let relative = path.strip_prefix(&self.base).unwrap_or(path);
        self.folder.join(relative)
    }
}

/// The workspace that a package takes its versions and lints from, or else its own folder.
fn workspace_of(package: &Path) -> &Path {
    let is_workspace = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml"))
            .ok()
            .and_then(|text| toml::from_str::<toml::Table>(&text).ok())
            .is_some_and(|manifest| manifest.contains_key("workspace"))
    };
    package.ancestors().find(is_workspace).unwrap_or(package)
}

struct Walk<'a> {
    target: &'a Path,
    configuration: Option<PathBuf>,
    /// The folders that are being copied, to end where a link leads back to one.
    above: Vec<PathBuf>,
}

impl Walk<'_> {
    /// Links are followed: a change of the copy must not reach the original.
    fn folder(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let real = fs::canonicalize(from)?;
        if self.above.contains(&real) {
            return Ok(());
        }
        self.above.push(real);
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (path, copy) = (entry.path(), to.join(entry.file_name()));
            // Of what a link leads to. One that leads nowhere is no file.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if metadata.is_file() {
                fs::copy(&path, &copy)?;
            } else if metadata.is_dir() && !self.leaves_out(&path) {
                self.folder(&path, &copy)?;
            }
        }
        self.above.pop();
        Ok(())
    }

    fn leaves_out(&self, folder: &Path) -> bool {
        let name = folder.file_name().unwrap_or_default();
        LEFT_OUT.iter().any(|left_out| name == OsStr::new(left_out))
            || fs::canonicalize(folder).is_ok_and(|real| real == self.target)
            || self.configuration.as_deref() == Some(folder)
            // What can be built again, another target folder say: <https://bford.info/cachedir/>.
            || folder.join("CACHEDIR.TAG").is_file()
    }
}

#[cfg(all(test, unix))]
mod tests;
