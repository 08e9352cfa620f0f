other::auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
fn r#match() -> other::auth::Classified<
    impl other::auth::__private::Declared,
    impl ::core::future::Future<Output = &'static str>,
> {
    async fn r#match() -> &'static str {
        ""
    }
    let __future = r#match();
    {
        enum __Access {}
        static __DECLARATION: other::auth::Declaration = other::auth::__private::declaration(
            other::auth::__private::fallback(::core::option::Option::Some("/staff")),
            other::auth::__private::AccessClass::Session,
            other::auth::__private::Terms {
                scope: ::core::option::Option::Some("admin"),
                ..other::auth::__private::Terms::NONE
            },
            ::core::concat!(::core::module_path!(), "::", "match"),
            ::core::env!("CARGO_PKG_NAME"),
            other::auth::__private::location(
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            ),
        );
        impl other::auth::__private::Declared for __Access {
            fn declaration() -> &'static other::auth::Declaration {
                &__DECLARATION
            }
        }
        other::auth::__private::inventory::submit! {
            other::auth::__private::Registration(& __DECLARATION,
            ::core::concat!("\u{1}session-auth declaration\u{1}",
            ::core::env!("CARGO_PKG_NAME"), "\u{1}",
            ::core::concat!(::core::module_path!(), "::", "match"), "\u{1}",
            ::core::file!(), ":", ::core::line!(), ":", ::core::column!(), "\u{2}",),)
        }
        other::auth::Classified::<__Access, _>::__new(__future)
    }
}
