const _: () = {
    const __DECLARATION: &'static ::session_auth::Declaration = &::session_auth::__private::declaration(
        ::session_auth::__private::Target::Subtree {
            path: "/assets",
        },
        ::session_auth::__private::AccessClass::Public,
        ::session_auth::__private::Terms {
            reason: ::core::option::Option::Some("style sheets"),
            ..::session_auth::__private::Terms::NONE
        },
        ::core::concat!("declare_route! at ", ::core::file!(), ":", ::core::line!()),
        ::core::env!("CARGO_PKG_NAME"),
        ::session_auth::__private::Location {
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
    );
    ::session_auth::__private::inventory::submit! {
        ::session_auth::__private::Registration(__DECLARATION)
    }
};
