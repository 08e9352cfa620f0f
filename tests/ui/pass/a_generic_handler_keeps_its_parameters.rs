#![deny(warnings)]

use axum::extract::{FromRef, Path, State};
use session_auth::routing::get;
use session_auth::{Router, session_route};

trait Repository: Clone + Send + Sync + 'static {
    fn name(&self, id: u64) -> String;
}

#[derive(Clone)]
struct Memory;

impl Repository for Memory {
    fn name(&self, id: u64) -> String {
        format!("user {id}")
    }
}

#[derive(Clone)]
struct App<R> {
    repository: R,
}

impl FromRef<App<Memory>> for Memory {
    fn from_ref(app: &App<Memory>) -> Self {
        app.repository.clone()
    }
}

#[session_route(GET, "/users/{id}")]
async fn user<R, const SHOUT: bool>(State(repository): State<R>, Path(id): Path<u64>) -> String
where
    R: Repository,
{
    let name = repository.name(id);
    if SHOUT { name.to_uppercase() } else { name }
}

#[session_route(GET, "/takes-impl")]
async fn takes_impl<T: Default + Into<u64> + Send>(add: impl Into<u64> + Send) -> String {
    (T::default().into() + add.into()).to_string()
}

#[session_route(GET, "/borrows")]
async fn borrows<'a>(words: &'a [String], which: &usize) -> &'a str {
    &words[*which]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _: Router = Router::new()
        .route("/users/{id}", get(user::<Memory, true>))
        .with_state(App { repository: Memory });

    assert_eq!(user::<_, true>(State(Memory), Path(7)).await, "USER 7");
    assert_eq!(user::<Memory, false>(State(Memory), Path(7)).await, "user 7");
    assert_eq!(takes_impl::<u8>(3_u8).await, "3");
    let words = ["a".to_owned(), "b".to_owned()];
    assert_eq!(borrows(&words, &1).await, "b");
}
