//! The senders that are known here, by the names of their schemes.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use zeroize::Zeroizing;

use super::row::Tolerance;
use super::secret::Secrets;
use super::terms::{Binds, Terms};
use super::verifier::{ConfigError, Verifier};

/// How one sender proves its deliveries, and what is known of it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Scheme {
    /// The name: `stripe`.
    pub name: &'static str,
    /// Who sends: `Stripe`.
    pub sender: &'static str,
    /// What makes a verifier of it: `Hmac::stripe`.
    pub constructor: &'static str,
    /// What is signed, and with what.
    pub signs: &'static str,
    /// Where the proof stands.
    pub proof: &'static str,
    /// What of a delivery the proof binds.
    pub binds: Binds,
    /// The status of a refusal after which the sender tries again, if it ever does.
    pub refuse_with: u16,
    /// For how many seconds the sender tries again: 0 where it never does, `None` where nobody says.
    pub retry_budget: Option<u64>,
    /// How the sender tries again, and what ends it.
    pub retries: &'static str,
    /// What the sender asks besides its deliveries, which the layer answers.
    pub handshake: Option<&'static str>,
    /// Methods other than the deliveries' by which it asks.
    pub handshake_by: &'static [&'static str],
    /// Where the delivery's id is: a header, or a pointer into the body.
    pub delivery_id: Option<&'static str>,
    /// The feature of this crate that it needs.
    pub feature: Option<&'static str>,
    pub(super) tolerance: Tolerance,
    pub(super) build: fn(&Setup) -> Result<Box<dyn Verifier>, ConfigError>,
}

impl Scheme {
    /// What a row of the table leaves unsaid.
    pub(super) const UNSAID: Self = Self {
        name: "",
        sender: "",
        constructor: "",
        signs: "",
        proof: "",
        binds: Binds::Body,
        refuse_with: 401,
        retry_budget: None,
        retries: "not documented",
        handshake: None,
        handshake_by: &[],
        delivery_id: None,
        feature: None,
        tolerance: Tolerance::None,
        build: |_| Err(ConfigError::new("the scheme cannot be built")),
    };

    /// How far the time of a delivery may be from now, in seconds, to either side; `None` where its
    /// time is not judged.
    #[must_use]
    pub fn tolerance(&self) -> Option<u64> {
        self.tolerance.seconds()
    }

    /// Whether the tolerance is this library's choice, since the sender names none.
    #[must_use]
    pub fn tolerance_is_chosen(&self) -> bool {
        matches!(self.tolerance, Tolerance::Chosen(_))
    }

    /// Whether the public URL is signed, so that a verifier has to be told it.
    #[must_use]
    pub fn signs_url(&self) -> bool {
        self.signs.contains("public URL") || self.signs.contains("{url}")
    }

    /// A verifier of this scheme, by what a configuration or a command line has.
    ///
    /// # Errors
    ///
    /// What is missing, or wrong with it.
    pub fn verifier(&self, setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
        (self.build)(setup)
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            scheme: Some(self.name),
            binds: Some(self.binds),
            refuse_with: StatusCode::from_u16(self.refuse_with).unwrap_or(StatusCode::UNAUTHORIZED),
            retry_budget: self.retry_budget.map(Duration::from_secs),
            handshake_by: self.handshake_by,
        }
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheme")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a verifier is made of, whatever the scheme: see [`Scheme::verifier`]. `Debug` shows no secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Setup {
    /// The secrets, or the contents of the files that have the public keys.
    pub secrets: Vec<Zeroizing<Vec<u8>>>,
    /// The public address of the service: `https://hooks.example.com`.
    pub public_url: Option<String>,
    /// The fragment of the URL that the sender was given, which it does not send.
    pub fragment: Option<String>,
    /// Whom a token must be for.
    pub audience: Option<String>,
    /// Who must have issued a token.
    pub issuer: Option<String>,
    /// The account that a token must name.
    pub account: Option<String>,
    /// The id of the webhook at its sender.
    pub webhook_id: Option<String>,
    /// What signs, where the sender can do it in two ways: `HMAC_SHA256`.
    pub algorithm: Option<String>,
    /// How far the time may be from now; the scheme's own where this is `None`.
    pub tolerance: Option<Duration>,
    /// Whether the time is judged at all.
    pub any_time: bool,
    /// Whether what is not known here is left unchecked, to find out what is wrong with a delivery. **A
    /// service has to know.**
    pub diagnosing: bool,
}

impl Setup {
    /// With these secrets.
    #[must_use]
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let secrets = secrets.into_iter();
        Self {
            secrets: secrets
                .map(|secret| Zeroizing::new(secret.as_ref().to_vec()))
                .collect(),
            ..Self::default()
        }
    }

    pub(super) fn secrets(&self) -> Secrets {
        Secrets::new(self.secrets.iter().map(|secret| secret.as_slice()))
    }

    /// The tolerance that it asks for, if it asks for one.
    pub(super) fn tolerance(&self) -> Option<Option<Duration>> {
        if self.any_time {
            Some(None)
        } else {
            self.tolerance.map(Some)
        }
    }

    /// The one secret, as text.
    pub(super) fn text(&self, index: usize) -> Result<&str, ConfigError> {
        let secret = self
            .secrets
            .get(index)
            .ok_or(ConfigError::new("there is no secret: give one at least"))?;
        std::str::from_utf8(secret)
            .map_err(|_| ConfigError::new("the secret is no text: give it in UTF-8"))
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("secrets", &self.secrets.len())
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// The scheme of this name, of a family's list. Its name stands in the source.
pub(super) fn known(family: &'static [Scheme], name: &str) -> Option<&'static Scheme> {
    let known = family.iter().find(|scheme| scheme.name == name);
    debug_assert!(known.is_some(), "{name}");
    known
}
