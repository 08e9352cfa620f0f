//! The files of a package that are part of its program: its targets, what lies in `src`, and the
//! modules of these; less what tests alone have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use cargo_metadata::Package;
use syn::Item;

use super::attributes::{for_tests, path};
use super::names::name;
use crate::cargo::{audited, directory};

/// A file, or why nothing is known of it.
pub(super) type Sources = BTreeMap<PathBuf, Result<syn::File, String>>;

pub(super) fn program(package: &Package) -> Sources {
    let targets = |of_program: bool| -> BTreeSet<PathBuf> {
        let targets = package.targets.iter();
        targets
            .filter(|target| audited(target) == of_program)
            .map(|target| plain(target.src_path.as_std_path()))
            .collect()
    };
    let (roots, others) = (targets(true), targets(false));
    let mut left = roots.clone();
    walk(&directory(package).join("src"), &mut left);
    left.retain(|path| !others.contains(path));

    let mut sources = Sources::new();
    let mut modules = BTreeMap::new();
    while let Some(path) = left.pop_first() {
        if sources.contains_key(&path) {
            continue;
        }
        let parsed = fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| syn::parse_file(&text).map_err(|error| error.to_string()));
        if let Ok(file) = &parsed {
            let folder = path.parent().unwrap_or(&path);
            let is_mod = path.file_name().is_some_and(|name| name == "mod.rs");
            let children = if is_mod || roots.contains(&path) {
                folder.to_owned()
            } else {
                path.with_extension("")
            };
            let mut found: Vec<(PathBuf, bool)> = Vec::new();
            declared(
                &file.items,
                &children,
                folder,
                for_tests(&file.attrs),
                &mut found,
            );
            left.extend(found.iter().map(|(module, _)| module.clone()));
            modules.insert(path.clone(), found);
        }
        sources.insert(path, parsed);
    }

    // A file that no other one declares may be included by a macro: it is taken to be served.
    let declared: BTreeSet<_> = modules
        .values()
        .flatten()
        .map(|(module, _)| module)
        .collect();
    let mut program = BTreeSet::new();
    let starts = sources
        .keys()
        .filter(|path| roots.contains(*path) || !declared.contains(path));
    let mut left: Vec<_> = starts.cloned().collect();
    while let Some(path) = left.pop() {
        let inner = modules.get(&path).into_iter().flatten();
        if program.insert(path) {
            left.extend(
                inner
                    .filter(|(_, is_test)| !is_test)
                    .map(|(module, _)| module.clone()),
            );
        }
    }
    sources.retain(|path, _| program.contains(path));
    sources
}

/// Every `.rs` of a folder, and not of packages in it.
fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Links are left to the modules that lead through them: these cannot lead in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !path.join("Cargo.toml").exists() {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
}

/// The files that are modules of this one, and whether they are for tests alone. `beside` is what
/// a `#[path]` starts from.
fn declared(
    items: &[Item],
    children: &Path,
    beside: &Path,
    is_test: bool,
    found: &mut Vec<(PathBuf, bool)>,
) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        let is_test = is_test || for_tests(&module.attrs);
        let name = name(&module.ident);
        let paths: Vec<_> = module
            .attrs
            .iter()
            .flat_map(|attr| path(&attr.meta))
            .collect();
        if let Some((_, items)) = &module.content {
            let children = paths
                .first()
                .map_or(children.join(name), |path| beside.join(path));
            declared(items, &children, &children, is_test, found);
            continue;
        }
        // A `cfg_attr` may hold or not.
        let usual = [format!("{name}.rs"), format!("{name}/mod.rs")];
        let usual = usual.iter().map(|path| children.join(path));
        let files = paths.iter().map(|path| beside.join(path)).chain(usual);
        found.extend(
            files
                .filter(|file| file.is_file())
                .map(|file| (plain(&file), is_test)),
        );
    }
}

/// Without `.` and `..`, so that one file has one name.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
