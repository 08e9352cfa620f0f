//! The code of every finding that there is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It fails the audit, and where the router itself shows it, the start.
    Error,
    /// It is shown.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Lists the codes once: as variants, in [`Code::ALL`], as text, with severity and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $severity:ident, $title:literal;)*) => {
        /// What kind of thing is wrong.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code in reports and on the command line: `unclassified-route`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                }
            }

            /// When it is found, in one line.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

codes! {
    UnclassifiedRoute => "unclassified-route", Error,
        "A route is mounted that nobody declared.";
    UnmountedDeclaration => "unmounted-declaration", Error,
        "A declaration is mounted nowhere.";
    ConflictingDeclaration => "conflicting-declaration", Error,
        "A method and path is declared twice, in different classes or terms.";
    OpaqueMount => "opaque-mount", Error,
        "A service or foreign router is mounted without a class.";
    WrongHandler => "wrong-handler", Error,
        "A route is answered by another handler than the one that declares it.";
    UnnamedRoute => "unnamed-route", Warning,
        "A handler was mounted by axum's own functions, so its class is by path.";
    UnguardedRouter => "unguarded-router", Error,
        "The source serves a router that no guard is around.";
    TestOnlyDeclaration => "test-only-declaration", Error,
        "A declaration exists in tests and not in the program, or the other way round.";
    ExpiredExemption => "expired-exemption", Error,
        "An exemption is past its `until`.";
    LockWidened => "lock-widened", Error,
        "Against the lock, more callers may reach a route.";
    LockNarrowed => "lock-narrowed", Error,
        "Against the lock, fewer callers may reach a route.";
    LockChanged => "lock-changed", Error,
        "A route differs from the lock in something else.";
    UnmonitoredWebhook => "unmonitored-webhook", Warning,
        "A webhook has no `expect_every`, so nobody notices that it is silent.";
    ImpatientSender => "impatient-sender", Warning,
        "A webhook may be silent for longer than its sender tries again.";
    PolicyClass => "policy-class", Error,
        "A route has a class that the workspace's policy does not allow there.";
    PolicyMaxPublic => "policy-max-public", Error,
        "There are more public routes than the workspace's policy allows.";
    PolicyOwner => "policy-owner", Error,
        "A route has no owner, and the workspace's policy asks for one.";
    PolicyExpectEvery => "policy-expect-every", Error,
        "A webhook has no `expect_every`, and the workspace's policy asks for one.";
    PolicyVerifyHandler => "policy-verify-handler", Error,
        "A webhook is verified by its handler, which the workspace's policy forbids.";
    RunningAnswer => "running-answer", Error,
        "A running service answers a route otherwise than the lock says.";
    RunningFront => "running-front", Error,
        "Something in front of a running service answers a route in its place.";
    RunningRoutes => "running-routes", Error,
        "A running service has other routes than the lock.";
    RunningNodes => "running-nodes", Error,
        "Nodes of a running service disagree.";
    RunningVersion => "running-version", Warning,
        "A running service was built with another version or another lock.";
    RunningObserve => "running-observe", Error,
        "A running service only observes: nothing is refused.";
    RunningUnclassified => "running-unclassified", Error,
        "Requests go to what nobody classified.";
    RunningDenies => "running-denies", Error,
        "Enforcing would refuse callers of a route that looks exempt.";
    RunningUnasked => "running-unasked", Warning,
        "A route of a running service was not asked.";
}

impl Code {
    /// The code of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_serde_and_names_agree() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(code));
            let json = serde_json::to_string(&code).expect("a name");
            assert_eq!(json, format!("{:?}", code.as_str()));
            assert!(code.title().ends_with('.'), "{code}");
        }
        assert_eq!(Code::from_name("unknown"), None);
    }
}
