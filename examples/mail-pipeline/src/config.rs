//! What the service is told by its environment.

use std::env::VarError;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use session_auth::Keys;

use crate::Database;
use crate::sealed::MasterKeys;

/// Worth nothing as a secret, and used only where `SESSION_AUTH_DEV=true`.
pub const DEVELOPMENT_SECRET: &str = "development";

/// Of `VISIBILITY_SECONDS`. Below, the help desk has no time for an answer; above, a mail whose bridge
/// was killed waits for more than an hour.
const VISIBILITY: RangeInclusive<u64> = 2..=3600;

/// By which one says what kind of start it is.
const SWITCHES: [&str; 2] = ["SESSION_AUTH_DEV", "SESSION_AUTH_KEYS"];

/// What has to be there in production.
const REQUIRED: [&str; 7] = [
    "INBOUND_PASSWORD",
    "GENERIC_SECRET",
    "DEPLOY_TOKEN",
    "MONITOR_TOKEN",
    "OPERATOR_PASSWORD",
    "MASTER_KEY",
    "HELPDESK_URL",
];

/// The configuration of the service.
///
/// | variable | |
/// |---|---|
/// | `SESSION_AUTH_KEYS` | keys that sign sessions, see [`Keys::from_env`] |
/// | `INBOUND_PASSWORD` | password in the URLs given to Postmark; the user is `postmark` |
/// | `INBOUND_PASSWORD_OLD` | the one before, while it is rotated |
/// | `GENERIC_SECRET`, `GENERIC_SECRET_OLD` | what other providers' adapters sign with |
/// | `DEPLOY_TOKEN`, `DEPLOY_TOKEN_OLD` | bearer token of whoever reports deployments |
/// | `MONITOR_TOKEN` | bearer token of whoever reads metrics, health and listing |
/// | `OPERATOR_PASSWORD` | what the operators log in with |
/// | `MASTER_KEY`, `MASTER_KEY_OLD` | base64 of the 32 bytes that seal the secrets in the database |
/// | `DATA` | folder of the attachments, and of the database where that is SQLite; `mail-pipeline-data` where unset |
/// | `DATABASE_URL` | `sqlite://` and a file, or `postgres://..`; `mail.sqlite` in `DATA` where unset |
/// | `QUEUE` | `sql`, the database, where unset; or `nats://host:4222` |
/// | `BLOBS` | `s3://bucket/prefix` in place of the folder, with the feature `s3` and AWS's variables |
/// | `ROLE` | `all` where unset; `inbound` or `bridge` for a node that does one of the two |
/// | `HELPDESK_URL` | where FreeScout is; with `SESSION_AUTH_DEV=true` a stand-in is started where unset |
/// | `HELPDESK_API_KEY` | sealed at the first start; of no use once it is in the database |
/// | `DEFAULT_MAILBOX` | at the first start: the mailbox for all recipients, 1 where unset |
/// | `SMTP_URL`, `REPLY_FROM` | the mail server, sealed at the first start, and the sender of auto-replies; without them there are none |
/// | `DEAD_LETTER_URL`, `DEAD_LETTER_MAIL` | who is told of dead letters |
/// | `DEAD_LETTER_SECRET` | signs what the URL is told: `whsec_` and base64; sealed at the first start |
/// | `VISIBILITY_SECONDS` | for how long a claimed mail is its bridge's, 2 to 3600; 120 where unset |
/// | `LISTEN` | address and port; `127.0.0.1:3000` where unset |
///
/// With `SESSION_AUTH_DEV=true` each secret has a development value, and a warning in the log. So it is in a
/// debug build in whose environment there is none of them: `cargo run -p mail-pipeline` alone.
#[derive(Debug)]
pub struct Config {
    /// The keys that sign sessions.
    pub keys: Keys,
    /// Development: a stand-in may be started.
    pub development: bool,
    /// What Postmark shows.
    pub inbound: Rotating,
    /// What adapters sign with.
    pub generic: Rotating,
    /// What reporters of deployments show.
    pub deploy: Rotating,
    /// What a monitor shows.
    pub monitor_token: Secret,
    /// What operators log in with.
    pub operator_password: Secret,
    /// What seals the secrets.
    pub master: MasterKeys,
    /// The folder of the attachments.
    pub data: PathBuf,
    /// Where everything else is.
    pub database: Database,
    /// The URL of the NATS server; `None` is the database.
    pub nats: Option<String>,
    /// A bucket in place of the folder.
    pub blobs: Option<String>,
    /// What this node does.
    pub role: Role,
    /// Where the help desk is.
    pub helpdesk: Option<Url>,
    /// Sealed where there is none.
    pub helpdesk_api_key: Option<Secret>,
    /// For all recipients, where nothing else was said yet.
    pub default_mailbox: i64,
    /// Sealed where there is none.
    pub smtp_url: Option<Secret>,
    /// The sender of auto-replies.
    pub reply_from: Option<String>,
    /// A URL that is told of dead letters.
    pub dead_letter_url: Option<Url>,
    /// Sealed where there is none.
    pub dead_letter_secret: Option<Secret>,
    /// An address that is told of dead letters.
    pub dead_letter_mail: Option<String>,
    /// Where the program listens.
    pub listen: SocketAddr,
    /// How long things take.
    pub timing: Timing,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a program's own")]
pub enum Role {
    /// Both.
    All,
    /// Takes mails in.
    Inbound,
    /// Brings them to the help desk; its pages are there, too.
    Bridge,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a program's own")]
pub struct Timing {
    /// For how long a claimed message is its worker's.
    pub visibility: Duration,
    /// For how long the help desk may take over an answer.
    pub answer: Duration,
    /// The first wait after a failure.
    pub backoff: Duration,
    /// The longest.
    pub backoff_most: Duration,
    /// Failures until a mail is a dead letter.
    pub attempts: i64,
    /// How often to look for messages that another process has published.
    pub poll: Duration,
    /// How many messages are worked on at a time.
    pub workers: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(120),
            answer: Duration::from_secs(60),
            backoff: Duration::from_secs(1),
            backoff_most: Duration::from_secs(300),
            attempts: 12,
            poll: Duration::from_millis(200),
            workers: 16,
        }
    }
}

impl Timing {
    /// Until when a worker has given up: before its claim is over.
    pub(crate) fn deadline(&self) -> Duration {
        self.visibility * 3 / 4
    }
}

/// A secret, and the one before it while the other side has not switched.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a program's own")]
pub struct Rotating {
    /// The one to switch to.
    pub current: Secret,
    /// The one before.
    pub old: Option<Secret>,
}

impl<T: Into<Secret>> From<T> for Rotating {
    fn from(current: T) -> Self {
        Self {
            current: current.into(),
            old: None,
        }
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Every variable that is missing, empty or malformed, at once.
    pub fn from_env() -> Result<Self, ConfigError> {
        let unset = |name: &&str| std::env::var_os(name).is_none();
        if cfg!(debug_assertions) && SWITCHES.iter().chain(&REQUIRED).all(unset) {
            tracing::warn!(
                "nothing is configured and this is a debug build: it starts as with \
                 SESSION_AUTH_DEV=true, and sessions end with it"
            );
            let keys = Keys::random().map_err(|error| error.to_string());
            return Self::read(keys, |name| match name {
                "SESSION_AUTH_DEV" => Ok("true".to_owned()),
                name => std::env::var(name),
            });
        }
        let keys = Keys::from_env().map_err(|error| error.to_string());
        Self::read(keys, |name| std::env::var(name))
    }

    /// The secrets that are in the environment, and where each is shown.
    #[must_use]
    pub fn in_environment(&self) -> Vec<(&'static str, &'static str)> {
        let mut all = vec![
            ("SESSION_AUTH_KEYS", "signs the operators' sessions"),
            ("MASTER_KEY", "seals the secrets above"),
            (
                "INBOUND_PASSWORD",
                "Basic, of /v1/email/inbound and /v1/email/events",
            ),
            ("GENERIC_SECRET", "X-Signature, of /v1/email/generic"),
            ("DEPLOY_TOKEN", "Bearer, of /internal/deploys"),
            (
                "MONITOR_TOKEN",
                "Bearer, of /metrics and what else a monitor reads",
            ),
            ("OPERATOR_PASSWORD", "the form at /login"),
        ];
        for (name, rotating) in [
            ("INBOUND_PASSWORD_OLD", &self.inbound),
            ("GENERIC_SECRET_OLD", &self.generic),
            ("DEPLOY_TOKEN_OLD", &self.deploy),
        ] {
            if rotating.old.is_some() {
                all.push((name, "as the one without _OLD, while it is rotated"));
            }
        }
        all
    }

    fn read(
        keys: Result<Keys, String>,
        variable: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, ConfigError> {
        let development = variable("SESSION_AUTH_DEV").is_ok_and(|value| value == "true");
        let mut problems = Vec::new();
        let optional = |name: &str| match variable(name) {
            Err(VarError::NotPresent) => Ok(None),
            Ok(value) if !value.is_empty() => Ok(Some(value)),
            _ => Err(format!(
                "{name} is empty or no UTF-8: set it to a value, or unset it"
            )),
        };
        macro_rules! take {
            ($given:expr) => {
                $given
                    .map_err(|problem: String| problems.push(problem))
                    .ok()
            };
        }
        let secret = |name: &str, what: &str| match optional(name) {
            Ok(Some(value)) => Ok(Secret(value)),
            Ok(None) if development => {
                tracing::warn!(
                    "{name} is unset and SESSION_AUTH_DEV=true: using {DEVELOPMENT_SECRET:?}"
                );
                Ok(Secret(DEVELOPMENT_SECRET.to_owned()))
            }
            _ => Err(format!(
                "{name} is unset or empty: set it to {what}, or set SESSION_AUTH_DEV=true to try the \
                 service with values that everyone knows"
            )),
        };
        let rotating = |name: &str, what: &str| {
            let current = secret(name, what)?;
            let old = optional(&format!("{name}_OLD"))?.map(Secret);
            Ok(Rotating { current, old })
        };
        let parsed = |name: &str, what: &str| match optional(name)? {
            None => Ok(None),
            Some(text) => match text.parse::<Url>() {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    Ok(Some(url))
                }
                _ => Err(format!("{name} is no URL: write {what}")),
            },
        };
        let inbound = take!(rotating(
            "INBOUND_PASSWORD",
            "the password in the URLs given to Postmark"
        ));
        let generic = take!(rotating(
            "GENERIC_SECRET",
            "the secret that adapters sign with"
        ));
        let deploy = take!(rotating(
            "DEPLOY_TOKEN",
            "the bearer token of your deployments"
        ));
        let monitor_token = take!(secret("MONITOR_TOKEN", "the monitor's bearer token"));
        let operator_password = take!(secret(
            "OPERATOR_PASSWORD",
            "what the operators log in with"
        ));
        let master = MasterKeys::read(&variable, development);
        let master = take!(master.map_err(|error| error.to_string()));
        let data = take!(optional("DATA"));
        let data =
            data.map(|it| PathBuf::from(it.unwrap_or_else(|| "mail-pipeline-data".to_owned())));
        let database = take!(optional("DATABASE_URL").and_then(|url| {
            let folder = data.clone().unwrap_or_default();
            let url =
                url.unwrap_or_else(|| format!("sqlite://{}", folder.join("mail.sqlite").display()));
            url.parse::<Database>()
                .map_err(|error| format!("DATABASE_URL is of no use: {error}"))
        }));
        let nats = take!(match optional("QUEUE") {
            Ok(None) => Ok(None),
            Ok(Some(queue)) if queue == "sql" => Ok(None),
            Ok(Some(queue)) if queue.starts_with("nats://") || queue.starts_with("tls://") =>
                Ok(Some(queue)),
            _ => Err("QUEUE is no engine: write sql, or nats://host:4222".to_owned()),
        });
        let blobs = take!(optional("BLOBS"));
        let role = take!(match optional("ROLE").as_ref().map(Option::as_deref) {
            Ok(None | Some("all")) => Ok(Role::All),
            Ok(Some("inbound")) => Ok(Role::Inbound),
            Ok(Some("bridge")) => Ok(Role::Bridge),
            _ => Err("ROLE is none: write all, inbound or bridge".to_owned()),
        });
        let helpdesk = take!(parsed("HELPDESK_URL", "https://tickets.example.com"));
        if matches!(helpdesk, Some(None)) && !development {
            problems.push("HELPDESK_URL is unset: set it to where FreeScout is".to_owned());
        }
        let helpdesk_api_key = take!(optional("HELPDESK_API_KEY"));
        let default_mailbox = take!(match optional("DEFAULT_MAILBOX") {
            Ok(None) => Ok(1),
            Ok(Some(text)) if text.parse().is_ok_and(|number: i64| number > 0) => {
                Ok(text.parse().unwrap_or(1))
            }
            _ => Err("DEFAULT_MAILBOX is no mailbox: write its number".to_owned()),
        });
        let smtp_url = take!(optional("SMTP_URL"));
        let reply_from = take!(optional("REPLY_FROM"));
        let dead_letter_url = take!(parsed("DEAD_LETTER_URL", "https://hooks.example.com/dead"));
        let dead_letter_secret = take!(optional("DEAD_LETTER_SECRET"));
        let dead_letter_mail = take!(optional("DEAD_LETTER_MAIL"));
        let listen = take!(match optional("LISTEN") {
            Ok(None) => Ok(SocketAddr::from(([127, 0, 0, 1], 3000))),
            Ok(Some(text)) => text.parse().map_err(|_| {
                "LISTEN is no address and port: write one as in 127.0.0.1:3000".to_owned()
            }),
            Err(problem) => Err(problem),
        });
        let mut timing = Timing::default();
        if let Some(Some(text)) = take!(optional("VISIBILITY_SECONDS")) {
            match text.parse() {
                Ok(seconds) if VISIBILITY.contains(&seconds) => {
                    timing.visibility = Duration::from_secs(seconds);
                    timing.answer = timing.answer.min(timing.visibility / 2);
                }
                _ => problems.push(format!(
                    "VISIBILITY_SECONDS is {text:?}, and no number from {} to {}: unset it for 120",
                    VISIBILITY.start(),
                    VISIBILITY.end()
                )),
            }
        }
        match optional("HOLD_AT") {
            Ok(Some(point)) if development => crate::hold::at(point),
            Ok(None) => {}
            _ => problems.push("HOLD_AT is set without SESSION_AUTH_DEV=true: unset it".to_owned()),
        }
        let keys = take!(keys);
        let config = || {
            Some(Self {
                keys: keys?,
                development,
                inbound: inbound?,
                generic: generic?,
                deploy: deploy?,
                monitor_token: monitor_token?,
                operator_password: operator_password?,
                master: master?,
                data: data?,
                database: database?,
                nats: nats?,
                blobs: blobs?,
                role: role?,
                helpdesk: helpdesk?,
                helpdesk_api_key: helpdesk_api_key?.map(Secret),
                default_mailbox: default_mailbox?,
                smtp_url: smtp_url?.map(Secret),
                reply_from: reply_from?,
                dead_letter_url: dead_letter_url?,
                dead_letter_secret: dead_letter_secret?.map(Secret),
                dead_letter_mail: dead_letter_mail?,
                listen: listen?,
                timing,
            })
        };
        let config = config();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError { problems }),
        }
    }
}

/// A text that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(String);

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

// For the verifiers.
impl AsRef<str> for Secret {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why the service is not configured: one line a problem.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service is not configured:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 7] = [
        ("INBOUND_PASSWORD", "i"),
        ("GENERIC_SECRET", "g"),
        ("DEPLOY_TOKEN", "d"),
        ("MONITOR_TOKEN", "m"),
        ("OPERATOR_PASSWORD", "o"),
        ("MASTER_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
        ("HELPDESK_URL", "https://tickets.example.com"),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(Keys::random().map_err(|error| error.to_string()), |name| {
            let mut all = variables.iter().rev().filter(|(known, _)| *known == name);
            all.next()
                .map(|(_, value)| (*value).to_owned())
                .ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn everything_set_is_enough_and_each_is_required() {
        let config = read(&ALL).unwrap();
        assert_eq!(
            config.database.to_string(),
            "mail-pipeline-data/mail.sqlite"
        );
        assert_eq!(config.role, Role::All);
        for missing in ALL.map(|(name, _)| name) {
            let rest: Vec<_> = ALL
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            let error = read(&rest).unwrap_err().to_string();
            assert_eq!(error.lines().count(), 2, "{error}");
            assert!(error.contains(&format!("{missing} is unset")), "{error}");
        }
        assert_eq!(
            read(&[]).unwrap_err().to_string().lines().count(),
            1 + ALL.len()
        );
        assert!(read(&[("SESSION_AUTH_DEV", "true")]).is_ok());
        assert!(read(&[("SESSION_AUTH_DEV", "1")]).is_err());
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (name, value) in [
            ("INBOUND_PASSWORD_OLD", ""),
            ("MASTER_KEY_OLD", "?"),
            ("DATABASE_URL", "mysql://ada:hunter2@db.example/list"),
            ("QUEUE", "kafka"),
            ("ROLE", "both"),
            ("HELPDESK_URL", "tickets.example.com"),
            ("DEFAULT_MAILBOX", "0"),
            ("LISTEN", "3000"),
            ("DEAD_LETTER_URL", "ftp://example.org"),
            ("HOLD_AT", "anywhere"),
            ("VISIBILITY_SECONDS", "0"),
            ("VISIBILITY_SECONDS", "1"),
            ("VISIBILITY_SECONDS", "3601"),
            ("VISIBILITY_SECONDS", "18446744073709551615"),
            ("VISIBILITY_SECONDS", "2 min"),
        ] {
            let mut all = ALL.to_vec();
            all.push((name, value));
            let error = read(&all).unwrap_err().to_string();
            assert_eq!(error.lines().count(), 2, "{error}");
            assert!(
                error.contains(name) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_claim_lasts_from_2_s_to_an_hour() {
        for (text, seconds) in [("2", 2), ("3600", 3600)] {
            let config = read(&[&ALL[..], &[("VISIBILITY_SECONDS", text)]].concat()).unwrap();
            assert_eq!(config.timing.visibility.as_secs(), seconds);
            assert!(config.timing.answer <= config.timing.deadline());
        }
        let config = read(&[&ALL[..], &[("VISIBILITY_SECONDS", "3601")]].concat());
        let error = config.unwrap_err().to_string();
        assert!(error.contains("from 2 to 3600"), "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read(&ALL).unwrap());
        assert!(
            shown.contains("Secret(..)") && shown.contains("MasterKeys(..)"),
            "{shown}"
        );
    }
}
