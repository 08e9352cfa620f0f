::session_auth::__private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}
#[allow(unused)]
pub(crate) async fn routes<D: Db>(
    __arg0: Config,
    db: D,
    __arg2: impl Fn(),
) -> ::session_auth::AuditedOf<Result<(Router<D>, Worker), Error>>
where
    D: Clone,
{
    #[tracing::instrument]
    async fn routes<D: Db>(
        Config { prefix, .. }: Config,
        mut db: D,
        routes: impl Fn(),
    ) -> Result<(Router<D>, Worker), Error>
    where
        D: Clone,
    {
        body(prefix, db).await
    }
    ::session_auth::__private::Auditable::__audited(
        routes::<D>(__arg0, db, __arg2).await,
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
fn route_audit_plain() {
    ::session_auth::__private::an_audited_function_stands_in_a_module! {
        routes
    }
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "plain",
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
        || async { routes(Config::test(), Db::lazy()).await },
    );
}
#[cfg(test)]
#[::core::prelude::v1::test]
fn route_audit_beta() {
    ::session_auth::__private::an_audited_function_stands_in_a_module! {
        routes
    }
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "beta",
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
        || async { { beta().await } },
    );
}
