//! Claims that only the service can read: XChaCha20-Poly1305, as RustCrypto has it. Its nonce is long
//! enough to be chosen at random for each session.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key as CipherKey, KeyInit as _, XChaCha20Poly1305, XNonce};

use super::SESSION_ID_LEN;
use crate::keys::Key;

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// What sealing adds to the length of the claims.
pub(super) const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

pub(crate) type Nonce = [u8; NONCE_LEN];

/// Appends nonce, ciphertext and tag.
pub(super) fn seal(
    key: &Key,
    nonce: Nonce,
    id: [u8; SESSION_ID_LEN],
    claims: &[u8],
    bytes: &mut Vec<u8>,
) {
    let payload = Payload {
        msg: claims,
        aad: &id,
    };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .expect("the cipher takes 256 GiB; a cookie has 4 KiB");
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
}

/// `None` where this key did not seal them for this session.
pub(super) fn open(key: &Key, id: [u8; SESSION_ID_LEN], sealed: &[u8]) -> Option<Vec<u8>> {
    let (_, ciphertext) = sealed.split_at_checked(NONCE_LEN)?;
    let payload = Payload {
        msg: ciphertext,
        aad: &id,
    };
    cipher(key)
        .decrypt(&XNonce::from(nonce(sealed)), payload)
        .ok()
}

/// The nonce of sealed claims; they have been opened before.
pub(super) fn nonce(sealed: &[u8]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&sealed[..NONCE_LEN]);
    nonce
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&CipherKey::from(*key.claims_key))
}
