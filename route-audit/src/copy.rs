//! A copy of the workspace, and of the packages beside it that it depends on by path.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::{fs, io, iter};

use cargo_metadata::Metadata;
use fs4::FileExt;
use tempfile::TempDir;

use crate::error::Problem;

/// Folders that no build reads, or that are too large for a copy.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];

/// What is in a folder that can be built again: <https://bford.info/cachedir/>, and cargo's own mark of a target
/// folder, which it gives no tag where the folder was there before.
const BUILT: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

/// The folder `copy` in this one, empty, and a lock. Held to the end, and taken before anything is
/// copied: what builds into the same folder gives its executables the same names, and cargo goes by the
/// times of the sources. The name is the same each time, so that builds replace each other.
pub(crate) fn scratch(folder: &Path) -> Result<(TempDir, File), Problem> {
    let make = || -> io::Result<(TempDir, File)> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        FileExt::lock(&lock)?;
        // Made absolute, since cargo runs elsewhere.
        let folder = fs::canonicalize(folder)?;
        // Of a run that was killed.
        match fs::remove_dir_all(folder.join("copy")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut builder = tempfile::Builder::new();
        let scratch = builder.prefix("copy").rand_bytes(0).tempdir_in(folder)?;
        Ok((scratch, lock))
    };
    make().map_err(|error| {
        Problem::new(format!(
            "cannot make a folder for a copy of the workspace: {error}"
        ))
        .at(folder.display())
        .help("name a folder that can be written to with `--target-dir`")
    })
}

#[derive(Debug)]
pub(crate) struct Copy {
    /// The folder that all copied ones are below, on the original's side.
    base: PathBuf,
    roots: Vec<PathBuf>,
    folder: PathBuf,
}

impl Copy {
    /// Copies to a folder that is empty. What lies beside the workspace keeps its place beside it,
    /// so that `path = "../other"` holds.
    pub(crate) fn make(metadata: &Metadata, target: &Path, folder: &Path) -> Result<Self, Problem> {
        let cannot = |error: io::Error, at: &Path| {
            Problem::new(format!("cannot copy the workspace: {error}"))
                .at(at.display())
                .help(
                    "every file of the workspace is read, and the copy is below the target folder",
                )
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
    pub(crate) fn place(&self, original: &Path) -> Option<PathBuf> {
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

    /// What a file or folder of the copy is a copy of; `None` for one that is not.
    pub(crate) fn original(&self, copied: &Path) -> Option<PathBuf> {
        let relative = copied.strip_prefix(&self.folder).ok()?;
        Some(self.base.join(relative))
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
            || BUILT.iter().any(|file| folder.join(file).is_file())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_of_the_copy_leads_back_to_the_original() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let put = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("create it");
            fs::write(path, "original").expect("write it");
        };
        for path in [
            "from/src/lib.rs",
            "from/.git/config",
            "from/out/debug/app",
            "from/built/CACHEDIR.TAG",
            "from/beside/target/.rustc_info.json",
            "from/.cargo/config.toml",
            "from/web/.cargo/config.toml",
            "elsewhere/shared.rs",
        ] {
            put(path);
        }
        symlink("../elsewhere", from.join("shared")).expect("a link");
        symlink("src/lib.rs", from.join("link.rs")).expect("a link");
        symlink("..", from.join("src/loop")).expect("a link");
        symlink("nowhere", from.join("broken")).expect("a link");
        let target = fs::canonicalize(from.join("out")).expect("it is there");
        let mut walk = Walk {
            target: &target,
            configuration: Some(from.join(".cargo")),
            above: Vec::new(),
        };
        walk.folder(&from, &to).expect("a copy");

        for path in [
            "src/lib.rs",
            "link.rs",
            "shared/shared.rs",
            "web/.cargo/config.toml",
        ] {
            let copy = to.join(path);
            let real = fs::canonicalize(&copy).expect(path);
            assert!(real.ends_with(Path::new("to").join(path)), "{real:?}");
            fs::write(copy, "changed").expect(path);
            let original = fs::read_to_string(from.join(path)).expect(path);
            assert_eq!(original, "original", "{path}");
        }
        for path in [
            ".git",
            "out",
            "built",
            "beside/target",
            ".cargo",
            "broken",
            "src/loop",
        ] {
            assert!(!to.join(path).exists(), "{path}");
        }
    }
}
