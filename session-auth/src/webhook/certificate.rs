//! X.509 certificates (RFC 5280) that senders name by a URL: when they are valid, and their RSA key.
//!
//! Who issued one is not asked: it comes over TLS from a host that is the sender's own.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use time::{Date, Month};

use super::verifier::{ConfigError, FetchError, Preparing, Rejection, in_time};

/// How many certificates are kept. A sender has one or two at a time.
const MOST: usize = 16;

/// An RSA key, and when it may be used.
pub(super) struct Certificate {
    /// An `RSAPublicKey` (RFC 8017).
    key: Vec<u8>,
    /// Seconds since 1970.
    not_before: i64,
    not_after: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Certificate {
    /// The first certificate of a PEM text.
    pub(super) fn of_pem(pem: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(pem).ok()?;
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
        let (encoded, _) = rest.split_once("-----END CERTIFICATE-----")?;
        let encoded: String = encoded.split_whitespace().collect();
        Self::of_der(&STANDARD.decode(encoded).ok()?)
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        let mut outer = Der(der);
        let mut certificate = Der(outer.expect(SEQUENCE)?);
        let mut tbs = Der(certificate.expect(SEQUENCE)?);
        // The version may be left out; then the serial number comes first.
        if tbs.tag() == Some(0xa0) {
            tbs.next()?;
        }
        tbs.expect(INTEGER)?;
        tbs.expect(SEQUENCE)?;
        tbs.expect(SEQUENCE)?;
        let mut validity = Der(tbs.expect(SEQUENCE)?);
        let not_before = validity.time()?;
        let not_after = validity.time()?;
        tbs.expect(SEQUENCE)?;
        let mut spki = Der(tbs.expect(SEQUENCE)?);
        let mut algorithm = Der(spki.expect(SEQUENCE)?);
        if algorithm.expect(OBJECT_IDENTIFIER)? != RSA_ENCRYPTION {
            return None;
        }
        // The first byte says how many bits of the last are unused: none.
        let key = spki.expect(BIT_STRING)?.strip_prefix(&[0])?;
        Some(Self {
            key: key.to_vec(),
            not_before,
            not_after,
        })
    }

    pub(super) fn verify(
        &self,
        hash: Hash,
        message: &[u8],
        signature: &[u8],
        now: SystemTime,
    ) -> Result<(), Rejection> {
        let now = now.duration_since(UNIX_EPOCH).ok();
        let now = now.and_then(|now| i64::try_from(now.as_secs()).ok());
        if !now.is_some_and(|now| (self.not_before..=self.not_after).contains(&now)) {
            return Err(Rejection::SignatureInvalid(
                "the certificate is expired, or not valid yet",
            ));
        }
        let parameters: &RsaParameters = match hash {
            Hash::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(parameters, &self.key)
            .verify(message, signature)
            .map_err(|_| Rejection::SignatureInvalid("the certificate's key did not sign this"))
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// DER (X.690), of which each value is read once.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut len = usize::from(first);
        if first & 0x80 != 0 {
            let bytes = usize::from(first & 0x7f);
            if !(1..=3).contains(&bytes) || rest.len() < bytes {
                return None;
            }
            let (number, after) = rest.split_at(bytes);
            len = number
                .iter()
                .fold(0, |len, &byte| len << 8 | usize::from(byte));
            rest = after;
        }
        if rest.len() < len {
            return None;
        }
        let (value, after) = rest.split_at(len);
        self.0 = after;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, value) = self.next()?;
        (found == tag).then_some(value)
    }

    /// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, in seconds since 1970.
    fn time(&mut self) -> Option<i64> {
        let (tag, value) = self.next()?;
        let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
        let (year, rest) = match tag {
            0x17 if text.len() == 12 => {
                let year = digits(&text[..2])?;
                // RFC 5280, section 4.1.2.5.1.
                (if year < 50 { 2000 } else { 1900 } + year, &text[2..])
            }
            0x18 if text.len() == 14 => (digits(&text[..4])?, &text[4..]),
            _ => return None,
        };
        let field = |at: usize| digits(rest.get(at..at + 2)?);
        seconds([year, field(0)?, field(2)?, field(4)?, field(6)?, field(8)?])
    }
}

fn digits(text: &str) -> Option<u32> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

fn seconds([year, month, day, hour, minute, second]: [u32; 6]) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let day = u8::try_from(day).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, day).ok()?;
    let clock = [hour, minute, second].map(|field| u8::try_from(field).unwrap_or(u8::MAX));
    let date = date.with_hms(clock[0], clock[1], clock[2]).ok()?;
    Some(date.assume_utc().unix_timestamp())
}

/// `2012-05-02T00:54:06.655Z` (RFC 3339, in UTC), in seconds since 1970.
pub(super) fn rfc3339(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z')?;
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if text.len() != 19 || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let signs = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    if !signs
        .iter()
        .all(|&(at, sign)| text.get(at..).is_some_and(|it| it.starts_with(sign)))
    {
        return None;
    }
    let field = |at: usize, len: usize| digits(text.get(at..at + len)?);
    let seconds = seconds([
        field(0, 4)?,
        field(5, 2)?,
        field(8, 2)?,
        field(11, 2)?,
        field(14, 2)?,
        field(17, 2)?,
    ])?;
    u64::try_from(seconds).ok()
}

type Fetching = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send>>;
type Fetch = dyn Fn(String) -> Fetching + Send + Sync;

/// The certificates of a sender that names them by a URL. Needs the feature `webhook-asymmetric`.
///
/// A URL is only ever fetched if it is of a host that is the sender's own, over https. What was fetched
/// is kept, 16 certificates at the most.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    fetch: Option<Box<Fetch>>,
    known: Mutex<VecDeque<(String, Arc<Certificate>)>>,
    /// For every URL.
    given: Option<Arc<Certificate>>,
    fault: Option<&'static str>,
}

impl Certificates {
    /// Fetched by this client, in PEM, when they are first needed.
    ///
    /// The client must not follow redirects, and must check the host's certificate. It is given up
    /// after 5 seconds. The bytes of a response that is no 200 are an error.
    ///
    /// ```
    /// use session_auth::webhook::Certificates;
    ///
    /// # async fn get(url: &str) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
    /// let certificates = Certificates::fetched(|url| async move {
    ///     let pem = get(&url).await?; // by reqwest, say, with `redirect::Policy::none()`
    ///     Ok(pem)
    /// });
    /// # drop(certificates);
    /// ```
    pub fn fetched<F>(fetch: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<u8>, FetchError>> + Send + 'static,
    {
        let fetch: Box<Fetch> = Box::new(move |url| Box::pin(fetch(url)));
        Self::of(Some(fetch), None, None)
    }

    /// This certificate, in PEM, whatever the URL.
    #[must_use]
    pub fn given(pem: impl AsRef<[u8]>) -> Self {
        let given = Certificate::of_pem(pem.as_ref()).map(Arc::new);
        let fault = given.is_none().then_some(
            "the certificate is no X.509 certificate of an RSA key in PEM: give the text between, and \
             with, the lines BEGIN CERTIFICATE and END CERTIFICATE",
        );
        Self::of(None, given, fault)
    }

    fn of(
        fetch: Option<Box<Fetch>>,
        given: Option<Arc<Certificate>>,
        fault: Option<&'static str>,
    ) -> Self {
        Self(Arc::new(Inner {
            fetch,
            known: Mutex::default(),
            given,
            fault,
        }))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.0
            .fault
            .map_or(Ok(()), |fault| Err(ConfigError::new(fault)))
    }

    pub(super) fn get(&self, url: &str) -> Option<Arc<Certificate>> {
        if let Some(given) = &self.0.given {
            return Some(Arc::clone(given));
        }
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|(known, _)| known == url);
        found.map(|(_, certificate)| Arc::clone(certificate))
    }

    /// Fetches what is not there yet.
    pub(super) fn fetch(&self, url: String) -> Option<Preparing<'static>> {
        if self.get(&url).is_some() {
            return None;
        }
        let fetching = self.0.fetch.as_ref()?(url.clone());
        let certificates = self.clone();
        Some(Box::pin(async move {
            let pem = in_time(fetching).await.map_err(|error| {
                tracing::error!(target: "session_auth", url, error, "no certificate of a sender");
                Rejection::Unavailable("the sender's certificate could not be fetched")
            })?;
            let certificate = Certificate::of_pem(&pem).ok_or(Rejection::Unavailable(
                "what was fetched is no certificate of an RSA key",
            ))?;
            let inner = &certificates.0;
            let mut known = inner.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|(known, _)| *known != url);
            known.truncate(MOST - 1);
            known.push_front((url, Arc::new(certificate)));
            Ok(())
        }))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// The host of a plain https URL with a path: no user, no port, no query, no fragment, nothing that two
/// readers may see in two ways.
pub(super) fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    let rest = url.strip_prefix("https://")?;
    if !rest.bytes().all(plain) {
        return None;
    }
    let at = rest.find('/')?;
    let (host, path) = rest.split_at(at);
    // By letters, digits and hyphens (RFC 952): what else a reader makes of a host is its own.
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(fits)
    };
    host.split('.').all(is_label).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_of_one_form() {
        assert_eq!(rfc3339("2012-05-02T00:54:06.655Z"), Some(1_335_920_046));
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        for bad in [
            "",
            "2012-05-02T00:54:06",
            "2012-05-02 00:54:06Z",
            "2012-05-02T00:54:06+00:00",
            "2012-13-02T00:54:06Z",
            "2012-05-02T25:54:06Z",
            "+012-05-02T00:54:06Z",
            "2012-05-02T00:54:06.Z",
            "2012-05-02T00:54:06.6e5Z",
            "2012-05-02T00:54:0606Z",
            "1969-12-31T23:59:59Z",
            "2012\u{e9}05-02T00:54:06Z",
        ] {
            assert_eq!(rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn lengths_and_times_of_der_are_of_one_form() {
        let time = |tag: u8, text: &str| {
            let len = u8::try_from(text.len()).expect("a short text");
            Der(&[&[tag, len], text.as_bytes()].concat()).time()
        };
        assert_eq!(time(0x17, "700101000000Z"), Some(0));
        assert_eq!(time(0x18, "19700101000000Z"), Some(0));
        assert_eq!(time(0x17, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(0x17, "500101000000Z"), Some(-631_152_000));
        for (tag, text) in [
            (0x17, "70010100000000Z"),
            (0x17, "7001010000Z"),
            (0x18, "197001010000000Z"),
            (0x18, "700101000000Z"),
            (0x16, "700101000000Z"),
            (0x17, "700101000000"),
        ] {
            assert_eq!(time(tag, text), None, "{tag:x} {text}");
        }
        assert_eq!(Der(&[4, 0x81, 1, 7]).next(), Some((4, &[7][..])));
        assert_eq!(Der(&[4, 0x81, 0]).next(), Some((4, &[][..])));
        let long = [&[4, 0x82, 1, 1][..], &[7; 257]].concat();
        assert_eq!(Der(&long).next(), Some((4, &[7; 257][..])));
        assert_eq!(Der(&long[..260]).next(), None);
        assert_eq!(Der(&[4, 0x84, 0, 0, 0, 1, 7]).next(), None);
        assert_eq!(Der(&[4, 0x80, 7]).next(), None);
    }

    #[test]
    fn a_certificate_is_read_and_nothing_else_is_one() {
        let pem = include_bytes!("../../tests/vectors/test_rsa_cert.pem");
        let certificate = Certificate::of_pem(pem).expect("a certificate");
        assert_eq!(certificate.not_before, 1_577_836_800);
        assert_eq!(certificate.not_after, 2_366_841_600);
        assert!(Certificate::of_pem(b"").is_none());
        let text = std::str::from_utf8(pem).expect("text");
        let der: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(der).expect("base64");
        for len in 0..der.len() {
            // The signature at the end is not looked at.
            let _ = Certificate::of_der(&der[..len]);
        }
        assert!(Certificate::of_der(&der[..300]).is_none());
        let at = |seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        for now in [1_577_836_799, 2_366_841_601] {
            let refused = certificate.verify(Hash::Sha256, b"", b"", at(now));
            let Err(Rejection::SignatureInvalid(what)) = refused else {
                panic!("{refused:?}");
            };
            assert!(what.contains("expired"), "{what}");
        }
    }

    #[tokio::test]
    async fn what_was_fetched_is_kept_and_what_fails_is_fetched_again() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let certificates = Certificates::fetched(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    return Err("no route to host".into());
                }
                Ok(include_bytes!("../../tests/vectors/test_rsa_cert.pem").to_vec())
            }
        });
        let url = || "https://sns.us-east-1.amazonaws.com/a.pem".to_owned();
        let failed = certificates.fetch(url()).expect("not known").await;
        assert!(matches!(failed, Err(Rejection::Unavailable(_))));
        assert_eq!(certificates.fetch(url()).expect("not known").await, Ok(()));
        assert!(certificates.fetch(url()).is_none());
        for number in 0..100 {
            let url = format!("https://sns.us-east-1.amazonaws.com/{number}.pem");
            certificates
                .fetch(url)
                .expect("not known")
                .await
                .expect("a certificate");
        }
        assert!(certificates.get(&url()).is_none(), "the list is bounded");
        for number in 0..100 {
            let url = format!("https://sns.us-east-1.amazonaws.com/{number}.pem");
            let is_known = certificates.get(&url).is_some();
            assert_eq!(is_known, number >= 100 - MOST, "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_answers_is_given_up() {
        let certificates = Certificates::fetched(|_| std::future::pending());
        let url = "https://sns.us-east-1.amazonaws.com/a.pem".to_owned();
        let given_up = certificates.fetch(url).expect("not known").await;
        assert!(matches!(given_up, Err(Rejection::Unavailable(_))));
    }
}
