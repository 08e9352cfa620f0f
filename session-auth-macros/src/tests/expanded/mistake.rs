::core::compile_error! {
    "`#[session_route]` needs a path\n\nfor example: #[session_route(GET, \"/api/me\")]"
}
::session_auth::__private::access_attributes_go_on_free_functions_not_on_methods! {}
fn me() -> ::session_auth::Classified<
    impl ::session_auth::__private::Declared,
    impl ::core::future::Future<Output = Json<Me>>,
> {
    async fn me() -> Json<Me> {
        Json(Me)
    }
    let __future = me();
    {
        enum __Access {}
        impl ::session_auth::__private::Declared for __Access {
            const DECLARATION: &'static ::session_auth::Declaration = &::session_auth::__private::declaration(
                ::session_auth::__private::Target::Fallback,
                ::session_auth::__private::AccessClass::Session,
                ::session_auth::__private::Terms {
                    ..::session_auth::__private::Terms::NONE
                },
                ::core::concat!(::core::module_path!(), "::", "me"),
                ::core::env!("CARGO_PKG_NAME"),
                ::session_auth::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                },
            );
        }
        ::session_auth::Classified::<__Access, _>::__new(__future)
    }
}
