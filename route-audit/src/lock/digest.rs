//! What a reviewer acknowledges: the digest of one exact set of differences.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::compare::{Difference, Side};
use super::format;
use super::mount::Mount;

/// SHA-256 over what the differences take out of a lock and put into it, as a lock writes it. Places
/// and prose are not in it, so that code may move; all else that a reviewer has seen is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// `None` where there is nothing to acknowledge.
    pub(crate) fn of(differences: &[Difference]) -> Option<Self> {
        if differences.is_empty() {
            return None;
        }
        let mut lines: Vec<String> = differences.iter().flat_map(lines).collect();
        // By what they say: the order of differences has their places in it.
        lines.sort();
        let mut hash = Sha256::new();
        hash.update("route-audit acknowledgement 1\n");
        for line in lines {
            hash.update(line);
            hash.update("\n");
        }
        Some(Self(hash.finalize().into()))
    }
}

/// The lines of a lock that a difference is about, for each of its routers.
fn lines(difference: &Difference) -> Vec<String> {
    let sides = [('-', &difference.old), ('+', &difference.new)];
    let mut lines = Vec::new();
    for router in difference.routers() {
        let mount = Mount {
            at: difference.at.clone(),
            package: difference.package.clone(),
            router: router.to_owned(),
        };
        for (sign, side) in sides {
            if let Side::Route(said) = side {
                let line = super::Line {
                    mount: &mount,
                    verbs: difference.verbs,
                    said: said.as_deref(),
                };
                lines.push(format!("{sign}{}", format::row(&line)));
            }
        }
    }
    lines
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not a digest: `route-audit diff` prints one, of 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}
