//! One value of a JSON text, without keeping the rest of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::verifier::ConfigError;

/// How many values a text may have that is kept as a whole. Each takes some fifty bytes, of a body that nobody may
/// have proved and that has two for it; what Amazon sends is a quarter of a megabyte at the most.
const MOST: usize = 1 << 18;

/// All of a text of JSON; `None` also for one of more values than any sender's.
pub(super) fn whole(json: &[u8]) -> Option<Value> {
    let values = memchr::memchr3_iter(b',', b'[', b'{', json).count();
    (values < MOST).then(|| serde_json::from_slice(json).ok())?
}

/// The string, whole number or boolean that a JSON pointer (RFC 6901) leads to, as text. `None` where
/// there is none, where the text is no JSON, and where a name on the way is there twice: two readers
/// would disagree about it.
pub(crate) fn pointer(json: &[u8], pointer: &str) -> Option<String> {
    let segments: Vec<String> = pointer
        .strip_prefix('/')?
        .split('/')
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let found = At(&segments).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    found
}

/// Whether a delivery can be named at this pointer.
pub(super) fn check(pointer: &str) -> Result<(), ConfigError> {
    if is_pointer(pointer) {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "{pointer:?} is no JSON pointer: write `/MessageID`"
    )))
}

/// Whether a text is a JSON pointer that leads somewhere.
fn is_pointer(text: &str) -> bool {
    text.len() > 1 && text.starts_with('/')
}

struct At<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| value.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        // RFC 6901, section 4: no sign, no leading zero.
        let index = first
            .parse::<usize>()
            .ok()
            .filter(|index| index.to_string() == *first);
        let mut found = None;
        let mut at = 0;
        loop {
            if Some(at) == index {
                match seq.next_element_seed(At(rest))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            at += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let split = self.0.split_first();
        let mut found = None;
        let mut times = 0;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match split {
                Some((first, rest)) if *first == *key => {
                    times += 1;
                    found = map.next_value_seed(At(rest))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found.filter(|_| times == 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_begins_with_a_slash_and_names_something() {
        for (text, is) in [
            ("/id", true),
            ("/0", true),
            ("/", false),
            ("", false),
            ("id", false),
        ] {
            assert_eq!(is_pointer(text), is, "{text}");
        }
    }

    #[test]
    fn a_pointer_leads_to_one_scalar_or_nowhere() {
        let json = br#"{"id":"evt","n":12,"neg":-3,"f":1.5,"t":true,"o":{"a/b":{"c~d":"deep"}},
            "l":[{"id":"first"},{"id":"second"}],"null":null,"twice":1,"twice":1}"#;
        for (path, expected) in [
            ("/id", Some("evt")),
            ("/n", Some("12")),
            ("/neg", Some("-3")),
            ("/t", Some("true")),
            ("/o/a~1b/c~0d", Some("deep")),
            ("/l/0/id", Some("first")),
            ("/l/1/id", Some("second")),
            ("/l/01/id", None),
            ("/l/2/id", None),
            ("/f", None),
            ("/null", None),
            ("/twice", None),
            ("/o", None),
            ("/l", None),
            ("/id/x", None),
            ("/ID", None),
            ("id", None),
            ("", None),
        ] {
            assert_eq!(pointer(json, path).as_deref(), expected, "{path}");
        }
        for broken in [&b""[..], b"{", b"{\"id\":\"a\"} x", b"\xff", b"[1"] {
            assert_eq!(pointer(broken, "/id"), None);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(pointer(deep.as_bytes(), "/0"), None);
    }
}
