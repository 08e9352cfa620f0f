//! Which secret of a verifier is in use, for those who must not see it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::keys::KEY_LEN;

/// How often a secret has proved a delivery since it is among those of its verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretUses {
    /// Its id, from [`SecretIds`].
    pub secret: String,
    /// How often it was the one.
    pub uses: u64,
}

impl SecretUses {
    /// Of a secret with this id.
    #[must_use]
    pub fn new(secret: String, uses: u64) -> Self {
        Self { secret, uses }
    }
}

/// Gives each secret an id to be shown by: eight hexadecimal digits, the same on every node with the same
/// session keys.
///
/// Of a secret that a person thought out, a plain digest would tell who tries enough of them: the ids
/// are made with a key that is derived from the first session key. They change with it; a layer without
/// sessions makes others at each start.
pub struct SecretIds(Zeroizing<[u8; KEY_LEN]>);

impl SecretIds {
    #[cfg(any(test, feature = "listing", feature = "metrics"))]
    pub(crate) fn new(key: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(key)
    }

    /// The id of a secret.
    #[must_use]
    pub fn of(&self, secret: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.0);
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(secret);
        let tag = mac.finalize().into_bytes();
        tag[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretIds").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::{AnyOf, Bearer, Hmac, Secrets, Verifier, any_of};

    #[test]
    fn a_secret_has_an_id_by_the_key_and_is_counted_wherever_it_is() {
        let ids = SecretIds::new(Zeroizing::new([1; KEY_LEN]));
        let others = SecretIds::new(Zeroizing::new([2; KEY_LEN]));
        assert_eq!(ids.of(b"a secret"), ids.of(b"a secret"));
        assert_ne!(ids.of(b"a secret"), ids.of(b"another"));
        assert_ne!(ids.of(b"a secret"), others.of(b"a secret"));
        assert_eq!(ids.of(b"a secret").len(), 8);
        assert_eq!(format!("{ids:?}"), "SecretIds { .. }");

        let shared = Secrets::new(["the new secret", "the old secret"]);
        let either: AnyOf = any_of([
            Box::new(Hmac::github(shared.clone())) as Box<dyn Verifier>,
            Box::new(Bearer::new("a token")),
        ]);
        let found = either.secret_uses(&ids);
        let names: Vec<_> = found.iter().map(|it| it.secret.clone()).collect();
        let expected: [&[u8]; 3] = [b"the new secret", b"the old secret", b"a token"];
        assert_eq!(names, expected.map(|secret| ids.of(secret)));
        assert!(found.iter().all(|it| it.uses == 0));
    }
}
