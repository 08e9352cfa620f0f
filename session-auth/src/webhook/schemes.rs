//! All senders that are known here.

use super::scheme::Scheme;
use super::verifier::ConfigError;
use super::{adyen, events, http_auth, hubspot, mailgun, meta, senders};
#[cfg(feature = "webhook-asymmetric")]
use super::{jwt, paypal, public_key, sns};
#[cfg(feature = "sha1")]
use super::{mandrill, twilio};

/// A file a family: each has its own list.
fn families() -> impl Iterator<Item = &'static [Scheme]> {
    [
        senders::SCHEMES,
        http_auth::SCHEMES,
        adyen::SCHEMES,
        events::SCHEMES,
        hubspot::SCHEMES,
        mailgun::SCHEMES,
        #[cfg(feature = "sha1")]
        mandrill::SCHEMES,
        meta::SCHEMES,
        #[cfg(feature = "webhook-asymmetric")]
        jwt::SCHEMES,
        #[cfg(feature = "webhook-asymmetric")]
        paypal::SCHEMES,
        #[cfg(feature = "webhook-asymmetric")]
        public_key::SCHEMES,
        #[cfg(feature = "webhook-asymmetric")]
        sns::SCHEMES,
        #[cfg(feature = "sha1")]
        twilio::SCHEMES,
    ]
    .into_iter()
}

/// All schemes that this build knows, in the order of their names.
#[must_use]
pub fn schemes() -> Vec<&'static Scheme> {
    let mut all: Vec<_> = families().flatten().collect();
    all.sort_by_key(|scheme| scheme.name);
    all
}

/// The scheme of this name, if there is one.
pub(crate) fn known_scheme(name: &str) -> Option<&'static Scheme> {
    families().flatten().find(|scheme| scheme.name == name)
}

/// The scheme of this name.
///
/// # Errors
///
/// Where there is none; the message has the nearest name.
pub fn scheme(name: &str) -> Result<&'static Scheme, ConfigError> {
    if let Some(scheme) = known_scheme(name) {
        return Ok(scheme);
    }
    let names = schemes().into_iter().map(|scheme| scheme.name);
    let nearest = names
        .clone()
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score > 0.8);
    let hint = match nearest {
        Some((_, nearest)) => format!("did you mean {nearest:?}?"),
        None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(ConfigError::new(format!(
        "there is no scheme {name:?}: {hint}"
    )))
}
