//! Every store is held to the same rules.
#![cfg(feature = "store")]

use std::sync::Arc;

use session_auth::store::{MemoryStore, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let store = Arc::new(MemoryStore::new());
    conformance::check(&[Arc::clone(&store), store]).await;
}
