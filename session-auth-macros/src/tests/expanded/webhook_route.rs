::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
fn mail(
    body: Bytes,
) -> ::session_auth::Classified<
    impl ::session_auth::__private::Declared,
    impl ::core::future::Future<Output = ()>,
> {
    async fn mail(body: Bytes) {}
    let __future = mail(body);
    {
        enum __Access {}
        static __DECLARATION: ::session_auth::Declaration = ::session_auth::__private::declaration(
            ::session_auth::__private::route(
                ::session_auth::__private::Methods::ANY,
                const { &[::session_auth::__private::path("/hooks/mail")] },
            ),
            ::session_auth::__private::AccessClass::Webhook,
            ::session_auth::__private::Terms {
                verifier: ::core::option::Option::Some("mail"),
                expect_every: ::core::option::Option::Some(
                    ::session_auth::__private::seconds(21600u64),
                ),
                max_body: ::core::option::Option::Some(1048576),
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
        ::session_auth::__private::inventory::submit! {
            ::session_auth::__private::Registration(& __DECLARATION,
            ::core::concat!("\u{1}session-auth declaration\u{1}",
            ::core::env!("CARGO_PKG_NAME"), "\u{1}",
            ::core::concat!(::core::module_path!(), "::", "mail"), "\u{1}",
            ::core::file!(), ":", ::core::line!(), ":", ::core::column!(), "\u{2}",),)
        }
        ::session_auth::Classified::<__Access, _>::__new(__future)
    }
}
