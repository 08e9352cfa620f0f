//! Sets of HTTP methods.

use std::fmt;
use std::ops::BitOr;

use http::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A set of HTTP methods that one declaration speaks for.
///
/// `GET` also serves `HEAD` unless another declaration of the same path names `HEAD`, as in axum.
///
/// ```
/// use session_auth::methods::{GET, POST};
///
/// let methods = GET | POST;
/// assert!(methods.serves(&http::Method::HEAD));
/// assert!(!methods.serves(&http::Method::PUT));
/// assert_eq!(methods.to_string(), "GET | POST");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Methods(u16);

/// Names of the methods, in the order in which reports print them.
const NAMES: [(&str, Methods); 9] = [
    ("GET", Methods::GET),
    ("HEAD", Methods::HEAD),
    ("POST", Methods::POST),
    ("PUT", Methods::PUT),
    ("PATCH", Methods::PATCH),
    ("DELETE", Methods::DELETE),
    ("OPTIONS", Methods::OPTIONS),
    ("TRACE", Methods::TRACE),
    ("CONNECT", Methods::CONNECT),
];

impl Methods {
    /// `GET` and, with it, `HEAD`.
    pub const GET: Self = Self(1);
    /// `HEAD` alone.
    pub const HEAD: Self = Self(1 << 1);
    /// `POST`.
    pub const POST: Self = Self(1 << 2);
    /// `PUT`.
    pub const PUT: Self = Self(1 << 3);
    /// `PATCH`.
    pub const PATCH: Self = Self(1 << 4);
    /// `DELETE`.
    pub const DELETE: Self = Self(1 << 5);
    /// `OPTIONS`.
    pub const OPTIONS: Self = Self(1 << 6);
    /// `TRACE`.
    pub const TRACE: Self = Self(1 << 7);
    /// `CONNECT`.
    pub const CONNECT: Self = Self(1 << 8);
    /// Every method, also those that no standard names.
    pub const ANY: Self = Self(1 << 15);
    /// No method of a path, but what no path or method of a router matched.
    pub const FALLBACK: Self = Self(1 << 14);

    pub(crate) const NONE: Self = Self(0);

    /// The union of two sets. `|` does the same outside of `const`.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a request with this method is served, `HEAD` by `GET` included.
    #[must_use]
    pub fn serves(self, method: &Method) -> bool {
        if self.is_any() {
            return true;
        }
        match Self::of(method) {
            Some(Self::HEAD) => self.0 & (Self::HEAD.0 | Self::GET.0) != 0,
            Some(one) => self.0 & one.0 != 0,
            None => false,
        }
    }

    /// Whether this is [`Methods::ANY`].
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 & Self::ANY.0 != 0
    }

    /// Whether this is [`Methods::FALLBACK`].
    #[must_use]
    pub const fn is_fallback(self) -> bool {
        self.0 & Self::FALLBACK.0 != 0
    }

    /// Whether this names no method at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with just this method; `None` for one that no standard names.
    pub(crate) fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET => Self::GET,
            Method::HEAD => Self::HEAD,
            Method::POST => Self::POST,
            Method::PUT => Self::PUT,
            Method::PATCH => Self::PATCH,
            Method::DELETE => Self::DELETE,
            Method::OPTIONS => Self::OPTIONS,
            Method::TRACE => Self::TRACE,
            Method::CONNECT => Self::CONNECT,
            _ => return None,
        })
    }

    /// The methods both sets name. `ANY` overlaps with `ANY` only: beside it, a method of its own
    /// is the more specific route, as in axum's `any(h).post(h)`.
    #[must_use]
    pub const fn overlap(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The methods of this set that the other does not name.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The methods of the set one by one.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        NAMES
            .into_iter()
            .map(|(_, method)| method)
            .chain([Self::ANY, Self::FALLBACK])
            .filter(move |method| self.0 & method.0 != 0)
    }

    /// The names in the set: `["GET", "POST"]`, or `["ANY"]`.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        if self.is_any() {
            return vec!["ANY"];
        }
        if self.is_fallback() {
            return vec!["FALLBACK"];
        }
        NAMES
            .into_iter()
            .filter(|(_, method)| self.0 & method.0 != 0)
            .map(|(name, _)| name)
            .collect()
    }

    /// The method of this name, as reports spell it: upper case, or `ANY`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ANY" => return Some(Self::ANY),
            "FALLBACK" => return Some(Self::FALLBACK),
            _ => {}
        }
        NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, method)| method)
    }
}

impl BitOr for Methods {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names().join(" | "))
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Methods({self})")
    }
}

/// A list of names: `["GET", "POST"]`, `["ANY"]` or `["FALLBACK"]`.
impl Serialize for Methods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().try_fold(Self::NONE, |all, name| {
            let one = Self::from_name(name)
                .ok_or_else(|| de::Error::custom(format_args!("there is no method {name:?}")))?;
            Ok(all.or(one))
        })
    }
}

/// The methods by name, for [`public`](crate::public), [`webhook`](crate::webhook()) and
/// [`session`](crate::session()).
pub mod names {
    use super::Methods;

    /// `GET` and, with it, `HEAD`.
    pub const GET: Methods = Methods::GET;
    /// `HEAD` alone.
    pub const HEAD: Methods = Methods::HEAD;
    /// `POST`.
    pub const POST: Methods = Methods::POST;
    /// `PUT`.
    pub const PUT: Methods = Methods::PUT;
    /// `PATCH`.
    pub const PATCH: Methods = Methods::PATCH;
    /// `DELETE`.
    pub const DELETE: Methods = Methods::DELETE;
    /// `OPTIONS`.
    pub const OPTIONS: Methods = Methods::OPTIONS;
    /// `TRACE`.
    pub const TRACE: Methods = Methods::TRACE;
    /// `CONNECT`.
    pub const CONNECT: Methods = Methods::CONNECT;
    /// Every method, also those that no standard names.
    pub const ANY: Methods = Methods::ANY;
    /// What no path or method of a router matched.
    pub const FALLBACK: Methods = Methods::FALLBACK;
}
