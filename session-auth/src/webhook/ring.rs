//! The keys that a verifier's secrets are.

use std::panic::Location;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::key::{Key, KeyForm};
use super::mac::Algorithm;
use super::secret::{Secrets, Set};
use super::uses::{SecretIds, SecretUses};
use super::verifier::ConfigError;

/// The secrets of a verifier, and the keys that they are.
pub(super) struct Ring {
    form: KeyForm,
    sources: Vec<Source>,
}

struct Source {
    secrets: Secrets,
    /// Where they were given to the verifier.
    at: &'static Location<'static>,
    parsed: ArcSwap<Parsed>,
}

struct Parsed {
    of: Arc<Set>,
    /// `None` for one that is no key: it proves nothing.
    keys: Vec<Option<Key>>,
}

impl Ring {
    #[track_caller]
    pub(super) fn new(form: KeyForm, secrets: Secrets) -> Self {
        let mut ring = Self {
            form,
            sources: Vec::new(),
        };
        ring.add(secrets);
        ring
    }

    #[track_caller]
    pub(super) fn add(&mut self, secrets: Secrets) {
        secrets.used_as(self.form);
        let parsed = ArcSwap::from_pointee(parse(self.form, secrets.current()));
        let at = Location::caller();
        self.sources.push(Source {
            secrets,
            at,
            parsed,
        });
    }

    pub(super) fn len(&self) -> usize {
        let len = |source: &Source| source.secrets.current().entries().len();
        self.sources.iter().map(len).sum()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut before = 0;
        for source in &self.sources {
            before += source.secrets.check(self.form, before, source.at)?;
        }
        if before == 0 {
            return Err(ConfigError::new("there is no secret: give one at least"));
        }
        Ok(())
    }

    /// Asks each key whether it is the one, to the end whatever the answer: which one it was is
    /// nobody's business. The number of the last one that was, which is counted as used.
    pub(super) fn find(&self, mut is: impl FnMut(&Key) -> bool) -> Option<usize> {
        let mut found = None;
        let mut before = 0;
        for source in &self.sources {
            let current = source.secrets.current();
            let mut parsed = source.parsed.load_full();
            if !Arc::ptr_eq(&parsed.of, &current) {
                parsed = Arc::new(parse(self.form, current));
                source.parsed.store(Arc::clone(&parsed));
            }
            for (index, key) in parsed.keys.iter().enumerate() {
                if key.as_ref().is_some_and(&mut is) {
                    found = Some((before + index, Arc::clone(&parsed), index));
                }
            }
            before += parsed.keys.len();
        }
        let (number, parsed, index) = found?;
        parsed.of.used(index);
        Some(number)
    }

    /// How often each secret was the one.
    pub(super) fn uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        let of = |source: &Source| source.secrets.uses_by(ids);
        self.sources.iter().flat_map(of).collect()
    }

    /// What the sender would have signed with one of its secrets, for tests and answers.
    pub(super) fn tag(
        &self,
        number: usize,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let mut keys = self.sources.iter().flat_map(|source| {
            let set = source.secrets.current();
            let keys: Vec<_> = set
                .entries()
                .iter()
                .map(|it| self.form.parse(&it.raw))
                .collect();
            keys
        });
        match keys.nth(number)?.ok()? {
            Key::Secret(secret) => {
                let tag = secret.tag(algorithm, std::iter::once(message));
                Some(tag.as_bytes().to_vec())
            }
            #[cfg(feature = "webhook-asymmetric")]
            Key::Public(_) => None,
        }
    }
}

fn parse(form: KeyForm, of: Arc<Set>) -> Parsed {
    let keys = of.entries().iter().map(|entry| form.parse(&entry.raw).ok());
    Parsed {
        keys: keys.collect(),
        of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_number_in_the_order_given_and_is_counted() {
        let shared = Secrets::new(["b", "c"]);
        let mut ring = Ring::new(KeyForm::Text, Secrets::new(["a"]));
        ring.add(shared.clone());
        let find = |text: &[u8]| ring.find(|key| matches!(key, Key::Secret(it) if **it == *text));
        assert_eq!(find(b"a"), Some(0));
        assert_eq!(find(b"c"), Some(2));
        assert_eq!(shared.uses(), [0, 1]);
        shared.rotate(["d"]).expect("a secret");
        assert_eq!(find(b"c"), None);
        assert_eq!(find(b"d"), Some(1));
        assert_eq!(ring.len(), 2);
    }
}
