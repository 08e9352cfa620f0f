//! What is judged of a token's header and claims, read where it lies: of what else is in them no copy is made.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// How deep objects and lists may stand in one another, as serde_json has it for what it keeps.
const DEEPEST: usize = 127;

/// What a field says, as far as any field that is judged may say it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Claim<'a> {
    #[default]
    Absent,
    /// A whole number, not below zero.
    Whole(u64),
    True,
    One(Cow<'a, str>),
    /// The texts of a list.
    Many(Vec<Cow<'a, str>>),
    Other,
}

impl Claim<'_> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => Some(*number),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Claim<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfClaim)
    }
}

struct OfClaim;

impl<'de> Visitor<'de> for OfClaim {
    type Value = Claim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(if value { Claim::True } else { Claim::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Claim::Whole(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Claim::One(Cow::Borrowed(value)))
    }

    /// With an escape in it.
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Claim::One(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(claim) = list.next_element::<Claim<'de>>()? {
            if let Claim::One(text) = claim {
                texts.push(text);
            }
        }
        Ok(Claim::Many(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Claim::Other)
    }
}

/// RFC 7515, section 4.1. A field that is there twice is an error: readers differ in which one they take.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header<'a> {
    #[serde(borrow)]
    pub(crate) alg: Claim<'a>,
    #[serde(borrow)]
    pub(crate) kid: Claim<'a>,
    #[serde(borrow)]
    pub(crate) crit: Claim<'a>,
    #[serde(borrow)]
    pub(crate) b64: Claim<'a>,
}

/// RFC 7519, section 4.1, and the scopes of RFC 8693 and of Microsoft.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Registered<'a> {
    #[serde(borrow)]
    pub(crate) iss: Claim<'a>,
    #[serde(borrow)]
    pub(crate) aud: Claim<'a>,
    #[serde(borrow)]
    pub(crate) exp: Claim<'a>,
    #[serde(borrow)]
    pub(crate) iat: Claim<'a>,
    #[serde(borrow)]
    pub(crate) nbf: Claim<'a>,
    #[serde(borrow)]
    scope: Claim<'a>,
    #[serde(borrow)]
    scp: Claim<'a>,
}

impl<'a> Registered<'a> {
    /// The field of this name, if it is judged.
    pub(super) fn field(&mut self, name: &str) -> Option<&mut Claim<'a>> {
        Some(match name {
            "iss" => &mut self.iss,
            "aud" => &mut self.aud,
            "exp" => &mut self.exp,
            "iat" => &mut self.iat,
            "nbf" => &mut self.nbf,
            "scope" => &mut self.scope,
            "scp" => &mut self.scp,
            _ => return None,
        })
    }

    /// The scopes that a token gives.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let mut scopes = Vec::new();
        for given in [&self.scope, &self.scp] {
            match given {
                Claim::One(text) => scopes.extend(text.split(' ').map(str::to_owned)),
                Claim::Many(all) => scopes.extend(all.iter().map(|one| one.to_string())),
                _ => {}
            }
        }
        scopes.retain(|scope| !scope.is_empty());
        scopes
    }
}

/// An object, and no list in its place; not deeper than a reader's stack is safe for, also in what is left out.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    if !is_object(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Whether it begins as an object, and is not too deep.
pub(super) fn is_object(json: &[u8]) -> bool {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return false;
    }
    let opened = || memchr::memchr2_iter(b'{', b'[', json).count();
    // What is short enough is not too deep.
    json.len() <= DEEPEST || opened() <= DEEPEST || serde_json::from_slice::<Value>(json).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_what_it_says_and_nothing_is_taken_for_absent() {
        for (json, expected) in [
            ("{}", Claim::Absent),
            (r#"{"exp":null}"#, Claim::Other),
            (r#"{"exp":0}"#, Claim::Whole(0)),
            (r#"{"exp":18446744073709551615}"#, Claim::Whole(u64::MAX)),
            (r#"{"exp":18446744073709551616}"#, Claim::Other),
            (r#"{"exp":-1}"#, Claim::Other),
            (r#"{"exp":1.0}"#, Claim::Other),
            (r#"{"exp":1e3}"#, Claim::Other),
            (r#"{"exp":true}"#, Claim::True),
            (r#"{"exp":false}"#, Claim::Other),
            (r#"{"exp":"a"}"#, Claim::One("a".into())),
            (r#"{"exp":"\u0061\n"}"#, Claim::One("a\n".into())),
            (r#"{"exp":{"a":[1]}}"#, Claim::Other),
            (
                r#"{"exp":["a",1,["b"],{"c":"d"},"e"]}"#,
                Claim::Many(vec!["a".into(), "e".into()]),
            ),
            // Under another name, an escape in its own, and beside others.
            (r#"{"e":1,"\u0065xp":2,"z":[{}]}"#, Claim::Whole(2)),
        ] {
            let read: Registered<'_> = object(json.as_bytes()).unwrap();
            assert_eq!(read.exp, expected, "{json}");
        }
    }

    #[test]
    fn security_what_is_no_object_or_says_a_thing_twice_is_none() {
        let deep = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        for (json, is_one) in [
            (" {} ".to_owned(), true),
            ("[]".to_owned(), false),
            // What serde takes for a struct, field by field.
            (r#"["a","b",1,1,1,"c","d"]"#.to_owned(), false),
            (r#"{"exp":1,"exp":2}"#.to_owned(), false),
            (r#"{"x":1,"x":2}"#.to_owned(), true),
            (r#"{"exp":1}x"#.to_owned(), false),
            (String::new(), false),
            ("null".to_owned(), false),
            (deep(126), true),
            (deep(127), false),
            (deep(100_000), false),
            // Many, and side by side.
            (format!(r#"{{"x":[{}[]]}}"#, "[],".repeat(500)), true),
        ] {
            let read = object::<Registered<'_>>(json.as_bytes());
            assert_eq!(read.is_some(), is_one, "{}", &json[..json.len().min(80)]);
        }
    }
}
