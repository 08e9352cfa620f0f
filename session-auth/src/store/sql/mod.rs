//! Stores in SQL databases.

mod alike;
mod api_keys;
#[cfg(feature = "postgres")]
mod postgres;
mod replays;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
#[cfg(feature = "postgres")]
mod together;

#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
