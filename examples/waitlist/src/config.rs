//! What the service is told by its environment.

use std::env::VarError;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use session_auth::Keys;

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
/// | `OPERATOR_PASSWORD` | opens the waitlist |
/// | `WAITLIST_DB` | the SQLite file, made where there is none |
/// | `LISTEN` | address and port; `127.0.0.1:3000` where unset |
///
/// With `SESSION_AUTH_DEV=true` each but the last has a development value, and a warning in the log.
pub struct Config {
    /// The keys that sign sessions.
    pub keys: Keys,
    /// What Postmark shows.
    pub postmark_password: Secret,
    /// What FreeScout signs with.
    pub freescout_secret: Secret,
    /// What the edge worker shows.
    pub waf_token: Secret,
    /// What the operator logs in with.
    pub operator_password: Secret,
    /// The SQLite file.
    pub database: PathBuf,
    /// Where the program listens.
    pub listen: SocketAddr,
    /// How long a request may take, from its first byte to the response's head.
    pub timeout: Duration,
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
        let operator_password = secret("OPERATOR_PASSWORD", "the operator's password");
        let database = required(
            "WAITLIST_DB",
            "the path of the SQLite file",
            "waitlist.sqlite",
        );
        let listen = match variable("LISTEN") {
            Err(VarError::NotPresent) => Some(SocketAddr::from(([127, 0, 0, 1], 3000))),
            given => given.ok().and_then(|text| text.parse().ok()),
        };
        if listen.is_none() {
            problems.push("LISTEN is no address and port: write one as in 127.0.0.1:3000".into());
        }
        let keys = keys.map_err(|error| problems.push(error)).ok();

        let config = || {
            Some(Self {
                keys: keys?,
                postmark_password: postmark_password?,
                freescout_secret: freescout_secret?,
                waf_token: waf_token?,
                operator_password: operator_password?,
                database: database?.into(),
                listen: listen?,
                timeout: TIMEOUT,
            })
        };
        config().ok_or(ConfigError { problems })
    }
}

/// A text that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Whether this is the same text, in a time that says nothing of where the two differ.
    pub(crate) fn matches(&self, given: &str) -> bool {
        use subtle::ConstantTimeEq as _;

        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

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

    const ALL: [(&str, &str); 5] = [
        ("POSTMARK_PASSWORD", "p"),
        ("FREESCOUT_SECRET", "f"),
        ("WAF_TOKEN", "w"),
        ("OPERATOR_PASSWORD", "o"),
        ("WAITLIST_DB", "list.sqlite"),
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
        assert!(config.waf_token.matches("w"));
        assert_eq!(config.database, PathBuf::from("list.sqlite"));
        assert_eq!(config.listen.port(), 3000);
    }

    #[test]
    fn each_variable_is_required() {
        for missing in ALL.map(|(name, _)| name) {
            let rest: Vec<_> = ALL
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            let error = read(&rest).err().unwrap().to_string();
            assert_eq!(error.lines().count(), 2, "{error}");
            assert!(error.contains(&format!("{missing} is unset")), "{error}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let error = read(&[("LISTEN", "3000")]).err().unwrap().to_string();
        assert_eq!(error.lines().count(), 1 + ALL.len() + 1, "{error}");
    }

    #[test]
    fn development_is_spelled_true() {
        assert!(read(&[("SESSION_AUTH_DEV", "true")]).is_ok());
        assert!(read(&[("SESSION_AUTH_DEV", "1")]).is_err());
    }

    #[test]
    fn development_does_not_excuse_an_empty_secret() {
        assert!(read(&[("SESSION_AUTH_DEV", "true"), ("WAF_TOKEN", "")]).is_err());
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
