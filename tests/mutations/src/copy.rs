//! The copy of the workspace that has the mutants.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// The files below a folder, with slashes between. Git's own, and what can be built again
/// (<https://bford.info/cachedir/>), are left out.
pub(crate) fn files(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // In a worktree, `.git` is a file.
            if name == ".git" || path.join("CACHEDIR.TAG").is_file() {
                continue;
            } else if path.is_dir() {
                folders.push(format!("{folder}{name}/"));
            } else {
                found.insert(format!("{folder}{name}"));
            }
        }
    }
    Ok(found)
}

/// Copies these files, with other texts for some of them, and removes what is there besides. What
/// is there with this text is left alone, so that cargo builds it once.
pub(crate) fn copy(
    from: &Path,
    to: &Path,
    files: &BTreeSet<String>,
    texts: &BTreeMap<String, String>,
) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in self::files(to)?.difference(files) {
        let gone = to.join(name);
        fs::remove_file(&gone)?;
        // Cargo looks for packages and targets in folders; those that are not empty stay.
        gone.ancestors()
            .skip(1)
            .all(|folder| fs::remove_dir(folder).is_ok());
    }
    for name in files {
        let (from, to) = (from.join(name), to.join(name));
        let text = texts.get(name).map(String::as_bytes);
        let text = text.map_or_else(|| fs::read(&from), |text| Ok(text.to_owned()))?;
        if !fs::read(&to).is_ok_and(|there| there == text) {
            fs::create_dir_all(to.parent().unwrap_or(&to))?;
            fs::copy(&from, &to)?;
            fs::write(&to, text)?;
        }
    }
    Ok(())
}
