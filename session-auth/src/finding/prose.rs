//! The sentences of each finding. Nowhere else are any made.

use std::time::Duration;

use super::{Code, Finding, Shape};
use crate::access::{AccessClass, Declaration};
use crate::clock::duration;

pub(super) fn message(finding: &Finding) -> String {
    let subject = &finding.subject;
    match finding.code {
        Code::UnclassifiedRoute => match subject.shape {
            Shape::Fallback => format!("{} has no access class", fallback(finding)),
            Shape::MethodFallback => format!(
                "what answers the other methods of {} has no access class",
                path(finding)
            ),
            _ => format!("{subject} is mounted and has no access class"),
        },
        Code::OpaqueMount => match subject.shape {
            Shape::Fallback => {
                format!("{} is a service without an access class", fallback(finding))
            }
            Shape::OpaqueMount => format!(
                "a service is mounted under {}: what it serves cannot be listed, and it has no \
                 access class",
                path(finding)
            ),
            _ => format!(
                "a service is mounted on {}: its methods cannot be listed, and it has no access class",
                path(finding)
            ),
        },
        Code::WrongHandler => {
            let Some(declared) = finding.declared() else {
                return format!("{subject} is answered by a handler that declares another route");
            };
            format!(
                "{subject} is answered by {}, and its attribute at {} says {}",
                declared.handler(),
                declared.location(),
                declared.target()
            )
        }
        Code::UnmountedDeclaration => match (finding.declared(), finding.mounted()) {
            (Some(declared), Some(_)) => format!(
                "{} ({}) is given to the router, but the router does not serve it: something that \
                 is mounted later, or around it, takes its place",
                declared.handler(),
                declared.target()
            ),
            (Some(declared), None) if !declared.handler().is_empty() => format!(
                "{subject} is declared for `{}`, but no audited router mounts it",
                declared.handler()
            ),
            _ => format!("{subject} is declared, but no audited router mounts it"),
        },
        Code::ConflictingDeclaration => match (finding.declared(), finding.other()) {
            (Some(first), Some(second)) => format!(
                "{subject} is declared twice: {} at {}, and {} at {}",
                first.access(),
                first.location(),
                second.access(),
                second.location()
            ),
            _ => format!("{subject} is declared twice"),
        },
        Code::UnnamedRoute => match finding.declared() {
            Some(declared) => format!(
                "{subject} was mounted by axum's own functions, so that it is {} by its path alone",
                declared.class()
            ),
            None => format!("{subject} was mounted by axum's own functions"),
        },
        Code::ExpiredExemption => {
            let until = finding.declared().and_then(Declaration::until);
            match (finding.declared(), until) {
                (Some(declared), Some(until)) => format!(
                    "{subject} was to be {} until {until}, and that day has passed",
                    class(declared)
                ),
                _ => format!("the exemption of {subject} has ended"),
            }
        }
        Code::UnmonitoredWebhook => {
            format!("{subject} is a webhook of which nobody notices when it falls silent")
        }
        Code::ImpatientSender => {
            let declared = finding.declared();
            let every = declared.and_then(Declaration::expect_every);
            let sender = declared.and_then(Declaration::sender);
            let budget = sender.and_then(|sender| sender.retry_budget);
            match (every, sender, budget) {
                (Some(every), Some(sender), Some(budget)) => format!(
                    "{subject} rings after {} without a delivery, and {} tries again for {} alone",
                    duration(every),
                    sender.sender,
                    duration(Duration::from_secs(budget))
                ),
                _ => format!("{subject} rings later than its sender gives up"),
            }
        }
        // Found by route-audit alone, which has the words.
        code => format!("{subject}: {}", code.title()),
    }
}

pub(super) fn help(finding: &Finding) -> String {
    let subject = &finding.subject;
    match finding.code {
        Code::UnclassifiedRoute => {
            let attributes = match subject.shape {
                Shape::Fallback => fallback_attributes(finding),
                Shape::MethodFallback => format!(
                    "declare `ANY {0}` on its handler, by `#[session_route(ANY, {0:?})]` for \
                     example, or mount the methods that it is for",
                    path(finding)
                ),
                _ => attributes(&subject.methods.to_string(), path(finding)),
            };
            match finding.meant() {
                Some(meant) => format!(
                    "did you mean {}, which is declared at {}? If not, {attributes}",
                    meant.target(),
                    meant.location()
                ),
                None => match finding.other() {
                    Some(other) => format!(
                        "the declaration of {} at {} is mounted by name elsewhere, so it says \
                         nothing of this route: {attributes}",
                        other.target(),
                        other.location()
                    ),
                    None => attributes,
                },
            }
        }
        Code::OpaqueMount if let Some(meant) = finding.meant() => format!(
            "the declaration of {} at {} is of that path alone: add `subtree` to it, `{}_route(ANY, \
             {:?}, subtree, reason = \"…\")`, and it is of all that is below",
            meant.target(),
            meant.location(),
            meant.class(),
            path(finding),
        ),
        Code::OpaqueMount => {
            let target = match subject.shape {
                Shape::Fallback => match &subject.path {
                    Some(below) => format!("FALLBACK, {below:?}, "),
                    None => "FALLBACK, ".to_owned(),
                },
                Shape::OpaqueMount => format!("ANY, {:?}, subtree, ", path(finding)),
                _ => format!("ANY, {:?}, ", path(finding)),
            };
            let show = match subject.shape {
                Shape::Fallback => "if it is a router, `merge` it",
                Shape::OpaqueMount => "if it is a router, use `nest` instead of `nest_service`",
                _ => "use `route(.., get_service(..))` instead of `route_service`",
            };
            format!(
                "{show}, so that what it serves shows; on this crate's router, mount it with a \
                 class; otherwise declare all that it serves: \
                 `session_auth::declare_route!(session_route({target}reason = \"…\"))`, or \
                 `public_route` in place of `session_route`"
            )
        }
        Code::WrongHandler => {
            let place = subject.path.as_deref().unwrap_or("the fallback");
            match finding.mounted() {
                Some(mounted) => format!(
                    "if {subject} is right, change the attribute to say so; if the attribute is \
                     right, mount the handler there and not on {place} (at {mounted})"
                ),
                None => format!("change the attribute to say {subject}, or mount it elsewhere"),
            }
        }
        Code::UnmountedDeclaration => match (finding.mounted(), finding.unclassified()) {
            (Some(mounted), _) => format!(
                "remove it at {mounted}, or mount it where the router reaches it; a nested \
                 router's fallback takes requests below its own path alone"
            ),
            (None, Some(meant)) => format!(
                "did you mean {meant}, which is mounted without a class ({})? If not, mount the \
                 handler, remove its attribute, or put `#[audited_router]` on the function that \
                 mounts it",
                meant.place
            ),
            (None, None) => {
                "mount the handler, remove its attribute, or put `#[audited_router]` on \
                             the function that mounts it"
                    .to_owned()
            }
        },
        Code::ConflictingDeclaration => {
            "keep one of the two; two routers that both have this path mount their handlers by name"
                .to_owned()
        }
        Code::UnnamedRoute => {
            let methods = subject.methods.to_string().to_lowercase();
            let mount = match subject.shape {
                Shape::Fallback => {
                    return "set it by the `fallback` of `session_auth::Router` in place of axum's"
                        .to_owned();
                }
                Shape::MethodFallback => "MethodRouter::new().fallback".to_owned(),
                _ => methods.replace(" | ", "(handler)."),
            };
            format!(
                "mount it by `session_auth::routing` in place of `axum::routing`; where another \
                 crate's router takes it, as `session_auth::routing::{mount}(handler).into_axum()`"
            )
        }
        Code::ExpiredExemption => "remove the route or give it the class that it should have now; \
                                   if it still needs this one, move `until` to a later day"
            .to_owned(),
        Code::UnmonitoredWebhook => "add `expect_every = \"…\"`: the longest time that passes \
                                     between two deliveries when all is well"
            .to_owned(),
        Code::ImpatientSender => "what cannot reach the service for longer than that is lost before \
                                  anybody hears of it: shorten `expect_every` if deliveries come \
                                  that often, or ask the service from outside, by `route-audit probe`"
            .to_owned(),
        code => format!("run `route-audit explain {code}`"),
    }
}

fn path(finding: &Finding) -> &str {
    finding.subject.path.as_deref().unwrap_or("/")
}

fn fallback(finding: &Finding) -> String {
    match &finding.subject.path {
        Some(below) => format!("the fallback below {below}"),
        None => "the fallback".to_owned(),
    }
}

fn fallback_attributes(finding: &Finding) -> String {
    let below = match &finding.subject.path {
        Some(below) => format!(", {below:?}"),
        None => String::new(),
    };
    format!(
        "add `#[session_route(FALLBACK{below})]` or `#[public_route(FALLBACK{below}, reason = \
         \"…\")]` to the fallback handler"
    )
}

/// The attributes to choose from, ready to paste.
fn attributes(methods: &str, path: &str) -> String {
    format!(
        "add `#[public_route({methods}, {path:?}, reason = \"…\")]`, \
         `#[webhook_route({methods}, {path:?}, verify = \"…\")]` or \
         `#[session_route({methods}, {path:?})]` to its handler"
    )
}

fn class(declaration: &Declaration) -> &'static str {
    match declaration.class() {
        AccessClass::Public => "public",
        AccessClass::Webhook => "a webhook",
        AccessClass::Session => "a session route",
    }
}

#[cfg(test)]
mod tests;
