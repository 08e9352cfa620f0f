use axum::extract::Path;

async fn legacy_export(Path(id): Path<u64>) -> String {
    id.to_string()
}

fn main() {
    let _ = session_auth::Router::<()>::new()
        .mount(legacy_export)
        .mount(|| async { "closure" });
}
