//! On a workspace whose `session-auth` is a few lines: what registers is what the real one's
//! attributes generate.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Metadata, MetadataCommand, Package};
use tempfile::TempDir;

use super::{Declared, Difference, Program, START, Unit, declared_in, texts};
use crate::cargo::compile::Compile;
use crate::error::CannotRun;
use crate::surroundings::Notes;

const LIBRARY: &str = r#"
pub use inventory;
pub use session_auth_macros::route;

pub struct Declaration { pub handler: &'static str }
pub struct Registration(pub &'static Declaration);
inventory::collect!(Registration);

pub trait Declared {
    const DECLARATION: &'static Declaration;
}

#[macro_export]
macro_rules! declare {
    ($name:literal) => {
        enum __Access {}
        impl $crate::Declared for __Access {
            const DECLARATION: &'static $crate::Declaration = &$crate::Declaration {
                handler: concat!(
                    "\u{1}session-auth declaration\u{1}", env!("CARGO_PKG_NAME"),
                    "\u{1}", module_path!(), "::", $name,
                    "\u{1}", file!(), ":", line!(), ":", column!(), "\u{2}",
                ),
            };
        }
        $crate::inventory::submit! {
            $crate::Registration(<__Access as $crate::Declared>::DECLARATION)
        }
    };
}
"#;

/// An attribute, since `cfg_attr` takes no macro: `declare!` at the beginning of the body.
const MACROS: &str = r#"
use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

#[proc_macro_attribute]
pub fn route(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let function = tokens.iter().position(|token| token.to_string() == "fn").expect("a function");
    let name = tokens[function + 1].to_string();
    let Some(TokenTree::Group(body)) = tokens.pop() else { panic!("no body") };
    let mut inner: TokenStream =
        format!("::session_auth::declare!({name:?});").parse().expect("a call");
    inner.extend(body.stream());
    tokens.push(Group::new(Delimiter::Brace, inner).into());
    tokens.into_iter().collect()
}
"#;

const WEB: &str = r#"
#[session_auth::route]
pub fn plain() { shared::used(); }

#[session_auth::route]
pub fn generic<T: Clone>(t: T) -> T { t.clone() }

mod private {
    #[allow(dead_code)]
    #[session_auth::route]
    fn never_called() {}
}

#[cfg(not(test))]
#[session_auth::route]
pub fn served_only() {}

#[cfg_attr(test, session_auth::route)]
pub fn attributed_in_tests() {}

#[cfg(test)]
mod tests {
    #[session_auth::route]
    fn mock() {}

    #[test]
    fn it() {
        mock();
        helper::mock();
    }
}
"#;

/// It never looks at what is registered, so that nothing but the registration itself keeps it.
const SERVER: &str = r#"
#[session_auth::route]
fn home() {}

#[cfg(not(test))]
#[session_auth::route]
fn start() {}

#[cfg(test)]
#[session_auth::route]
fn stop() {}

fn main() {
    home();
    web::plain();
    println!("{} {}", shared::used(), web::generic(std::env::args().count()));
}
"#;

/// What is selected. `helper` is among them: that does not make it a part of `web`.
const PACKAGES: [&str; 3] = ["alone", "helper", "web"];

struct Fixture {
    root: TempDir,
    metadata: Metadata,
    args: Vec<OsString>,
}

fn fixture(args: &[&str]) -> Fixture {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create it");
        fs::write(path, text).expect("write it");
    };
    let member = |name: &str, tables: &str| {
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{tables}"
        );
        write(&format!("{name}/Cargo.toml"), &text);
    };
    // The versions of this workspace, which are there without a network.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    write("Cargo.lock", &fs::read_to_string(lock).expect("the lock"));
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\"target\"]\n\
         [profile.release]\nlto = true\ncodegen-units = 1\nopt-level = 3\nstrip = true\n",
    );
    const USES: &str = "[dependencies]\nsession-auth = { path = \"../session-auth\" }\n";
    member("session-auth-macros", "[lib]\nproc-macro = true\n");
    member(
        "session-auth",
        "[dependencies]\ninventory = \"0.3\"\n\
         session-auth-macros = { path = \"../session-auth-macros\" }\n",
    );
    let shared = "shared = { path = \"../shared\" }\n";
    let helper = "[dev-dependencies]\nhelper = { path = \"../helper\" }\n";
    member("web", &format!("{USES}{shared}{helper}"));
    member("shared", USES);
    member("helper", USES);
    // What a package depends on and never uses is not linked.
    let spare = "spare = { path = \"../spare\" }\n";
    member(
        "alone",
        &format!("{USES}{spare}web = {{ path = \"../web\" }}\n"),
    );
    member("spare", USES);
    write(
        "spare/src/lib.rs",
        "#[session_auth::route]\npub fn spare() {}\n",
    );
    write("session-auth-macros/src/lib.rs", MACROS);
    write("session-auth/src/lib.rs", LIBRARY);
    write("web/src/lib.rs", WEB);
    write("web/src/main.rs", SERVER);
    let health = "#[session_auth::route]\npub fn health() {}\npub fn used() -> u32 { 3 }\n";
    write("shared/src/lib.rs", health);
    write(
        "helper/src/lib.rs",
        "#[session_auth::route]\npub fn mock() {}\n",
    );
    let alone = "#[session_auth::route]\npub fn alone() { web::plain(); }\n";
    write("alone/src/lib.rs", alone);

    let metadata = MetadataCommand::new()
        .manifest_path(root.path().join("Cargo.toml"))
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo reads it");
    let target = root.path().join("target");
    let own = [
        "--offline".into(),
        "--target-dir".into(),
        target.into_os_string(),
    ];
    Fixture {
        args: args.iter().map(OsString::from).chain(own).collect(),
        root,
        metadata,
    }
}

impl Fixture {
    fn packages(&self) -> Vec<&Package> {
        let mut packages = self.metadata.workspace_packages();
        packages.retain(|package| PACKAGES.contains(&package.name.as_str()));
        packages
    }

    fn program(&self) -> Result<Program, CannotRun> {
        let mut out = Vec::new();
        let mut notes = Notes::quiet(&mut out);
        let build = Compile {
            cargo: OsStr::new(env!("CARGO")),
            current_dir: self.root.path(),
            args: self.args.clone(),
            packages: &self.packages(),
        };
        Program::read(build.program(&mut notes)?, &self.metadata)
    }

    /// What the unit tests of each library and binary hold.
    fn tests(&self) -> BTreeMap<Unit, BTreeSet<Declared>> {
        let mut command = Command::new(env!("CARGO"));
        command
            .args([
                "test",
                "--no-run",
                "--message-format",
                "json",
                "--lib",
                "--bins",
            ])
            .args(&self.args)
            .args(PACKAGES.map(|name| format!("--package={name}")))
            .current_dir(self.root.path())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("cargo starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut tests = BTreeMap::new();
        for message in Message::parse_stream(output) {
            if let Ok(Message::CompilerArtifact(artifact)) = message
                && let Some(executable) = artifact.executable
            {
                let held = declared_in(executable.as_std_path()).expect("it is there");
                tests.insert(Unit::of(&artifact.package_id, &artifact.target), held);
            }
        }
        assert!(child.wait().expect("cargo ends").success());
        tests
    }
}

fn handlers<'a>(declared: impl IntoIterator<Item = &'a Declared>) -> Vec<&'a str> {
    declared
        .into_iter()
        .map(|one| one.handler.as_str())
        .collect()
}

#[track_caller]
fn program_and_tests_are_told_apart(args: &[&str]) {
    let fixture = fixture(args);
    let program = fixture.program().expect("it builds");
    let mut seen = Vec::new();
    for (unit, tests) in fixture.tests() {
        let declared = program.declared(&unit).expect("it is built");
        let Difference {
            in_tests_only,
            in_program_only,
        } = program.compare(&unit, &tests).expect("it is built");
        seen.push(format!(
            "{}{}: {:?}, in tests only {:?}, in the program only {:?}",
            unit.name,
            if unit.is_bin { " (bin)" } else { "" },
            handlers(declared),
            handlers(&in_tests_only),
            handlers(&in_program_only),
        ));
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "alone: [\"alone::alone\", \"shared::health\", \"spare::spare\", \"web::generic\", \
             \"web::plain\", \"web::private::never_called\", \"web::served_only\"], \
             in tests only [], in the program only []",
            "helper: [\"helper::mock\"], in tests only [], in the program only []",
            "web (bin): [\"shared::health\", \"web::generic\", \"web::home\", \"web::plain\", \
             \"web::private::never_called\", \"web::served_only\", \"web::start\"], \
             in tests only [\"web::stop\"], in the program only [\"web::start\"]",
            "web: [\"shared::health\", \"web::generic\", \"web::plain\", \
             \"web::private::never_called\", \"web::served_only\"], \
             in tests only [\"helper::mock\", \"web::attributed_in_tests\", \"web::tests::mock\"], \
             in the program only [\"web::served_only\"]",
        ]
    );
}

#[test]
fn a_debug_build_tells_program_and_tests_apart() {
    program_and_tests_are_told_apart(&[]);
}

#[test]
fn an_optimized_and_stripped_build_tells_program_and_tests_apart() {
    let without_lto = "profile.release.lto=false";
    program_and_tests_are_told_apart(&["--release", "--config", without_lto]);
}

/// As the service is deployed: nothing that it holds is lost on the way.
#[test]
fn optimizing_across_crates_takes_no_declaration_away() {
    let program = fixture(&["--release"]).program().expect("it builds");
    let server = program.holds.iter().find(|(unit, _)| unit.is_bin);
    let (_, held) = server.expect("it is built");
    assert_eq!(
        handlers(held),
        [
            "shared::health",
            "web::generic",
            "web::home",
            "web::plain",
            "web::private::never_called",
            "web::served_only",
            "web::start",
        ]
    );
}

#[test]
fn a_declaration_has_its_place() {
    let fixture = fixture(&[]);
    let program = fixture.program().expect("it builds");
    let alone = program.holds.iter().find(|(unit, _)| unit.name == "alone");
    let (unit, held) = alone.expect("it is built");
    let declared = Declared {
        package: "alone".to_owned(),
        handler: "alone::alone".to_owned(),
        file: Path::new("alone/src/lib.rs").display().to_string(),
        line: 1,
        column: 1,
    };
    assert_eq!(*held, BTreeSet::from([declared]));
    // What is no part of the build has nothing to be compared with.
    let other = Unit {
        is_bin: true,
        ..unit.clone()
    };
    assert_eq!(program.compare(&other, held), None);
}

#[test]
fn what_does_not_build_is_no_program() {
    let fixture = fixture(&[]);
    // The tests still build.
    let broken = "#[cfg(not(test))] compile_error!(\"in the program\");";
    fs::write(fixture.root.path().join("alone/src/lib.rs"), broken).expect("write it");
    let error = fixture
        .program()
        .expect_err("it does not build")
        .to_string();
    assert!(
        error.contains("cargo could not build the program"),
        "{error}"
    );
}

#[test]
fn what_only_begins_like_a_declaration_is_none() {
    let declared = |bytes: &[u8]| texts(bytes, START);
    let text = |rest: &str| format!("..{START}{rest}\u{2}..").into_bytes();
    let good = "shop\u{1}shop::a\u{1}C:\\src\\lib.rs:3:9";
    let two = [text(good), text(&good.replace(":3:", ":4:"))].concat();
    assert_eq!(
        declared(&two)
            .into_iter()
            .map(|one| (one.file, one.line, one.column))
            .collect::<Vec<_>>(),
        [
            ("C:\\src\\lib.rs".to_owned(), 3, 9),
            ("C:\\src\\lib.rs".to_owned(), 4, 9)
        ]
    );
    for wrong in [
        "",
        "shop\u{1}shop::a",
        "shop\u{1}shop::a\u{1}lib.rs:3",
        "shop\u{1}shop::a\u{1}lib.rs:3:x",
        "shop\u{1}shop::a\u{1}lib.rs:3:9\u{1}more",
        "sh\0op\u{1}shop::a\u{1}lib.rs:3:9",
    ] {
        assert!(declared(&text(wrong)).is_empty(), "{wrong:?}");
    }
    // The end of the file, in the middle of it; and bytes that are no text.
    assert!(declared(START.as_bytes()).is_empty());
    let cut = text(good);
    assert!(declared(&cut[..cut.len() - 3]).is_empty());
    assert!(declared(&[START.as_bytes(), b"\xff\x01a\x01b:1:1\x02"].concat()).is_empty());
    // A beginning alone does not hide the one that follows it.
    assert_eq!(declared(&[START.as_bytes(), &text(good)].concat()).len(), 1);
}
