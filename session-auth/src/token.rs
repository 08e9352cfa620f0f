//! The token: a session as signed bytes.
//!
//! Version 1, all numbers big-endian, times in seconds since 1970 UTC:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `1` |
//! | 4 | id of the key |
//! | 16 | session id |
//! | 8 | issued |
//! | 8 | idle deadline |
//! | 8 | absolute deadline |
//! | 4 | lowest 31 bits: the session's own idle timeout in seconds, 0 where it has the layer's; highest bit: whether it ends with the browser |
//! | 2 + n | length and bytes of the subject, UTF-8 |
//! | 1 + … | number of scopes; for each, 1 byte of length and the bytes, UTF-8 |
//! | 2 + n | length and bytes of the claims, JSON; length 0 where there are none |
//! | 32 | HMAC-SHA256 (RFC 2104, FIPS 180-4) over everything before it |
//!
//! The key of the MAC is derived from the ring's by HKDF-Expand (RFC 5869), first for tokens, then for
//! the audience: the name of the cookie, unless the layer has another. So a token is good for the
//! layer that issued it and for those of the same audience; it says nothing about that itself, and
//! what would have to be compared costs nothing.
//!
//! Version 2 is the same with sealed claims (feature `encrypt`): in their place stand a nonce of 24
//! bytes and what XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha-03) made of them, with the
//! session id as associated data.
//!
//! In a cookie it stands as base64url without padding (RFC 4648, section 5). Only the version, the
//! key id and the length are looked at before the MAC holds; nothing is parsed.

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use crate::clock::Timestamp;
#[cfg(feature = "encrypt")]
use crate::keys::Key;
use crate::keys::{KEY_ID_LEN, TokenKey, TokenKeys};

const VERSION: u8 = 1;
/// The version with sealed claims.
#[cfg(feature = "encrypt")]
const SEALED: u8 = 2;
const MAC_LEN: usize = 32;
pub(crate) const SESSION_ID_LEN: usize = 16;

const SESSION_ID_AT: usize = 1 + KEY_ID_LEN;
const TIMES_AT: usize = SESSION_ID_AT + SESSION_ID_LEN;
const IDLE_DEADLINE_AT: usize = TIMES_AT + 8;
const SUBJECT_AT: usize = TIMES_AT + 3 * 8 + 4;
/// Header, empty subject, no scopes, no claims, MAC.
const MIN_LEN: usize = SUBJECT_AT + 2 + 1 + 2 + MAC_LEN;
/// RFC 6265, section 6.1: what a browser must be able to keep of one cookie.
pub(crate) const MAX_COOKIE_LEN: usize = 4096;
const MAX_LEN: usize = MAX_COOKIE_LEN / 4 * 3;

/// How far the clocks of two machines may be apart. A token from further in the future than this
/// means that the clock went back, and then its deadlines prove nothing.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_secs(600);

/// In the field of the idle timeout.
const ENDS_WITH_THE_BROWSER: u32 = 1 << 31;

/// The longest subject, in bytes.
pub(crate) const MAX_SUBJECT_LEN: usize = 1024;
/// The most scopes, and the longest of them in bytes: what one byte can count.
pub(crate) const MAX_SCOPES: usize = u8::MAX as usize;

/// What goes into a token.
pub(crate) struct Contents<'a> {
    pub(crate) id: [u8; SESSION_ID_LEN],
    pub(crate) issued: Timestamp,
    pub(crate) idle_deadline: Timestamp,
    pub(crate) absolute_deadline: Timestamp,
    pub(crate) lasts: Lasts,
    pub(crate) subject: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) claims: &'a [u8],
    /// Seals the claims with this nonce, which must be random.
    #[cfg(feature = "encrypt")]
    pub(crate) seal: Option<sealed::Nonce>,
}

/// How long a session lasts, where that is its own and not the layer's: as it stands in the token, since
/// tokens move with every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lasts(u32);

impl Lasts {
    pub(crate) fn new(idle_timeout: Option<Duration>, with_the_browser: bool) -> Self {
        // 68 years are as good as more.
        let most = ENDS_WITH_THE_BROWSER - 1;
        let seconds = idle_timeout.map_or(0, |idle| idle.as_secs());
        let seconds = u32::try_from(seconds).map_or(most, |seconds| seconds.min(most));
        Self(if with_the_browser {
            seconds | ENDS_WITH_THE_BROWSER
        } else {
            seconds
        })
    }

    pub(crate) fn idle_timeout(self) -> Option<Duration> {
        let seconds = self.0 & !ENDS_WITH_THE_BROWSER;
        (seconds != 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// Whether its cookie has no `Max-Age`.
    pub(crate) fn with_the_browser(self) -> bool {
        self.0 & ENDS_WITH_THE_BROWSER != 0
    }

    /// What `Max-Age` says of a cookie that is good for so long.
    pub(crate) fn max_age(self, left: Duration) -> Option<Duration> {
        (!self.with_the_browser()).then_some(left)
    }
}

/// A token that was verified and parsed. Keeps the bytes and where in them things are, in few words: it
/// moves several times with every request.
pub(crate) struct Token {
    bytes: Vec<u8>,
    // What stands before the subject has its place, and the claims end where the MAC begins.
    subject_end: u16,
    scopes_end: u16,
    signed_by_an_older_key: bool,
    /// The claims, where they are sealed in `bytes`.
    #[cfg(feature = "encrypt")]
    opened: Option<Vec<u8>>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// Not a token of a known version.
    Malformed,
    /// Not signed by a key of the ring.
    BadSignature,
    /// Past one of its deadlines.
    Expired,
}

/// The contents do not fit into a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) encoded_len: usize,
}

/// Makes the signed text of a token.
pub(crate) fn encode(keys: &TokenKeys, contents: &Contents<'_>) -> Result<String, TooLarge> {
    let scopes_len: usize = contents.scopes.iter().map(|scope| 1 + scope.len()).sum();
    #[cfg(feature = "encrypt")]
    let overhead = contents.seal.map_or(0, |_| sealed::OVERHEAD);
    #[cfg(not(feature = "encrypt"))]
    let overhead = 0;
    let claims_len = contents.claims.len() + overhead;
    let len = MIN_LEN + contents.subject.len() + scopes_len + claims_len;
    let too_large = TooLarge {
        encoded_len: len.div_ceil(3) * 4,
    };
    // The limit also keeps every length below within its field.
    if len > MAX_LEN || contents.scopes.len() > MAX_SCOPES {
        return Err(too_large);
    }
    let length = |n: usize| u16::try_from(n).map_err(|_| too_large);

    let ring = keys.ring();
    let key = ring.signing();
    let mut bytes = Vec::with_capacity(len);
    bytes.push(VERSION);
    #[cfg(feature = "encrypt")]
    if contents.seal.is_some() {
        bytes[0] = SEALED;
    }
    bytes.extend_from_slice(&key.id);
    bytes.extend_from_slice(&contents.id);
    for time in [
        contents.issued,
        contents.idle_deadline,
        contents.absolute_deadline,
    ] {
        bytes.extend_from_slice(&time.0.to_be_bytes());
    }
    bytes.extend_from_slice(&contents.lasts.0.to_be_bytes());
    bytes.extend_from_slice(&length(contents.subject.len())?.to_be_bytes());
    bytes.extend_from_slice(contents.subject.as_bytes());
    bytes.push(u8::try_from(contents.scopes.len()).map_err(|_| too_large)?);
    for scope in contents.scopes {
        bytes.push(u8::try_from(scope.len()).map_err(|_| too_large)?);
        bytes.extend_from_slice(scope.as_bytes());
    }
    bytes.extend_from_slice(&length(claims_len)?.to_be_bytes());
    #[cfg(feature = "encrypt")]
    match contents.seal {
        Some(nonce) => sealed::seal(&key, nonce, contents.id, contents.claims, &mut bytes),
        None => bytes.extend_from_slice(contents.claims),
    }
    #[cfg(not(feature = "encrypt"))]
    bytes.extend_from_slice(contents.claims);
    sign(&key, &mut bytes);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn sign(key: &TokenKey<'_>, bytes: &mut Vec<u8>) {
    let mac = key.mac().chain_update(&bytes).finalize().into_bytes();
    bytes.extend_from_slice(&mac);
    key.count_signed();
}

/// These bytes as a token that this ring signed, whatever they are.
#[cfg(any(test, fuzzing))]
pub(crate) fn sign_for_fuzzing(keys: &TokenKeys, mut bytes: Vec<u8>) -> String {
    sign(&keys.ring().signing(), &mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Verifies a token, parses it, and judges its deadlines.
pub(crate) fn decode(keys: &TokenKeys, encoded: &[u8], now: Timestamp) -> Result<Token, Refusal> {
    let token = verify(keys, encoded)?;
    if token.issued() > now.plus(MAX_CLOCK_SKEW) {
        tracing::error!(
            target: "session_auth",
            issued = token.issued().0,
            now = now.0,
            "a session was issued in the future: the clock of this machine or of another is wrong"
        );
        return Err(Refusal::Expired);
    }
    if now >= token.idle_deadline() || now >= token.absolute_deadline() {
        return Err(Refusal::Expired);
    }
    Ok(token)
}

/// Verifies a token, then parses it. It may have expired.
pub(crate) fn verify(keys: &TokenKeys, encoded: &[u8]) -> Result<Token, Refusal> {
    if encoded.len() > MAX_COOKIE_LEN {
        return Err(Refusal::Malformed);
    }
    // The engine refuses other alphabets, padding and stray bits at the end, so that a token has
    // one spelling.
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| Refusal::Malformed)?;
    if bytes.len() < MIN_LEN || !is_known(bytes[0]) {
        return Err(Refusal::Malformed);
    }
    let mut key_id = [0; KEY_ID_LEN];
    key_id.copy_from_slice(&bytes[1..=KEY_ID_LEN]);
    let ring = keys.ring();
    let key = ring.find(key_id).ok_or(Refusal::BadSignature)?;

    let (signed, mac) = bytes.split_at(bytes.len() - MAC_LEN);
    // Constant in time: `verify_slice` compares with `ctutils`.
    key.mac()
        .chain_update(signed)
        .verify_slice(mac)
        .map_err(|_| Refusal::BadSignature)?;
    key.count_verified();

    // From here on the bytes are ours. They are parsed with care all the same.
    let mut token = parse(bytes).ok_or(Refusal::Malformed)?;
    token.signed_by_an_older_key = key.id != ring.signing().id;
    #[cfg(feature = "encrypt")]
    let token = token.open(&key).ok_or(Refusal::Malformed)?;
    Ok(token)
}

fn is_known(version: u8) -> bool {
    #[cfg(feature = "encrypt")]
    if version == SEALED {
        return true;
    }
    version == VERSION
}

fn parse(bytes: Vec<u8>) -> Option<Token> {
    let mut reader = Reader {
        bytes: &bytes[..bytes.len() - MAC_LEN],
        at: SUBJECT_AT,
    };
    let subject = reader.long()?;
    let count = reader.at;
    for _ in 0..reader.byte()? {
        reader.short()?;
    }
    let scopes = count + 1..reader.at;
    reader.long()?;
    if reader.at != reader.bytes.len() {
        return None;
    }
    // All at once where it is ASCII: its lengths are then, too.
    let texts = &bytes[subject.start..scopes.end];
    if !texts.is_ascii() {
        std::str::from_utf8(&bytes[subject.clone()]).ok()?;
        for scope in scopes_in(&bytes[scopes.clone()]) {
            std::str::from_utf8(scope).ok()?;
        }
    }
    Some(Token {
        subject_end: u16::try_from(subject.end).ok()?,
        scopes_end: u16::try_from(scopes.end).ok()?,
        bytes,
        signed_by_an_older_key: false,
        #[cfg(feature = "encrypt")]
        opened: None,
    })
}

/// The scopes in their bytes, each behind its length.
fn scopes_in(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, tail) = rest.split_first()?;
        let (scope, tail) = tail.split_at_checked((*len).into())?;
        rest = tail;
        Some(scope)
    })
}

/// Takes fields off the front; `None` past the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, len: usize) -> Option<Range<usize>> {
        let range = self.at..self.at.checked_add(len)?;
        self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(range)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let range = self.take(N)?;
        self.bytes[range].try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<Range<usize>> {
        let len = self.byte()?;
        self.take(len.into())
    }

    fn long(&mut self) -> Option<Range<usize>> {
        let len = self.array().map(u16::from_be_bytes)?;
        self.take(len.into())
    }
}

impl Token {
    pub(crate) fn id(&self) -> [u8; SESSION_ID_LEN] {
        self.field(SESSION_ID_AT)
    }

    pub(crate) fn issued(&self) -> Timestamp {
        self.time(0)
    }

    pub(crate) fn idle_deadline(&self) -> Timestamp {
        self.time(1)
    }

    pub(crate) fn absolute_deadline(&self) -> Timestamp {
        self.time(2)
    }

    /// By what one comes after another in time.
    pub(crate) fn age(&self) -> (Timestamp, Timestamp) {
        (self.issued(), self.idle_deadline())
    }

    fn time(&self, number: usize) -> Timestamp {
        Timestamp(u64::from_be_bytes(self.field(TIMES_AT + number * 8)))
    }

    pub(crate) fn lasts(&self) -> Lasts {
        Lasts(u32::from_be_bytes(self.field(TIMES_AT + 3 * 8)))
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.bytes[at..at + N]);
        field
    }

    /// Moves the idle deadline. The MAC is that of the old one until the token is signed anew.
    pub(crate) fn slide(&mut self, idle_deadline: Timestamp) {
        self.bytes[IDLE_DEADLINE_AT..][..8].copy_from_slice(&idle_deadline.0.to_be_bytes());
    }

    fn scope_bytes(&self) -> &[u8] {
        let number_at: usize = self.subject_end.into();
        &self.bytes[number_at + 1..self.scopes_end.into()]
    }

    /// Where the claims stand, or what they were sealed to.
    fn claims_at(&self) -> Range<usize> {
        usize::from(self.scopes_end) + 2..self.bytes.len() - MAC_LEN
    }

    /// Whether the key that signed it signed no more when it was verified.
    pub(crate) const fn is_signed_by_an_older_key(&self) -> bool {
        self.signed_by_an_older_key
    }

    pub(crate) fn subject(&self) -> &str {
        // Checked by `parse`.
        std::str::from_utf8(&self.bytes[SUBJECT_AT + 2..self.subject_end.into()])
            .unwrap_or_default()
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        scopes_in(self.scope_bytes()).filter_map(|scope| std::str::from_utf8(scope).ok())
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        scopes_in(self.scope_bytes()).any(|has| has == scope.as_bytes())
    }

    pub(crate) fn claims(&self) -> &[u8] {
        #[cfg(feature = "encrypt")]
        if let Some(opened) = &self.opened {
            return opened;
        }
        &self.bytes[self.claims_at()]
    }

    /// The time without use after which it ends; `layers` where it has none of its own.
    pub(crate) fn idle_timeout(&self, layers: Duration) -> Duration {
        self.lasts().idle_timeout().unwrap_or(layers)
    }

    /// The same session with a later idle deadline, signed by the key that signs now.
    pub(crate) fn renewed(&self, keys: &TokenKeys, idle_deadline: Timestamp) -> String {
        let ring = keys.ring();
        let key = ring.signing();
        let mut bytes = self.bytes[..self.bytes.len() - MAC_LEN].to_vec();
        #[cfg(feature = "encrypt")]
        self.seal_again(&key, &mut bytes);
        bytes[1..=KEY_ID_LEN].copy_from_slice(&key.id);
        bytes[IDLE_DEADLINE_AT..][..8].copy_from_slice(&idle_deadline.0.to_be_bytes());
        sign(&key, &mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(feature = "encrypt")]
impl Token {
    pub(crate) fn is_sealed(&self) -> bool {
        self.opened.is_some()
    }

    /// Opens the claims if they are sealed, with the key that signed the token.
    fn open(mut self, key: &Key) -> Option<Self> {
        if self.bytes[0] == SEALED {
            let sealed = &self.bytes[self.claims_at()];
            self.opened = Some(sealed::open(key, self.id(), sealed)?);
        }
        Some(self)
    }

    /// Seals the claims by the key that signs now. The nonce may stay: by the same key this gives
    /// the same bytes, and with another key it is as good as new.
    fn seal_again(&self, key: &Key, bytes: &mut Vec<u8>) {
        let Some(claims) = &self.opened else {
            return;
        };
        // They stand last, and their length is the same as before.
        bytes.truncate(self.claims_at().start);
        let nonce = sealed::nonce(&self.bytes[self.claims_at()]);
        sealed::seal(key, nonce, self.id(), claims, bytes);
    }
}

#[cfg(feature = "encrypt")]
pub(crate) mod sealed;
#[cfg(test)]
mod tests;
