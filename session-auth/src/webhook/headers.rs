//! What stands in the headers of a delivery.

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::verifier::{ConfigError, Rejection, WebhookRequest};

pub(super) fn header_name(name: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        ConfigError::new(format!(
            "{name:?} is not a header's name: letters, digits and hyphens make one"
        ))
    })
}

/// What follows the scheme in the one `Authorization` header.
pub(super) fn credentials<'a>(
    request: &WebhookRequest<'a>,
    scheme: &str,
) -> Result<&'a str, Rejection> {
    let value = request.proof(&AUTHORIZATION)?;
    // RFC 9110 §11.4: the scheme's case does not matter; one or more spaces follow it.
    let Some((given, credentials)) = value.split_once(' ') else {
        return Err(Rejection::SignatureInvalid("a scheme without credentials"));
    };
    if !given.eq_ignore_ascii_case(scheme) {
        return Err(Rejection::SignatureInvalid("another scheme"));
    }
    Ok(credentials.trim_start_matches(' '))
}

/// A header that is signed together with the body: without it there is no whole proof.
pub(super) fn companion<'a>(
    request: &WebhookRequest<'a>,
    header: &HeaderName,
) -> Result<&'a str, Rejection> {
    match request.proof(header) {
        Ok("") => Err(Rejection::SignatureMissing(
            "a header that is part of the proof is empty",
        )),
        Err(Rejection::SignatureMissing(_)) => Err(Rejection::SignatureMissing(
            "a header that is part of the proof is missing",
        )),
        other => other,
    }
}

/// The id in this header, which may be missing, but not be there twice.
pub(super) fn id_in(
    request: &WebhookRequest<'_>,
    header: &HeaderName,
) -> Result<Option<String>, Rejection> {
    match request.proof(header) {
        Ok("") | Err(Rejection::SignatureMissing(_)) => Ok(None),
        Ok(id) => Ok(Some(id.to_owned())),
        Err(_) => Err(Rejection::SignatureInvalid(
            "the delivery id is there twice or not ASCII",
        )),
    }
}
