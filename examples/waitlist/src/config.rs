//! What the service is told by its environment.

use std::env::VarError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_auth::{Clock, Keys, SystemClock};

use crate::Database;

/// Worth nothing as a secret, and used only where `SESSION_AUTH_DEV=true`.
const DEVELOPMENT_SECRET: &str = "development";

const TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration of the service.
///
/// | variable | |
/// |---|---|
/// | `SESSION_AUTH_KEYS` | keys that sign sessions, see [`Keys::from_env`] |
/// | `POSTMARK_PASSWORD` | password in the URL given to Postmark; the user is `postmark` |
/// | `FREESCOUT_SECRET` | secret on FreeScout's webhooks page |
/// | `WAF_TOKEN` | bearer token of the edge worker |
/// | `MONITOR_TOKEN` | bearer token of whoever reads the listing of routes and the health answer |
/// | `API_KEY_PREFIX` | what API keys begin with: the service and the environment, as `waitlist_staging`; `waitlist_live` where unset |
/// | `OPERATOR_PASSWORD` | the operator's first password; of no use once there is the account |
/// | `DATABASE_URL` | `sqlite://` and a file, made where there is none, or `postgres://..` |
/// | `LISTEN` | address and port; `127.0.0.1:3000` where unset |
/// | `CLOCK_SPEED` | with `SESSION_AUTH_DEV=true` alone: how many seconds pass in one, 1 to 3600 |
///
/// With `SESSION_AUTH_DEV=true` each but `API_KEY_PREFIX` and the last two has a development value, and a
/// warning in the log.
pub struct Config {
    /// The keys that sign sessions.
    pub keys: Keys,
    /// What Postmark shows.
    pub postmark_password: Secret,
    /// What FreeScout signs with.
    pub freescout_secret: Secret,
    /// What the edge worker shows.
    pub waf_token: Secret,
    /// What a monitor shows.
    pub monitor_token: Secret,
    /// What API keys begin with.
    pub api_key_prefix: String,
    /// What the operator logs in with, until it is changed: for a database without their account.
    pub operator_password: Option<Secret>,
    /// Where everything is kept.
    pub database: Database,
    /// Where the program listens.
    pub listen: SocketAddr,
    /// How long a request may take, from its first byte to the response's head.
    pub timeout: Duration,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Every variable that is missing, empty or malformed, at once.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(
            Keys::from_env().map_err(|error| error.to_string()),
            |name| std::env::var(name),
        )
    }

    fn read(
        keys: Result<Keys, String>,
        variable: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, ConfigError> {
        let development = variable("SESSION_AUTH_DEV").is_ok_and(|value| value == "true");
        let mut problems = Vec::new();
        let mut required = |name, what, default: &str| match variable(name) {
            Ok(value) if !value.is_empty() => Some(value),
            Err(VarError::NotPresent) if development => {
                tracing::warn!("{name} is unset and SESSION_AUTH_DEV=true: using {default:?}");
                Some(default.to_owned())
            }
            Err(VarError::NotUnicode(_)) => {
                problems.push(format!("{name} is not UTF-8: set it to {what}"));
                None
            }
            Ok(_) | Err(VarError::NotPresent) => {
                problems.push(format!(
                    "{name} is unset or empty: set it to {what}, or set SESSION_AUTH_DEV=true to \
                     try the service with values that everyone knows"
                ));
                None
            }
        };
        let mut secret = |name, what| required(name, what, DEVELOPMENT_SECRET).map(Secret);
        let postmark_password = secret(
            "POSTMARK_PASSWORD",
            "the password in Postmark's webhook URL",
        );
        let freescout_secret = secret(
            "FREESCOUT_SECRET",
            "the secret on FreeScout's webhooks page",
        );
        let waf_token = secret("WAF_TOKEN", "the edge worker's bearer token");
        let monitor_token = secret("MONITOR_TOKEN", "the monitor's bearer token");
        // Whether it can be one, the layer says.
        let api_key_prefix = match variable("API_KEY_PREFIX") {
            Err(VarError::NotPresent) => "waitlist_live".to_owned(),
            given => given.unwrap_or_default(),
        };
        // Whether it is needed, the database knows.
        let operator_password = match variable("OPERATOR_PASSWORD") {
            Err(VarError::NotPresent) if !development => Some(None),
            _ => secret("OPERATOR_PASSWORD", "the operator's first password").map(Some),
        };
        let database = required(
            "DATABASE_URL",
            "`sqlite://` and the path of a file, or `postgres://..`",
            "sqlite://waitlist.sqlite",
        );
        let database = database.and_then(|url| {
            let read = url.parse::<Database>();
            read.map_err(|error| problems.push(format!("DATABASE_URL is of no use: {error}")))
                .ok()
        });
        let listen = match variable("LISTEN") {
            Err(VarError::NotPresent) => Some(SocketAddr::from(([127, 0, 0, 1], 3000))),
            given => given.ok().and_then(|text| text.parse().ok()),
        };
        if listen.is_none() {
            problems.push("LISTEN is no address and port: write one as in 127.0.0.1:3000".into());
        }
        let clock: Option<Arc<dyn Clock>> = match variable("CLOCK_SPEED") {
            Err(VarError::NotPresent) => Some(Arc::new(SystemClock)),
            _ if !development => {
                problems.push(
                    "CLOCK_SPEED is set without SESSION_AUTH_DEV=true: sessions would end early; \
                     unset it"
                        .into(),
                );
                None
            }
            given => {
                let speed = given.ok().and_then(|text| text.parse().ok());
                let speed = speed.filter(|speed| (1..=3600).contains(speed));
                if speed.is_none() {
                    problems.push("CLOCK_SPEED is no number from 1 to 3600: write 60".into());
                }
                speed.map(|speed| Arc::new(Fast::from_now(speed)) as _)
            }
        };
        let keys = keys.map_err(|error| problems.push(error)).ok();

        let config = || {
            Some(Self {
                keys: keys?,
                postmark_password: postmark_password?,
                freescout_secret: freescout_secret?,
                waf_token: waf_token?,
                monitor_token: monitor_token?,
                api_key_prefix,
                operator_password: operator_password?,
                database: database?,
                listen: listen?,
                timeout: TIMEOUT,
                clock: clock?,
            })
        };
        config().ok_or(ConfigError { problems })
    }
}

/// A clock for whoever tries the service out: ten minutes in ten seconds.
struct Fast {
    started: SystemTime,
    speed: u32,
}

impl Fast {
    fn from_now(speed: u32) -> Self {
        Self {
            started: SystemTime::now(),
            speed,
        }
    }
}

impl Clock for Fast {
    fn now(&self) -> SystemTime {
        let passed = self.started.elapsed().unwrap_or_default();
        self.started + passed.saturating_mul(self.speed)
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

    const ALL: [(&str, &str); 6] = [
        ("POSTMARK_PASSWORD", "p"),
        ("FREESCOUT_SECRET", "f"),
        ("WAF_TOKEN", "w"),
        ("MONITOR_TOKEN", "m"),
        ("OPERATOR_PASSWORD", "o"),
        ("DATABASE_URL", "sqlite://list.sqlite"),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(Keys::random().map_err(|error| error.to_string()), |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
                .ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn everything_set() {
        let config = read(&ALL).unwrap();
        let waf_token: &str = config.waf_token.as_ref();
        assert_eq!(waf_token, "w");
        assert_eq!(config.database.to_string(), "list.sqlite");
        assert!(config.operator_password.is_some());
        assert_eq!(config.listen.port(), 3000);
    }

    #[test]
    fn each_variable_is_required_but_the_first_password() {
        for missing in ALL.map(|(name, _)| name) {
            let rest: Vec<_> = ALL
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            if missing == "OPERATOR_PASSWORD" {
                assert!(read(&rest).unwrap().operator_password.is_none());
                continue;
            }
            let error = read(&rest).err().unwrap().to_string();
            assert_eq!(error.lines().count(), 2, "{error}");
            assert!(error.contains(&format!("{missing} is unset")), "{error}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let error = read(&[("LISTEN", "3000")]).err().unwrap().to_string();
        // All but the first password, and the address.
        assert_eq!(error.lines().count(), 1 + ALL.len() - 1 + 1, "{error}");
    }

    #[test]
    fn a_database_of_another_kind_is_a_problem_with_the_name_of_its_variable() {
        let mut variables = ALL;
        variables[5].1 = "mysql://ada:hunter2@db.example/list";
        let error = read(&variables).err().unwrap().to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains("DATABASE_URL is of no use"), "{error}");
        assert!(error.contains("`mysql`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn development_is_spelled_true() {
        assert!(read(&[("SESSION_AUTH_DEV", "true")]).is_ok());
        assert!(read(&[("SESSION_AUTH_DEV", "1")]).is_err());
    }

    #[test]
    fn development_does_not_excuse_an_empty_secret() {
        for name in ["WAF_TOKEN", "OPERATOR_PASSWORD", "DATABASE_URL"] {
            assert!(
                read(&[("SESSION_AUTH_DEV", "true"), (name, "")]).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_fast_clock_is_for_development() {
        let fast = |speed, development| {
            let mut variables = ALL.to_vec();
            variables.push(("CLOCK_SPEED", speed));
            if development {
                variables.push(("SESSION_AUTH_DEV", "true"));
            }
            read(&variables)
        };
        let error = fast("60", false).err().unwrap().to_string();
        assert!(error.contains("without SESSION_AUTH_DEV=true"), "{error}");
        for bad in ["", "0", "3601", "-1", "fast"] {
            let error = fast(bad, true).err().unwrap().to_string();
            assert!(error.contains("no number from 1 to 3600"), "{error}");
        }
        let clock = fast("3600", true).unwrap().clock;
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(10));
        let passed = clock.now().duration_since(before).unwrap();
        assert!(passed >= Duration::from_secs(36), "{passed:?}");
    }

    #[test]
    fn keys_are_a_problem_among_others() {
        let error = Config::read(Err("no keys".into()), |_| Err(VarError::NotPresent));
        let error = error.err().unwrap().to_string();
        assert!(
            error.contains("- no keys") && error.contains("WAF_TOKEN"),
            "{error}"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(..)");
    }
}
