//! HMACs, and how they are written in a header.

use std::ops::Deref;

use ::hmac::{EagerHash, KeyInit, Mac};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// How a signature is written in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal, in either case (RFC 4648 §8).
    Hex,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
    /// Base64 in the alphabet that is safe in URLs, padded or not (RFC 4648 §5).
    Base64Url,
}

/// `urlsafe_b64encode` of one language pads, that of the next one does not.
pub(super) const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Encoding {
    /// The bytes that `text` stands for; `None` unless they are `min` at least and `max` at most, which is
    /// [`LONGEST`] at most.
    pub(super) fn decode(self, text: &str, min: usize, max: usize) -> Option<Tag> {
        // Before decoding, so that a header of any size costs nothing.
        if text.len() > 2 * max + 2 {
            return None;
        }
        let mut bytes = [0; 2 * LONGEST];
        let len = match self {
            Self::Hex => decode_hex_to(text, &mut bytes)?,
            Self::Base64 => STANDARD.decode_slice(text, &mut bytes).ok()?,
            Self::Base64Url => URL_SAFE.decode_slice(text, &mut bytes).ok()?,
        };
        (min..=max)
            .contains(&len)
            .then(|| Tag::new(&bytes[..len]))
            .flatten()
    }

    #[cfg(feature = "testing")]
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => encode_hex(bytes),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
        }
    }
}

pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    decode_hex_to(text, &mut bytes)?;
    Some(bytes)
}

/// How many bytes there are; `None` where that is more than `to` has.
fn decode_hex_to(text: &str, to: &mut [u8]) -> Option<usize> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let to = to.get_mut(..pairs.len())?;
    let mut all = true;
    for (byte, pair) in to.iter_mut().zip(pairs) {
        let [(high, is_high), (low, is_low)] = pair.map(digit);
        all &= is_high & is_low;
        *byte = high << 4 | low;
    }
    all.then_some(pairs.len())
}

/// The value of a hexadecimal digit, and whether it is one. Without branches or a table, so that the compiler
/// does many at once: every delivery is decoded.
fn digit(byte: u8) -> (u8, bool) {
    let decimal = byte.wrapping_sub(b'0');
    let letter = (byte | 0x20).wrapping_sub(b'a');
    let value = if decimal < 10 {
        decimal
    } else {
        letter.wrapping_add(10)
    };
    (value & 0xf, (decimal < 10) | (letter < 6))
}

pub(super) fn encode_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    #[cfg(feature = "sha1")]
    Sha1,
    Sha256,
    Sha512,
}

/// The longest signature, in bytes: ECDSA's on P-256, in DER. The longest HMAC has 64.
const LONGEST: usize = 72;

/// An HMAC, or a signature as it was shown.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Tag {
    /// `None` where they are more than any signature has.
    fn new(of: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..of.len())?.copy_from_slice(of);
        let len = of.len();
        Some(Self { bytes, len })
    }

    /// `subtle`, not `==`: that stops at the first byte that differs, and the delay would tell a
    /// forger how many bytes of a tag are right.
    pub(super) fn is(&self, shown: &[u8]) -> Choice {
        self.ct_eq(shown)
    }
}

impl Deref for Tag {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Algorithm {
    /// Bytes in a tag.
    pub(super) const fn tag_len(self) -> usize {
        match self {
            #[cfg(feature = "sha1")]
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The tag of the message, its parts taken as one.
    pub(super) fn tag<'a>(self, secret: &[u8], message: impl Iterator<Item = &'a [u8]>) -> Tag {
        match self {
            #[cfg(feature = "sha1")]
            Self::Sha1 => tag(keyed::<sha1::Sha1>(secret), message),
            Self::Sha256 => tag(keyed::<Sha256>(secret), message),
            Self::Sha512 => tag(keyed::<Sha512>(secret), message),
        }
    }
}

pub(super) fn keyed<D: EagerHash>(secret: &[u8]) -> ::hmac::Hmac<D> {
    ::hmac::Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}

pub(super) fn tag<'a>(mut mac: impl Mac, message: impl Iterator<Item = &'a [u8]>) -> Tag {
    for part in message {
        mac.update(part);
    }
    Tag::new(&mac.finalize().into_bytes()).expect("no HMAC is longer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_asked_length_is_decoded() {
        for (encoding, text) in [
            (Encoding::Hex, "fbf0"),
            (Encoding::Base64, "+/A="),
            (Encoding::Base64Url, "-_A="),
            (Encoding::Base64Url, "-_A"),
        ] {
            assert_eq!(
                encoding.decode(text, 2, 2).as_deref(),
                Some(&[0xfb, 0xf0][..]),
                "{text}"
            );
            for len in [0, 1, 3, 32] {
                assert_eq!(
                    encoding.decode(text, len, len).as_deref(),
                    None,
                    "{text} as {len} bytes"
                );
            }
        }
    }

    #[test]
    fn a_single_byte_takes_most_characters() {
        let one = |encoding: Encoding, text| encoding.decode(text, 1, 1);
        assert_eq!(one(Encoding::Base64, "AA==").as_deref(), Some(&[0][..]));
        assert!(one(Encoding::Hex, "00000").is_none());
    }

    #[test]
    fn what_is_not_canonical_is_not_decoded() {
        for (encoding, text) in [
            (Encoding::Hex, "fbf"),
            (Encoding::Hex, "+bf0"),
            (Encoding::Hex, "0xfb"),
            (Encoding::Hex, "f\u{e9}0"),
            (Encoding::Hex, "zz00"),
            (Encoding::Hex, "zf00"),
            (Encoding::Hex, "fz00"),
            (Encoding::Base64, "+/A"),
            // The last character has bits that stand for nothing: another text, the same bytes.
            (Encoding::Base64, "+/B="),
            (Encoding::Base64, "-_A="),
            (Encoding::Base64Url, "-_B"),
            (Encoding::Base64Url, "+/A"),
        ] {
            assert!(encoding.decode(text, 2, 2).is_none(), "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_message_are_signed_as_one() {
        let expected =
            decode_hex("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
        let expected = expected.expect("hex");
        let tag = |parts: &[&[u8]]| {
            let secret = b"It's a Secret to Everybody";
            Algorithm::Sha256.tag(secret, parts.iter().copied())
        };
        assert!(bool::from(tag(&[b"Hello, World!"]).is(&expected)));
        assert!(bool::from(
            tag(&[b"Hello", b", ", b"", b"World!"]).is(&expected)
        ));
        assert!(!bool::from(tag(&[b"Hello", b"World!"]).is(&expected)));
        assert!(!bool::from(tag(&[b"Hello, World!"]).is(&[])));
    }
}
