//! The sentences for what breaks the policy.

use session_auth::AccessClass;
use session_auth::audit::Code;

use super::{Allow, Breach, Rule};

impl Breach {
    pub(crate) fn code(&self) -> Code {
        match self.rule {
            Rule::Class { .. } | Rule::By { .. } | Rule::Reach { .. } => Code::PolicyClass,
            Rule::MaxPublic { .. } => Code::PolicyMaxPublic,
            Rule::Owner { .. } => Code::PolicyOwner,
            Rule::ExpectEvery => Code::PolicyExpectEvery,
            Rule::VerifyHandler => Code::PolicyVerifyHandler,
        }
    }

    pub(crate) fn message(&self) -> String {
        let subject = &self.subject;
        match &self.rule {
            Rule::Class { class, allow } => format!(
                "{subject} is {class}, and below `{}` the policy allows {} alone",
                allow.prefix,
                names(&allow.classes)
            ),
            Rule::By { by, allow } => {
                let allowed = allow.by.iter().flatten();
                let allowed: Vec<_> = allowed.map(|name| format!("`{name}`")).collect();
                format!(
                    "the callers of {subject} are proved by `{by}`, and below `{}` the policy allows {} \
                     alone",
                    allow.prefix,
                    and(&allowed)
                )
            }
            Rule::Reach {
                class,
                answered,
                allow,
            } => {
                let answered: Vec<_> = answered.iter().map(|path| format!("`{path}`")).collect();
                format!(
                    "{subject} is {class} and answers {} too, where the policy allows {} alone",
                    and(&answered),
                    names(&allow.classes)
                )
            }
            Rule::MaxPublic { most, public } => format!(
                "{} {} public, and the policy allows {most}: {}",
                public.len(),
                if public.len() == 1 {
                    "route is"
                } else {
                    "routes are"
                },
                public.join(", ")
            ),
            Rule::Owner { class } => {
                format!("{subject} has no owner, which the policy asks of {class} routes")
            }
            Rule::ExpectEvery => format!(
                "{subject} is a webhook without `expect_every`, which the policy asks for: nothing \
                 will tell when its deliveries stop"
            ),
            Rule::VerifyHandler => format!(
                "{subject} leaves the proof of its sender to the handler, which the policy forbids"
            ),
        }
    }

    pub(crate) fn help(&self) -> String {
        match &self.rule {
            Rule::Class {
                allow: Allow { line, .. },
                ..
            } => format!(
                "give it a class that is allowed there, or another path; the policy is at \
                 Cargo.toml:{line}"
            ),
            Rule::By {
                allow: Allow { line, .. },
                ..
            } => format!(
                "name in `by` what is allowed there, or give it another path; the policy is at \
                 Cargo.toml:{line}"
            ),
            Rule::Reach {
                answered,
                allow: Allow { line, .. },
                ..
            } => format!(
                "mount {} on that router with a class that is allowed: what is written out answers \
                 first; the policy is at Cargo.toml:{line}",
                if answered.len() == 1 { "it" } else { "them" },
            ),
            Rule::MaxPublic { .. } => "give one of them another class, or raise `max_public` in a \
                                       change that is reviewed"
                .to_owned(),
            Rule::Owner { .. } => "say who answers for it: `owner = \"team\"`".to_owned(),
            Rule::ExpectEvery => "add the longest time that should pass between two deliveries: \
                                  `expect_every = \"6h\"`"
                .to_owned(),
            Rule::VerifyHandler => "name a verifier, `verify = \"…\"`, and register it with the \
                                    layer's builder; one of your own implements `Verifier`"
                .to_owned(),
        }
    }
}

/// `session and public`.
fn names(classes: &[AccessClass]) -> String {
    let names: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
    names.join(" and ")
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[String]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        words => words.concat(),
    }
}
