//! Claims read once, for what is judged of them and for the type that a service takes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::claims::{Claim, Registered, is_object};

/// The service's own type, and what is judged into `seen`.
///
/// `None` where they have to be read apart: a judged claim is neither a text nor a whole number, is there
/// twice, or the type is not made of an object as most are. It says nothing of whether they are good.
pub(super) fn both<'t, C: DeserializeOwned>(
    json: &'t [u8],
    seen: &mut Registered<'t>,
) -> Option<C> {
    if !is_object(json) {
        return None;
    }
    let mut of_json = serde_json::Deserializer::from_slice(json);
    let inner = &mut of_json;
    let own = C::deserialize(Watched { inner, seen }).ok()?;
    of_json.end().ok()?;
    Some(own)
}

/// Reads an object, and notes what is judged of it.
struct Watched<'s, 'de, T> {
    inner: T,
    seen: &'s mut Registered<'de>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, 'de, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let Self { inner, seen } = self;
        let inner_visitor = Watched {
            inner: visitor,
            seen,
        };
        inner.deserialize_map(inner_visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { inner, seen } = self;
        inner.visit_map(Fields {
            map,
            seen,
            judged: None,
        })
    }
}

struct Fields<'s, 'de, A> {
    map: A,
    seen: &'s mut Registered<'de>,
    /// The name of the next value, where that is judged.
    judged: Option<Cow<'de, str>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key_seed(Name)? else {
            return Ok(None);
        };
        let is_judged = self.seen.field(&name).is_some();
        let key = match &name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(_) => seed.deserialize(CowStrDeserializer::new(name.clone())),
        };
        self.judged = is_judged.then_some(name);
        key.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let judged = self.judged.take();
        let Some(field) = judged.and_then(|name| self.seen.field(&name)) else {
            return self.map.next_value_seed(seed);
        };
        // What is not kept as it stands could not be handed on.
        let (Claim::Absent, claim @ (Claim::One(_) | Claim::Whole(_))) =
            (&*field, self.map.next_value()?)
        else {
            return Err(A::Error::custom("to be read apart"));
        };
        *field = claim;
        seed.deserialize(Judged {
            claim: field,
            error: PhantomData,
        })
    }
}

/// Reads the name of a field, where it lies if it has no escape in it.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// A claim that was noted, handed on as the JSON would be.
struct Judged<'s, 'de, E> {
    claim: &'s Claim<'de>,
    error: PhantomData<E>,
}

impl<'de, E: Error> Deserializer<'de> for Judged<'_, 'de, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.claim {
            Claim::Whole(number) => visitor.visit_u64(*number),
            Claim::One(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Claim::One(Cow::Owned(text)) => visitor.visit_str(text),
            _ => Err(E::custom("to be read apart")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::Deserialize;
    use serde_json::Value;

    use super::super::claims::object;
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(String);

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Own {
        sub: Id,
        iss: Option<Id>,
        exp: f64,
        aud: Option<OneOrMany>,
        #[serde(default)]
        iat: Option<i32>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    /// Read both at once, and one after the other: `None` where the first is not to be had.
    fn read<C: DeserializeOwned + Debug + PartialEq>(json: &str) -> Option<bool> {
        let apart = object::<Registered<'_>>(json.as_bytes()).zip(object::<C>(json.as_bytes()));
        let mut seen = Registered::default();
        let at_once = both::<C>(json.as_bytes(), &mut seen)?;
        let at_once = (seen, at_once);
        Some(Some(&at_once) == apart.as_ref())
    }

    #[test]
    fn security_what_is_read_at_once_is_what_is_read_apart() {
        let plain = r#" {"sub":"a","iss":"i","exp":1700000000,"aud":"api","iat":7,"x":[{"y":1.5}],"nbf":3} "#;
        let escaped =
            r#"{"sub":"\u0061","\u0069ss":"\u0069","exp":1,"scope":"a b","scp":"c","z":null}"#;
        for json in [plain, escaped] {
            assert_eq!(read::<Own>(json), Some(true), "{json}");
            assert_eq!(read::<Value>(json), Some(true), "{json}");
            assert_eq!(read::<BTreeMap<String, Value>>(json), Some(true), "{json}");
        }
        assert_eq!(read::<Value>("{}"), Some(true));
    }

    #[test]
    fn security_what_could_be_read_in_two_ways_is_read_apart() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(127), "]".repeat(127));
        for json in [
            "",
            "null",
            "[]",
            // Read apart, this is refused; a type that does not look at it would not do so.
            r#"{"exp":1,"exp":2}"#,
            r#"{"exp":1,"\u0065xp":1}"#,
            r#"{"iss":"a","iss":"a"}"#,
            r#"{"exp":1}x"#,
            r#"{"exp":1,}"#,
            // Not kept as they stand.
            r#"{"exp":1.0}"#,
            r#"{"exp":null}"#,
            r#"{"exp":-1}"#,
            r#"{"aud":["api"]}"#,
            r#"{"iss":{"a":1}}"#,
            r#"{"iss":true}"#,
            &deep,
        ] {
            assert_eq!(read::<Value>(json), None, "{json}");
            let mut seen = Registered::default();
            let read = both::<serde::de::IgnoredAny>(json.as_bytes(), &mut seen);
            assert!(read.is_none(), "{json}");
        }
        // No object for the type itself.
        assert_eq!(read::<Option<Value>>("{}"), None);
        assert_eq!(read::<Own>("{}"), None);
    }
}
