//! `[workspace.metadata.route-audit.policy]`: what routes may be like in this workspace.
//!
//! The rules of the library hold for everybody; these are the team's own. A key that is left out
//! asks for nothing.

mod prose;
mod reach;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use session_auth::audit::Subject;
use session_auth::{AccessClass, Declaration, Location, Verify};
use toml::Spanned;

use self::reach::{Pattern, is_below};
use crate::error::Problem;
use crate::listing::Route;

/// Where a class is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    allow: Vec<Allow>,
    /// With the line of the key.
    max_public: Option<(usize, u32)>,
    /// The classes whose routes need an owner.
    require_owner: Vec<AccessClass>,
    require_expect_every: bool,
    forbid_verify_handler: bool,
}

/// Of the prefixes that a path is below, the longest decides. A path that is below none may have
/// any class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allow {
    prefix: String,
    classes: Vec<AccessClass>,
    /// What alone may prove the callers of a session route there.
    by: Option<Vec<String>>,
    /// Of the prefix, in Cargo.toml.
    line: u32,
}

/// What breaks the policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    pub(crate) subject: Subject,
    pub(crate) rule: Rule,
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// It has a class that is not allowed below the prefix.
    Class { class: AccessClass, allow: Allow },
    /// Something else than is allowed below the prefix proves its callers.
    By { by: String, allow: Allow },
    /// It answers these paths too, where its class is not allowed.
    Reach {
        class: AccessClass,
        answered: Vec<String>,
        allow: Allow,
    },
    /// There are too many public routes: these.
    MaxPublic { most: usize, public: Vec<String> },
    /// It has no owner.
    Owner { class: AccessClass },
    /// It has no `expect_every`.
    ExpectEvery,
    /// Its handler is its verifier.
    VerifyHandler,
}

/// As it is written.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPolicy {
    #[serde(default)]
    allow: Vec<RawAllow>,
    max_public: Option<Spanned<usize>>,
    #[serde(default)]
    require_owner: RequireOwner,
    #[serde(default)]
    require_expect_every: bool,
    #[serde(default)]
    forbid_verify_handler: bool,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    prefix: Spanned<String>,
    classes: Spanned<Vec<AccessClass>>,
    by: Option<Spanned<Vec<String>>>,
}

/// `true` for every class, or a list.
#[derive(Debug, Default)]
struct RequireOwner(Vec<AccessClass>);

impl<'de> Deserialize<'de> for RequireOwner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = RequireOwner;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or a list of classes")
            }

            fn visit_bool<E>(self, all: bool) -> Result<Self::Value, E> {
                Ok(RequireOwner(if all {
                    vec![
                        AccessClass::Public,
                        AccessClass::Webhook,
                        AccessClass::Session,
                    ]
                } else {
                    Vec::new()
                }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut classes = Vec::new();
                while let Some(class) = seq.next_element()? {
                    classes.push(class);
                }
                Ok(RequireOwner(classes))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Policy {
    /// Checks what the types do not. The errors come with the place they belong to.
    pub(crate) fn of(
        raw: RawPolicy,
        line: impl Fn(Range<usize>) -> u32,
    ) -> Result<Self, Vec<(Range<usize>, Problem)>> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for allow in &raw.allow {
            let prefix = allow.prefix.get_ref();
            if !prefix.starts_with('/') || (prefix.len() > 1 && prefix.ends_with('/')) {
                problems.push((
                    allow.prefix.span(),
                    Problem::new(format!(
                        "policy: `{prefix}` is no prefix of paths: it starts with `/` and does \
                         not end with one"
                    ))
                    .help(
                        "write whole segments, such as `/internal`: it covers `/internal` and \
                         `/internal/…`, and not `/internals`",
                    ),
                ));
            }
            if !seen.insert(prefix) {
                problems.push((
                    allow.prefix.span(),
                    Problem::new(format!("policy: the prefix `{prefix}` is there twice"))
                        .help("put all its classes into one entry"),
                ));
            }
            if allow.classes.get_ref().is_empty() {
                problems.push((
                    allow.classes.span(),
                    Problem::new(format!("policy: the prefix `{prefix}` allows no class"))
                        .help("name one at least: `public`, `webhook` or `session`"),
                ));
            }
            if let Some(by) = &allow.by
                && !allow.classes.get_ref().contains(&AccessClass::Session)
            {
                problems.push((
                    by.span(),
                    Problem::new(format!(
                        "policy: the prefix `{prefix}` says what proves callers, and allows no `session`"
                    ))
                    .help("add `session` to its classes, or leave `by` out"),
                ));
            }
            if let Some(by) = allow.by.as_ref().filter(|by| by.get_ref().is_empty()) {
                problems.push((
                    by.span(),
                    Problem::new(format!(
                        "policy: the prefix `{prefix}` allows nothing to prove callers"
                    ))
                    .help("name one at least: `session`, or an authenticator of the layer"),
                ));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            allow: raw
                .allow
                .into_iter()
                .map(|allow| Allow {
                    line: line(allow.prefix.span()),
                    prefix: allow.prefix.into_inner(),
                    classes: allow.classes.into_inner(),
                    by: allow.by.map(Spanned::into_inner),
                })
                .collect(),
            max_public: raw.max_public.map(|max| (*max.get_ref(), line(max.span()))),
            require_owner: raw.require_owner.0,
            require_expect_every: raw.require_expect_every,
            forbid_verify_handler: raw.forbid_verify_handler,
        })
    }

    /// Whether it asks by itself for what the warning `unmonitored-webhook` is about.
    pub(crate) fn requires_expect_every(&self) -> bool {
        self.require_expect_every
    }

    /// What breaks it. A declaration that no router mounts is no route yet.
    pub(crate) fn breaches(&self, routes: &[Route]) -> Vec<Breach> {
        let mounted: Vec<&Route> = routes.iter().filter(|route| route.is_mounted()).collect();
        let mut found = Vec::new();
        for route in &mounted {
            // Nobody said: that is a finding of its own.
            let Some(declaration) = &route.declaration else {
                continue;
            };
            let mut rules = self.of_declaration(declaration, Pattern::of(route));
            rules.extend(self.of_reach(declaration.class(), route, &mounted));
            found.extend(rules.into_iter().map(|rule| Breach {
                subject: route.subject.clone(),
                rule,
            }));
        }
        found.extend(self.of_number(&mounted));
        found
    }

    fn of_declaration(&self, declaration: &Declaration, at: Pattern<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let class = declaration.class();
        if let Some(allow) = self.allowed_at(at.path()) {
            if !allow.classes.contains(&class) {
                let allow = allow.clone();
                rules.push(Rule::Class { class, allow });
            } else if let (AccessClass::Session, Some(by), Some(names)) =
                (class, declaration.by(), &allow.by)
                && !by
                    .split('|')
                    .all(|name| names.iter().any(|it| it == name.trim()))
            {
                let (by, allow) = (by.to_owned(), allow.clone());
                rules.push(Rule::By { by, allow });
            }
        }
        if self.require_owner.contains(&class) && blank(declaration.owner()) {
            rules.push(Rule::Owner { class });
        }
        let is_webhook = class == AccessClass::Webhook;
        if is_webhook && self.require_expect_every && declaration.expect_every().is_none() {
            rules.push(Rule::ExpectEvery);
        }
        if self.forbid_verify_handler && declaration.verify() == Some(&Verify::Handler) {
            rules.push(Rule::VerifyHandler);
        }
        rules
    }

    /// What a route answers that its path does not say. One that needs a session opens nothing.
    fn of_reach(&self, class: AccessClass, route: &Route, all: &[&Route]) -> Vec<Rule> {
        let mut rules = Vec::new();
        if class == AccessClass::Session {
            return rules;
        }
        for allow in &self.allow {
            if allow.classes.contains(&class) {
                continue;
            }
            let prefix = allow.prefix.as_str();
            let mut answered = reach::below(Pattern::of(route), prefix);
            answered.retain(|pattern| {
                // Another prefix may have the last word there.
                let decides = self.allowed_at(pattern) == Some(allow);
                decides
                    && !all.iter().any(|other| {
                        route.routers.is_subset(&other.routers)
                            && reach::stands_before(Pattern::of(other), prefix, pattern)
                    })
            });
            if !answered.is_empty() {
                rules.push(Rule::Reach {
                    class,
                    answered,
                    allow: allow.clone(),
                });
            }
        }
        rules
    }

    fn of_number(&self, routes: &[&Route]) -> Option<Breach> {
        let (most, line) = self.max_public?;
        let public = routes
            .iter()
            .filter(|route| route.class() == Some(AccessClass::Public));
        // One that two routers mount is one route to decide about.
        let all: BTreeSet<_> = public
            .map(|route| (route.subject.to_string(), &route.package))
            .collect();
        if all.len() <= most {
            return None;
        }
        Some(Breach {
            subject: Subject::of_place(Location {
                file: "Cargo.toml".into(),
                line,
                column: 1,
            }),
            rule: Rule::MaxPublic {
                most,
                public: all.into_iter().map(|(route, _)| route).collect(),
            },
        })
    }

    fn allowed_at(&self, path: &str) -> Option<&Allow> {
        self.allow
            .iter()
            .filter(|allow| is_below(path, &allow.prefix))
            .max_by_key(|allow| allow.prefix.len())
    }
}

fn blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests;
