//! Twilio: the public URL and the fields of a form, signed together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use http::{HeaderName, StatusCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::blanks::setting;
use super::form;
use super::headers::id_in;
use super::key::{Key, KeyForm};
use super::mac::{Algorithm, Encoding, Tag, decode_hex};
use super::ring::Ring;
use super::scheme::{self, Scheme, Setup};
use super::secret::{IntoSecrets, Secrets};
use super::terms::{Binds, Terms};
use super::url::{NO_URL, PublicUrl};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
const SETTINGS: HeaderName = HeaderName::from_static("x-twilio-webhooks-signature-settings");
const ID: HeaderName = HeaderName::from_static("i-twilio-idempotency-token");

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "twilio",
    sender: "Twilio",
    constructor: "Twilio::new, Twilio::shared_key",
    signs: "the public URL and the sorted fields of the form, or the URL with the `bodySHA256` of a \
            body of JSON; HMAC-SHA1, or HMAC-SHA256 with a shared key, base64",
    proof: "X-Twilio-Signature",
    binds: Binds::Fields,
    retries: "once where it could not connect, or as the URL's fragment says",
    delivery_id: Some("i-twilio-idempotency-token"),
    feature: Some("sha1"),
    build: |setup| {
        let mut twilio = match setup.algorithm.as_deref() {
            Some("HMAC_SHA1") => Twilio::new(setup.secrets()),
            Some("HMAC_SHA256") => Twilio::shared_key(setup.secrets()),
            // To find out what is wrong with a delivery, a secret may be either.
            None if setup.diagnosing => {
                let mut twilio = Twilio::new(setup.secrets());
                twilio.shared = Some(Ring::new(KeyForm::Text, setup.secrets()));
                twilio
            }
            None => Twilio::new(setup.secrets()),
            Some(_) => {
                return Err(ConfigError::new(
                    "Twilio signs by `HMAC_SHA1` or by `HMAC_SHA256`",
                ));
            }
        };
        twilio.configure(setup);
        Ok(Box::new(twilio))
    },
    ..Scheme::UNSAID
}];

/// Twilio: `X-Twilio-Signature`, over the public URL and what was sent. Needs the feature `sha1`.
///
/// - The fields of a form are signed with the URL: sorted, and each value once.
/// - A body of JSON is bound by `bodySHA256` in the URL. One that is not, nor a form, is refused: the
///   signature says nothing about it.
/// - By default Twilio signs with the account's primary Auth Token, by HMAC-SHA1:
///   [`new`](Self::new). With a shared key, it signs by HMAC-SHA256 and says so in
///   `X-Twilio-Webhooks-Signature-Settings`: [`shared_key`](Self::shared_key). A key is good for its
///   own algorithm alone, whatever that header says.
///
/// The URL is the one that was given to Twilio, with the user and password if it has them:
/// [`public_url`](Self::public_url).
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Twilio, Verifier};
///
/// let twilio = Twilio::new("the auth token").public_url("https://hooks.example.com");
/// twilio.check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Twilio {
    token: Option<Ring>,
    shared: Option<Ring>,
    url: Option<PublicUrl>,
    url_fault: Option<ConfigError>,
    fragment: Option<String>,
    refuse_with: Option<StatusCode>,
}

impl Twilio {
    /// Accepts what is signed with this Auth Token, by HMAC-SHA1.
    #[track_caller]
    pub fn new(auth_token: impl IntoSecrets) -> Self {
        Self {
            token: Some(Ring::new(KeyForm::Text, auth_token.into_secrets())),
            shared: None,
            url: None,
            url_fault: None,
            fragment: None,
            refuse_with: None,
        }
    }

    /// Accepts what is signed with this shared key, by HMAC-SHA256, and nothing else.
    #[track_caller]
    pub fn shared_key(key: impl IntoSecrets) -> Self {
        let mut twilio = Self::new("");
        twilio.token = None;
        twilio.shared = Some(Ring::new(KeyForm::Text, key.into_secrets()));
        twilio
    }

    /// Accepts this Auth Token too.
    #[track_caller]
    pub fn or(mut self, auth_token: impl IntoSecrets) -> Self {
        add(&mut self.token, auth_token.into_secrets());
        self
    }

    /// Accepts this shared key too.
    #[track_caller]
    pub fn or_shared_key(mut self, key: impl IntoSecrets) -> Self {
        add(&mut self.shared, key.into_secrets());
        self
    }

    /// Sets the public address of the service, as it was given to Twilio:
    /// `https://user:password@hooks.example.com`. `Host` is never read: the caller chooses it.
    pub fn public_url(mut self, url: &str) -> Self {
        match PublicUrl::new(url) {
            Ok(url) => self.url = Some(url),
            Err(error) => self.url_fault = Some(error),
        }
        self
    }

    /// Sets the fragment of the URL that was given to Twilio, `rc=3` say: it overrides how Twilio
    /// connects, and is not sent.
    pub fn fragment(mut self, fragment: impl Into<String>) -> Self {
        let fragment: String = fragment.into();
        // Copied with the sign that it stands behind.
        self.fragment = Some(fragment.strip_prefix('#').unwrap_or(&fragment).to_owned());
        self
    }

    /// Sets the status of a refusal. The default is 401.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }

    fn configure(&mut self, setup: &Setup) {
        self.fragment.clone_from(&setup.fragment);
        let Some(url) = &setup.public_url else {
            return;
        };
        match PublicUrl::new(url) {
            Ok(url) => self.url = Some(url),
            Err(error) => self.url_fault = Some(error),
        }
    }

    /// What the request says that it is signed by: the keys are for one of the two.
    fn algorithm(&self, request: &WebhookRequest<'_>) -> Result<(Algorithm, &Ring), Rejection> {
        let says_sha256 = match request.proof(&SETTINGS) {
            Err(Rejection::SignatureMissing(_)) => false,
            Err(rejection) => return Err(rejection),
            Ok(settings) => sha256_by_settings(settings)?,
        };
        let (algorithm, keys) = if says_sha256 {
            (Algorithm::Sha256, &self.shared)
        } else {
            (Algorithm::Sha1, &self.token)
        };
        let keys = keys.as_ref().ok_or(Rejection::SignatureInvalid(
            "there is no secret for the algorithm that signs",
        ))?;
        Ok((algorithm, keys))
    }

    fn signature(
        &self,
        request: &WebhookRequest<'_>,
    ) -> Result<(Algorithm, &Ring, Tag), Rejection> {
        let signature = request.proof(&SIGNATURE)?;
        let (algorithm, keys) = self.algorithm(request)?;
        let len = algorithm.tag_len();
        let signature = Encoding::Base64
            .decode(signature, len, len)
            .ok_or(Rejection::SignatureInvalid("another encoding or length"))?;
        Ok((algorithm, keys, signature))
    }
}

#[track_caller]
fn add(ring: &mut Option<Ring>, secrets: Secrets) {
    match ring {
        Some(ring) => ring.add(secrets),
        None => *ring = Some(Ring::new(KeyForm::Text, secrets)),
    }
}

/// `key=webhooks_sharedkey_1,algorithm=HMAC_SHA256`.
fn sha256_by_settings(settings: &str) -> Result<bool, Rejection> {
    let mut algorithms = settings
        .split(',')
        .filter_map(|setting| setting.trim().split_once('='))
        .filter(|(key, _)| *key == "algorithm")
        .map(|(_, value)| value);
    match (algorithms.next(), algorithms.next()) {
        (Some("HMAC_SHA256"), None) => Ok(true),
        (Some("HMAC_SHA1"), None) => Ok(false),
        _ => Err(Rejection::SignatureInvalid(
            "the settings of the signature name no algorithm that is known",
        )),
    }
}

/// What is signed behind the URL.
fn signed_fields(request: &WebhookRequest<'_>) -> Result<Vec<u8>, Rejection> {
    let query = request.uri().query().unwrap_or_default();
    let query = form::pairs(query.as_bytes());
    let hashes = query.iter().filter(|(name, _)| name == b"bodySHA256");
    match hashes.map(|(_, hash)| hash).collect::<Vec<_>>()[..] {
        [] => {}
        [hash] => {
            let hash = std::str::from_utf8(hash).ok().and_then(decode_hex);
            let is = Sha256::digest(request.body());
            let same = hash.is_some_and(|hash| bool::from(hash.ct_eq(&is)));
            return same.then(Vec::new).ok_or(Rejection::SignatureInvalid(
                "the body is not the one whose `bodySHA256` the URL has",
            ));
        }
        _ => {
            return Err(Rejection::SignatureInvalid(
                "the URL has `bodySHA256` twice",
            ));
        }
    }
    if request.body().is_empty() {
        return Ok(Vec::new());
    }
    if !form::is_form(request) {
        return Err(Rejection::SignatureInvalid(
            "the body is no form, and the URL has no `bodySHA256`: nothing binds it",
        ));
    }
    let mut fields: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (name, value) in form::fields(request.body())? {
        fields.entry(name).or_default().insert(value);
    }
    let mut signed = Vec::with_capacity(request.body().len());
    for (name, values) in fields {
        for value in values {
            signed.extend_from_slice(&name);
            signed.extend_from_slice(&value);
        }
    }
    Ok(signed)
}

/// The ways in which Twilio is known to write a URL that it signs: with its port, without, with the
/// scheme's own; and the query as it is, as browsers escape it, and escaped anew.
/// As in `src/webhooks/webhooks.ts` of Twilio's library for Node.
fn forms(url: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let Some((scheme, rest)) = address.split_once("://") else {
        return forms;
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let (user, host) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let own = if scheme == "http" { "80" } else { "443" };
    let (host, port) = match host.rsplit_once(':') {
        // Not the colons of an address in brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    };
    let queries = match query {
        None => vec![String::new()],
        Some(query) => vec![
            format!("?{query}"),
            format!("?{}", as_browsers(query)),
            format!("?{}", anew(query)),
        ],
    };
    for query in queries {
        forms.insert(format!("{scheme}://{user}{host}{path}{query}"));
        let port = port.unwrap_or(own);
        forms.insert(format!("{scheme}://{user}{host}:{port}{path}{query}"));
    }
    forms
}

/// WHATWG URL: the special query percent-encode set.
fn as_browsers(query: &str) -> String {
    let mut escaped = String::with_capacity(query.len());
    for character in query.chars() {
        match character {
            '\'' => escaped.push_str("%27"),
            '"' => escaped.push_str("%22"),
            '<' => escaped.push_str("%3C"),
            '>' => escaped.push_str("%3E"),
            ' ' => escaped.push_str("%20"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// As `querystring.stringify` of Node.js writes what `querystring.parse` has read.
fn anew(query: &str) -> String {
    use std::fmt::Write;

    let escape = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, &byte| {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
    };
    let pairs = form::pairs(query.as_bytes());
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Verifier for Twilio {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let (algorithm, keys, signature) = self.signature(request)?;
        let url = self.url.as_ref().ok_or(Rejection::SignatureInvalid(
            "the public URL is not configured",
        ))?;
        let url = url.of(request);
        let fields = signed_fields(request)?;
        let mut forms = forms(&url);
        if let Some(fragment) = &self.fragment {
            let with: Vec<_> = forms
                .iter()
                .map(|url| format!("{url}#{fragment}"))
                .collect();
            forms.extend(with);
        }
        let number = keys.find(|key| {
            #[cfg_attr(not(feature = "webhook-asymmetric"), allow(irrefutable_let_patterns))]
            let Key::Secret(secret) = key else {
                return false;
            };
            let mut is = subtle::Choice::from(0);
            for url in &forms {
                let parts = [url.as_bytes(), &fields];
                is |= secret.tag(algorithm, parts.into_iter()).is(&signature);
            }
            is.into()
        });
        let number = number.ok_or(Rejection::SignatureInvalid(
            "no secret gives this signature of this URL and these fields",
        ))?;
        let mut delivery = Delivery::new();
        delivery.scheme = Some("twilio");
        delivery.secret = Some(number);
        delivery.id = id_in(request, &ID)?;
        Ok(delivery)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.signature(request).map(|_| None)
    }

    fn terms(&self) -> Terms {
        let mut terms = scheme::known(SCHEMES, "twilio").map_or_else(Terms::default, Scheme::terms);
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        [&self.token, &self.shared]
            .into_iter()
            .flatten()
            .flat_map(|ring| ring.uses(ids))
            .collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        for ring in [&self.token, &self.shared].into_iter().flatten() {
            ring.check()?;
        }
        if let Some(fault) = &self.url_fault {
            return Err(fault.clone());
        }
        if let Some(fragment) = &self.fragment {
            setting("the fragment of the URL", fragment)?;
            if fragment.contains('#') {
                return Err(ConfigError::new(format!(
                    "the fragment of the URL is {fragment:?}: give what stands behind its `#`"
                )));
            }
        }
        match self.url {
            Some(_) => Ok(()),
            None => Err(ConfigError::new(NO_URL)),
        }
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("auth_tokens", &self.token.as_ref().map_or(0, Ring::len))
            .field("shared_keys", &self.shared.as_ref().map_or(0, Ring::len))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_tried_with_and_without_its_port_and_with_each_form_of_its_query() {
        let forms = |url: &str| forms(url).into_iter().collect::<Vec<_>>();
        assert_eq!(
            forms("https://u:p@a.example/x"),
            ["https://u:p@a.example/x", "https://u:p@a.example:443/x"]
        );
        assert_eq!(
            forms("https://a.example:1234/x?Body=It's+a"),
            [
                "https://a.example/x?Body=It%27s+a",
                "https://a.example/x?Body=It's%20a",
                "https://a.example/x?Body=It's+a",
                "https://a.example:1234/x?Body=It%27s+a",
                "https://a.example:1234/x?Body=It's%20a",
                "https://a.example:1234/x?Body=It's+a",
            ]
        );
        // A user without a password.
        assert_eq!(
            forms("https://u:@a.example/x"),
            ["https://u:@a.example/x", "https://u:@a.example:443/x"]
        );
        assert_eq!(
            forms("http://[::1]/x"),
            ["http://[::1]/x", "http://[::1]:80/x"]
        );
    }

    #[test]
    fn settings_name_one_algorithm_that_is_known() {
        for (settings, expected) in [
            ("key=k,algorithm=HMAC_SHA256", Some(true)),
            ("algorithm=HMAC_SHA1", Some(false)),
            ("key=k", None),
            ("", None),
            ("algorithm=none", None),
            ("algorithm=HMAC_SHA1,algorithm=HMAC_SHA256", None),
        ] {
            assert_eq!(sha256_by_settings(settings).ok(), expected, "{settings}");
        }
    }
}
