#[cfg(test)]
#[::core::prelude::v1::test]
#[allow(non_snake_case)]
fn route_audit_admin() {
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "admin",
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: ::session_auth::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
        },
        || admin::router(&Config::test()),
    );
}
#[cfg(test)]
#[::core::prelude::v1::test]
#[allow(non_snake_case)]
fn route_audit_site() {
    ::session_auth::__private::audit_router(
        ::session_auth::__private::RouterSite {
            name: "site",
            package: ::core::env!("CARGO_PKG_NAME"),
            manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
            module: ::core::module_path!(),
            location: ::session_auth::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
        },
        || site(),
    );
}
