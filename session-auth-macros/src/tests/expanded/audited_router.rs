/// All routes.
pub fn r#routes() -> Router<Db> {
    Router::new()
}
#[cfg(test)]
#[::core::prelude::v1::test]
#[allow(non_snake_case)]
fn route_audit_routes() {
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "routes",
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: ::session_auth::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
        },
        r#routes,
    );
}
