//! The text of a key: `PREFIX_SECRETCHECKSUM`, with 64 and 8 hexadecimal digits.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::authenticate::Refusal;
use crate::store::ApiKeyId;

/// The longest prefix, in bytes.
pub(super) const MAX_PREFIX: usize = 32;
const SECRET: usize = 64;
const CHECKSUM: usize = 8;

/// What a store knows of a key.
pub(super) type Digest = [u8; 32];

/// The id of a key: half of its digest.
pub(super) fn id_of(digest: &Digest) -> ApiKeyId {
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ApiKeyId::from_bytes(id)
}

/// What is wrong with a prefix.
pub(super) fn mistake(prefix: &str) -> Option<&'static str> {
    let is_word = |word: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(allowed)
    };
    let good = prefix.len() <= MAX_PREFIX && prefix.split('_').all(is_word);
    (!good).then_some(
        "the prefix of API keys is words of `a`-`z` and `0`-`9` with `_` between them, of 32 bytes at the \
         most: the service and the environment, such as `acme_live`",
    )
}

/// A new key of this prefix, and its digest.
pub(super) fn make(prefix: &str) -> Result<(Zeroizing<String>, Digest), getrandom::Error> {
    let mut secret = Zeroizing::new([0; SECRET / 2]);
    getrandom::fill(&mut *secret)?;
    let length = prefix.len() + 1 + SECRET + CHECKSUM;
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.push_str(prefix);
    text.push('_');
    push_hex(&mut text, &*secret);
    let digest = Digest::from(Sha256::digest(text.as_bytes()));
    push_hex(&mut text, &checksum(&digest).to_be_bytes());
    Ok((text, digest))
}

/// The digest of a key of this prefix.
pub(super) fn read(text: &str, prefix: &str) -> Result<Digest, Refusal> {
    let malformed = Refusal::Malformed("this has not the form of an API key");
    let at = text.len().checked_sub(SECRET + CHECKSUM);
    // `None` also where that is no boundary of characters.
    let (front, digits) = at
        .and_then(|at| text.split_at_checked(at))
        .ok_or(malformed)?;
    let front = front.strip_suffix('_').ok_or(malformed)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !digits.bytes().all(is_digit) {
        return Err(malformed);
    }
    if front != prefix {
        return Err(Refusal::BadSignature(
            "the API key has another prefix: it is of another service or environment",
        ));
    }
    let (signed, sum) = text.split_at(text.len() - CHECKSUM);
    let digest = Digest::from(Sha256::digest(signed));
    // In no constant time: whoever knows the key can work it out.
    if u32::from_str_radix(sum, 16) != Ok(checksum(&digest)) {
        return Err(Refusal::Malformed(
            "the checksum of the API key is wrong: it was mistyped, or cut off",
        ));
    }
    Ok(digest)
}

/// It is the end of the digest, which nobody learns who has not the key.
fn checksum(digest: &Digest) -> u32 {
    let [.., a, b, c, d] = *digest;
    u32::from_be_bytes([a, b, c, d])
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // To a text it cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_no_other_text_is() {
        let (key, digest) = make("acme_live").expect("random numbers");
        assert_eq!(key.len(), "acme_live_".len() + 72);
        assert_eq!(read(&key, "acme_live"), Ok(digest));
        let refusal = |text: &str| read(text, "acme_live").expect_err("refused").denial();
        use crate::Denial::{BadSignature, Malformed};
        // Each digit counts, also those of the checksum.
        for at in "acme_live_".len()..key.len() {
            let mut other = key.to_string();
            let digit = if &key[at..=at] == "0" { "1" } else { "0" };
            other.replace_range(at..=at, digit);
            assert_eq!(refusal(&other), Malformed, "digit {at}");
        }
        assert_eq!(refusal(&key.to_uppercase()), Malformed);
        assert_eq!(refusal(&key[..key.len() - 1]), Malformed);
        assert_eq!(refusal(&format!("{}0", &**key)), Malformed);
        assert_eq!(refusal(&key.replace("live_", "test_")), BadSignature);
        assert_eq!(refusal(&key.replace("acme_live_", "_")), BadSignature);
        assert_eq!(refusal(&key.replace("acme_live_", "")), Malformed);
        assert_eq!(refusal(""), Malformed);
        // A boundary of characters that is none.
        assert_eq!(refusal(&"é".repeat(41)), Malformed);
        assert_eq!(refusal(&format!("aé{}", "0".repeat(71))), Malformed);
    }

    #[test]
    fn prefixes_are_told_from_mistakes() {
        for good in ["a", "acme", "acme_live", "a1_2b_c3"] {
            assert_eq!(mistake(good), None, "{good:?}");
        }
        for bad in ["", "_", "a_", "_a", "a__b", "Acme", "a-b", "a b", "é"] {
            assert!(mistake(bad).is_some(), "{bad:?}");
        }
        assert!(mistake(&"a".repeat(33)).is_some());
    }
}
