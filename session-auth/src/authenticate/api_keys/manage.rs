//! Issuing, listing, rotating and revoking keys.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use zeroize::Zeroizing;

use super::{ApiKeys, text};
use crate::clock::Timestamp;
use crate::scope;
use crate::store::{ApiKey, ApiKeyId, KEEP_ENDED, StoreError};
use crate::subject;
use crate::trail::AuditEvent;

/// How many live keys a subject may have.
const MAX_KEYS: usize = 100;

/// What a key is to be: [`ApiKeys::issue`].
#[derive(Clone, Debug)]
#[must_use = "give it to `ApiKeys::issue`"]
pub struct NewApiKey {
    subject: String,
    label: String,
    scopes: Vec<String>,
    lasts: Option<Duration>,
}

impl NewApiKey {
    /// A key of this subject, 1 to 1024 bytes without control characters. It has no label and no scopes,
    /// and does not end by itself.
    pub fn of(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            label: String::new(),
            scopes: Vec::new(),
            lasts: None,
        }
    }

    /// Sets what a person will know it by: at most 256 bytes, without control characters.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what it may do, in the words of `scope = ".."`: each one name, without white space. **Whoever
    /// may issue keys must not be able to give scopes that they have not**: that is for the handler to
    /// see to.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Lets it end after so long, in whole seconds.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasts = Some(time);
        self
    }

    fn check(&self) -> Result<(), ApiKeyError> {
        let invalid = |what| Err(ApiKeyError(Kind::Invalid(what)));
        check_subject(&self.subject)?;
        if subject::check_label(&self.label).is_err() {
            return invalid("the label has 256 bytes at the most, without control characters");
        }
        let is_one = |name: &String| name.len() <= 255 && scope::is_name(name);
        if !self.scopes.iter().all(is_one) {
            return invalid(
                "a scope is one name of 1 to 255 bytes, without white space, control characters, `|` and \
                 `&`",
            );
        }
        if self.lasts.is_some_and(|time| time.as_secs() == 0) {
            return invalid("it lasts for a second at the least");
        }
        Ok(())
    }
}

/// Here and not by the store, which would take what it cannot hold for its own fault.
fn check_subject(subject: &str) -> Result<(), ApiKeyError> {
    subject::check(subject).map_err(|_| {
        ApiKeyError(Kind::Invalid(
            "the subject has 1 to 1024 bytes, without control characters",
        ))
    })
}

/// A key that was just issued, with its text: **the only time that it is there to be shown.**
#[must_use = "whoever is to use the key has to be shown it now"]
pub struct IssuedApiKey {
    key: ApiKey,
    text: Zeroizing<String>,
}

impl IssuedApiKey {
    /// What the store keeps of it.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The text: a secret, for an answer that no cache keeps.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// Without the text.
impl fmt::Debug for IssuedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedApiKey")
            .field("id", &self.key.id)
            .finish_non_exhaustive()
    }
}

/// The keys of one subject are looked after by whoever has checked that the caller may: a handler of class
/// `session` with the caller's own subject, or one with a scope for operators.
impl ApiKeys {
    /// Makes a key, and keeps its hash.
    ///
    /// # Errors
    ///
    /// The prefix, subject, label, a scope or the lifetime is none; the subject has 100 live keys; the
    /// store is down.
    pub async fn issue(&self, new: NewApiKey) -> Result<IssuedApiKey, ApiKeyError> {
        new.check()?;
        let now = self.now()?;
        self.make_room(&new.subject, None, now).await?;
        let expires = new.lasts.map(|time| now.plus(time));
        let issued = self.make(new.subject, new.label, new.scopes, now, expires)?;
        self.store.ask(|store| store.add_key(&issued.key)).await?;
        let event = AuditEvent::ApiKeyIssued {
            subject: issued.key.subject.clone(),
            key: issued.key.id.to_string(),
            scopes: issued.key.scopes.clone(),
        };
        self.told.tell(now, &event);
        Ok(issued)
    }

    /// Sees to it that the subject may have one more live key, beside the one that it takes the place of; and
    /// forgets what has ended long ago, or is too much to be listed.
    async fn make_room(
        &self,
        subject: &str,
        for_another: Option<ApiKeyId>,
        now: Timestamp,
    ) -> Result<(), ApiKeyError> {
        // Not by the clock's word alone: it may be ahead, and a key that has ended by it be live.
        let past = self.steady.past(now).as_secs();
        let past = Timestamp::from_secs(past.saturating_sub(KEEP_ENDED.as_secs()));
        self.store
            .ask_of_one(|store| store.forget_keys(subject, past))
            .await?;
        let all = self
            .store
            .ask_of_one(|store| store.keys_of(subject))
            .await?;
        let others = all
            .iter()
            .filter(|key| key.is_live(now) && Some(key.id) != for_another);
        match others.count() < MAX_KEYS {
            true => Ok(()),
            false => Err(ApiKeyError(Kind::TooMany)),
        }
    }

    /// The subject's keys, the one issued last first: also those that have ended, for 30 days, until the
    /// next one is issued by a clock that has gone on for five minutes without a jump. At most 1,000: of more,
    /// keys that have ended are forgotten.
    ///
    /// # Errors
    ///
    /// The subject is none, or the store is down.
    pub async fn list(&self, subject: &str) -> Result<Vec<ApiKey>, ApiKeyError> {
        check_subject(subject)?;
        Ok(self
            .store
            .ask_of_one(|store| store.keys_of(subject))
            .await?)
    }

    /// Makes a key with the same label, scopes and lifetime as this one of the subject's, which ends after
    /// `overlap`, or sooner if it would have: whoever uses it has so long to change to the new one.
    ///
    /// # Errors
    ///
    /// The subject has no live key of this id ([`is_missing`](ApiKeyError::is_missing)), or 100 others that
    /// are live; or the store is down.
    pub async fn rotate(
        &self,
        subject: &str,
        id: ApiKeyId,
        overlap: Duration,
    ) -> Result<IssuedApiKey, ApiKeyError> {
        check_subject(subject)?;
        let now = self.now()?;
        let missing = ApiKeyError(Kind::Missing);
        let found = self.store.ask(|store| store.find_key(id)).await?;
        let Some(old) = found.filter(|old| old.subject == subject && old.is_live(now)) else {
            return Err(missing);
        };
        self.make_room(subject, Some(id), now).await?;
        let expires = old.expires.map(|end| now.plus(end.since(old.issued)));
        let issued = self.make(old.subject, old.label, old.scopes, now, expires)?;
        let until = now.plus(overlap);
        let forgets = self.warm.forgets(id);
        let rotated = self
            .store
            .ask_of_one(|store| store.rotate_key(id, &issued.key, now, until))
            .await;
        drop(forgets);
        if !rotated? {
            return Err(missing);
        }
        let event = AuditEvent::ApiKeyRotated {
            subject: subject.to_owned(),
            key: id.to_string(),
            by: issued.key.id.to_string(),
        };
        self.told.tell(now, &event);
        Ok(issued)
    }

    /// Ends a key of the subject's at once: in this process, and in others when what they remember is
    /// over ([`remember`](ApiKeys::remember)). `false`: there is no such key, or it was revoked already.
    ///
    /// # Errors
    ///
    /// The subject is none; or the store is down: the key may be as good as before.
    pub async fn revoke(&self, subject: &str, id: ApiKeyId) -> Result<bool, ApiKeyError> {
        check_subject(subject)?;
        let now = self.now()?;
        // Also where no answer comes: it may have happened.
        let forgets = self.warm.forgets(id);
        let revoked = self
            .store
            .ask_of_one(|store| store.revoke_key(subject, id, now))
            .await;
        drop(forgets);
        let revoked = revoked?;
        if revoked {
            let event = AuditEvent::ApiKeyRevoked {
                subject: subject.to_owned(),
                key: id.to_string(),
            };
            self.told.tell(now, &event);
        }
        Ok(revoked)
    }

    fn now(&self) -> Result<Timestamp, ApiKeyError> {
        Timestamp::of(&self.clock).ok_or(ApiKeyError(Kind::Clock))
    }

    fn make(
        &self,
        subject: String,
        label: String,
        scopes: Vec<String>,
        issued: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<IssuedApiKey, ApiKeyError> {
        if let Some(what) = text::mistake(&self.prefix) {
            return Err(ApiKeyError(Kind::Invalid(what)));
        }
        let made = text::make(&self.prefix);
        let (text, digest) = made.map_err(|error| ApiKeyError(Kind::Random(error)))?;
        let key = ApiKey {
            id: text::id_of(&digest),
            digest,
            subject,
            label,
            scopes,
            issued,
            expires,
            last_used: None,
            revoked: None,
        };
        Ok(IssuedApiKey { key, text })
    }
}

/// A key could not be issued, listed, rotated or revoked.
#[derive(Debug)]
pub struct ApiKeyError(Kind);

#[derive(Debug)]
enum Kind {
    Invalid(&'static str),
    TooMany,
    Missing,
    Clock,
    Random(getrandom::Error),
    Store(StoreError),
}

impl ApiKeyError {
    /// The subject has no live key of this id.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.0, Kind::Missing)
    }

    /// The store is down, or did not take it.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(self.0, Kind::Store(_))
    }

    /// What was asked for cannot be: a label that is too long, for instance.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0, Kind::Invalid(_) | Kind::TooMany)
    }
}

impl From<StoreError> for ApiKeyError {
    fn from(error: StoreError) -> Self {
        Self(Kind::Store(error))
    }
}

impl fmt::Display for ApiKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Invalid(what) => write!(f, "there can be no such API key: {what}"),
            Kind::TooMany => write!(
                f,
                "the subject has {MAX_KEYS} API keys that are live: revoke one first"
            ),
            Kind::Missing => f.write_str("there is no such API key, or it has ended"),
            Kind::Clock => f.write_str("the clock stands before 1970: set it"),
            Kind::Random(error) => {
                write!(f, "the operating system gives no random numbers: {error}")
            }
            Kind::Store(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for ApiKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// 404 where there is no such key, 422 where there can be none such, 503 where the store is down, 500 where
/// the system is at fault. The body of a 404 or 422 says what is wrong.
impl IntoResponse for ApiKeyError {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            Kind::Missing => StatusCode::NOT_FOUND,
            Kind::Invalid(_) | Kind::TooMany => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Clock | Kind::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(target: "session_auth", error = %self, "an API key");
            return status.into_response();
        }
        let body = serde_json::json!({ "error": self.to_string() }).to_string();
        (status, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
