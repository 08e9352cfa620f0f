//! Signing with a private key, for the senders that keep one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub(super) enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    /// PKCS#8: ring reads it for one form of signatures.
    P256(Vec<u8>),
    Rsa(RsaKeyPair),
}

fn p256(pkcs8: &[u8], form: &'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(form, pkcs8, &SystemRandom::new()).ok()
}

fn by_p256(pkcs8: &[u8], form: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
    let key = p256(pkcs8, form).expect("it was read before");
    let signature = key.sign(&SystemRandom::new(), message);
    signature
        .expect("the operating system has random bytes")
        .as_ref()
        .to_vec()
}

impl PrivateKey {
    /// PKCS#8 in PEM, or Standard Webhooks' `whsk_` and base64.
    ///
    /// # Panics
    ///
    /// Where it is neither.
    pub(super) fn read(text: &str) -> Self {
        let wrong = "a private key is PKCS#8 in PEM (Ed25519, P-256 or RSA), or `whsk_` and base64";
        if let Some(encoded) = text.trim().strip_prefix("whsk_") {
            let bytes = STANDARD.decode(encoded).expect(wrong);
            // The public key may stand behind it.
            let seed = bytes.first_chunk::<32>().expect(wrong);
            let key = Ed25519KeyPair::from_seed_unchecked(seed);
            return Self::Ed25519(key.expect(wrong));
        }
        let encoded: String = text
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .map(str::trim)
            .collect();
        let pkcs8 = STANDARD.decode(encoded).expect(wrong);
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8) {
            Self::Ed25519(key)
        } else if p256(&pkcs8, &ECDSA_P256_SHA256_FIXED_SIGNING).is_some() {
            Self::P256(pkcs8)
        } else {
            Self::Rsa(RsaKeyPair::from_pkcs8(&pkcs8).expect(wrong))
        }
    }

    fn by_rsa(key: &RsaKeyPair, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )
        .expect("the operating system has random bytes");
        signature
    }

    /// A signature as deliveries have it; of P-256, in DER.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::P256(pkcs8) => by_p256(pkcs8, &ECDSA_P256_SHA256_ASN1_SIGNING, message),
            Self::Rsa(key) => Self::by_rsa(key, message),
        }
    }

    /// RFC 7518 §3.1, RFC 8037 §3.1.
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    /// A JWT of these claims, whose header names the key.
    pub(super) fn token(&self, kid: &str, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "kid": kid, "typ": "JWT" });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = match self {
            // RFC 7518 §3.4: the two numbers, one after the other.
            Self::P256(pkcs8) => {
                by_p256(pkcs8, &ECDSA_P256_SHA256_FIXED_SIGNING, signed.as_bytes())
            }
            other => other.sign(signed.as_bytes()),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A key set of this one public key.
    pub(super) fn jwks(&self, kid: &str) -> String {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::Ed25519(key) => json!({
                "kty": "OKP", "crv": "Ed25519", "x": part(key.public_key().as_ref()),
            }),
            Self::P256(pkcs8) => {
                let key = p256(pkcs8, &ECDSA_P256_SHA256_FIXED_SIGNING);
                let key = key.expect("it was read before");
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": part(x), "y": part(y) })
            }
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e } =
                    PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": part(&n), "e": part(&e) })
            }
        };
        key["kid"] = kid.into();
        key["alg"] = self.algorithm().into();
        key["use"] = "sig".into();
        json!({ "keys": [key] }).to_string()
    }
}
