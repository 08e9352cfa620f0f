const _: () = {
    static __DECLARATION: ::session_auth::Declaration = ::session_auth::__private::declaration(
        ::session_auth::__private::subtree("/assets"),
        ::session_auth::__private::AccessClass::Public,
        ::session_auth::__private::Terms {
            reason: ::core::option::Option::Some("style sheets"),
            ..::session_auth::__private::Terms::NONE
        },
        "",
        ::core::env!("CARGO_PKG_NAME"),
        ::session_auth::__private::location(
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        ),
    );
    ::session_auth::__private::inventory::submit! {
        ::session_auth::__private::Registration(& __DECLARATION,
        ::core::concat!("\u{1}session-auth declaration\u{1}",
        ::core::env!("CARGO_PKG_NAME"), "\u{1}", "", "\u{1}", ::core::file!(), ":",
        ::core::line!(), ":", ::core::column!(), "\u{2}",),)
    }
};
