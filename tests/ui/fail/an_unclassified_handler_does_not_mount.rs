use axum::extract::Path;

async fn legacy_export(Path(id): Path<u64>) -> String {
    id.to_string()
}

fn mount<H, T, S>(_: H)
where
    H: session_auth::ClassifiedHandler<T, S> + axum::handler::Handler<T, S>,
{
}

fn main() {
    mount::<_, _, ()>(legacy_export);
    mount::<_, _, ()>(|| async { "closure" });
}
