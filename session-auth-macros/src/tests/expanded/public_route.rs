::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
/// Signs up.
#[allow(unused)]
#[must_use]
pub(crate) fn signup<'a, D: Db, const N: usize>(
    db: State<D>,
    plan: Path<&'a str>,
    #[cfg(unix)]
    __arg2: (u8, u8),
    __arg3: impl Into<Form>,
) -> ::session_auth::Classified<
    impl ::session_auth::__private::Declared,
    impl ::core::future::Future<Output = Result<impl IntoResponse, Error>>,
>
where
    D: Clone,
{
    #[tracing::instrument(skip(db))]
    async fn signup<'a, D: Db, const N: usize>(
        State(db): State<D>,
        mut plan: Path<&'a str>,
        #[cfg(unix)]
        (left, right): (u8, u8),
        signup: impl Into<Form>,
    ) -> Result<impl IntoResponse, Error>
    where
        D: Clone,
    {
        body(db, plan)
    }
    let __future = signup::<D, N>(db, plan, #[cfg(unix)] __arg2, __arg3);
    {
        enum __Access {}
        static __DECLARATION: ::session_auth::Declaration = ::session_auth::__private::declaration(
            ::session_auth::__private::route(
                ::session_auth::__private::Methods::GET
                    .or(::session_auth::__private::Methods::POST),
                const {
                    &[
                        ::session_auth::__private::path("/signup/{plan}"),
                        ::session_auth::__private::path("/join/{plan}"),
                    ]
                },
            ),
            ::session_auth::__private::AccessClass::Public,
            ::session_auth::__private::Terms {
                reason: ::core::option::Option::Some("no account yet"),
                owner: ::core::option::Option::Some("growth"),
                until: ::core::option::Option::Some(
                    ::session_auth::__private::date(2027i32, 1u8, 31u8),
                ),
                issues_session: true,
                optional_session: true,
                cross_origin: ::core::option::Option::Some(
                    "the provider posts its form",
                ),
                ..::session_auth::__private::Terms::NONE
            },
            ::core::concat!(::core::module_path!(), "::", "signup"),
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
            ::core::concat!(::core::module_path!(), "::", "signup"), "\u{1}",
            ::core::file!(), ":", ::core::line!(), ":", ::core::column!(), "\u{2}",),)
        }
        ::session_auth::Classified::<__Access, _>::__new(__future)
    }
}
