::core::compile_error! {
    "`#[webhook_route]` needs `verify = \"name of its verifier\"`\n\nfor example: #[webhook_route(POST, \"/webhooks/postmark/delivery\", verify = \"postmark\")]"
}
::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
fn mail() -> ::session_auth::Classified<
    impl ::session_auth::__private::Declared,
    impl ::core::future::Future<Output = Json<Mail>>,
> {
    async fn mail() -> Json<Mail> {
        Json(Mail)
    }
    let __future = mail();
    {
        enum __Access {}
        static __DECLARATION: ::session_auth::Declaration = ::session_auth::__private::declaration(
            ::session_auth::__private::fallback(::core::option::Option::None),
            ::session_auth::__private::AccessClass::Session,
            ::session_auth::__private::Terms {
                ..::session_auth::__private::Terms::NONE
            },
            ::core::concat!(::core::module_path!(), "::", "mail"),
            ::core::env!("CARGO_PKG_NAME"),
            ::session_auth::__private::location(
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            ),
        );
        impl ::session_auth::__private::Declared for __Access {
            fn declaration() -> &'static ::session_auth::Declaration {
                &__DECLARATION
            }
        }
        ::session_auth::Classified::<__Access, _>::__new(__future)
    }
}
