::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
/// All routes.
pub fn r#routes() -> ::session_auth::AuditedOf<Router<Db>> {
    fn r#routes() -> Router<Db> {
        Router::new()
    }
    ::session_auth::__private::Auditable::__audited(
        r#routes(),
        ::session_auth::__private::RouterSite {
            name: "routes",
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: ::session_auth::__private::location(
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            ),
            at_start: false,
            kind: ::session_auth::__private::RouterKind::Typed,
        },
    )
}
#[cfg(test)]
#[::core::prelude::v1::test]
fn route_audit_routes() {
    ::session_auth::__private::an_audited_function_stands_in_a_module! {
        r#routes
    }
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "routes",
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: ::session_auth::__private::location(
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            ),
            at_start: false,
            kind: ::session_auth::__private::RouterKind::Typed,
        },
        || async { r#routes() },
    );
}
