//! From the settings to a layer: what is wrong with them, all at once.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use crate::clock::Timestamp;
use crate::cookie::{CookieTemplate, DEFAULT_NAME, INSECURE_NAME, SameSite};
use crate::csrf::CrossOrigin;
use crate::ended::Watch;
use crate::error::{BuildError, Problem};
use crate::keys::Keys;
use crate::known_ended::KnownEnded;
use crate::login::LoginPage;
use crate::mode::{MODE_VARIABLE, Mode};
use crate::policy::SessionPolicy;
use crate::probe::Probes;
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::silence::{Pinger, Silence};
use crate::store::{GuardedStore, MAX_LISTED};

use super::SessionAuthLayerBuilder;
use crate::layer::SessionAuthLayer;

impl SessionAuthLayerBuilder {
    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Every problem at once: a name that a cookie cannot have, an empty audience, a timeout of less
    /// than a second or an idle timeout longer than the absolute one, a `store_breaker` or
    /// `max_sessions` out of its range, two verifiers or authenticators of one name, one that can accept
    /// nothing, a `SESSION_AUTH_MODE` that is no mode, an origin, a login path or the URL of a ping that is
    /// none.
    pub fn build(self) -> Result<SessionAuthLayer, BuildError> {
        let Self { mut problems, .. } = self;
        if self.idle_timeout.as_secs() == 0 || self.absolute_timeout.as_secs() == 0 {
            let message = "a session must last a second at least: set a longer idle_timeout and \
                           absolute_timeout";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.idle_timeout > self.absolute_timeout {
            let message = "the idle_timeout is longer than the absolute_timeout, so it would never \
                           end a session: make it shorter";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.stream_lag.is_zero() {
            let message = "the stream_lag is zero, so streams would be looked after without a pause: \
                           make it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.store_timeout.is_zero() {
            let message = "the store_timeout is zero, so no store could answer in time: make it \
                           longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.body_timeout.is_zero() {
            let message = "the webhook_body_timeout is zero, so no body could arrive in time: make \
                           it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        if self.authenticator_timeout.is_zero() {
            let message = "the authenticator_timeout is zero, so nothing could be waited for: make \
                           it longer";
            problems.push(Problem::InvalidTimeout { message });
        }
        let has_sessions = self.keys.is_some();
        if !has_sessions && (self.store.is_some() || self.bearer) {
            let setting = if self.bearer {
                "bearer_tokens"
            } else {
                "store"
            };
            let message = "the layer was built without sessions: build it with keys, by \
                           `SessionAuthLayer::builder(keys)`, or leave this out"
                .to_owned();
            problems.push(Problem::InvalidSetting { setting, message });
        }
        // A layer without sessions has keys that nobody knows, so that no value verifies.
        let keys = self.keys.map_or_else(Keys::random, Ok);
        let keys = keep(&mut problems, "builder_without_sessions", keys);
        if self.store_breaker.0 == 0 {
            let message =
                "a store_breaker of 0 failures would never ask the store: set 1 or more".to_owned();
            let setting = "store_breaker";
            problems.push(Problem::InvalidSetting { setting, message });
        }
        if !(1..=MAX_LISTED).contains(&self.max_sessions) {
            let message = format!(
                "a subject cannot have {} sessions at the most: set 1 to {MAX_LISTED}",
                self.max_sessions
            );
            let setting = "max_sessions";
            problems.push(Problem::InvalidSetting { setting, message });
        }
        if let Some(message) = self.pinger.as_ref().and_then(Pinger::mistake) {
            let (setting, message) = ("ping", message.to_owned());
            problems.push(Problem::InvalidSetting { setting, message });
        }
        for verifier in self.replays.exempt.keys() {
            if !self.verifiers.contains_key(verifier) {
                problems.push(Problem::InvalidSetting {
                    setting: "replay_exempt",
                    message: format!("there is no verifier {verifier:?}: name one of the layer's"),
                });
            }
        }
        let mode = Mode::resolve(self.mode, std::env::var(MODE_VARIABLE));
        let mode = keep(&mut problems, MODE_VARIABLE, mode);
        let cross_origin = CrossOrigin::new(&self.trusted_origins);
        let cross_origin = keep(&mut problems, "trusted_origin", cross_origin);
        let login = self.login_path.as_deref().map(LoginPage::new).transpose();
        let login = keep(&mut problems, "login_path", login);
        let cookie = keep(
            &mut problems,
            "cookie_name",
            cookie(self.cookie_name, self.same_site, self.insecure_http),
        );
        if self
            .audience
            .as_deref()
            .is_some_and(|it| it.trim().is_empty())
        {
            problems.push(Problem::InvalidSetting {
                setting: "audience",
                message: "it is empty: name whom the sessions are for, or leave it out".to_owned(),
            });
        }
        let (Some(mode), Some(cross_origin), Some(login), Some(cookie), Some(keys)) =
            (mode, cross_origin, login, cookie, keys)
        else {
            return Err(BuildError::unless_empty(problems).expect_err("it was just added to"));
        };
        BuildError::unless_empty(problems)?;
        let probes = Probes::new(self.probe_keys.unwrap_or_else(|| keys.clone()));
        if mode == Mode::Observe {
            tracing::warn!(
                target: "session_auth",
                "mode `observe`: NOTHING IS PROTECTED. Requests that would be denied are counted, \
                 logged and let through. Set {MODE_VARIABLE}=enforce to protect the service"
            );
        }
        if self.insecure_http {
            tracing::warn!(
                target: "session_auth",
                "insecure_http: the session cookie goes over plain http, where anyone on the way \
                 can take it. Never run a real service like this"
            );
        }
        if let Some(sink) = &self.audit {
            for authenticator in self.authenticators.values() {
                authenticator.tell(sink);
            }
        }
        let audience = self.audience.as_deref().unwrap_or(cookie.name());
        let started = Timestamp::of(&self.clock);
        let policy = Arc::new(SessionPolicy {
            keys: keys.for_audience(audience),
            has_sessions,
            ended: KnownEnded::of_cookie(cookie.name()),
            cookie,
            bearer: self.bearer,
            clock: self.clock,
            idle_timeout: self.idle_timeout,
            absolute_timeout: self.absolute_timeout,
            store: self
                .store
                .map(|store| GuardedStore::new(store, self.store_timeout, self.store_breaker))
                .map(Arc::new),
            max_sessions: self.max_sessions,
            renewal_grace: self.renewal_grace,
            watch: Watch::new(self.stream_lag),
            audit: self.audit,
        });
        Ok(SessionAuthLayer {
            shared: Arc::new(Shared {
                sessions: Sessions::new(Arc::clone(&policy)),
                policy,
                max_body: self.max_body,
                body_timeout: self.body_timeout,
                mode,
                cross_origin,
                login,
                verifiers: self.verifiers,
                reserving: self
                    .authenticators
                    .values()
                    .filter(|authenticator| authenticator.has_reserved_headers())
                    .cloned()
                    .collect(),
                authenticators: self.authenticators,
                authenticator_timeout: self.authenticator_timeout,
                replays: self.replays,
                unclassified: self.unclassified,
                probes,
                lock: self.lock,
                silence: Silence::new(self.silence_grace, self.pinger, started),
                table: OnceLock::new(),
                adopted: Mutex::default(),
            }),
        })
    }
}

/// Keeps what is right, and notes what is wrong.
fn keep<T, E: fmt::Display>(
    problems: &mut Vec<Problem>,
    setting: &'static str,
    result: Result<T, E>,
) -> Option<T> {
    let note = |error: E| {
        problems.push(Problem::InvalidSetting {
            setting,
            message: error.to_string(),
        });
    };
    result.map_err(note).ok()
}

/// The cookie by its settings. A name with a prefix that asks for `Secure` cannot go without it.
fn cookie(
    name: Option<String>,
    same_site: SameSite,
    insecure_http: bool,
) -> Result<CookieTemplate, String> {
    let default = if insecure_http {
        INSECURE_NAME
    } else {
        DEFAULT_NAME
    };
    let name = name.as_deref().unwrap_or(default);
    let prefix = ["__host-", "__secure-"]
        .into_iter()
        .find(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    if insecure_http && same_site == SameSite::None {
        return Err(
            "with insecure_http, browsers refuse a cookie with SameSite=None: it has to be `Secure`. \
             Leave out same_site, or insecure_http"
                .to_owned(),
        );
    }
    if let (Some(_), true) = (prefix, insecure_http) {
        return Err(format!(
            "with insecure_http, browsers refuse a cookie named {name:?}: that prefix asks for \
             https. Leave the name out, or insecure_http"
        ));
    }
    let cookie = CookieTemplate::new(name, same_site).map_err(|invalid| invalid.to_string())?;
    Ok(if insecure_http {
        cookie.insecure()
    } else {
        cookie
    })
}
