//! Which database the service keeps everything in: `DATABASE_URL`, and no line of code.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use session_auth::store::{PostgresStore, SqliteStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::store::Store;

/// Something of SQLite's, or the same of PostgreSQL's.
#[derive(Clone, Debug)]
pub(crate) enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Does the same with whichever it is: statements and stores have the same methods for both.
macro_rules! either {
    ($either:expr, $name:ident => $do:expr) => {
        match $either {
            $crate::database::Either::Sqlite($name) => $do,
            $crate::database::Either::Postgres($name) => $do,
        }
    };
}
pub(crate) use either;

pub(crate) type SessionStores = Either<SqliteStore, PostgresStore>;

/// An SQLite file or a PostgreSQL database, by its URL. `Debug` and `Display` show no password.
#[derive(Clone)]
pub struct Database {
    url: String,
    options: Either<SqliteConnectOptions, Box<PgConnectOptions>>,
}

/// Both open, and with their tables as this program needs them.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) sessions: SessionStores,
}

impl Database {
    /// Opens it. An SQLite file is made where there is none.
    pub(crate) async fn open(&self) -> Result<Opened, Box<dyn Error>> {
        let opened = match &self.options {
            // The sessions' store makes the file.
            Either::Sqlite(options) => {
                let sessions = SqliteStore::connect(&self.url).await;
                let sessions = sessions.map_err(|error| self.not_opened(&error))?;
                let store = Store::sqlite(options.clone()).await;
                (store, Either::Sqlite(sessions))
            }
            Either::Postgres(options) => {
                let sessions = PostgresStore::connect(&self.url).await;
                let sessions = sessions.map_err(|error| self.not_opened(&error))?;
                let store = Store::postgres((**options).clone()).await;
                (store, Either::Postgres(sessions))
            }
        };
        let (store, sessions) = opened;
        either!(&sessions, store => store.migrate().await)
            .map_err(|error| self.not_opened(&error))?;
        Ok(Opened {
            store: store.map_err(|error| self.not_opened(&error))?,
            sessions,
        })
    }

    /// Opens what is there already.
    pub(crate) async fn open_existing(&self) -> Result<Opened, Box<dyn Error>> {
        if let Either::Sqlite(options) = &self.options
            && !options.get_filename().is_file()
        {
            return Err(self.not_opened(&"there is no such file"));
        }
        self.open().await
    }

    fn not_opened(&self, why: &dyn fmt::Display) -> Box<dyn Error> {
        format!("the database {self} cannot be opened: {why}").into()
    }
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(url: &str) -> Result<Self, InvalidDatabase> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| InvalidDatabase::new("it has no scheme".to_owned()))?;
        let malformed = |error| InvalidDatabase::new(format!("it cannot be read: {error}"));
        let options = match scheme {
            "sqlite" => {
                let file = rest.split('?').next().unwrap_or_default();
                if file.is_empty() {
                    return Err(InvalidDatabase::new("it names no file".to_owned()));
                }
                if file == ":memory:" || rest.contains("mode=memory") {
                    let why = "a database in memory would end with its connection";
                    return Err(InvalidDatabase::new(why.to_owned()));
                }
                Either::Sqlite(url.parse().map_err(malformed)?)
            }
            "postgres" | "postgresql" => {
                Either::Postgres(Box::new(url.parse().map_err(malformed)?))
            }
            other => {
                let why = format!("its scheme is `{}`", other.escape_debug());
                return Err(InvalidDatabase::new(why));
            }
        };
        Ok(Self {
            url: url.to_owned(),
            options,
        })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.options {
            Either::Sqlite(options) => write!(f, "{}", options.get_filename().display()),
            Either::Postgres(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                // Without a name it is the user's.
                let name = options.get_database().unwrap_or_default();
                write!(f, "postgres://{host}:{port}/{name}")
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

/// A text names no database that the service can use. It is not shown: there may be a password in it.
#[derive(Debug)]
pub struct InvalidDatabase {
    why: String,
}

impl InvalidDatabase {
    fn new(why: String) -> Self {
        Self { why }
    }
}

impl fmt::Display for InvalidDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; write `sqlite://waitlist.sqlite`, or `postgres://user:password@host/database`",
            self.why
        )
    }
}

impl Error for InvalidDatabase {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds() {
        let shown = |url: &str| url.parse::<Database>().unwrap().to_string();
        assert_eq!(shown("sqlite://waitlist.sqlite"), "waitlist.sqlite");
        assert_eq!(shown("sqlite:///var/lib/w.db?mode=rw"), "/var/lib/w.db");
        for scheme in ["postgres", "postgresql"] {
            assert_eq!(
                shown(&format!("{scheme}://ada:hunter2@db.example:5433/list")),
                "postgres://db.example:5433/list"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        for (url, why) in [
            ("", "no scheme"),
            ("waitlist.sqlite", "no scheme"),
            ("ada:hunter2@db.example/list", "no scheme"),
            ("mysql://ada:hunter2@db.example/list", "scheme is `mysql`"),
            ("Postgres ://ada:hunter2@db/list", "scheme is `Postgres `"),
            ("postgres://ada:hunter2@db.example:x/list", "port"),
            ("postgres://ada:hunter2@db/list?sslmode=often", "ssl_mode"),
            ("sqlite://", "names no file"),
            ("sqlite://?mode=rwc", "names no file"),
            ("sqlite://:memory:", "in memory"),
            ("sqlite://file?mode=memory", "in memory"),
            ("sqlite://file?mode=x", "mode"),
        ] {
            let error = url.parse::<Database>().unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
            assert!(error.contains("write `sqlite://"), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let database: Database = "postgres://ada:hunter2@db/list".parse().unwrap();
        assert_eq!(
            format!("{database:?} {database}"),
            "Database(postgres://db:5432/list) postgres://db:5432/list"
        );
    }
}
