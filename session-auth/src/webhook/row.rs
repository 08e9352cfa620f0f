//! How a sender signs, as data: where the signature is, what it is of, how it is written.

use super::greeting::Greeting;
use super::key::KeyForm;
use super::mac::{Algorithm, Encoding};
use super::verifier::Rejection;

/// How deliveries are signed. Header names come in families: the second name of each kind goes with
/// the second of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The headers of which one has the signature.
    pub(super) signature: &'static [&'static str],
    pub(super) shape: Shape,
    pub(super) encoding: Encoding,
    pub(super) by: By,
    pub(super) key: KeyForm,
    pub(super) message: &'static [Part],
    pub(super) time: Option<Time>,
    pub(super) id: Id,
    pub(super) greeting: Option<Greeting>,
}

impl Row {
    pub(super) const fn tolerance(&self) -> Tolerance {
        match self.time {
            Some(time) => time.tolerance,
            None => Tolerance::None,
        }
    }

    /// Where the id is: a header, or a pointer into the body.
    pub(super) const fn delivery_id(&self) -> Option<&'static str> {
        match self.id {
            Id::None | Id::Header([]) => None,
            Id::Header([first, ..]) => Some(first),
            Id::Body(pointer) => Some(pointer),
        }
    }
}

/// What signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Hmac(Algorithm),
    /// Ed25519, or ECDSA on P-256: the key knows.
    #[cfg(feature = "webhook-asymmetric")]
    PublicKey,
}

/// How the signature stands in its header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Alone, after a prefix.
    Whole { prefix: &'static str },
    /// Alone, in each of the headers that are there: a sender that rotates shows one in each.
    Each,
    /// `t=1,v1=..,v1=..`: the time, and signatures of several versions, of which one counts. Where
    /// there is none of it, `none` tells how that is named.
    Pairs {
        separator: char,
        time: &'static str,
        version: &'static str,
        none: fn(&'static str) -> Rejection,
    },
    /// `v1,.. v1,.. v1a,..`, on one line or several.
    List { version: &'static str },
}

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(&'static str),
    /// The delivery's id, from its header: then it has to be there.
    Id,
    /// The time, as it is written.
    Time,
    Method,
    /// The public URL.
    Url,
    /// The public URL, in which some escapes may stand decoded.
    DecodedUrl,
    Body,
}

/// When it was signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) at: At,
    pub(super) unit: Unit,
    pub(super) tolerance: Tolerance,
    /// Whether the time is judged before the signature: a header that can prove nothing needs no
    /// body read.
    pub(super) early: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// In a header of the same family.
    Header(&'static [&'static str]),
    /// In the signature's own header.
    Pair,
    /// In the body, where this pointer leads.
    Body(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

/// How far the time may be from now, in seconds, to either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// The sender says so, or its libraries do.
    OfSender(u64),
    /// The sender says nothing; this library does.
    Chosen(u64),
    /// Any time is good.
    None,
}

impl Tolerance {
    pub(super) fn seconds(self) -> Option<u64> {
        match self {
            Self::OfSender(seconds) | Self::Chosen(seconds) => Some(seconds),
            Self::None => None,
        }
    }
}

/// Where the delivery's id is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Id {
    None,
    /// In a header of the same family.
    Header(&'static [&'static str]),
    /// In the body, where this pointer leads.
    Body(&'static str),
}
