//! Which database the service keeps everything in: `DATABASE_URL`, and no line of code.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use crate::queue::BoxError;
use crate::writer::Writer;
use session_auth::store::{PostgresStore, SqliteStore};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

/// How long a statement waits for a database that another process has locked.
const BUSY: Duration = Duration::from_secs(5);
/// How long one waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);
/// They read, and write what is rare. Beside them there is the [`Writer`]'s.
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

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

/// Writes: with SQLite, in one transaction with what else waits. The statement has to own what it binds.
macro_rules! commit {
    ($db:expr, $connection:ident => $do:expr) => {
        match &$db.writer {
            $crate::database::Either::Sqlite(writer) => {
                writer
                    .write(move |$connection| Box::pin(async move { $do }))
                    .await
            }
            $crate::database::Either::Postgres(pool) => match pool.acquire().await {
                Ok(mut connection) => {
                    let $connection = &mut *connection;
                    $do
                }
                Err(error) => Err(error),
            },
        }
    };
}
pub(crate) use commit;

pub(crate) type SessionStores = Either<SqliteStore, PostgresStore>;

const SQLITE_SCHEMA: &str = include_str!("schema/sqlite.sql");
const POSTGRES_SCHEMA: &str = include_str!("schema/postgres.sql");

/// An SQLite file or a PostgreSQL database, by its URL. `Debug` and `Display` show no password.
#[derive(Clone)]
pub struct Database {
    url: String,
    options: Either<SqliteConnectOptions, Box<PgConnectOptions>>,
}

/// Open, and with its tables as this program needs them.
#[derive(Clone)]
pub(crate) struct Db {
    pub(crate) pool: Either<SqlitePool, PgPool>,
    /// For [`commit!`]: statements that each mail needs.
    pub(crate) writer: Either<Writer, PgPool>,
}

impl Db {
    /// Sessions and deliveries are kept in the same database.
    pub(crate) fn sessions(&self) -> SessionStores {
        match &self.pool {
            Either::Sqlite(pool) => Either::Sqlite(SqliteStore::new(pool.clone())),
            Either::Postgres(pool) => Either::Postgres(PostgresStore::new(pool.clone())),
        }
    }
}

impl Database {
    /// Opens it. An SQLite file is made where there is none.
    pub(crate) async fn open(&self) -> Result<Db, BoxError> {
        let db = match &self.options {
            Either::Sqlite(options) => self.sqlite(options).await,
            Either::Postgres(options) => self.postgres(options).await,
        };
        let db = db.map_err(|error| self.not_opened(&error))?;
        either!(db.sessions(), store => store.migrate().await)
            .map_err(|error| self.not_opened(&error))?;
        Ok(db)
    }

    async fn sqlite(&self, options: &SqliteConnectOptions) -> Result<Db, sqlx::Error> {
        let options = options
            .clone()
            .create_if_missing(true)
            // Readers do not wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered with 200 is on the disk.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(SQLITE_CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.clone())
            .await?;
        sqlx::raw_sql(SQLITE_SCHEMA).execute(&pool).await?;
        Ok(Db {
            pool: Either::Sqlite(pool),
            writer: Either::Sqlite(Writer::start(options)),
        })
    }

    async fn postgres(&self, options: &PgConnectOptions) -> Result<Db, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.clone())
            .await?;
        sqlx::raw_sql(POSTGRES_SCHEMA).execute(&pool).await?;
        Ok(Db {
            pool: Either::Postgres(pool.clone()),
            writer: Either::Postgres(pool),
        })
    }

    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.options {
            Either::Sqlite(options) => Some(options.get_filename()),
            Either::Postgres(_) => None,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn not_opened(&self, why: &dyn fmt::Display) -> BoxError {
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
            "{}; write `sqlite://mail.sqlite`, or `postgres://user:password@host/database`",
            self.why
        )
    }
}

impl Error for InvalidDatabase {}
