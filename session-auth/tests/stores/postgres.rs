use std::sync::Arc;
use std::time::{Duration, Instant};

use session_auth::store::{Generation, PostgresStore, SessionStore, StoredSession, conformance};
use session_auth::{Keys, SessionAuthLayer, SessionId, Timestamp};
use sqlx::{Connection, PgConnection};
use test_servers::{PgBouncer, Postgres};
use tokio::task::JoinSet;

use crate::common::{self, ID, NOW, insert, session, unreadable};
use crate::deliveries;
use crate::other_process::{Anywhere, OtherProcess};

/// A store with its tables, and a connection beside it.
async fn store(server: &Postgres) -> (PostgresStore, PgConnection) {
    let store = PostgresStore::connect(&server.url())
        .await
        .expect("connect");
    store.migrate().await.expect("migrate");
    let beside = PgConnection::connect(&server.url()).await.expect("connect");
    (store, beside)
}

async fn execute(connection: &mut PgConnection, statements: &'static str) {
    let done = sqlx::raw_sql(statements).execute(connection).await;
    done.expect("the statements are in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_two_pools() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let stores = [store(&server).await.0, store(&server).await.0].map(Arc::new);
    conformance::check(&stores).await;
    conformance::check_replays(&stores).await;
    conformance::check_api_keys(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_handle_a_delivery_once() {
    let Some(server) = Postgres::start() else {
        return;
    };
    deliveries::are_handled_once([store(&server).await.0, store(&server).await.0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_two_processes() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let here = Anywhere::Here(store(&server).await.0);
    let there = Anywhere::There(OtherProcess::start("postgres", &server.url()));
    conformance::check(&[Arc::new(here), Arc::new(there)]).await;
}

/// Two connections for two pools of ten: what one transaction leaves on a connection, the next one of
/// somebody else finds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_through_a_pooler_in_transaction_mode() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let Some(pooler) = PgBouncer::start(&server, 2) else {
        return;
    };
    let connect = async || {
        let store = PostgresStore::connect_through_pooler(&pooler.url()).await;
        let store = store.expect("connect");
        store.migrate().await.expect("migrate");
        Arc::new(store)
    };
    let stores = [connect().await, connect().await];
    conformance::check(&stores).await;
    conformance::check_replays(&stores).await;
    conformance::check_api_keys(&stores).await;
    // Without that it does not work, and says so.
    let error = PostgresStore::connect(&pooler.url()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("startup parameter"), "{error}");
}

/// A default that each statement of a transaction sees the same would undo the locks' effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_whatever_the_default_isolation_level_is() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (_, mut beside) = store(&server).await;
    execute(
        &mut beside,
        "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'",
    )
    .await;
    let stores = [store(&server).await.0, store(&server).await.0];
    conformance::check(&stores.map(Arc::new)).await;
}

/// Each of the two is held up where the other would slip past it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_or_renewal_under_way_does_not_survive_a_revocation() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    execute(
        &mut beside,
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
         CREATE TRIGGER dawdle BEFORE INSERT OR UPDATE ON session_auth_sessions
         FOR EACH ROW EXECUTE FUNCTION dawdle();",
    )
    .await;
    let shortly = || tokio::time::sleep(Duration::from_millis(200));
    let there = async || store.list("ada", NOW).await.expect("list").len();
    let generation = async || store.generation("ada").await.expect("generation");

    // A login has been found to be of the present generation, and not yet been added.
    let before = generation().await;
    let login = session();
    let (added, ended) = tokio::join!(store.insert(&login, before), async {
        shortly().await;
        store.revoke_all("ada", None, NOW).await
    });
    // It came first, and is over already.
    assert!(added.expect("insert"));
    assert_eq!(ended.expect("revoke_all"), 0);
    assert_eq!(there().await, 0, "the login survived");

    execute(&mut beside, "DELETE FROM session_auth_sessions").await;

    // A session is being replaced by another.
    let before = generation().await;
    assert!(store.insert(&login, before).await.expect("insert"));
    let renewed = StoredSession {
        id: session_auth::SessionId::from_bytes([1; 16]),
        ..session()
    };
    let (replaced, ended) = tokio::join!(store.replace(ID, &renewed), async {
        shortly().await;
        store.revoke_all("ada", None, NOW).await
    });
    assert_eq!(
        (replaced.expect("replace"), ended.expect("revoke_all")),
        (true, 1)
    );
    assert_eq!(
        there().await,
        0,
        "the session that replaced another survived"
    );

    execute(&mut beside, "DELETE FROM session_auth_sessions").await;

    // A session is being renewed, and is to be spared by its id of before.
    let before = generation().await;
    let other = StoredSession {
        id: session_auth::SessionId::from_bytes([2; 16]),
        ..session()
    };
    for session in [&login, &other] {
        assert!(store.insert(session, before).await.expect("insert"));
    }
    let renewed = StoredSession {
        id: session_auth::SessionId::from_bytes([3; 16]),
        ..session()
    };
    let (done, ended) = tokio::join!(store.renew(ID, &renewed, NOW), async {
        shortly().await;
        store.revoke_all("ada", Some(ID), NOW).await
    });
    assert_eq!(
        (done.expect("renew"), ended.expect("revoke_all")),
        (true, 1)
    );
    let list = store.list("ada", NOW).await.expect("list");
    assert_eq!(list, [renewed], "the renewed session is spared");
    assert_eq!(
        store
            .revoke_all("ada", None, NOW)
            .await
            .expect("revoke_all"),
        1
    );

    // The generation has been raised, and that is not yet visible.
    execute(
        &mut beside,
        "DROP TRIGGER dawdle ON session_auth_sessions;
         DELETE FROM session_auth_sessions;
         CREATE TRIGGER dawdle AFTER INSERT OR UPDATE ON session_auth_generations
         FOR EACH ROW EXECUTE FUNCTION dawdle();",
    )
    .await;
    let before = generation().await;
    let (ended, added) = tokio::join!(store.revoke_all("ada", None, NOW), async {
        shortly().await;
        store.insert(&login, before).await
    });
    added.expect("insert");
    ended.expect("revoke_all");
    assert_eq!(there().await, 0, "the login survived");
}

/// Of however many sessions. What is left of them goes when they expire, and is no session until then.
#[tokio::test]
async fn a_revocation_of_all_is_two_writes() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    common::fill(&store, 500).await;
    execute(
        &mut beside,
        "CREATE TABLE writes (n INTEGER);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN INSERT INTO writes VALUES (1); RETURN NULL; END $$;
         CREATE TRIGGER note AFTER UPDATE OR DELETE ON session_auth_sessions
         FOR EACH ROW EXECUTE FUNCTION note();",
    )
    .await;
    let ended = store
        .revoke_all("eve", Some(common::of_many(0).id), NOW)
        .await;
    assert_eq!(ended.expect("revoke_all"), 499);
    let count = async |beside: &mut PgConnection, question: &'static str| {
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
async fn old_generations_and_far_times() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, _) = store(&server).await;
    common::generations_are_forgotten_after_a_day(&store).await;
    common::far_times_are_cut_off(&store).await;
    common::the_oldest_goes_first(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let url = server.url();

    // Before them, the error says what makes the tables.
    let store = PostgresStore::connect(&url).await.expect("connect");
    let error = store.find("ada", ID).await.expect_err("no tables");
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("`migrate`"), "{error}");

    // By several at a time, and again.
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = PostgresStore::connect(&url).await.expect("connect");
        tasks.push(tokio::spawn(async move {
            store.migrate().await?;
            store.migrate().await
        }));
    }
    for task in tasks {
        task.await.expect("no panic").expect("migrate");
    }
    let mut beside = PgConnection::connect(&url).await.expect("connect");
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM session_auth_migrations")
        .fetch_all(&mut beside)
        .await
        .expect("the table is there");
    assert_eq!(versions, [1, 2]);

    // By a user who may not make tables, once they are there.
    execute(
        &mut beside,
        "CREATE ROLE app LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO app;",
    )
    .await;
    let app = PostgresStore::connect(&url.replace("postgres@", "app@"))
        .await
        .expect("connect");
    app.migrate().await.expect("there is nothing to do");
    insert(&app, &session()).await;

    // Newer tables are left alone.
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

    // A database that cannot hold every subject is refused.
    execute(
        &mut beside,
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'",
    )
    .await;
    let latin = url
        .replace("/postgres", "/latin")
        .replace("://latin", "://postgres");
    let latin = PostgresStore::connect(&latin).await.expect("connect");
    let error = latin.migrate().await.expect_err("LATIN1").to_string();
    assert!(error.contains("encoding is LATIN1"), "{error}");
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_errors_of_one_session() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    insert(&store, &session()).await;
    execute(
        &mut beside,
        "CREATE TABLE whole AS SELECT * FROM session_auth_sessions;
         ALTER TABLE session_auth_sessions
             ALTER issued DROP NOT NULL, ALTER version DROP NOT NULL;",
    )
    .await;
    let damages = [
        ("version = 2", "its version is 2"),
        ("version = -1", "its version is -1"),
        ("version = NULL", "its version is NULL"),
        ("issued = NULL", "its issued is NULL"),
        ("last_seen = -1", "its last_seen is -1, before 1970"),
    ];
    for (damage, what) in damages {
        execute(
            &mut beside,
            "DELETE FROM session_auth_sessions;
             INSERT INTO session_auth_sessions SELECT * FROM whole;",
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
    execute(&mut beside, "UPDATE session_auth_sessions SET version = 2").await;
    let error = store.touch("ada", ID, NOW, NOW).await.expect_err("newer");
    assert!(!error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("its version is 2"), "{error}");
    execute(
        &mut beside,
        "UPDATE session_auth_sessions SET id = '\\xabab', version = 1",
    )
    .await;
    assert_eq!(store.list("ada", NOW).await.expect("list"), []);
}

/// Each lookup has its own answer, whatever it was asked for with; and none is one from before its
/// session was revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn security_lookups_at_the_same_time_mix_nothing_up() {
    const SUBJECTS: u8 = 40;
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    let of = |number: u8| StoredSession {
        id: SessionId::from_bytes([number; 16]),
        subject: format!("user {number}"),
        ..session()
    };
    for number in 0..SUBJECTS {
        insert(&store, &of(number)).await;
    }
    let broken = "UPDATE session_auth_sessions SET version = 2 WHERE subject = 'user 7'";
    execute(&mut beside, broken).await;
    let mut lookups = JoinSet::new();
    for number in (0..SUBJECTS).chain(0..SUBJECTS) {
        let store = store.clone();
        lookups.spawn(async move {
            let StoredSession { id, subject, .. } = of(number);
            let (found, of_another) =
                tokio::join!(store.find(&subject, id), store.find("user 0", id));
            (number, found, of_another)
        });
    }
    while let Some(found) = lookups.join_next().await {
        let (number, found, of_another) = found.expect("no panic");
        match number {
            7 => assert!(!found.expect_err("broken").is_unavailable()),
            _ => assert_eq!(found.expect("find"), Some(of(number))),
        }
        let of_another = of_another.expect("find");
        assert_eq!(of_another, Some(of(0)).filter(|_| number == 0), "{number}");
    }

    let mut load = JoinSet::new();
    for number in 0..SUBJECTS {
        let store = store.clone();
        load.spawn(async move {
            let StoredSession { id, subject, .. } = of(number);
            while !matches!(store.find(&subject, id).await, Ok(None)) {}
        });
    }
    for number in 0..SUBJECTS {
        let StoredSession { id, subject, .. } = of(number);
        assert!(store.revoke(&subject, id).await.expect("revoke"));
        assert_eq!(store.find(&subject, id).await.expect("find"), None);
    }
    load.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_itself_again_after_the_server_was() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let (store, _) = store(&server).await;
    insert(&store, &session()).await;
    // So that there are several connections, all of them idle then.
    let finds = async || {
        let mut calls = Vec::new();
        for _ in 0..20 {
            let store = store.clone();
            calls.push(tokio::spawn(async move { store.find("ada", ID).await }));
        }
        for call in calls {
            let found = call.await.expect("no panic");
            assert_eq!(found.expect("find"), Some(session()));
        }
    };
    finds().await;

    server.stop();
    let start = Instant::now();
    let error = store.find("ada", ID).await.expect_err("the server is gone");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(error.is_unavailable());

    server.start_again();
    finds().await;
    finds().await;

    // Without a call in between: every connection is one left over, and none costs a call.
    server.start_again();
    finds().await;
}

/// The layer drops the future of a call that takes too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_were_given_up_leave_no_transaction_and_no_lock() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    insert(&store, &session()).await;
    execute(&mut beside, "BEGIN; LOCK TABLE session_auth_sessions").await;
    // More than there are connections: each waits for the table, its own lock in its hand.
    for given_up in 0..25 {
        let call = async {
            if given_up % 2 == 0 {
                store.revoke_all("ada", None, NOW).await.map(drop)
            } else {
                let session = StoredSession {
                    id: session_auth::SessionId::from_bytes([given_up; 16]),
                    ..session()
                };
                store
                    .insert(&session, Generation::default())
                    .await
                    .map(drop)
            }
        };
        let answer = tokio::time::timeout(Duration::from_millis(50), call).await;
        assert!(answer.is_err(), "it waits for the table: {answer:?}");
    }
    // None of them holds a connection: what needs another table is answered, and nobody was ended.
    assert_eq!(store.generation("ada").await.expect("generation").0, 0);
    execute(&mut beside, "ROLLBACK").await;
    // At once, on connections that are in order.
    let start = Instant::now();
    while store.generation("ada").await.expect("generation").0 == 0 {
        let call = store.revoke_all("ada", None, NOW);
        let ended = tokio::time::timeout(Duration::from_secs(2), call).await;
        ended.expect("no lock was left").expect("revoke_all");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
         OR pid IN (SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%')",
    )
    .fetch_one(&mut beside)
    .await
    .expect("locks");
    assert_eq!(left, 0);
    assert_eq!(
        store.list("ada", Timestamp::default()).await.expect("list"),
        []
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let error = PostgresStore::connect("postgres://ada:hunter2@127.0.0.1:1/app").await;
    let error = error.expect_err("nothing is there").to_string();
    assert!(
        error.contains(": 127.0.0.1:1 gave no connection within 2 s"),
        "{error}"
    );
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let urls = [
        "postgres://ada:hunter2@127.0.0.1:1/app",
        "postgres://ada:hunter2@127.0.0.1:port/app",
        "postgres://ada:hunter2@[::1/app",
        "postgres://ada:hunter2@127.0.0.1:1/app?sslmode=hunter",
        "ada:hunter2@127.0.0.1/app",
        "mysql://ada:hunter2@127.0.0.1:1/app",
    ];
    for url in urls {
        let error = PostgresStore::connect(url)
            .await
            .expect_err("nothing is there");
        assert!(error.is_unavailable());
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("hunter2"), "{url}: {shown}");
    }
}

/// A logout by the old id comes while the session gets another one, and has to wait for the row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_while_the_session_is_renewed_ends_it() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (here, mut beside) = store(&server).await;
    let there = store(&server).await.0;
    let until = Timestamp::from_secs(NOW.as_secs() + 10);
    let new = StoredSession {
        id: SessionId::from_bytes([9; 16]),
        ..session()
    };
    insert(&here, &session()).await;
    execute(
        &mut beside,
        "CREATE FUNCTION dawdle() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END' \
         LANGUAGE plpgsql; \
         CREATE TRIGGER dawdle AFTER INSERT ON session_auth_renewed \
         FOR EACH ROW EXECUTE FUNCTION dawdle();",
    )
    .await;
    let renew = {
        let new = new.clone();
        tokio::spawn(async move { here.renew(ID, &new, until).await })
    };
    // The row is locked, and the renewal not committed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(there.revoke(&new.subject, ID).await.expect("revoke"));
    assert!(renew.await.expect("no panic").expect("renew"));
    let found = there.find(&new.subject, new.id).await.expect("find");
    assert_eq!(found, None, "it has ended under its new id, too");
}

/// Whoever renews a session again and again, writes no more for it each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ids_of_before_do_not_add_up() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (store, mut beside) = store(&server).await;
    for (apart, left) in [(0, 100), (1, 10)] {
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
        execute(&mut beside, "DELETE FROM session_auth_renewed").await;
    }
}

/// After a failover the name may lead to the new primary, and connections that are left to the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_cannot_write_any_more_is_made_again() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (_, mut beside) = store(&server).await;
    execute(
        &mut beside,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
         current_database()); END $$",
    )
    .await;
    let store = PostgresStore::connect(&server.url())
        .await
        .expect("connect");
    let finds = (0..8).map(|_| store.find("ada", ID));
    futures_util::future::join_all(finds).await;
    let error = store.insert(&session(), Generation(0)).await;
    assert!(error.is_err_and(|error| error.is_unavailable()));
    execute(
        &mut beside,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', \
         current_database()); END $$",
    )
    .await;
    let mut refused = 0;
    for _ in 0..30 {
        refused += u32::from(store.revoke_all("ada", None, NOW).await.is_err());
        // By then its connection is in the pool again.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Lookups take two connections at a time, and the write took one.
    assert!(refused <= 3, "{refused} of 30");
}

/// Somebody renews a session again and again while its owner logs out, by the id of a while ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_of_renewals_keeps_a_session_from_being_ended() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (here, there) = (store(&server).await.0, store(&server).await.0);
    let mut survived = 0;
    for round in 0..200_u16 {
        let first = StoredSession {
            id: SessionId::from_bytes([0xab; 16]),
            ..session()
        };
        insert(&here, &first).await;
        let renewing = {
            let here = here.clone();
            tokio::spawn(async move {
                let mut old = first.id;
                for number in 0..200_u16 {
                    let mut id = [0xcc; 16];
                    id[..2].copy_from_slice(&round.to_be_bytes());
                    id[2..4].copy_from_slice(&number.to_be_bytes());
                    let next = StoredSession {
                        id: SessionId::from_bytes(id),
                        ..session()
                    };
                    let until = Timestamp::from_secs(NOW.as_secs() + 10);
                    if !here.renew(old, &next, until).await.expect("renew") {
                        return false;
                    }
                    old = next.id;
                }
                true
            })
        };
        tokio::time::sleep(Duration::from_micros(4_000 + 37 * u64::from(round))).await;
        let ended = there.revoke("ada", first.id).await.expect("revoke");
        let all_renewed = renewing.await.expect("no panic");
        survived += u32::from(!ended || all_renewed);
        there
            .revoke_all("ada", None, NOW)
            .await
            .expect("revoke_all");
        let (_, mut beside) = store(&server).await;
        execute(&mut beside, "DELETE FROM session_auth_sessions; DELETE FROM session_auth_renewed; DELETE FROM session_auth_generations").await;
    }
    assert_eq!(survived, 0, "of 200");
}

/// Of one subject's rows the server cuts a wait off: that says nothing of anybody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_of_one_subject_that_the_server_cut_off_is_no_outage() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let (_, mut beside) = store(&server).await;
    for setting in ["statement_timeout", "lock_timeout"] {
        let url = format!("{}?options[{setting}]=50ms", server.url());
        let store = PostgresStore::connect(&url).await.expect("connect");
        let auth = SessionAuthLayer::builder(Keys::random().expect("keys"))
            .store_timeout(Duration::from_secs(2))
            .store(store)
            .build()
            .expect("a layer");
        let sessions = auth.sessions();
        sessions.revoke_all("thief").await.expect("revoked");
        let mut transaction = beside.begin().await.expect("begin");
        let lock = "SELECT 1 FROM session_auth_generations WHERE subject = 'thief' FOR UPDATE";
        let locked = sqlx::raw_sql(lock).execute(&mut *transaction).await;
        locked.expect("the row is there");
        for _ in 0..8 {
            assert!(sessions.revoke_all("thief").await.is_err(), "{setting}");
        }
        let bob = sessions.issue("bob").await;
        assert!(bob.is_ok(), "{setting}: {bob:?}");
        transaction.rollback().await.expect("rollback");
    }
}
