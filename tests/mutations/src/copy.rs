//! The copy of the workspace that has the mutations.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mutations::table::Table;

/// Copies the workspace, with every row in its place. A file that is there already with this text
/// is left alone, so that cargo builds it once.
pub(crate) fn copy(from: &Path, to: &Path, table: &Table) -> Result<(), String> {
    let mut copy = Copy {
        table,
        used: BTreeSet::new(),
    };
    copy.folder(from, to, "")?;
    let unused: Vec<&str> = table
        .checks
        .iter()
        .filter(|check| !copy.used.contains(&check.file))
        .map(|check| check.name.as_str())
        .collect();
    if unused.is_empty() {
        Ok(())
    } else {
        Err(format!("of no file: {}", unused.join(", ")))
    }
}

struct Copy<'a> {
    table: &'a Table,
    used: BTreeSet<String>,
}

impl Copy<'_> {
    /// `name` is the folder's, from the root, with a slash at its end.
    fn folder(&mut self, from: &Path, to: &Path, name: &str) -> Result<(), String> {
        let cannot = |error: std::io::Error| format!("{}: {error}", from.display());
        fs::create_dir_all(to).map_err(cannot)?;
        let mut kept = BTreeSet::new();
        for entry in fs::read_dir(from).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let file = entry.file_name();
            let path = format!("{name}{}", file.to_string_lossy());
            if is_left_out(&entry.path()) {
                continue;
            }
            kept.insert(file.clone());
            if entry.path().is_dir() {
                self.folder(&entry.path(), &to.join(&file), &format!("{path}/"))?;
            } else {
                self.file(&entry.path(), &to.join(&file), path)?;
            }
        }
        for entry in fs::read_dir(to).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            if !kept.contains(&entry.file_name()) {
                let gone = entry.path();
                if gone.is_dir() {
                    fs::remove_dir_all(gone).map_err(cannot)?;
                } else {
                    fs::remove_file(gone).map_err(cannot)?;
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path, name: String) -> Result<(), String> {
        let cannot = |error: std::io::Error| format!("{name}: {error}");
        let mut bytes = fs::read(from).map_err(cannot)?;
        if self.table.checks.iter().any(|check| check.file == name) {
            let text = String::from_utf8(bytes).map_err(|error| format!("{name}: {error}"))?;
            let planted = self.table.plant(&name, &text);
            bytes = planted
                .map_err(|problems| problems.join("\n"))?
                .into_bytes();
            self.used.insert(name.clone());
        }
        if fs::read(to).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        fs::write(to, bytes).map_err(cannot)
    }
}

/// Git's own, and what can be built again: <https://bford.info/cachedir/>.
/// In a worktree, `.git` is a file.
fn is_left_out(path: &Path) -> bool {
    path.ends_with(".git") || path.join("CACHEDIR.TAG").is_file()
}
