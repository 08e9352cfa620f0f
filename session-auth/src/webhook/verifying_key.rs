//! Public keys as senders write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use super::mac::decode_hex;

/// What a signature is checked with.
pub(super) struct VerifyingKey(UnparsedPublicKey<Vec<u8>>);

impl VerifyingKey {
    fn new(algorithm: &'static dyn VerificationAlgorithm, bytes: Vec<u8>) -> Self {
        Self(UnparsedPublicKey::new(algorithm, bytes))
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}

fn trimmed(raw: &[u8]) -> Option<&str> {
    std::str::from_utf8(raw).map(str::trim).ok()
}

pub(super) fn ed25519_hex(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let bytes = trimmed(raw)
        .and_then(decode_hex)
        .filter(|bytes| bytes.len() == 32)
        .ok_or(
            "a public key is not 32 bytes in hexadecimal: copy it from the application's page again",
        )?;
    Ok(VerifyingKey::new(&ED25519, bytes))
}

pub(super) fn whpk(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let wrong = "a public key is not `whpk_` with 32 bytes in base64 behind it: copy it from the \
                 sender again";
    let text = trimmed(raw).ok_or(wrong)?;
    if text.starts_with("whsk_") {
        return Err(
            "a key begins with `whsk_`, so it is the sender's private one: take its `whpk_`, and have \
             the sender change its keys",
        );
    }
    let encoded = text.strip_prefix("whpk_").unwrap_or(text);
    let bytes = STANDARD.decode(encoded).map_err(|_| wrong)?;
    if bytes.len() != 32 {
        return Err(wrong);
    }
    Ok(VerifyingKey::new(&ED25519, bytes))
}

/// A SubjectPublicKeyInfo (RFC 5280) of an uncompressed point on P-256 (RFC 5480) up to the point.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

pub(super) fn p256(raw: &[u8]) -> Result<VerifyingKey, &'static str> {
    let wrong = "a public key is not one on P-256 in base64 or PEM: copy it from the sender again";
    let text = trimmed(raw).ok_or(wrong)?;
    let encoded: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(|line| line.trim().chars())
        .collect();
    let der = STANDARD.decode(encoded).map_err(|_| wrong)?;
    let point = der.strip_prefix(&P256_SPKI).unwrap_or(&der);
    if point.len() != 65 || point[0] != 4 {
        return Err(wrong);
    }
    Ok(VerifyingKey::new(&ECDSA_P256_SHA256_ASN1, point.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_length_and_no_private_one_is_taken() {
        let whpk = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        assert!(super::whpk(whpk.as_bytes()).is_ok());
        assert!(super::whpk(format!("{whpk}\n").as_bytes()).is_ok());
        for bad in ["", "whpk_", "whpk_AAAA", "whsk_AAAA", "whpk_!"] {
            assert!(super::whpk(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "00", "zz", &"00".repeat(31), &"00".repeat(33)] {
            assert!(ed25519_hex(bad.as_bytes()).is_err(), "{bad}");
        }
        let spki = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpV\
                    KS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
        assert!(p256(spki.as_bytes()).is_ok());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
        assert!(p256(pem.as_bytes()).is_ok());
        for bad in ["", "MFkw", "!"] {
            assert!(p256(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
