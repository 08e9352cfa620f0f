//! Deliveries whose signature stands in a header: the shared parts of all such schemes.
//!
//! A scheme is a [`Row`]: data about where the signature is, what it is of and how it is written. What
//! is done with it is here, once.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderName;

use super::headers::{companion, id_in};
use super::json;
use super::key::Key;
use super::mac::Tag;
use super::ring::Ring;
use super::row::{At, By, Id, Part, Row, Shape, Time};
use super::scheme::{Scheme, Setup};
use super::secret::Secrets;
use super::terms::{Binds, Terms};
use super::times::{self, parse, within};
use super::url::{self, NO_URL, PublicUrl};
use super::verifier::{ConfigError, Delivery, Rejection, WebhookRequest, only};

/// How many signatures a sender may show at once. It has a few secrets; and each costs a comparison,
/// or more.
const MOST_SIGNATURES: usize = 64;

/// A scheme by a [`Row`], with its secrets.
pub(super) struct Signed {
    scheme: Option<&'static Scheme>,
    row: Row,
    signature: Vec<HeaderName>,
    prefix: String,
    time: Vec<HeaderName>,
    id: Vec<HeaderName>,
    id_pointer: Option<String>,
    tolerance: Option<Duration>,
    url: Option<PublicUrl>,
    url_fault: Option<ConfigError>,
    pub(super) keys: Ring,
    refuse_with: Option<http::StatusCode>,
}

/// What a head shows.
struct Shown<'a> {
    family: usize,
    signatures: Signatures,
    time: Option<&'a str>,
    id: Option<&'a str>,
}

/// Nearly always one.
#[derive(Default)]
struct Signatures {
    first: Option<Tag>,
    more: Vec<Tag>,
}

impl Signatures {
    fn add(&mut self, signature: Option<Tag>) {
        match self.first {
            None => self.first = signature,
            Some(_) => self.more.extend(signature),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.first.iter().chain(&self.more)
    }
}

fn names(of: &[&'static str]) -> Vec<HeaderName> {
    of.iter()
        .map(|name| HeaderName::from_static(name))
        .collect()
}

impl Signed {
    #[track_caller]
    pub(super) fn new(scheme: Option<&'static Scheme>, row: &Row, secrets: Secrets) -> Self {
        let time = match row.time {
            Some(Time {
                at: At::Header(of), ..
            }) => names(of),
            _ => Vec::new(),
        };
        let id = match row.id {
            Id::Header(of) => names(of),
            _ => Vec::new(),
        };
        let id_pointer = match row.id {
            Id::Body(pointer) => Some(pointer.to_owned()),
            _ => None,
        };
        let prefix = match row.shape {
            Shape::Whole { prefix } => prefix.to_owned(),
            _ => String::new(),
        };
        let tolerance = row.time.and_then(|time| time.tolerance.seconds());
        Self {
            scheme,
            row: *row,
            signature: names(row.signature),
            prefix,
            time,
            id,
            id_pointer,
            tolerance: tolerance.map(Duration::from_secs),
            url: None,
            url_fault: None,
            keys: Ring::new(row.key, secrets),
            refuse_with: None,
        }
    }

    /// A form of its own: with this one header.
    pub(super) fn with_header(mut self, header: HeaderName) -> Self {
        self.signature = vec![header];
        self
    }

    pub(super) fn set_scheme(&mut self, scheme: Option<&'static Scheme>) {
        self.scheme = scheme;
    }

    pub(super) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    pub(super) fn set_id_header(&mut self, header: HeaderName) {
        self.id = vec![header; self.signature.len()];
        self.id_pointer = None;
    }

    pub(super) fn set_id_pointer(&mut self, pointer: String) {
        self.id.clear();
        self.id_pointer = Some(pointer);
    }

    pub(super) fn set_tolerance(&mut self, tolerance: Option<Duration>) {
        self.tolerance = tolerance;
    }

    pub(super) fn set_refuse_with(&mut self, status: http::StatusCode) {
        self.refuse_with = Some(status);
    }

    pub(super) fn set_url(&mut self, url: &str) {
        match PublicUrl::new(url) {
            Ok(url) => self.url = Some(url),
            Err(error) => self.url_fault = Some(error),
        }
    }

    pub(super) fn configure(&mut self, setup: &Setup) {
        if let Some(tolerance) = setup.tolerance() {
            self.tolerance = tolerance;
        }
        if let Some(url) = &setup.public_url {
            self.set_url(url);
        }
    }

    /// What can be said by the head alone.
    pub(super) fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<(), Rejection> {
        let shown = self.shown(request)?;
        if let Some(time) = self.row.time.filter(|time| time.early) {
            self.judge(time, shown.time.unwrap_or_default(), request)?;
        }
        Ok(())
    }

    pub(super) fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let shown = self.shown(request)?;
        let early = self.row.time.filter(|time| time.early);
        let mut timestamp = None;
        if let Some(time) = early {
            timestamp = self.judge(time, shown.time.unwrap_or_default(), request)?;
        }
        let number = self.signed_by(request, &shown)?;
        if let Some(time) = self.row.time.filter(|time| !time.early) {
            let in_body;
            let text = match time.at {
                At::Body(pointer) => {
                    in_body = json::pointer(request.body(), pointer).ok_or(
                        Rejection::SignatureInvalid("the body has no time where it belongs"),
                    )?;
                    &*in_body
                }
                _ => shown.time.unwrap_or_default(),
            };
            timestamp = self.judge(time, text, request)?;
        }
        let mut delivery = Delivery::new();
        delivery.timestamp = timestamp;
        delivery.scheme = self.scheme.map(|scheme| scheme.name);
        delivery.secret = Some(number);
        delivery.id = match &self.id_pointer {
            Some(pointer) => json::pointer(request.body(), pointer),
            None => self.id(request, &shown)?,
        };
        let answer = self
            .row
            .greeting
            .and_then(|greeting| greeting.answer(request.body(), &self.keys, number));
        Ok(match answer {
            Some(answer) => delivery.with_answer(answer),
            None => delivery,
        })
    }

    fn shown<'a>(&self, request: &WebhookRequest<'a>) -> Result<Shown<'a>, Rejection> {
        let shown = self
            .signature
            .iter()
            .map(|it| request.headers().get_all(it));
        let (family, values) = shown
            .enumerate()
            .find(|(_, values)| values.iter().next().is_some())
            .ok_or(Rejection::SignatureMissing("no such header"))?;
        let signs_id = self.row.message.contains(&Part::Id);
        let id = match self.id.get(family) {
            Some(id) if signs_id => Some(companion(request, id)?),
            _ => None,
        };
        let mut time = match (self.time.get(family), signs_id) {
            (Some(header), true) => Some(companion(request, header)?),
            (Some(header), false) => match request.proof(header) {
                Ok(time) => Some(time),
                Err(Rejection::SignatureMissing(_)) => {
                    return Err(Rejection::SignatureInvalid(
                        "the header with the time is missing",
                    ));
                }
                Err(rejection) => return Err(rejection),
            },
            (None, _) => None,
        };
        let (min, max) = self.signature_len();
        let decode = |text: &str| self.row.encoding.decode(text, min, max);
        let mut signatures = Signatures::default();
        match self.row.shape {
            Shape::Whole { .. } => {
                let text = only(&values)?
                    .strip_prefix(self.prefix.as_str())
                    .ok_or(Rejection::SignatureInvalid("another prefix"))?;
                signatures.add(decode(text));
            }
            Shape::Each => {
                for name in &self.signature {
                    match request.proof(name) {
                        Ok(value) => signatures.add(decode(value)),
                        Err(Rejection::SignatureMissing(_)) => {}
                        Err(rejection) => return Err(rejection),
                    }
                }
            }
            Shape::Pairs {
                separator,
                time: time_key,
                version,
                none,
            } => {
                let value = only(&values)?;
                let mut seen = 0;
                for item in value.split(separator) {
                    let Some((key, value)) = item.trim_start_matches(' ').split_once('=') else {
                        continue;
                    };
                    if key == time_key {
                        if time.is_some() {
                            return Err(Rejection::SignatureInvalid("the time is there twice"));
                        }
                        time = Some(value);
                    } else if key == version {
                        seen += 1;
                        if seen > MOST_SIGNATURES {
                            return Err(TOO_MANY);
                        }
                        signatures.add(decode(value));
                    }
                }
                if time.is_none() {
                    return Err(Rejection::SignatureInvalid("the header has no time"));
                }
                if seen == 0 {
                    return Err(none("no signature of a version that counts"));
                }
            }
            Shape::List { version } => {
                let mut seen = 0;
                let mut empty = true;
                for value in values {
                    let value = value
                        .to_str()
                        .map_err(|_| Rejection::SignatureInvalid("the header is not ASCII"))?;
                    for item in value.split(' ').filter(|item| !item.is_empty()) {
                        empty = false;
                        let Some((of, signature)) = item.split_once(',') else {
                            continue;
                        };
                        if of == version {
                            seen += 1;
                            if seen > MOST_SIGNATURES {
                                return Err(TOO_MANY);
                            }
                            signatures.add(decode(signature));
                        }
                    }
                }
                if empty {
                    return Err(Rejection::SignatureMissing("the header is empty"));
                }
                if seen == 0 {
                    return Err(Rejection::SignatureInvalid(
                        "no signature of a version that counts",
                    ));
                }
            }
        }
        if signatures.first.is_none() {
            return Err(Rejection::SignatureInvalid("another encoding or length"));
        }
        Ok(Shown {
            family,
            signatures,
            time,
            id,
        })
    }

    fn signs_url(&self) -> bool {
        let mut message = self.row.message.iter();
        message.any(|part| matches!(part, Part::Url | Part::DecodedUrl))
    }

    /// The least and the most bytes of a signature.
    fn signature_len(&self) -> (usize, usize) {
        match self.row.by {
            By::Hmac(algorithm) => (algorithm.tag_len(), algorithm.tag_len()),
            // Ed25519 has 64; ECDSA in DER 8 to 72.
            #[cfg(feature = "webhook-asymmetric")]
            By::PublicKey => (8, 72),
        }
    }

    fn signed_by(
        &self,
        request: &WebhookRequest<'_>,
        shown: &Shown<'_>,
    ) -> Result<usize, Rejection> {
        if !self.signs_url() {
            return self.key_of(self.message(request, shown, ""), shown).ok_or(
                Rejection::SignatureInvalid("no secret gives this signature of this body"),
            );
        }
        let url = self
            .url
            .as_ref()
            .ok_or(Rejection::SignatureInvalid(
                "the public URL is not configured",
            ))?
            .of(request);
        let signed = |url: &str| self.key_of(self.message(request, shown, url), shown);
        let decoded = || {
            let decoded = self.row.message.contains(&Part::DecodedUrl);
            let url = decoded.then(|| url::decoded(&url))?;
            signed(&url)
        };
        signed(&url)
            .or_else(decoded)
            .ok_or(Rejection::SignatureInvalid(
                "no secret gives this signature of this URL and body",
            ))
    }

    fn message<'m>(
        &self,
        request: &WebhookRequest<'m>,
        shown: &Shown<'m>,
        url: &'m str,
    ) -> impl Iterator<Item = &'m [u8]> + Clone {
        let part = move |part: &Part| match part {
            Part::Text(text) => text.as_bytes(),
            Part::Id => shown.id.unwrap_or_default().as_bytes(),
            Part::Time => shown.time.unwrap_or_default().as_bytes(),
            Part::Method => request.method().as_str().as_bytes(),
            Part::Url | Part::DecodedUrl => url.as_bytes(),
            Part::Body => request.body(),
        };
        self.row.message.iter().map(part)
    }

    /// The number of the key that made one of the signatures.
    fn key_of<'m>(
        &self,
        message: impl Iterator<Item = &'m [u8]> + Clone,
        shown: &Shown<'_>,
    ) -> Option<usize> {
        self.keys.find(|key| match (key, self.row.by) {
            (Key::Secret(secret), By::Hmac(algorithm)) => {
                let tag = secret.tag(algorithm, message.clone());
                let mut is = subtle::Choice::from(0);
                for signature in shown.signatures.iter() {
                    is |= tag.is(signature);
                }
                is.into()
            }
            #[cfg(feature = "webhook-asymmetric")]
            (Key::Public(key), By::PublicKey) => {
                let message = message.clone().collect::<Vec<_>>().concat();
                let mut signatures = shown.signatures.iter();
                signatures.any(|signature| key.verifies(&message, signature))
            }
            #[cfg(feature = "webhook-asymmetric")]
            _ => false,
        })
    }

    fn judge(
        &self,
        time: Time,
        text: &str,
        request: &WebhookRequest<'_>,
    ) -> Result<Option<SystemTime>, Rejection> {
        let seconds = parse(text, time.unit)?;
        within(seconds, self.tolerance, request.now())?;
        Ok(UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
    }

    fn id(
        &self,
        request: &WebhookRequest<'_>,
        shown: &Shown<'_>,
    ) -> Result<Option<String>, Rejection> {
        if let Some(id) = shown.id {
            return Ok(Some(id.to_owned()));
        }
        let Some(header) = self.id.get(shown.family) else {
            return Ok(None);
        };
        id_in(request, header)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.keys.check()?;
        if self.row.time.is_some() {
            times::check(self.tolerance)?;
        }
        // HTTP takes blanks off the start of a header's value.
        let fits = |b: u8| b == b' ' || b.is_ascii_graphic();
        if self.prefix.starts_with(' ') || !self.prefix.bytes().all(fits) {
            return Err(ConfigError::new(format!(
                "the prefix {:?} begins with a blank, or is not visible ASCII: no header matches it",
                self.prefix
            )));
        }
        self.id_pointer.as_deref().map_or(Ok(()), json::check)?;
        if let Some(fault) = &self.url_fault {
            return Err(fault.clone());
        }
        if self.signs_url() && self.url.is_none() {
            return Err(ConfigError::new(NO_URL));
        }
        Ok(())
    }

    pub(super) fn terms(&self) -> Terms {
        let mut terms = match self.scheme {
            Some(scheme) => Terms {
                binds: Some(Binds::Body),
                ..scheme.terms()
            },
            None => Terms {
                binds: Some(Binds::Body),
                ..Terms::default()
            },
        };
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }
}

const TOO_MANY: Rejection = Rejection::SignatureInvalid("more signatures than any sender shows");

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("scheme", &self.scheme.map(|scheme| scheme.name))
            .field("by", &self.row.by)
            .field("header", &self.signature)
            .field("prefix", &self.prefix)
            .field("encoding", &self.row.encoding)
            .field("secrets", &self.keys.len())
            .finish_non_exhaustive()
    }
}
