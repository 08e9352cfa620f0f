//! `builds` of `[workspace.metadata.route-audit]`: the builds of a workspace that are audited.
//!
//! A router is asked in the build that runs, and a route that this build leaves out (by a feature,
//! by `cfg!(debug_assertions)`, for another target) is not there to be seen. So the configuration
//! names the builds that have everything between them:
//!
//! ```toml
//! [workspace.metadata.route-audit]
//! builds = [{}, { features = ["beta"] }, { release = true }]
//! ```

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;

use cargo_metadata::Package;
use serde::Deserialize;
use toml::Spanned;

use crate::error::Problem;

const KEY: &str = "[workspace.metadata.route-audit]: `builds`";

/// As it is written.
pub(crate) type RawBuilds = Spanned<Vec<Spanned<RawBuild>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawBuild {
    #[serde(default)]
    features: Vec<Spanned<String>>,
    #[serde(default)]
    no_default_features: bool,
    #[serde(default)]
    all_features: bool,
    #[serde(default)]
    release: bool,
    target: Option<Spanned<String>>,
}

/// The builds that the configuration names: at least one, and none twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Builds {
    all: Vec<Build>,
    /// Where the list is written.
    place: String,
}

/// A build, as cargo's flags choose one. By default: none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Build {
    features: BTreeSet<String>,
    no_default_features: bool,
    all_features: bool,
    release: bool,
    target: Option<String>,
}

impl Builds {
    /// Checks what the types do not; `at` makes a place of a span. The packages are the members of
    /// the workspace.
    pub(crate) fn of(
        raw: RawBuilds,
        members: &[&Package],
        at: impl Fn(Range<usize>) -> String,
    ) -> Result<Self, Vec<Problem>> {
        let place = at(raw.span());
        let mut problems = Vec::new();
        let mut all: Vec<Build> = Vec::new();
        for raw in raw.into_inner() {
            let span = raw.span();
            let raw = raw.into_inner();
            let unknown = raw.features.iter().filter_map(|feature| {
                Some(unknown(feature.get_ref(), members)?.at(at(feature.span())))
            });
            problems.extend(unknown);
            if let Some(target) = raw
                .target
                .as_ref()
                .filter(|target| !is_target(target.get_ref()))
            {
                problems.push(
                    Problem::new(format!(
                        "{KEY} names the target `{}`, which is none",
                        target.get_ref()
                    ))
                    .at(at(target.span()))
                    .help("name one as `rustc --print target-list` does"),
                );
            }
            let build = Build::of(raw);
            if all.contains(&build) {
                problems.push(
                    Problem::new(format!("{KEY} has the build `{}` twice", build.name()))
                        .at(at(span))
                        .help("remove one of the two, or say how they differ"),
                );
            }
            all.push(build);
        }
        if all.is_empty() {
            problems.push(
                Problem::new(format!("{KEY} is empty: nothing would be audited"))
                    .at(&place)
                    .help(
                        "name the builds, `builds = [{}, { release = true }]`, or leave the key \
                         out: then it is the one that the command line asks for",
                    ),
            );
        }
        if problems.is_empty() {
            Ok(Self { all, place })
        } else {
            Err(problems)
        }
    }

    /// The builds of some packages. What only others have is left out of them, since cargo refuses
    /// it; builds that are the same without are one.
    pub(crate) fn of_packages(&self, packages: &[&Package]) -> Vec<Build> {
        let mut builds: Vec<Build> = Vec::new();
        for build in &self.all {
            let mut build = build.clone();
            build
                .features
                .retain(|feature| packages.iter().any(|package| accepts(package, feature)));
            if !builds.contains(&build) {
                builds.push(build);
            }
        }
        builds
    }

    /// Refuses flags of the command line that choose a build, by their names: which of the two
    /// would hold?
    pub(crate) fn refuse(&self, flags: &[&str]) -> Result<(), Problem> {
        let (choose, them) = match flags.len() {
            0 => return Ok(()),
            1 => ("chooses", "it"),
            _ => ("choose", "them"),
        };
        let all: Vec<_> = flags.iter().map(|flag| format!("`{flag}`")).collect();
        Err(Problem::new(format!(
            "{} {choose} a build, and the configuration has `builds`",
            all.join(" and ")
        ))
        .at(&self.place)
        .help(format!(
            "leave {them} out: every build of the list is audited. One that is missing is added to it"
        )))
    }
}

impl Build {
    fn of(raw: RawBuild) -> Self {
        let RawBuild {
            features,
            no_default_features,
            all_features,
            release,
            target,
        } = raw;
        Self {
            // `--all-features` turns on what the other two keys are about.
            features: features
                .into_iter()
                .filter(|_| !all_features)
                .map(Spanned::into_inner)
                .collect(),
            no_default_features: no_default_features && !all_features,
            all_features,
            release,
            target: target.map(Spanned::into_inner),
        }
    }

    /// As reports call it: `default`, `beta`, `beta release`. No two builds share one.
    pub(crate) fn name(&self) -> String {
        const WORDS: [&str; 4] = ["default", "no-default-features", "all-features", "release"];
        let [default, no_default_features, all_features, release] = WORDS;
        let mut parts = Vec::new();
        for (is_said, word) in [
            (self.no_default_features, no_default_features),
            (self.all_features, all_features),
        ] {
            parts.extend(is_said.then(|| word.to_owned()));
        }
        parts.extend(
            self.features
                .iter()
                .map(|feature| match WORDS.contains(&feature.as_str()) {
                    true => format!("feature `{feature}`"),
                    false => feature.clone(),
                }),
        );
        parts.extend(self.release.then(|| release.to_owned()));
        parts.extend(self.target.iter().map(|target| format!("for {target}")));
        if parts.is_empty() {
            return default.to_owned();
        }
        parts.join(" ")
    }

    /// What `cargo metadata` takes of it.
    pub(crate) fn resolve(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        if !self.features.is_empty() {
            let features: Vec<_> = self.features.iter().map(String::as_str).collect();
            args.extend(["--features".into(), features.join(",").into()]);
        }
        args.extend(
            self.no_default_features
                .then(|| "--no-default-features".into()),
        );
        args.extend(self.all_features.then(|| "--all-features".into()));
        args
    }

    /// The flags of `cargo build` and `cargo test`.
    pub(crate) fn args(&self) -> Vec<OsString> {
        let mut args = self.resolve();
        args.extend(self.release.then(|| "--release".into()));
        if let Some(target) = &self.target {
            args.extend(["--target".into(), target.into()]);
        }
        args
    }

    /// By cargo's name.
    pub(crate) fn profile(&self) -> &'static str {
        if self.release { "release" } else { "dev" }
    }
}

/// Whether cargo takes the feature where this package is selected: one of its own, or one of a
/// dependency, `sqlx/postgres`.
/// <https://doc.rust-lang.org/cargo/reference/features.html#command-line-feature-options>
fn accepts(package: &Package, feature: &str) -> bool {
    match feature.split_once('/') {
        Some((of, feature)) if package.name == of => package.features.contains_key(feature),
        Some((of, _)) => package
            .dependencies
            .iter()
            .any(|dependency| dependency.rename.as_deref().unwrap_or(&dependency.name) == of),
        None => package.features.contains_key(feature),
    }
}

/// What is wrong with a feature.
fn unknown(feature: &str, members: &[&Package]) -> Option<Problem> {
    let of = feature.split_once('/').map(|(of, _)| of);
    let own = members
        .iter()
        .copied()
        .find(|package| of.is_some_and(|of| package.name == of));
    // A dependency may be a member, too: then its features are known.
    let is_known = match own {
        Some(package) => accepts(package, feature),
        None => members.iter().any(|package| accepts(package, feature)),
    };
    if is_known {
        return None;
    }
    let own: Vec<_> = own.into_iter().collect();
    let (packages, whose): (&[&Package], _) = match own.as_slice() {
        [package] => (&own, format!("`{}` does not have", package.name)),
        _ => (members, "no member of the workspace has".to_owned()),
    };
    let names: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| package.features.keys())
        .map(String::as_str)
        .collect();
    let last = feature.rsplit_once('/').map_or(feature, |(_, last)| last);
    let nearest = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(last, name), *name))
        .min()
        // Half the letters of a name are another name.
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"));
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let help = match names.as_slice() {
        [] => "there is none: remove it".to_owned(),
        names => format!("the features are: {}", names.join(", ")),
    };
    Some(
        Problem::new(format!(
            "{KEY} names the feature `{feature}`, which {whose}{nearest}"
        ))
        .help(help),
    )
}

/// A triple, or the path of a file; and no flag.
fn is_target(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests;
