//! The targets of a package.

use std::path::Path;

use cargo_metadata::{Package, Target};

/// The folder of a package's Cargo.toml.
pub(crate) fn directory(package: &Package) -> &Path {
    let manifest = package.manifest_path.as_std_path();
    manifest.parent().unwrap_or(manifest)
}

/// A target as messages name it: ``library `web` ``, ``binary `server` ``.
pub(crate) fn describe(target: &Target) -> String {
    format!("{} `{}`", kind(target), target.name)
}

pub(crate) fn kind(target: &Target) -> &'static str {
    if target.is_bin() { "binary" } else { "library" }
}

/// Whether the target is part of the program: what else there is (tests, benches, examples, build
/// scripts) serves nobody.
pub(crate) fn audited(target: &Target) -> bool {
    target.is_bin() || is_library(target)
}

fn is_library(target: &Target) -> bool {
    target.is_lib()
        || target.is_rlib()
        || target.is_dylib()
        || target.is_cdylib()
        || target.is_staticlib()
        || target.is_proc_macro()
}

pub(crate) fn library(package: &Package) -> bool {
    package.targets.iter().any(is_library)
}
