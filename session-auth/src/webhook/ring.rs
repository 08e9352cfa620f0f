//! The keys that a verifier's secrets are.

use std::panic::Location;

use super::key::{Key, KeyForm};
use super::mac::{Algorithm, Tag};
use super::secret::Secrets;
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
        let at = Location::caller();
        self.sources.push(Source { secrets, at });
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
            let mut last = None;
            for (index, entry) in current.entries().iter().enumerate() {
                if entry.key(self.form).is_some_and(&mut is) {
                    last = Some(index);
                }
            }
            let first = before;
            before += current.entries().len();
            if let Some(index) = last {
                found = Some((first + index, current, index));
            }
        }
        let (number, current, index) = found?;
        current.entries()[index].used();
        Some(number)
    }

    /// How often each secret was the one.
    pub(super) fn uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        let of = |source: &Source| source.secrets.uses_by(ids);
        self.sources.iter().flat_map(of).collect()
    }

    /// What the sender would have signed with one of its secrets, for tests and answers.
    pub(super) fn tag(&self, number: usize, algorithm: Algorithm, message: &[u8]) -> Option<Tag> {
        let mut number = number;
        for source in &self.sources {
            let current = source.secrets.current();
            let Some(entry) = current.entries().get(number) else {
                number -= current.entries().len();
                continue;
            };
            return match entry.key(self.form)? {
                Key::Secret(secret) => Some(secret.tag(algorithm, std::iter::once(message))),
                #[cfg(feature = "webhook-asymmetric")]
                Key::Public(_) => None,
            };
        }
        None
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
