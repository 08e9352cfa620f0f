::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
fn routes(pool: &Pool) -> ::session_auth::AuditedOf<axum::Router> {
    fn routes(pool: &Pool) -> axum::Router {
        axum::Router::new()
    }
    ::session_auth::__private::Auditable::__audited(
        routes(pool),
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
            at_start: true,
            kind: ::session_auth::__private::RouterKind::Typed,
        },
    )
}
const _: () = {
    ::session_auth::__private::inventory::submit! {
        ::session_auth::__private::AtStart(::core::concat!("\u{1}session-auth router\u{1}",
        ::core::env!("CARGO_PKG_NAME"), "\u{1}", "routes", "\u{1}", ::core::file!(), ":",
        ::core::line!(), ":", ::core::column!(), "\u{2}",))
    }
};
