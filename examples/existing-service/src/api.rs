//! Nested under `/api`. Declarations have the full path all the same: what one would search for.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use session_auth::routing::get;
use session_auth::{Router, Session, session_route};

#[derive(Serialize)]
struct Note {
    id: u32,
    text: &'static str,
}

const NOTES: [Note; 2] = [
    Note {
        id: 1,
        text: "Water the plants",
    },
    Note {
        id: 2,
        text: "Classify the routes",
    },
];

#[session_route(GET, "/api/me")]
async fn me(session: Session) -> String {
    session.subject().to_owned()
}

#[session_route(GET, "/api/notes")]
async fn list() -> Json<[Note; 2]> {
    Json(NOTES)
}

#[session_route(GET, "/api/notes/{id}")]
async fn read(Path(id): Path<u32>) -> Result<Json<Note>, StatusCode> {
    let note = NOTES.into_iter().find(|note| note.id == id);
    note.map(Json).ok_or(StatusCode::NOT_FOUND)
}

pub(crate) fn router() -> Router {
    let notes = Router::new()
        .route("/", get(list))
        .route("/{id}", get(read));
    Router::new().route("/me", get(me)).nest("/notes", notes)
}
