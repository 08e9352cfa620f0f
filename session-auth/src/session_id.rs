//! The id of a session.

use std::fmt;
use std::str::FromStr;

use crate::token::SESSION_ID_LEN;

/// The id of a session: 128 random bits from the operating system.
///
/// It is not a secret by itself, as the cookie carries a signature too; `Debug` shows its first
/// bytes alone, enough to tell two apart in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; SESSION_ID_LEN]);

impl SessionId {
    /// The id of these 16 bytes, as a store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SESSION_ID_LEN]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SESSION_ID_LEN] {
        &self.0
    }
}

/// 32 hexadecimal digits: for a form that ends one session of several.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Reads what `Display` wrote.
///
/// ```
/// use session_auth::SessionId;
///
/// let id: SessionId = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(id.as_bytes()[15], 15);
/// assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
/// assert!("00".parse::<SessionId>().is_err());
/// # Ok::<_, session_auth::InvalidSessionId>(())
/// ```
impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        // `from_str_radix` takes a sign as well.
        let digits =
            text.len() == 2 * SESSION_ID_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number.to_be_bytes())),
            _ => Err(InvalidSessionId(())),
        }
    }
}

/// A text is not the id of a session: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSessionId(());

impl fmt::Display for InvalidSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a session: it has 32 hexadecimal digits")
    }
}

impl std::error::Error for InvalidSessionId {}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "SessionId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
