other::auth::__private::access_attributes_go_on_free_functions_not_on_methods! {}
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
        impl other::auth::__private::Declared for __Access {
            const DECLARATION: &'static other::auth::Declaration = &other::auth::__private::declaration(
                other::auth::__private::Target::Fallback,
                other::auth::__private::AccessClass::Session,
                other::auth::__private::Terms {
                    scope: ::core::option::Option::Some("admin"),
                    ..other::auth::__private::Terms::NONE
                },
                ::core::concat!(::core::module_path!(), "::", "match"),
                ::core::env!("CARGO_PKG_NAME"),
                other::auth::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                },
            );
        }
        other::auth::__private::inventory::submit! {
            other::auth::__private::Registration(< __Access as
            other::auth::__private::Declared > ::DECLARATION)
        }
        other::auth::Classified::<__Access, _>::__new(__future)
    }
}
