//! The nouns: what an attribute says, once nothing is wrong with it.

use proc_macro2::Ident;
use syn::LitStr;

use crate::values::Day;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Public,
    Webhook,
    Session,
}

/// Where the arguments stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a handler.
    Attribute,
    /// In `declare_route!`.
    Declaration,
}

/// A declaration without mistakes.
pub(crate) struct Access {
    pub(crate) class: Class,
    pub(crate) target: Target,
    pub(crate) terms: Terms,
}

pub(crate) enum Target {
    Route {
        /// Names of constants of `Methods`.
        methods: Vec<Ident>,
        /// None where the router alone says where the handler stands.
        paths: Vec<LitStr>,
    },
    Glob {
        methods: Vec<Ident>,
        glob: LitStr,
    },
    Subtree {
        path: LitStr,
    },
    Fallback {
        /// The path that its router is nested at; `None` for the outermost.
        below: Option<LitStr>,
    },
}

#[derive(Default)]
pub(crate) struct Terms {
    pub(crate) reason: Option<LitStr>,
    pub(crate) verifier: Option<LitStr>,
    pub(crate) by: Option<LitStr>,
    pub(crate) scope: Option<LitStr>,
    pub(crate) owner: Option<LitStr>,
    pub(crate) until: Option<Day>,
    /// Seconds.
    pub(crate) expect_every: Option<u64>,
    /// Bytes.
    pub(crate) max_body: Option<u64>,
    pub(crate) issues_session: bool,
    pub(crate) optional_session: bool,
    /// Why requests from other origins are let in.
    pub(crate) cross_origin: Option<LitStr>,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Public, Self::Webhook, Self::Session];

    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::Public => "public_route",
            Self::Webhook => "webhook_route",
            Self::Session => "session_route",
        }
    }

    pub(crate) fn named(attribute: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|class| class.attribute() == attribute)
    }

    /// A complete example.
    pub(crate) const fn example(self, place: Place) -> &'static str {
        match (place, self) {
            (Place::Attribute, Self::Public) => {
                "#[public_route(POST, \"/api/waitlist/signup\", reason = \"signup form; visitors have no account\")]"
            }
            (Place::Attribute, Self::Webhook) => {
                "#[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]"
            }
            (Place::Attribute, Self::Session) => "#[session_route(GET, \"/api/me\")]",
            (Place::Declaration, Self::Public) => {
                "declare_route!(public_route(GET, \"/metrics\", reason = \"scraped on a private port\"))"
            }
            (Place::Declaration, Self::Webhook) => {
                "declare_route!(webhook_route(POST, \"/webhooks/postmark\", verify = \"postmark\"))"
            }
            (Place::Declaration, Self::Session) => {
                "declare_route!(session_route(GET, \"/admin/queues\"))"
            }
        }
    }
}
