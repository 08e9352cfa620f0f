use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_auth::store::{
    Claim, ReplayStore, SessionStore, SqliteStore, StoredSession, conformance,
};
use session_auth::{SessionId, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Connection, SqliteConnection};

use crate::common::{self, ID, NOW, insert, session, unreadable};
use crate::deliveries;
use crate::other_process::{Anywhere, OtherProcess};

fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("sessions.db").display())
}

/// A store with its tables, and a connection beside it.
async fn store(folder: &Path) -> (SqliteStore, SqliteConnection) {
    let store = SqliteStore::connect(&url(folder)).await.expect("connect");
    store.migrate().await.expect("migrate");
    let beside = SqliteConnection::connect(&url(folder))
        .await
        .expect("connect");
    (store, beside)
}

async fn execute(connection: &mut SqliteConnection, statements: &'static str) {
    let done = sqlx::raw_sql(statements).execute(connection).await;
    done.expect("the statements are in order");
}

/// A store that waits for others longer than a request may: a test machine can be slow.
pub(crate) async fn patient(url: &str) -> SqliteStore {
    let options = SqliteConnectOptions::from_str(url)
        .expect("a URL")
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await;
    let store = SqliteStore::new(pool.expect("connect"));
    store.migrate().await.expect("migrate");
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_two_pools() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = [
        patient(&url(folder.path())).await,
        patient(&url(folder.path())).await,
    ]
    .map(Arc::new);
    conformance::check(&stores).await;
    conformance::check_replays(&stores).await;
    conformance::check_api_keys(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_handle_a_delivery_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url(folder.path());
    deliveries::are_handled_once([patient(&url).await, patient(&url).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_two_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url(folder.path());
    let here = Anywhere::Here(patient(&url).await);
    let there = Anywhere::There(OtherProcess::start("sqlite", &url));
    conformance::check(&[Arc::new(here), Arc::new(there)]).await;
}

#[tokio::test]
async fn old_generations_and_far_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path()).await;
    common::generations_are_forgotten_after_a_day(&store).await;
    common::far_times_are_cut_off(&store).await;
    common::the_oldest_goes_first(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_are_applied_once_however_often_and_by_however_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url(folder.path());
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = SqliteStore::connect(&url).await.expect("connect");
        tasks.push(tokio::spawn(async move {
            store.migrate().await?;
            store.migrate().await
        }));
    }
    for task in tasks {
        task.await.expect("no panic").expect("migrate");
    }
    let mut beside = SqliteConnection::connect(&url).await.expect("connect");
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM session_auth_migrations")
        .fetch_all(&mut beside)
        .await
        .expect("the table is there");
    assert_eq!(versions, [1, 2]);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    execute(
        &mut beside,
        "INSERT INTO session_auth_migrations VALUES (7)",
    )
    .await;
    let error = store.migrate().await.expect_err("newer").to_string();
    assert!(
        error.contains("of version 7, and this program knows versions up to 2"),
        "{error}"
    );
}

#[tokio::test]
async fn without_tables_the_error_says_what_makes_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::connect(&url(folder.path()))
        .await
        .expect("connect");
    let error = store.find("ada", ID).await.expect_err("no tables");
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("`migrate`"), "{error}");
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_errors_of_one_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    // As somebody's own restore could have made it: no types, no constraints.
    execute(
        &mut beside,
        "ALTER TABLE session_auth_sessions RENAME TO strict;
         CREATE TABLE session_auth_sessions (
             id, subject, label, issued, last_seen, idle_deadline, absolute_deadline, version,
             generation);",
    )
    .await;
    let damages = [
        ("version = 2", "its version is 2"),
        ("version = 0", "its version is 0"),
        ("version = NULL", "its version is NULL"),
        ("version = 'new'", "its version cannot be read"),
        ("version = 100000", "its version cannot be read"),
        ("issued = NULL", "its issued is NULL"),
        ("issued = -1", "its issued is -1, before 1970"),
        ("last_seen = 1.5", "its last_seen cannot be read"),
        ("absolute_deadline = NULL", "its absolute_deadline is NULL"),
        ("idle_deadline = 'soon'", "its idle_deadline cannot be read"),
        ("label = x'ff'", "its label cannot be read"),
        ("label = CAST(x'ff' AS TEXT)", "its label cannot be read"),
    ];
    for (damage, what) in damages {
        execute(
            &mut beside,
            "DELETE FROM session_auth_sessions;
             INSERT INTO session_auth_sessions SELECT * FROM strict;",
        )
        .await;
        assert_eq!(store.find("ada", ID).await.expect("find"), Some(session()));
        let damage = format!("UPDATE session_auth_sessions SET {damage}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(damage))
            .execute(&mut beside)
            .await
            .expect("damage");
        let error = unreadable(&store).await;
        assert!(error.contains(what), "{error}");
    }
    execute(&mut beside, "UPDATE session_auth_sessions SET id = x'abab'").await;
    assert_eq!(store.list("ada", NOW).await.expect("list"), []);
}

#[tokio::test]
async fn a_row_of_a_newer_version_is_not_accepted_by_touching_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    assert!(store.touch("ada", ID, NOW, NOW).await.expect("touch"));
    execute(&mut beside, "UPDATE session_auth_sessions SET version = 2").await;
    let error = store.touch("ada", ID, NOW, NOW).await.expect_err("newer");
    assert!(!error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("its version is 2"), "{error}");
}

#[tokio::test]
async fn a_read_only_file_is_read_and_every_write_says_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (writable, _) = store(folder.path()).await;
    insert(&writable, &session()).await;
    let store = SqliteStore::connect(&format!("{}?mode=ro", url(folder.path()))).await;
    let store = store.expect("connect");
    assert_eq!(store.find("ada", ID).await.expect("find"), Some(session()));
    let errors = [
        store
            .touch("ada", ID, NOW, NOW)
            .await
            .expect_err("read-only"),
        store.revoke("ada", ID).await.expect_err("read-only"),
        store
            .revoke_all("ada", None, NOW)
            .await
            .expect_err("read-only"),
        store.replace(ID, &session()).await.expect_err("read-only"),
        store.remove_expired(NOW, 1).await.expect_err("read-only"),
    ];
    for error in errors {
        assert!(error.is_unavailable());
        assert!(error.to_string().contains("readonly"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_an_error_in_time_and_then_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    execute(&mut beside, "BEGIN EXCLUSIVE").await;
    let start = Instant::now();
    let error = store.touch("ada", ID, NOW, NOW).await.expect_err("locked");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("locked"), "{error}");
    // In WAL mode, whoever reads does not wait for whoever writes.
    assert!(store.find("ada", ID).await.expect("find").is_some());
    execute(&mut beside, "ROLLBACK").await;
    assert!(store.touch("ada", ID, NOW, NOW).await.expect("touch"));
}

/// The layer drops the future of a call that takes too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_were_given_up_leave_no_transaction_and_no_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    // More than there are connections, each at another point.
    for given_up in 0..40_u64 {
        if given_up % 8 == 0 {
            execute(&mut beside, "BEGIN IMMEDIATE").await;
        }
        let after = Duration::from_micros(given_up * 50);
        let call = store.revoke_all("grace", None, NOW);
        let _ = tokio::time::timeout(after, call).await;
        if given_up % 8 == 0 {
            execute(&mut beside, "ROLLBACK").await;
        }
    }
    // What is still under way ends within the busy timeout.
    tokio::time::sleep(Duration::from_millis(500)).await;
    execute(&mut beside, "BEGIN EXCLUSIVE; ROLLBACK").await;
    assert!(store.touch("ada", ID, NOW, NOW).await.expect("touch"));
    assert_eq!(
        store
            .revoke_all("ada", None, NOW)
            .await
            .expect("revoke_all"),
        1
    );
}

#[tokio::test]
async fn a_revocation_of_all_that_fails_half_way_has_not_happened() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    execute(
        &mut beside,
        "CREATE TRIGGER fails BEFORE UPDATE ON session_auth_sessions
         BEGIN SELECT RAISE(ABORT, 'half way'); END",
    )
    .await;
    // Its generation is raised before the spared session gets the new one.
    let error = store.revoke_all("ada", Some(ID), NOW).await;
    let error = error.expect_err("it fails").to_string();
    assert!(error.contains("half way"), "{error}");
    assert_eq!(store.generation("ada").await.expect("generation").0, 0);
    assert_eq!(store.find("ada", ID).await.expect("find"), Some(session()));
    execute(&mut beside, "DROP TRIGGER fails").await;
    let ended = store.revoke_all("ada", None, NOW).await;
    assert_eq!(ended.expect("revoke_all"), 1);
}

/// Of however many sessions. What is left of them goes when they expire, and is no session until then.
#[tokio::test]
async fn a_revocation_of_all_is_two_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    common::fill(&store, 500).await;
    execute(
        &mut beside,
        "CREATE TABLE writes (n INTEGER);
         CREATE TRIGGER updated AFTER UPDATE ON session_auth_sessions
         BEGIN INSERT INTO writes VALUES (1); END;
         CREATE TRIGGER deleted AFTER DELETE ON session_auth_sessions
         BEGIN INSERT INTO writes VALUES (1); END;",
    )
    .await;
    let ended = store
        .revoke_all("eve", Some(common::of_many(0).id), NOW)
        .await;
    assert_eq!(ended.expect("revoke_all"), 499);
    let count = async |beside: &mut SqliteConnection, question: &'static str| {
        let count = sqlx::query_scalar(question).fetch_one(beside).await;
        count.expect("a count")
    };
    let writes: i64 = count(&mut beside, "SELECT count(*) FROM writes").await;
    assert_eq!(writes, 1, "the spared one, beside the generation");
    common::all_have_ended_but_one(&store).await;
    common::what_has_ended_is_swept(&store).await;
    let left: i64 = count(&mut beside, "SELECT count(*) FROM session_auth_sessions").await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let missing = SqliteStore::connect("sqlite://no/such/folder/sessions.db").await;
    let missing = missing.expect_err("no folder").to_string();
    assert!(
        missing.contains("no/such/folder/sessions.db: "),
        "{missing}"
    );
    for memory in [
        "sqlite::memory:",
        "sqlite://",
        "sqlite:",
        "sqlite://x?mode=memory",
        "sqlite::memory:?cache=shared",
    ] {
        let Err(error) = SqliteStore::connect(memory).await else {
            panic!("{memory}: sessions would be lost");
        };
        assert!(error.to_string().contains("`MemoryStore`"), "{error}");
    }
}

/// A program links SQLite once. The service's own crate for it is linked with the store's, and has the
/// same file open; which versions may be, the documentation of `SqliteStore` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_has_rusqlite_beside_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sessions.db");
    let own = rusqlite::Connection::open(&file).expect("open");
    own.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY) STRICT;")
        .expect("a table of the service");
    let store = patient(&url(folder.path())).await;
    conformance::check(&[Arc::new(store.clone()), Arc::new(store)]).await;
    own.execute("INSERT INTO orders DEFAULT VALUES", [])
        .expect("a row");
    let tables: u32 = own
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
             AND (name = 'orders' OR name LIKE 'session_auth_%')",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert!(tables > 2, "{tables}");
}

/// What a claim leaves behind goes with those that come later: the table does not grow for ever. Not where
/// the clock jumps, as it may come back.
#[tokio::test]
async fn deliveries_that_are_over_are_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = patient(&url(folder.path())).await;
    let start = 1_700_000_000;
    let claim = async |number: u8, after: u64| {
        let [now, until] = [after, after + 300].map(|it| Timestamp::from_secs(start + it));
        let claimed = store.claim([number; 32], 1, now, until).await;
        assert_eq!(claimed.expect("a claim"), Claim::Taken);
    };
    let pool = sqlx::SqlitePool::connect(&url(folder.path())).await;
    let pool = pool.expect("a pool");
    let count = async || {
        let count = sqlx::query_scalar("SELECT count(*) FROM session_auth_replays");
        let count: i64 = count.fetch_one(&pool).await.expect("a count");
        count
    };
    for number in 0..10 {
        claim(number, 0).await;
    }
    for number in 10..13 {
        claim(number, 365 * 86_400).await;
    }
    assert_eq!(count().await, 13);
    for (number, after) in [(13, 300), (14, 600), (15, 899)] {
        claim(number, after).await;
        assert_eq!(count().await, i64::from(number) + 1);
    }
    for number in 16..19 {
        claim(number, 900).await;
    }
    assert_eq!(count().await, 19 - 10);
}

/// Whoever renews a session again and again, writes no more for it each time.
#[tokio::test]
async fn the_ids_of_before_do_not_add_up() {
    for (apart, left) in [(0, 100), (1, 10)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, mut beside) = store(folder.path()).await;
        let ids = common::renew_often(&store, 300, apart).await;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM session_auth_renewed")
            .fetch_one(&mut beside)
            .await
            .expect("a count");
        assert_eq!(rows, left);
        // Of one second there is no telling which are the latest.
        let last = &ids[ids.len() - 1 - left.min(10) as usize..];
        if apart > 0 {
            assert_eq!(common::of_before(&store, last).await, 10, "the latest");
        }
        let old = last[last.len() - 2];
        assert!(store.revoke("ada", old).await.expect("revoke"));
    }
}

/// However few sessions have expired beside them.
#[tokio::test]
async fn the_ids_of_before_are_swept_to_the_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    insert(&store, &session()).await;
    let until = Timestamp::from_secs(NOW.as_secs() + 10);
    let mut last = ID;
    for number in 0..20_u8 {
        let mut id = [number; 16];
        id[0] = 200;
        let next = StoredSession {
            id: SessionId::from_bytes(id),
            ..session()
        };
        let renewed = store.renew(last, &next, until).await.expect("renew");
        assert!(renewed);
        last = next.id;
    }
    let later = Timestamp::from_secs(NOW.as_secs() + 60);
    while store.remove_expired(later, 6).await.expect("sweep") == 6 {}
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM session_auth_renewed")
        .fetch_one(&mut beside)
        .await
        .expect("a count");
    assert_eq!(left, 0);
    let found = store.find(&session().subject, last).await.expect("find");
    assert!(found.is_some(), "the session is live");
}

/// Generations take the longer to be forgotten the more there are: what has expired does not wait for that.
#[tokio::test]
async fn what_has_expired_is_deleted_before_generations_are_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    store.revoke_all("grace", None, NOW).await.expect("revoked");
    for number in 0..35_u8 {
        let expired = StoredSession {
            id: SessionId::from_bytes([number; 16]),
            ..session()
        };
        insert(&store, &expired).await;
    }
    execute(
        &mut beside,
        "CREATE TRIGGER slow BEFORE DELETE ON session_auth_generations \
         BEGIN SELECT RAISE(ABORT, 'for too long'); END",
    )
    .await;
    let later = Timestamp::from_secs(NOW.as_secs() + 365 * 86_400);
    for _ in 0..3 {
        assert_eq!(store.remove_expired(later, 10).await.expect("sweep"), 10);
    }
    assert!(store.remove_expired(later, 10).await.is_err());
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM session_auth_sessions")
        .fetch_one(&mut beside)
        .await
        .expect("a count");
    assert_eq!(left, 0);
}

/// A row of a newer program is its own affair: the streams of others are told.
#[tokio::test]
async fn a_row_that_cannot_be_read_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, mut beside) = store(folder.path()).await;
    let other = StoredSession {
        id: SessionId::from_bytes([7; 16]),
        subject: "grace".to_owned(),
        ..session()
    };
    for session in [&session(), &other] {
        insert(&store, session).await;
    }
    execute(
        &mut beside,
        "UPDATE session_auth_sessions SET version = 2 WHERE subject = 'ada'",
    )
    .await;
    let asked = [session(), other.clone()].map(|session| (session.subject, session.id));
    let deadlines = store.deadlines(&asked).await.expect("deadlines");
    // Its deadline may mean something else, and so moves nothing.
    assert_eq!(deadlines[0], Some(Timestamp::default()));
    assert_eq!(deadlines[1], Some(other.idle_deadline));
    assert!(store.revoke("grace", other.id).await.expect("revoke"));
    let deadlines = store.deadlines(&asked).await.expect("deadlines");
    assert_eq!(deadlines[1], None);
}
