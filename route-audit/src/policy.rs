//! `[workspace.metadata.route-audit.policy]`: what routes may be like in this workspace.
//!
//! The rules of the library hold for everybody; these are the team's own. A key that is left out
//! asks for nothing.

mod reach;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use session_auth::audit::{Audit, Class, Finding, RouteRecord, Severity};
use toml::Spanned;

use crate::codes;
use crate::error::Problem;
use crate::lock::format::class_name;
use crate::lock::terms::HANDLER;

/// Where a class is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    allow: Vec<Allow>,
    /// With the line of the key.
    max_public: Option<(usize, u32)>,
    /// The classes whose routes need an owner.
    require_owner: Vec<Class>,
    require_expect_every: bool,
    forbid_verify_handler: bool,
}

/// Of the prefixes that a path is below, the longest decides. A path that is below none may have
/// any class.
#[derive(Debug, PartialEq, Eq)]
struct Allow {
    prefix: String,
    classes: Vec<Class>,
    /// Of the prefix, in Cargo.toml.
    line: u32,
}

impl Allow {
    /// `session and public`.
    fn names(&self) -> String {
        let names = self.classes.iter().map(|class| class_name(Some(*class)));
        names.collect::<Vec<_>>().join(" and ")
    }
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
    classes: Spanned<Vec<Class>>,
}

/// `true` for every class, or a list.
#[derive(Debug, Default)]
struct RequireOwner(Vec<Class>);

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
                    vec![Class::Public, Class::Webhook, Class::Session]
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
                })
                .collect(),
            max_public: raw.max_public.map(|max| (*max.get_ref(), line(max.span()))),
            require_owner: raw.require_owner.0,
            require_expect_every: raw.require_expect_every,
            forbid_verify_handler: raw.forbid_verify_handler,
        })
    }

    /// Adds what breaks it. A declaration that no router mounts is no route yet.
    pub(crate) fn apply(&self, audit: &mut Audit) {
        let mut found = Vec::new();
        for route in audit.routes.iter().filter(|route| route.router.is_some()) {
            found.extend(self.of_route(route));
            found.extend(self.of_reach(route, &audit.routes));
        }
        found.extend(self.of_number(&audit.routes));
        if self.require_expect_every {
            // The same thing as an error: once is enough.
            audit
                .findings
                .retain(|finding| finding.code != codes::UNMONITORED_WEBHOOK);
        }
        crate::add_findings(audit, found);
    }

    fn of_route(&self, route: &RouteRecord) -> Vec<Finding> {
        let mut found = Vec::new();
        // Nobody said: that is a finding of its own.
        let Some(class) = route.class else {
            return found;
        };
        let name = class_name(Some(class));
        let label = label(route);
        if let Some(allow) = self.allowed_at(route.path.as_deref())
            && !allow.classes.contains(&class)
        {
            found.push(finding(
                route,
                codes::POLICY_CLASS,
                format!(
                    "{label} is {name}, and below `{}` the policy allows {} alone",
                    allow.prefix,
                    allow.names()
                ),
                format!(
                    "give it a class that is allowed there, or another path; the policy is at \
                     Cargo.toml:{}",
                    allow.line
                ),
            ));
        }
        if self.require_owner.contains(&class) && blank(route.owner.as_deref()) {
            found.push(finding(
                route,
                codes::POLICY_OWNER,
                format!("{label} has no owner, which the policy asks of {name} routes"),
                "say who answers for it: `owner = \"team\"`".to_owned(),
            ));
        }
        if class == Class::Webhook && self.require_expect_every && route.expect_every.is_none() {
            found.push(finding(
                route,
                codes::POLICY_EXPECT_EVERY,
                format!(
                    "{label} is a webhook without `expect_every`, which the policy asks for: \
                     nothing will tell when its deliveries stop"
                ),
                "add the longest time that should pass between two deliveries: \
                 `expect_every = \"6h\"`"
                    .to_owned(),
            ));
        }
        if self.forbid_verify_handler && route.verifier.as_deref() == Some(HANDLER) {
            found.push(finding(
                route,
                codes::POLICY_VERIFY_HANDLER,
                format!(
                    "{label} leaves the proof of its sender to the handler, which the policy \
                     forbids"
                ),
                "name a verifier, `verify = \"…\"`, and register it with the layer's builder; one \
                 of your own implements `Verifier`"
                    .to_owned(),
            ));
        }
        found
    }

    /// What a route answers that its path does not say. One that needs a session opens nothing.
    fn of_reach(&self, route: &RouteRecord, all: &[RouteRecord]) -> Vec<Finding> {
        let mut found = Vec::new();
        let Some(class) = route.class.filter(|class| *class != Class::Session) else {
            return found;
        };
        for allow in &self.allow {
            if allow.classes.contains(&class) {
                continue;
            }
            let prefix = allow.prefix.as_str();
            let mut answered = reach::below(route.path.as_deref(), prefix);
            answered.retain(|pattern| {
                // Another prefix may have the last word there.
                let decides = self.allowed_at(Some(pattern)) == Some(allow);
                decides
                    && !all.iter().any(|other| {
                        let path = other.path.as_deref().unwrap_or_default();
                        other.router == route.router && reach::stands_before(path, prefix, pattern)
                    })
            });
            if answered.is_empty() {
                continue;
            }
            let answered: Vec<_> = answered.iter().map(|path| format!("`{path}`")).collect();
            found.push(finding(
                route,
                codes::POLICY_CLASS,
                format!(
                    "{} is {} and answers {} too, where the policy allows {} alone",
                    label(route),
                    class_name(Some(class)),
                    and(&answered),
                    allow.names(),
                ),
                format!(
                    "mount {} on that router with a class that is allowed: what is written out \
                     answers first; the policy is at Cargo.toml:{}",
                    if answered.len() == 1 { "it" } else { "them" },
                    allow.line
                ),
            ));
        }
        found
    }

    fn of_number(&self, routes: &[RouteRecord]) -> Option<Finding> {
        let (most, line) = self.max_public?;
        // One that two routers mount is one route to decide about.
        let public: BTreeSet<_> = routes
            .iter()
            .filter(|route| route.class == Some(Class::Public) && route.router.is_some())
            .map(|route| (&route.path, &route.methods, &route.package))
            .collect();
        if public.len() <= most {
            return None;
        }
        let all: BTreeSet<String> = routes
            .iter()
            .filter(|route| route.class == Some(Class::Public) && route.router.is_some())
            .map(label)
            .collect();
        Some(Finding {
            severity: Severity::Error,
            code: codes::POLICY_MAX_PUBLIC.to_owned(),
            message: format!(
                "{} {} public, and the policy allows {most}: {}",
                public.len(),
                if public.len() == 1 {
                    "route is"
                } else {
                    "routes are"
                },
                all.into_iter().collect::<Vec<_>>().join(", ")
            ),
            help: "give one of them another class, or raise `max_public` in a change that is \
                   reviewed"
                .to_owned(),
            methods: Vec::new(),
            path: None,
            file: "Cargo.toml".to_owned(),
            line,
        })
    }

    fn allowed_at(&self, path: Option<&str>) -> Option<&Allow> {
        // What a whole router falls back to may be anywhere.
        let path = path.unwrap_or("/");
        let path = path.strip_suffix("/**").unwrap_or(path);
        self.allow
            .iter()
            .filter(|allow| below(&allow.prefix, path))
            .max_by_key(|allow| allow.prefix.len())
    }
}

/// By segment: `/internal` has `/internal/events` below it, and not `/internals`.
fn below(prefix: &str, path: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[String]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        words => words.concat(),
    }
}

fn blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

fn label(route: &RouteRecord) -> String {
    let methods = route.methods.join(" | ");
    match &route.path {
        Some(path) => format!("{methods} {path}"),
        None => methods,
    }
}

fn finding(route: &RouteRecord, code: &str, message: String, help: String) -> Finding {
    Finding {
        severity: Severity::Error,
        code: code.to_owned(),
        message,
        help,
        methods: route.methods.clone(),
        path: route.path.clone(),
        file: route.file.clone(),
        line: route.line,
    }
}

#[cfg(test)]
mod tests;
