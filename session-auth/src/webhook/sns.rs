//! Amazon SNS: messages that are signed with a key whose certificate they name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::Value;
use tokio::runtime::Handle;

use super::certificate::{Certificates, Hash, host_and_path, rfc3339};
use super::json;
use super::row::Tolerance;
use super::scheme::{self, Scheme};
use super::terms::{Binds, Terms};
use super::times::{self, within};
use super::verifier::{
    Answer, ConfigError, Delivery, FetchError, Preparing, Rejection, Verifier, WebhookRequest,
};

/// Amazon tries again for an hour by default, and the time is that of the first attempt.
const TOLERANCE: u64 = 3600;

pub(super) static SCHEMES: &[Scheme] = &[Scheme {
    name: "aws-sns",
    sender: "Amazon SNS",
    constructor: "Sns::new",
    signs: "the message's fields by name and value; RSA with SHA-1 (version 1) or SHA-256 (2)",
    proof: "Signature in the body",
    binds: Binds::Fields,
    refuse_with: 503,
    retry_budget: Some(3600),
    retries: "3 times, 20 s apart, for an hour at the most; any 4xx but 429 ends it",
    handshake: Some("`SubscriptionConfirmation`: a 200, and its URL is called"),
    delivery_id: Some("/MessageId"),
    feature: Some("webhook-asymmetric"),
    tolerance: Tolerance::Chosen(TOLERANCE),
    build: |setup| {
        let pem = setup.secrets.first().ok_or(ConfigError::new(
            "there is no certificate: give the file of it, in PEM",
        ))?;
        let mut sns = Sns::new(
            setup.account.as_slice(),
            Certificates::given(pem.as_slice()),
        );
        sns.any_topic = setup.diagnosing && setup.account.is_none();
        if let Some(tolerance) = setup.tolerance() {
            sns.tolerance = tolerance;
        }
        Ok(Box::new(sns))
    },
    ..Scheme::UNSAID
}];

type Confirming = Pin<Box<dyn Future<Output = Result<(), FetchError>> + Send>>;
type Confirm = dyn Fn(String) -> Confirming + Send + Sync;

/// Amazon SNS over HTTPS, to the topics that are named. Needs the feature `webhook-asymmetric`.
///
/// - Amazon signs for everybody who has an account there: what is not of one of these topics is
///   refused.
/// - The certificate's URL has to be one over https, of the host `sns.<region>.amazonaws.com`, and end
///   in `.pem`; no other is fetched. It has to be valid now.
/// - `SubscriptionConfirmation` and `UnsubscribeConfirmation` are signed, and answered by the layer.
///   With [`confirm_with`](Self::confirm_with) the URL of a confirmation is called.
/// - Raw message delivery is not signed, and is refused.
/// - A refusal is a 503: SNS takes any 4xx as final.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Certificates, Sns, Verifier};
///
/// # async fn get(url: &str) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
/// let certificates = Certificates::fetched(|url| async move { Ok(get(&url).await?) });
/// let sns = Sns::new(["arn:aws:sns:eu-west-1:123456789012:orders"], certificates)
///     .confirm_with(|url| async move {
///         get(&url).await?;
///         Ok(())
///     });
/// sns.check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct Sns {
    topics: Vec<String>,
    any_topic: bool,
    certificates: Certificates,
    confirm: Option<Arc<Confirm>>,
    sha256_only: bool,
    tolerance: Option<Duration>,
    refuse_with: Option<StatusCode>,
}

impl Sns {
    /// Accepts messages of these topics, by their ARNs.
    pub fn new<T: AsRef<str>>(
        topics: impl IntoIterator<Item = T>,
        certificates: Certificates,
    ) -> Self {
        let topics = topics.into_iter();
        Self {
            topics: topics.map(|topic| topic.as_ref().to_owned()).collect(),
            any_topic: false,
            certificates,
            confirm: None,
            sha256_only: false,
            tolerance: Some(Duration::from_secs(TOLERANCE)),
            refuse_with: None,
        }
    }

    /// Has a subscription confirmed by this client: it is given the URL, which is Amazon's own, once
    /// for each confirmation that is proved. What goes wrong is in the log at ERROR.
    pub fn confirm_with<F>(mut self, confirm: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), FetchError>> + Send + 'static,
    {
        self.confirm = Some(Arc::new(move |url| Box::pin(confirm(url))));
        self
    }

    /// Refuses version 1, which signs with SHA-1, where the topics have `SignatureVersion` 2.
    pub fn sha256_only(mut self) -> Self {
        self.sha256_only = true;
        self
    }

    /// Sets how far the time of a message may be from now, to either side. In whole seconds; the
    /// default is an hour. A topic that tries again for longer needs more.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Sets the status of a refusal. The default is 503, after which SNS tries again.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }

    fn confirmed(&self, url: &str) {
        let (Some(confirm), Ok(runtime)) = (&self.confirm, Handle::try_current()) else {
            tracing::warn!(
                target: "session_auth",
                url,
                "a subscription of Amazon SNS waits for its confirmation: call this URL"
            );
            return;
        };
        let confirming = confirm(url.to_owned());
        runtime.spawn(async move {
            match confirming.await {
                Ok(()) => tracing::info!(target: "session_auth", "a subscription is confirmed"),
                Err(error) => {
                    tracing::error!(target: "session_auth", error, "a subscription is not confirmed");
                }
            }
        });
    }
}

/// A message as it stands in the body.
pub(super) struct Message(pub(super) Value);

impl Message {
    fn read(body: &[u8]) -> Result<Self, Rejection> {
        let body = json::whole(body);
        body.map(Self).ok_or(Rejection::SignatureMissing(
            "the body is no JSON: a raw delivery?",
        ))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn needed(&self, name: &str) -> Result<&str, Rejection> {
        self.field(name).ok_or(Rejection::SignatureInvalid(
            "a field that is signed is missing, or no text",
        ))
    }

    /// What is signed: names and values, a line each.
    pub(super) fn signed(&self) -> Result<String, Rejection> {
        let names: &[&str] = match self.needed("Type")? {
            "Notification" => &[
                "Message",
                "MessageId",
                "Subject",
                "Timestamp",
                "TopicArn",
                "Type",
            ],
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => &[
                "Message",
                "MessageId",
                "SubscribeURL",
                "Timestamp",
                "Token",
                "TopicArn",
                "Type",
            ],
            _ => return Err(Rejection::SignatureInvalid("a message of another type")),
        };
        let mut signed = String::new();
        for name in names {
            if *name == "Subject" && self.0.get(name).is_none_or(Value::is_null) {
                continue;
            }
            for line in [name, self.needed(name)?] {
                signed.push_str(line);
                signed.push('\n');
            }
        }
        Ok(signed)
    }

    /// The URL of the certificate, if it is Amazon's.
    fn certificate_url(&self) -> Result<&str, Rejection> {
        let url = self.needed("SigningCertURL")?;
        if is_amazons(url) && url.ends_with(".pem") {
            Ok(url)
        } else {
            Err(Rejection::SignatureInvalid(
                "the URL of the certificate is not one of Amazon SNS",
            ))
        }
    }
}

/// `^sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?$`, as in Amazon's `sns-validator` for Node.
fn is_host_of_sns(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host
        .strip_prefix("sns.")
        .and_then(|host| host.strip_suffix(".amazonaws.com"));
    region.is_some_and(|region| {
        region.len() >= 3
            && region
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

fn is_amazons(url: &str) -> bool {
    host_and_path(url).is_some_and(|(host, _)| is_host_of_sns(host))
}

/// The URL of a confirmation has a query.
fn is_amazons_confirmation(url: &str) -> bool {
    let Some((address, query)) = url.split_once('?') else {
        return false;
    };
    is_amazons(address)
        && query
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\')
}

impl Verifier for Sns {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let message = Message::read(request.body())?;
        let signature = message
            .field("Signature")
            .ok_or(Rejection::SignatureMissing("the message has no signature"))?;
        let hash = match message.needed("SignatureVersion")? {
            "1" if !self.sha256_only => Hash::Sha1,
            "2" => Hash::Sha256,
            _ => {
                return Err(Rejection::SignatureInvalid(
                    "a version that is not accepted",
                ));
            }
        };
        let url = message.certificate_url()?;
        let signed = message.signed()?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| Rejection::SignatureInvalid("another encoding or length"))?;
        let topic = message.needed("TopicArn")?;
        if !self.any_topic && !self.topics.iter().any(|known| known == topic) {
            return Err(Rejection::SignatureInvalid("a message of another topic"));
        }
        let certificate = self.certificates.get(url).ok_or(Rejection::Unavailable(
            "the sender's certificate is not there",
        ))?;
        certificate.verify(hash, signed.as_bytes(), &signature, request.now())?;
        let time = rfc3339(message.needed("Timestamp")?)
            .ok_or(Rejection::SignatureInvalid("the time is of another form"))?;
        within(time, self.tolerance, request.now())?;
        let mut delivery = Delivery::new().with_id(message.needed("MessageId")?);
        delivery.timestamp = UNIX_EPOCH.checked_add(Duration::from_secs(time));
        delivery.scheme = Some("aws-sns");
        match message.field("Type") {
            Some("Notification") => return Ok(delivery),
            Some("SubscriptionConfirmation") => {
                let url = message.needed("SubscribeURL")?;
                if !is_amazons_confirmation(url) {
                    return Err(Rejection::SignatureInvalid(
                        "the URL of the confirmation is not one of Amazon SNS",
                    ));
                }
                self.confirmed(url);
            }
            _ => {}
        }
        Ok(delivery.with_answer(Answer::new(StatusCode::OK)))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        let message = Message::read(request.body()).ok()?;
        // Nothing is fetched for what would be refused all the same.
        let topic = message.field("TopicArn")?;
        message.field("Signature")?;
        if !self.topics.iter().any(|known| known == topic) {
            return None;
        }
        let url = message.certificate_url().ok()?.to_owned();
        self.certificates.fetch(url)
    }

    fn terms(&self) -> Terms {
        let mut terms =
            scheme::known(SCHEMES, "aws-sns").map_or_else(Terms::default, Scheme::terms);
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.topics.is_empty() && !self.any_topic {
            return Err(ConfigError::new(
                "no topic is named, and Amazon signs for everybody: name the ARNs of yours",
            ));
        }
        for topic in &self.topics {
            let shows = topic.bytes().all(|b| b.is_ascii_graphic());
            let parts: Vec<_> = topic.split(':').collect();
            let is_topic = matches!(
                parts[..],
                ["arn", partition, "sns", region, account, name]
                    if partition.starts_with("aws") && ![region, account, name].contains(&"")
            );
            if !shows || !is_topic {
                return Err(ConfigError::new(format!(
                    "{topic:?} is no ARN of a topic: `arn:aws:sns:eu-west-1:123456789012:orders` \
                     (a newline at the end?)"
                )));
            }
        }
        times::check(self.tolerance)?;
        self.certificates.check()
    }
}

impl fmt::Debug for Sns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sns")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_fetched_from_amazon_alone() {
        for (url, is) in [
            ("https://sns.us-east-1.amazonaws.com/a.pem", true),
            ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", true),
            ("https://sns.us-gov-west-1.amazonaws.com/a/b.pem", true),
            ("http://sns.us-east-1.amazonaws.com/a.pem", false),
            ("https://sns.s3.amazonaws.com/a.pem", false),
            (
                "https://sns.us-east-1.amazonaws.com.evil.example/a.pem",
                false,
            ),
            ("https://sns.us-east-1.amazonaws.com:8443/a.pem", false),
            ("https://sns.us-east-1.amazonaws.com:443/a.pem", false),
            ("https://user@sns.us-east-1.amazonaws.com/a.pem", false),
            (
                "https://evil.example/sns.us-east-1.amazonaws.com/a.pem",
                false,
            ),
            ("https://sns.us-east-1.amazonaws.com/a.pem?x=.pem", false),
            ("https://sns.us-east-1.amazonaws.com/a.pem#x", false),
            (
                "https://sns.us-east-1.amazonaws.com\\@evil.example/a.pem",
                false,
            ),
            ("https://sns.us.east.amazonaws.com/a.pem", false),
            ("https://xsns.us-east-1.amazonaws.com/a.pem", false),
            ("https://sns.us-east-1.amazonaws.com", false),
            ("https://SNS.us-east-1.amazonaws.com/a.pem", false),
            ("HTTPS://sns.us-east-1.amazonaws.com/a.pem", false),
            ("//sns.us-east-1.amazonaws.com/a.pem", false),
            ("", false),
        ] {
            assert_eq!(is_amazons(url), is, "{url}");
        }
        assert!(is_amazons_confirmation(
            "https://sns.us-east-1.amazonaws.com/?Action=x"
        ));
        for query in ["a#b", "a\\b", "a b", "a\nb", "\u{e4}"] {
            let url = format!("https://sns.us-east-1.amazonaws.com/?{query}");
            assert!(!is_amazons_confirmation(&url), "{url}");
        }
        assert!(!is_amazons_confirmation(
            "https://sns.us-east-1.amazonaws.com/x"
        ));
        assert!(!is_amazons_confirmation(
            "https://evil.example/?https://sns.us-east-1.amazonaws.com/"
        ));
    }

    #[test]
    fn a_topic_has_to_be_named() {
        let pem = include_str!("../../tests/vectors/test_rsa_cert.pem");
        let sns = |topics: &[&str]| Sns::new(topics, Certificates::given(pem)).check();
        assert!(sns(&[]).is_err());
        for no_topic in [
            "orders",
            "arn:aws:sqs:eu-west-1:123456789012:orders",
            "arn:aws:sns:eu-west-1::orders",
            "arn:aws:sns:eu-west-1:123456789012:",
            // That of a subscription.
            "arn:aws:sns:eu-west-1:123456789012:orders:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
        ] {
            assert!(sns(&[no_topic]).is_err(), "{no_topic}");
        }
        let of_china = ["arn:aws-cn:sns:cn-north-1:123456789012:orders"];
        assert_eq!(sns(&of_china), Ok(()));
        assert_eq!(sns(&["arn:aws:sns:eu-west-1:123456789012:orders"]), Ok(()));
        let arn = ["arn:aws:sns:eu-west-1:123456789012:orders"];
        assert!(Sns::new(arn, Certificates::given("x")).check().is_err());
    }
}
