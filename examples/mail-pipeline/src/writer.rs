//! Who writes to SQLite, which has one writer at a time: one task for all of the process. What waits at
//! the same moment goes into one transaction and is answered when that is on the disk, so that many share
//! the flush which each would have had to wait for. PostgreSQL does the same by itself.

use std::pin::Pin;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

/// In one transaction at the most.
const MOST: usize = 64;
/// Who comes when so many wait, waits for a place.
const WAITING: usize = 1024;

/// `SQLITE_ERROR`, `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT` and `SQLITE_MISMATCH` undo a statement and leave
/// its transaction alone. Others, such as that of a full disk, may have undone the transaction.
const OF_THE_STATEMENT: [i32; 4] = [1, 18, 19, 20];

pub(crate) type Writing<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

/// Gives it statements.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

trait Job: Send {
    /// Keeps what comes of it, and returns whether the transaction can go on.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>>;

    fn answer(self: Box<Self>, committed: Result<(), &sqlx::Error>);
}

struct Of<F, T> {
    work: Option<F>,
    result: Option<Result<T, sqlx::Error>>,
    to: oneshot::Sender<Result<T, sqlx::Error>>,
}

impl<F, T> Job for Of<F, T>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Writing<'c, T> + Send,
    T: Send,
{
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return true;
            };
            let result = work(connection).await;
            let goes_on = result.as_ref().err().is_none_or(is_of_the_statement);
            self.result = Some(result);
            goes_on
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), &sqlx::Error>) {
        let result = match (self.result, committed) {
            // Its own error says more.
            (Some(Err(error)), _) => Err(error),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(sqlx::Error::WorkerCrashed),
            (_, Err(error)) => Err(sqlx::Error::Io(std::io::Error::other(error.to_string()))),
        };
        // Who asked may be gone.
        let _ = self.to.send(result);
    }
}

fn is_of_the_statement(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| OF_THE_STATEMENT.contains(&(code & 0xff)))
}

impl Writer {
    /// Runs until the last of its handles is dropped.
    pub(crate) fn start(options: SqliteConnectOptions) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        tokio::spawn(run(options, waiting));
        Self { jobs }
    }

    /// Writes, in a transaction with what else waits. It is on the disk when this returns, and is done
    /// also where the caller is gone by then.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, sqlx::Error>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Writing<'c, T> + Send + 'static,
        T: Send + 'static,
    {
        let (to, answer) = oneshot::channel();
        let job = Of {
            work: Some(work),
            result: None,
            to,
        };
        let gone = |_| sqlx::Error::PoolClosed;
        self.jobs.send(Box::new(job)).await.map_err(gone)?;
        answer.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

async fn run(options: SqliteConnectOptions, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    let mut connection = None;
    let mut jobs = Vec::with_capacity(MOST);
    while waiting.recv_many(&mut jobs, MOST).await > 0 {
        let committed = together(&options, &mut connection, &mut jobs).await;
        if committed.is_err() {
            // What it is in the middle of goes with it.
            connection = None;
        }
        for job in jobs.drain(..) {
            job.answer(committed.as_ref().map(drop));
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

async fn together(
    options: &SqliteConnectOptions,
    connection: &mut Option<SqliteConnection>,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(options.connect().await?),
    };
    // At once, as who has read before cannot always have the lock later.
    let mut all = connection.begin_with("BEGIN IMMEDIATE").await?;
    for job in jobs {
        if !job.run(&mut all).await {
            let why = "the transaction was undone with another's statement";
            return Err(sqlx::Error::Io(std::io::Error::other(why)));
        }
    }
    all.commit().await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use sqlx::Row as _;
    use tokio::task::JoinSet;

    use super::*;

    struct File(std::path::PathBuf);

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    async fn start() -> (File, Writer) {
        let name = format!("writer-{}.sqlite", crate::clock::token().unwrap());
        let file = File(std::env::temp_dir().join(name));
        let options = SqliteConnectOptions::new().filename(&file.0);
        let writer = Writer::start(options.create_if_missing(true));
        let table = "CREATE TABLE t (n INTEGER NOT NULL UNIQUE CHECK (n <> 13), b BLOB) STRICT";
        assert!(execute(&writer, table.to_owned()).await.is_ok());
        (file, writer)
    }

    async fn execute(writer: &Writer, statement: String) -> Result<(), sqlx::Error> {
        writer
            .write(move |connection| {
                Box::pin(async move {
                    let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
                    statement.execute(connection).await.map(drop)
                })
            })
            .await
    }

    async fn count(writer: &Writer) -> i64 {
        writer
            .write(|connection| {
                Box::pin(async move {
                    let row = sqlx::query("SELECT COUNT(*) FROM t").fetch_one(connection);
                    row.await?.try_get(0)
                })
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_waits_goes_together_and_a_statement_fails_alone() {
        let (_file, writer) = start().await;
        // The first is at it while the others come.
        let mut all = JoinSet::new();
        for n in 0..40 {
            let writer = writer.clone();
            all.spawn(async move {
                (
                    n,
                    execute(&writer, format!("INSERT INTO t (n) VALUES ({n})"))
                        .await
                        .is_ok(),
                )
            });
        }
        for (n, done) in all.join_all().await {
            assert_eq!(done, n != 13, "{n}");
        }
        assert_eq!(count(&writer).await, 39);
    }

    /// Nobody is told that something is kept which is not.
    #[tokio::test]
    async fn a_transaction_that_is_undone_is_undone_for_each() {
        let (_file, writer) = start().await;
        let few = "PRAGMA max_page_count = 20".to_owned();
        assert!(execute(&writer, few).await.is_ok());
        let kept = Arc::new(AtomicI64::new(0));
        let mut all = JoinSet::new();
        for n in 0..40 {
            let (writer, kept) = (writer.clone(), Arc::clone(&kept));
            all.spawn(async move {
                let bytes = if n == 20 { 1_000_000 } else { 1 };
                let insert = format!("INSERT INTO t VALUES ({}, zeroblob({bytes}))", n + 100);
                let done = execute(&writer, insert).await;
                assert!(n != 20 || done.is_err());
                kept.fetch_add(i64::from(done.is_ok()), Ordering::SeqCst);
            });
        }
        all.join_all().await;
        assert_eq!(count(&writer).await, kept.load(Ordering::SeqCst));
        // And it goes on.
        assert!(
            execute(&writer, "INSERT INTO t (n) VALUES (1)".to_owned())
                .await
                .is_ok()
        );
    }
}
