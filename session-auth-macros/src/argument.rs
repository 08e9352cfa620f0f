//! The arguments that follow methods and path: which there are, and where each may stand.

use crate::access::{Class, Place};

/// What an argument takes.
pub(crate) enum Takes {
    /// A value; an example of it.
    Value(&'static str),
    /// None: to write it is to set it.
    Nothing,
    /// A path to this crate.
    CratePath,
}

pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) classes: &'static [Class],
    /// The only place; `None` for both.
    pub(crate) place: Option<Place>,
}

const ARGUMENTS: [Argument; 14] = {
    use Class::{Public, Session, Webhook};
    use Takes::{CratePath, Nothing, Value};

    const fn argument(name: &'static str, takes: Takes, classes: &'static [Class]) -> Argument {
        Argument {
            name,
            takes,
            classes,
            place: None,
        }
    }

    [
        argument("reason", Value("visitors have no account"), &Class::ALL),
        argument("verify", Value("postmark"), &[Webhook]),
        argument("by", Value("session | api"), &[Public, Session]),
        argument("scope", Value("admin"), &[Session]),
        argument("owner", Value("growth"), &Class::ALL),
        argument("until", Value("2027-01-31"), &[Public, Webhook]),
        argument("expect_every", Value("6h"), &[Webhook]),
        argument("max_body", Value("1MiB"), &[Webhook]),
        argument("issues_session", Nothing, &[Public]),
        argument("optional_session", Nothing, &[Public]),
        argument(
            "cross_origin",
            Value("Apple posts its form from its own origin"),
            &[Public, Session],
        ),
        Argument {
            place: Some(Place::Declaration),
            ..argument("subtree", Nothing, &Class::ALL)
        },
        Argument {
            place: Some(Place::Attribute),
            ..argument("glob", Value("/style.*.css"), &Class::ALL)
        },
        argument("crate", CratePath, &Class::ALL),
    ]
};

impl Argument {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ARGUMENTS.iter().find(|argument| argument.name == name)
    }

    /// Those that may stand in an attribute of this class at this place.
    pub(crate) fn fitting(class: Class, place: Place) -> impl Iterator<Item = &'static Self> {
        ARGUMENTS.iter().filter(move |argument| {
            argument.classes.contains(&class) && argument.place.is_none_or(|only| only == place)
        })
    }

    /// As one writes it.
    pub(crate) fn written(&self) -> String {
        match self.takes {
            Takes::Value(example) => format!("{} = \"{example}\"", self.name),
            Takes::Nothing => self.name.to_owned(),
            Takes::CratePath => "crate = path::to::session_auth".to_owned(),
        }
    }
}
