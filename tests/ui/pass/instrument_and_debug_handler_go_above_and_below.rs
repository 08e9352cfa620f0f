#![deny(warnings)]

use axum::extract::{Json, Path, State};
use axum::routing::post;
use session_auth::{declarations, public_route};

#[tracing::instrument(skip(state), fields(state = state.len()))]
#[public_route(POST, "/instrument/above/{id}", reason = "test")]
async fn instrument_above(State(state): State<String>, Path(id): Path<u8>) -> String {
    format!("{state}{id}")
}

#[public_route(POST, "/instrument/below/{id}", reason = "test")]
#[tracing::instrument(skip(state), fields(state = state.len()))]
async fn instrument_below(State(state): State<String>, Path(id): Path<u8>) -> String {
    format!("{state}{id}")
}

#[axum::debug_handler]
#[public_route(POST, "/debug/above/{id}", reason = "test")]
async fn debug_above(State(state): State<String>, Path(id): Path<u8>, Json(body): Json<String>) -> String {
    format!("{state}{id}{body}")
}

#[public_route(POST, "/debug/below/{id}", reason = "test")]
#[axum::debug_handler]
async fn debug_below(State(state): State<String>, Path(id): Path<u8>, Json(body): Json<String>) -> String {
    format!("{state}{id}{body}")
}

#[tracing::instrument(err)]
#[axum::debug_handler]
#[public_route(POST, "/all/above", reason = "test")]
async fn all_above(body: String) -> Result<String, std::convert::Infallible> {
    Ok(body)
}

#[public_route(POST, "/all/below", reason = "test")]
#[axum::debug_handler]
#[tracing::instrument(err)]
async fn all_below(body: String) -> Result<String, std::convert::Infallible> {
    Ok(body)
}

#[axum::debug_handler]
#[public_route(POST, "/sandwich", reason = "test")]
#[tracing::instrument]
async fn sandwich(body: String) -> String {
    body
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _: axum::Router = axum::Router::new()
        .route("/instrument/below/{id}", post(instrument_below))
        .route("/instrument/above/{id}", post(instrument_above))
        .route("/debug/above/{id}", post(debug_above))
        .route("/debug/below/{id}", post(debug_below))
        .route("/all/above", post(all_above))
        .route("/all/below", post(all_below))
        .route("/sandwich", post(sandwich))
        .with_state("state".to_owned());

    // The class survives, whoever came first.
    fn has_class<H, T>(handler: H, path: &str)
    where
        H: session_auth::ClassifiedHandler<T, String>,
    {
        assert_eq!(handler.declaration().target().paths(), [path]);
    }
    has_class(instrument_above, "/instrument/above/{id}");
    has_class(instrument_below, "/instrument/below/{id}");
    has_class(debug_above, "/debug/above/{id}");
    has_class(debug_below, "/debug/below/{id}");
    has_class(all_above, "/all/above");
    has_class(all_below, "/all/below");
    has_class(sandwich, "/sandwich");

    assert_eq!(debug_above(State("a".into()), Path(1), Json("b".into())).await, "a1b");

    // `debug_handler` repeats the function, and with it the attribute: still one declaration each.
    assert_eq!(declarations().len(), 7, "{:#?}", declarations());
}
