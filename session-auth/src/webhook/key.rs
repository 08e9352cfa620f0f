//! From a secret as its sender writes it to a key that signatures are checked with.

use std::ops::Deref;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::blanks::{Unseen, is_hidden, unseen};
use super::mac::{Algorithm, Tag, decode_hex, keyed, tag};
#[cfg(feature = "webhook-asymmetric")]
use super::verifying_key::{self, VerifyingKey};

/// How a sender writes its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// The text, or the bytes, as they are.
    Text,
    /// `whsec_`, and 24 to 64 bytes in base64.
    Whsec,
    /// Hexadecimal.
    Hex,
    /// What a header shows as it is: visible ASCII.
    Token,
    /// The same, of letters, digits, `_` and `-`, 256 at the most.
    Telegram,
    /// A user and a password, with a colon between them.
    Basic,
    /// An Ed25519 public key, in hexadecimal.
    #[cfg(feature = "webhook-asymmetric")]
    Ed25519Hex,
    /// `whpk_`, and an Ed25519 public key in base64.
    #[cfg(feature = "webhook-asymmetric")]
    Whpk,
    /// A public key on the curve P-256, in base64 or PEM.
    #[cfg(feature = "webhook-asymmetric")]
    P256,
}

/// A secret that can be used.
pub(super) enum Key {
    Secret(Secret),
    #[cfg(feature = "webhook-asymmetric")]
    Public(VerifyingKey),
}

impl Key {
    fn secret(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::Secret(Secret {
            bytes,
            sha256: OnceLock::new(),
        })
    }
}

/// The bytes of a secret.
pub(super) struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    /// Keyed once: a delivery costs a copy of it, not the two blocks that make it. Wiped when dropped, as
    /// the bytes are.
    sha256: OnceLock<Hmac<Sha256>>,
}

impl Secret {
    /// The tag of the message, its parts taken as one.
    pub(super) fn tag<'a>(
        &self,
        algorithm: Algorithm,
        message: impl Iterator<Item = &'a [u8]>,
    ) -> Tag {
        if algorithm != Algorithm::Sha256 {
            return algorithm.tag(&self.bytes, message);
        }
        let keyed = self.sha256.get_or_init(|| keyed(&self.bytes));
        tag(keyed.clone(), message)
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl KeyForm {
    /// How many there are, with all features.
    pub(super) const COUNT: usize = 9;

    /// The key of a secret, or what is wrong with it, without the secret.
    pub(super) fn parse(self, raw: &[u8]) -> Result<Key, &'static str> {
        match self {
            Self::Text => text(raw).map(|()| Key::secret(raw.to_vec().into())),
            Self::Whsec => whsec(raw).map(Key::secret),
            Self::Hex => {
                text(raw)?;
                let bytes = std::str::from_utf8(raw).ok().and_then(decode_hex);
                let bytes = bytes.map(Zeroizing::new).filter(|bytes| bytes.len() >= 16);
                bytes.map(Key::secret).ok_or(
                    "a secret is not 16 bytes or more in hexadecimal: copy it from the sender again",
                )
            }
            Self::Token => {
                if raw.is_empty() {
                    Err("a token is empty: set it, or leave it out")
                } else if !raw.iter().all(u8::is_ascii_graphic) {
                    Err("a token has more than visible ASCII in it (a newline at the end?)")
                } else {
                    Ok(Key::secret(raw.to_vec().into()))
                }
            }
            Self::Telegram => {
                let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
                if raw.is_empty() {
                    Err("a token is empty: set it, or leave it out")
                } else if raw.len() > 256 || !raw.iter().all(fits) {
                    Err(
                        "a token is not of 1 to 256 letters, digits, `_` and `-`: Telegram takes no other",
                    )
                } else {
                    Ok(Key::secret(raw.to_vec().into()))
                }
            }
            Self::Basic => basic(raw).map(|()| Key::secret(raw.to_vec().into())),
            #[cfg(feature = "webhook-asymmetric")]
            Self::Ed25519Hex => verifying_key::ed25519_hex(raw).map(Key::Public),
            #[cfg(feature = "webhook-asymmetric")]
            Self::Whpk => verifying_key::whpk(raw).map(Key::Public),
            #[cfg(feature = "webhook-asymmetric")]
            Self::P256 => verifying_key::p256(raw).map(Key::Public),
        }
    }
}

fn text(raw: &[u8]) -> Result<(), &'static str> {
    if raw.is_empty() {
        return Err("an HMAC secret is empty: set it, or leave it out");
    }
    match unseen(raw) {
        None => Ok(()),
        Some(Unseen::All) => Err("an HMAC secret is white space: set it, or leave it out"),
        Some(Unseen::First) => Err("an HMAC secret begins with white space: take it away"),
        Some(Unseen::Last) => {
            Err("an HMAC secret ends with white space: take it away (a newline at the end?)")
        }
        Some(Unseen::Control) => Err(
            "an HMAC secret has a control character in it: take it away (a tab? a newline? several \
             secrets are given one by one)",
        ),
        Some(Unseen::Hidden) => Err(
            "an HMAC secret has a sign in it that does not show (a zero width space? a mark of \
             direction?): copy it from the sender again",
        ),
    }
}

/// RFC 7617 §2: the first colon ends the user, and neither part may have control characters, which here
/// are mostly the newline at the end of a secret's file.
fn basic(raw: &[u8]) -> Result<(), &'static str> {
    let text = std::str::from_utf8(raw).map_err(|_| "a user or password is not UTF-8")?;
    let Some((user, password)) = text.split_once(':') else {
        return Err("a pair of user and password has no colon between them");
    };
    if password.is_empty() {
        Err("a password is empty: set it, or leave the pair out")
    } else if text.chars().any(char::is_control) {
        Err(
            "a user or password has a control character in it: take it away (a newline at the end?)",
        )
    } else if text.contains(is_hidden) {
        Err(
            "a user or password has a sign in it that does not show (a zero width space? a mark of \
             direction?): take it away",
        )
    } else if unseen(password.as_bytes()).is_some() {
        Err("a password begins or ends with white space: take it away")
    } else if unseen(user.as_bytes()).is_some() {
        Err("a user begins or ends with white space: take it away")
    } else {
        Ok(())
    }
}

/// The specification of Standard Webhooks: 24 to 64 bytes in base64. The vendors' libraries take it
/// without its prefix, too.
fn whsec(raw: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    text(raw)?;
    let form = "a secret is not `whsec_` with base64 behind it: copy it from the sender again";
    let text = std::str::from_utf8(raw).map_err(|_| form)?;
    if text.starts_with("whpk_") || text.starts_with("whsk_") {
        return Err(
            "a secret begins with `whpk_` or `whsk_`, so it is a key for Ed25519: use \
             `PublicKey::standard_webhooks` with the sender's `whpk_`",
        );
    }
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    if encoded.starts_with("whsec_") {
        return Err("a secret begins with `whsec_` twice: take one away");
    }
    let bytes = STANDARD
        .decode(encoded)
        .map(Zeroizing::new)
        .map_err(|_| form)?;
    if !(24..=64).contains(&bytes.len()) {
        return Err(
            "a secret is not of 24 to 64 bytes behind its `whsec_`: copy all of it from the sender",
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whsec_has_its_prefix_once_and_24_to_64_bytes() {
        let of = |bytes: usize| STANDARD.encode(vec![7; bytes]);
        for (secret, says) in [
            (format!("whsec_{}", of(24)), None),
            (format!("whsec_{}", of(64)), None),
            (of(32), None),
            (format!("whsec_{}", of(23)), Some("24 to 64")),
            (format!("whsec_{}", of(65)), Some("24 to 64")),
            (format!("whsec_whsec_{}", of(32)), Some("twice")),
            ("whsec_".to_owned(), Some("24 to 64")),
            (format!("whsec_{}\n", of(32)), Some("newline")),
            (
                format!("whsec_{}", of(32).trim_end_matches('=')),
                Some("base64"),
            ),
            ("a plain text".to_owned(), Some("base64")),
            (format!("whpk_{}", of(32)), Some("Ed25519")),
        ] {
            let parsed = KeyForm::Whsec.parse(secret.as_bytes());
            match (says, parsed) {
                (None, Ok(_)) => {}
                (Some(says), Err(fault)) => assert!(fault.contains(says), "{secret}: {fault}"),
                (says, parsed) => panic!("{secret}: {says:?}, {:?}", parsed.err()),
            }
        }
    }
}
