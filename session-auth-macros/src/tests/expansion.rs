//! What one of each kind expands to, word for word.
//!
//! `BLESS=1 cargo test -p session-auth-macros` writes the files in `expanded/` anew.

use std::path::Path;

use proc_macro2::TokenStream;

use crate::access::Class;
use crate::{expand, handler, krate, router};

fn tokens(text: &str) -> TokenStream {
    text.parse().expect(text)
}

fn check(name: &str, expanded: TokenStream) {
    let file = syn::parse2(expanded.clone()).unwrap_or_else(|e| panic!("{name}: {e}: {expanded}"));
    let expanded = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tests/expanded")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, expanded).expect(name);
        return;
    }
    let golden = std::fs::read_to_string(&path).expect(name);
    assert_eq!(expanded, golden, "{name}");
}

#[test]
fn public_route() {
    let args = r#"GET | POST, "/signup/{plan}", "/join/{plan}", reason = "no account yet",
        until = "2027-01-31", owner = "growth", issues_session, optional_session,
        cross_origin = "the provider posts its form""#;
    let item = r#"
        /// Signs up.
        #[allow(unused)]
        #[tracing::instrument(skip(db))]
        #[must_use]
        pub(crate) async fn signup<'a, D: Db, const N: usize>(
            State(db): State<D>,
            mut plan: Path<&'a str>,
            #[cfg(unix)] (left, right): (u8, u8),
            signup: impl Into<Form>,
        ) -> Result<impl IntoResponse, Error>
        where
            D: Clone,
        {
            body(db, plan)
        }"#;
    let expanded = expand::attribute(Class::Public, tokens(args), tokens(item));
    check("public_route.rs", expanded);
}

#[test]
fn webhook_route() {
    let args = r#"ANY, "/hooks/mail", verify = "mail", expect_every = "6h", max_body = "1MiB""#;
    let item = "async fn mail(body: Bytes) {}";
    let expanded = expand::attribute(Class::Webhook, tokens(args), tokens(item));
    check("webhook_route.rs", expanded);
}

#[test]
fn session_route() {
    let args = r#"FALLBACK, "/staff", scope = "admin", crate = other::auth"#;
    let item = "async fn r#match() -> &'static str { \"\" }";
    let expanded = expand::attribute(Class::Session, tokens(args), tokens(item));
    check("session_route.rs", expanded);
}

/// What the documentation shows. A constant binds nothing, and no name is there twice.
#[test]
fn parameters_have_the_names_of_their_patterns() {
    let item = "async fn f(db: A, State(mut pool): B, pair @ (x, y): C, Two(a, b): D, Some(ONE): E, UNIT: F, State(db): G) {}";
    let function: syn::ItemFn = syn::parse2(tokens(item)).expect(item);
    let names: Vec<_> = handler::arguments(&function.sig)
        .iter()
        .map(|argument| argument.name.to_string())
        .collect();
    assert_eq!(
        names,
        ["db", "pool", "pair", "__arg3", "__arg4", "__arg5", "__arg6"]
    );
}

/// The function keeps a class, so that what mounts it is not in error too; nothing is registered.
#[test]
fn an_attribute_with_a_mistake() {
    let item = "async fn mail() -> Json<Mail> { Json(Mail) }";
    let expanded = expand::attribute(Class::Webhook, tokens(r#"POST, "/mail""#), tokens(item));
    check("mistake.rs", expanded);
}

/// It stays as it was: it cannot be classified.
#[test]
fn an_attribute_on_a_method() {
    let item = "async fn me(&self) -> Json<Me> { Json(Me) }";
    let expanded = expand::attribute(Class::Session, tokens(r#"GET, "/me""#), tokens(item));
    let file: syn::File = syn::parse2(expanded).expect("items");
    assert_eq!(file.items.len(), 2, "an error and the function");
}

#[test]
fn declare_route() {
    let args = r#"public_route(ANY, "/assets", subtree, reason = "style sheets")"#;
    check("declare_route.rs", expand::declare_route(tokens(args)));
}

#[test]
fn audited_router() {
    let item = "/// All routes.\npub fn r#routes() -> Router<Db> { Router::new() }";
    let expanded = router::attribute(TokenStream::new(), tokens(item), &krate::path());
    check("audited_router.rs", expanded);
}

#[test]
fn audited_router_with_arguments() {
    let args = "plain = routes(Config::test(), Db::lazy()), beta = { beta().await },";
    let item = r#"
        #[allow(unused)]
        #[tracing::instrument]
        pub(crate) async fn routes<D: Db>(
            Config { prefix, .. }: Config,
            mut db: D,
            routes: impl Fn(),
        ) -> Result<(Router<D>, Worker), Error>
        where
            D: Clone,
        {
            body(prefix, db).await
        }"#;
    let expanded = router::attribute(tokens(args), tokens(item), &krate::path());
    check("audited_router_with_arguments.rs", expanded);
}

#[test]
fn audited_router_at_start() {
    let item = "fn routes(pool: &Pool) -> axum::Router { axum::Router::new() }";
    let expanded = router::attribute(tokens("at_start"), tokens(item), &krate::path());
    check("audited_router_at_start.rs", expanded);
}
