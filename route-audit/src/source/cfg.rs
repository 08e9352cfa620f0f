//! `#[cfg(..)]`: what of a crate is compiled.
//!
//! Three-valued: what a build script or `RUSTFLAGS` may set is not known here, and then both
//! branches are kept.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    No,
    Maybe,
    Yes,
}

impl Truth {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

/// What the target sets: `unix`, `target_os = "linux"`. Asked for when first needed, as most crates
/// have no such condition.
#[derive(Default)]
pub(super) struct Platform {
    pub(super) rustc: OsString,
    pub(super) target: Option<OsString>,
    pub(super) current_dir: PathBuf,
    set: OnceCell<HashMap<String, HashSet<String>>>,
    /// Any target, and any features: what some build has.
    any: bool,
    decided: Cell<bool>,
}

impl Platform {
    pub(super) fn new(rustc: OsString, target: Option<OsString>, current_dir: PathBuf) -> Self {
        Self {
            rustc,
            target,
            current_dir,
            set: OnceCell::new(),
            any: false,
            decided: Cell::new(false),
        }
    }

    /// Of no build in particular: all that one of them compiles is kept.
    pub(super) fn of_any_build() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    /// Whether a feature or the target has decided over anything: another build may have more.
    pub(super) fn has_decided(&self) -> bool {
        self.decided.get()
    }

    /// What a feature or the target decides, in this build.
    pub(super) fn decide(&self, holds: impl FnOnce() -> Truth) -> Truth {
        if self.any {
            return Truth::Maybe;
        }
        let holds = holds();
        if holds != Truth::Maybe {
            self.decided.set(true);
        }
        holds
    }

    #[cfg(test)]
    pub(super) fn of(printed: &str) -> Self {
        Self {
            set: OnceCell::from(read(printed)),
            ..Self::default()
        }
    }

    fn set(&self) -> &HashMap<String, HashSet<String>> {
        self.set.get_or_init(|| {
            let mut command = Command::new(&self.rustc);
            command.args(["--print", "cfg"]);
            if let Some(target) = &self.target {
                command.arg("--target").arg(target);
            }
            let output = command
                .current_dir(&self.current_dir)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output();
            match output {
                Ok(output) if output.status.success() => {
                    read(&String::from_utf8_lossy(&output.stdout))
                }
                // Then none of them is known, and both branches of each are looked at.
                _ => HashMap::new(),
            }
        })
    }

    fn holds(&self, key: &str, value: Option<&str>) -> Truth {
        self.decide(|| self.sets(key, value))
    }

    fn sets(&self, key: &str, value: Option<&str>) -> Truth {
        // The profile decides, not the target.
        if matches!(
            key,
            "debug_assertions" | "overflow_checks" | "panic" | "proc_macro"
        ) {
            return Truth::Maybe;
        }
        let set = self.set();
        match (set.get(key), value) {
            (Some(values), Some(value)) => values.contains(value).into(),
            (Some(_), None) => Truth::Yes,
            // The names that every target either sets or does not.
            (None, _)
                if !set.is_empty() && (key.starts_with("target_") || FAMILIES.contains(&key)) =>
            {
                Truth::No
            }
            (None, _) => Truth::Maybe,
        }
    }
}

const FAMILIES: [&str; 2] = ["unix", "windows"];

/// The output of `rustc --print cfg`: `unix`, `target_os="linux"`, one a line.
fn read(printed: &str) -> HashMap<String, HashSet<String>> {
    let mut set: HashMap<String, HashSet<String>> = HashMap::new();
    for line in printed.lines().filter(|line| !line.is_empty()) {
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.trim_matches('"'))),
            None => (line, None),
        };
        let values = set.entry(key.to_owned()).or_default();
        values.extend(value.map(str::to_owned));
    }
    set
}

/// The conditions that one crate is compiled under.
pub(super) struct Conditions<'a> {
    pub(super) features: &'a BTreeSet<String>,
    pub(super) platform: &'a Platform,
}

/// Whether something is part of the program, and of its unit tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) program: Truth,
    pub(super) tests: Truth,
}

impl Presence {
    pub(super) const CERTAIN: Self = Self {
        program: Truth::Yes,
        tests: Truth::Yes,
    };

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            program: self.program.and(other.program),
            tests: self.tests.and(other.tests),
        }
    }

    /// In neither: as if it were not written.
    pub(super) fn nowhere(self) -> bool {
        self.program == Truth::No && self.tests == Truth::No
    }
}

impl Conditions<'_> {
    /// Where an item with these attributes is compiled.
    pub(super) fn presence(&self, attrs: &[Attribute]) -> Presence {
        self.effective(attrs)
            .iter()
            .filter(|meta| meta.path().is_ident("cfg"))
            .map(|meta| self.predicate(meta))
            .chain(attrs.iter().filter(|attr| is_test(attr)).map(|_| Presence {
                program: Truth::No,
                tests: Truth::Yes,
            }))
            .fold(Presence::CERTAIN, Presence::and)
    }

    /// The conditions of an item as they are written: `cfg(feature = "admin")`.
    pub(super) fn written(&self, attrs: &[Attribute]) -> Vec<String> {
        let cfg = |meta: &Meta| match meta {
            Meta::List(list) if list.path.is_ident("cfg") => Some(
                format!("cfg({})", list.tokens)
                    .replace(" (", "(")
                    .replace(" ,", ","),
            ),
            _ => None,
        };
        self.effective(attrs).iter().filter_map(cfg).collect()
    }

    /// The attributes, with those of `#[cfg_attr(..)]` where its condition may hold.
    pub(super) fn effective(&self, attrs: &[Attribute]) -> Vec<Meta> {
        let mut out = Vec::new();
        for attr in attrs {
            self.expand(&attr.meta, &mut out);
        }
        out
    }

    fn expand(&self, meta: &Meta, out: &mut Vec<Meta>) {
        let Meta::List(list) = meta else {
            out.push(meta.clone());
            return;
        };
        if !list.path.is_ident("cfg_attr") {
            out.push(meta.clone());
            return;
        }
        let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        else {
            return;
        };
        let mut parts = parts.into_iter();
        let Some(condition) = parts.next() else {
            return;
        };
        let holds = self
            .evaluate(&condition, false)
            .or(self.evaluate(&condition, true));
        if holds != Truth::No {
            parts.for_each(|meta| self.expand(&meta, out));
        }
    }

    /// `cfg(..)`, `cfg!(..)`.
    fn predicate(&self, meta: &Meta) -> Presence {
        let Meta::List(list) = meta else {
            return Presence::CERTAIN;
        };
        match list.parse_args::<Meta>() {
            Ok(condition) => Presence {
                program: self.evaluate(&condition, false),
                tests: self.evaluate(&condition, true),
            },
            // `cfg(true)`: a literal, which is no meta item.
            Err(_) => match list.parse_args::<syn::LitBool>() {
                Ok(literal) => {
                    let truth = literal.value.into();
                    Presence {
                        program: truth,
                        tests: truth,
                    }
                }
                Err(_) => Presence {
                    program: Truth::Maybe,
                    tests: Truth::Maybe,
                },
            },
        }
    }

    /// The arguments of `cfg!(..)`.
    pub(super) fn expression(&self, mac: &syn::Macro) -> Truth {
        match mac.parse_body::<Meta>() {
            Ok(condition) => self.evaluate(&condition, false),
            Err(_) => Truth::Maybe,
        }
    }

    fn evaluate(&self, condition: &Meta, test: bool) -> Truth {
        match condition {
            Meta::Path(path) if path.is_ident("test") => test.into(),
            Meta::Path(path) => match path.get_ident() {
                Some(name) if name == "true" => Truth::Yes,
                Some(name) if name == "false" => Truth::No,
                Some(name) => self.platform.holds(&name.to_string(), None),
                None => Truth::Maybe,
            },
            Meta::NameValue(pair) => {
                let Expr::Lit(ExprLit {
                    lit: Lit::Str(value),
                    ..
                }) = &pair.value
                else {
                    return Truth::Maybe;
                };
                match pair.path.get_ident() {
                    Some(key) if key == "feature" => self
                        .platform
                        .decide(|| self.features.contains(&value.value()).into()),
                    Some(key) => self.platform.holds(&key.to_string(), Some(&value.value())),
                    None => Truth::Maybe,
                }
            }
            Meta::List(list) => {
                let Ok(parts) =
                    list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                else {
                    return Truth::Maybe;
                };
                let mut parts = parts.iter().map(|part| self.evaluate(part, test));
                if list.path.is_ident("all") {
                    parts.fold(Truth::Yes, Truth::and)
                } else if list.path.is_ident("any") {
                    parts.fold(Truth::No, Truth::or)
                } else if list.path.is_ident("not") {
                    parts.next().map_or(Truth::Maybe, Truth::not)
                } else {
                    Truth::Maybe
                }
            }
        }
    }
}

/// `#[test]`, `#[tokio::test]`, `#[bench]`: compiled into the tests only.
fn is_test(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "test" || last.ident == "bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: &str = "debug_assertions\ntarget_os=\"linux\"\ntarget_family=\"unix\"\n\
                         target_has_atomic=\"8\"\ntarget_has_atomic=\"64\"\nunix\n";

    fn presence(attributes: &str) -> (Truth, Truth) {
        let features = BTreeSet::from(["beta".to_owned()]);
        let platform = Platform::of(LINUX);
        let item: syn::ItemFn = syn::parse_str(&format!("{attributes} fn f() {{}}")).unwrap();
        let found = Conditions {
            features: &features,
            platform: &platform,
        }
        .presence(&item.attrs);
        (found.program, found.tests)
    }

    #[test]
    fn conditions_hold_do_not_hold_or_are_not_known() {
        use Truth::{Maybe, No, Yes};
        for (attributes, program, tests) in [
            ("", Yes, Yes),
            ("#[cfg(test)]", No, Yes),
            ("#[cfg(not(test))]", Yes, No),
            ("#[test]", No, Yes),
            ("#[tokio::test(flavor = \"multi_thread\")]", No, Yes),
            ("#[cfg(feature = \"beta\")]", Yes, Yes),
            ("#[cfg(feature = \"alpha\")]", No, No),
            ("#[cfg(not(feature = \"alpha\"))]", Yes, Yes),
            ("#[cfg(any(feature = \"alpha\", test))]", No, Yes),
            ("#[cfg(all(unix, target_os = \"linux\"))]", Yes, Yes),
            ("#[cfg(target_os = \"macos\")]", No, No),
            ("#[cfg(windows)]", No, No),
            ("#[cfg(target_has_atomic = \"64\")]", Yes, Yes),
            // Of the profile, of a build script, of a compiler to come.
            ("#[cfg(debug_assertions)]", Maybe, Maybe),
            ("#[cfg(tokio_unstable)]", Maybe, Maybe),
            ("#[cfg(not(tokio_unstable))]", Maybe, Maybe),
            ("#[cfg(any(tokio_unstable, unix))]", Yes, Yes),
            ("#[cfg(all(tokio_unstable, windows))]", No, No),
            ("#[cfg(version(\"1.99\"))]", Maybe, Maybe),
            ("#[cfg(false)]", No, No),
            ("#[cfg(any())]", No, No),
            ("#[cfg(feature = \"beta\")] #[cfg(test)]", No, Yes),
            ("#[cfg_attr(unix, cfg(feature = \"alpha\"))]", No, No),
            ("#[cfg_attr(windows, cfg(feature = \"alpha\"))]", Yes, Yes),
        ] {
            assert_eq!(presence(attributes), (program, tests), "{attributes}");
        }
    }

    #[test]
    fn without_a_compiler_nothing_of_the_target_is_known() {
        let platform = Platform::new("no such program".into(), None, PathBuf::new());
        for key in ["unix", "windows", "target_os"] {
            assert_eq!(platform.holds(key, None), Truth::Maybe, "{key}");
        }
    }
}
