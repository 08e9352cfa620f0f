//! Programs of this workspace, and cargo to build them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cargo, as if no other cargo had started this test.
///
/// What cargo sets for a test of the test's package is left out. The build script of a dependency that
/// asks for one of those (`ring`'s does) would run again, and all that needs it be built again, here and
/// in whatever cargo is called for next.
#[must_use]
pub fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut cargo = Command::new(program);
    for (name, _) in env::vars_os() {
        if is_of_a_package(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.stdin(Stdio::null());
    cargo
}

fn is_of_a_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "OUT_DIR" || name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
}

/// Builds programs of this workspace for a test that calls them, and returns the folder that they are
/// in. `test` is that test's target: `env!("CARGO_CRATE_NAME")`.
///
/// # Panics
///
/// Where they do not compile.
#[must_use]
pub fn built(programs: &[&str], test: &str) -> PathBuf {
    let mut build = cargo();
    build
        .args(["build", "--quiet", "--locked", "--offline"])
        // All packages, and a test: else the dependencies have other features than in
        // `cargo test --workspace --all-features`, and are built once more.
        .args(["--workspace", "--all-features", "--test", test])
        // As this test was built: `target/debug`, or `target/release` where figures are taken.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    for program in programs {
        build.args(["--bin", program]);
    }
    let status = build.status().expect("cargo starts");
    assert!(status.success(), "{programs:?} do not compile");
    // `target/debug/deps/TEST-..`
    let own = env::current_exe().expect("the test has a path");
    own.ancestors()
        .nth(2)
        .expect("a folder of cargo's")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cargo runs this test, and says so.
    #[test]
    fn what_cargo_says_of_a_test_is_not_told_to_the_next_cargo() {
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some());
        let told = cargo();
        let removed: Vec<_> = told
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .collect();
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(removed.contains(&(OsStr::new(name), None)), "{removed:?}");
        }
        assert!(!removed.contains(&(OsStr::new("PATH"), None)));
    }
}
