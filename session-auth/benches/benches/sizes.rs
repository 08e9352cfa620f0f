//! What a session takes up in each store.
//!
//! `cargo bench -p session-auth-benches --features stores --bench sizes` prints a table. What is not
//! installed is left out, which is said.

use std::sync::Arc;

use session_auth::store::{CachedStore, Generation, MemoryStore, SessionStore};
use session_auth_benches::stores::{Backends, LAG, session};

/// Counts what is allocated in this process: for the stores in memory.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Each of another subject.
const SESSIONS: u32 = 10_000;

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let backends = Backends::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("| store | bytes a session | of which indexes |");
        println!("|---|---:|---:|");
        memory().await;
        sqlite(&backends).await;
        postgres(&backends).await;
        redis(&backends).await;
    });
    // Before the servers: its tasks hold connections to them.
    drop(runtime);
}

async fn fill(store: &impl SessionStore) {
    for number in 0..SESSIONS {
        let added = store.insert(&session(number), Generation::default()).await;
        assert!(added.expect("insert"));
    }
}

fn line(name: &str, bytes: u64, indexes: Option<u64>) {
    let sessions = u64::from(SESSIONS);
    let indexes = indexes.map_or_else(String::new, |bytes| (bytes / sessions).to_string());
    println!("| {name} | {} | {indexes} |", bytes / sessions);
}

fn allocated() -> u64 {
    dhat::HeapStats::get().curr_bytes as u64
}

async fn memory() {
    let before = allocated();
    let store = Arc::new(MemoryStore::new());
    fill(&store).await;
    let filled = allocated();
    line("memory", filled - before, None);

    let cached = CachedStore::new(Arc::clone(&store), LAG);
    let before = allocated();
    for number in 0..SESSIONS {
        let session = session(number);
        let found = cached.find(&session.subject, session.id).await;
        assert!(found.expect("find").is_some());
    }
    // Its housekeeping runs with every few accesses: what is put off at the end is a few hundred.
    line("cache, beside its store", allocated() - before, None);
}

async fn sqlite(backends: &Backends) {
    let store = backends.sqlite().await;
    let url = format!("sqlite://{}", backends.sqlite_file().display());
    let pool = sqlx::SqlitePool::connect(&url).await.expect("SQLite opens");
    let size = async || {
        let pages: i64 = sqlx::query_scalar(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        )
        .fetch_one(&pool)
        .await
        .expect("a size");
        pages as u64
    };
    let before = size().await;
    fill(&store).await;
    line("SQLite", size().await - before, None);
}

async fn postgres(backends: &Backends) {
    let Some((store, url)) = backends.postgres().await.zip(backends.postgres_url()) else {
        return;
    };
    let pool = sqlx::PgPool::connect(&url).await.expect("PostgreSQL");
    let size = async |function: &'static str| {
        let query = match function {
            "indexes" => "SELECT pg_indexes_size('session_auth_sessions')",
            _ => "SELECT pg_total_relation_size('session_auth_sessions')",
        };
        let bytes: i64 = sqlx::query_scalar(query)
            .fetch_one(&pool)
            .await
            .expect("a size");
        bytes as u64
    };
    let (before, indexes_before) = (size("all").await, size("indexes").await);
    fill(&store).await;
    line(
        "PostgreSQL",
        size("all").await - before,
        Some(size("indexes").await - indexes_before),
    );
}

async fn redis(backends: &Backends) {
    let Some((store, url)) = backends.redis().await.zip(backends.redis_url()) else {
        return;
    };
    let client = redis::Client::open(url).expect("a URL of Redis");
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .expect("Redis answers");
    let mut used = async || {
        let text: String = redis::cmd("INFO")
            .arg("memory")
            .query_async(&mut connection)
            .await
            .expect("INFO");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.and_then(|bytes| bytes.trim().parse::<u64>().ok())
            .expect("a number of bytes")
    };
    let before = used().await;
    fill(&store).await;
    line("Redis", used().await - before, None);
}
