use super::*;

/// The text after the routers of its first function have moved, each behind the function; and
/// why those that stay do.
fn moved(text: &str, state: &[&str]) -> (String, Vec<String>) {
    let mut source = Source::parse(text).expect("it parses");
    let states = |_: &[Range<usize>], _: &HashSet<String>| {
        state.iter().map(|one| (*one).to_owned()).collect()
    };
    let function = &source.functions[0];
    let end = function.item.end;
    let (moves, stay) = extract(&source, function, &mut HashSet::new(), &states);
    for one in moves {
        for (range, text) in one.edits {
            source.replace(range, text);
        }
        source.replace(end..end, format!("\n{}", one.text));
    }
    let edited = source.edited();
    syn::parse_file(&edited).expect("it still parses");
    (edited, stay.into_iter().map(|one| one.why).collect())
}

#[track_caller]
fn becomes(text: &str, state: &[&str], expected: &str) {
    let (edited, stay) = moved(text, state);
    assert_eq!(stay, [] as [&str; 0]);
    assert_eq!(edited, expected);
}

#[track_caller]
fn stays(body: &str, why: &str) {
    let text = format!("async fn main(n: u8) {{\n{body}\n}}\n");
    let (edited, stay) = moved(&text, &[]);
    assert_eq!(edited, text);
    assert!(stay.len() == 1 && stay[0].contains(why), "{stay:?}");
}

#[test]
fn what_registers_moves_and_what_is_around_it_stays() {
    becomes(
        "fn main() {\n    let app = axum::Router::new()\n        // One.\n        \
         .route(\"/a\", get(a))\n        .layer(x)\n        // Two.\n        \
         .route(\"/b\", get(b))\n        .layer(y);\n    serve(app);\n}\n",
        &[],
        "fn main() {\n    let app = routes()\n        .layer(y);\n    serve(app);\n}\n\
         fn routes() -> axum::Router {\n    axum::Router::new()\n        // One.\n        \
         .route(\"/a\", get(a))\n        .layer(x)\n        // Two.\n        \
         .route(\"/b\", get(b))\n}\n",
    );
}

#[test]
fn the_type_of_the_state_is_that_of_the_handlers_or_of_the_value() {
    for (state, with, ty) in [
        (&["Db"][..], "db", "Router<Db>"),
        (&[], "Arc::clone(&db)", "Router<Arc<crate::Db>>"),
        (&["A", "B"], "db.clone()", "Router<Arc<crate::Db>>"),
        (&["Db"], "Db::new()", "Router"),
    ] {
        let text = format!(
            "fn main() {{\n    let db = Arc::new(crate::Db {{ n: 1 }});\n    \
             serve(Router::new().route(\"/a\", get(a)).with_state({with}));\n}}\n"
        );
        let (edited, stay) = moved(&text, state);
        assert_eq!(stay, [] as [&str; 0], "{with}");
        let signature = format!("fn routes() -> {ty} {{\n");
        assert!(edited.contains(&signature), "{with}: {edited}");
    }
    stays(
        "serve(Router::new().route(\"/a\", get(a)).with_state(made(n)));",
        "the type of its state, `made(n)`",
    );
}

#[test]
fn routers_and_plain_values_that_it_takes_in_move_along() {
    becomes(
        "fn serve() {\n    let dir = PathBuf::from(\"assets\");\n    \
         let api = Router::new().route(\"/b\", get(b));\n\n    \
         let app = Router::new().nest(\"/api\", api);\n    \
         let app = app.fallback_service(ServeDir::new(dir));\n    go(app);\n}\n",
        &[],
        "fn serve() {\n    let app = routes();\n    go(app);\n}\n\
         fn routes() -> Router {\n    let dir = PathBuf::from(\"assets\");\n    \
         let api = Router::new().route(\"/b\", get(b));\n    \
         let app = Router::new().nest(\"/api\", api);\n    \
         app.fallback_service(ServeDir::new(dir))\n}\n",
    );
}

#[test]
fn several_routers_get_names_in_their_order() {
    let (edited, _) = moved(
        "fn main() {\n    a(Router::new().route(\"/a\", get(a)));\n    \
         b(Router::new().route(\"/b\", get(b)));\n}\n",
        &[],
    );
    assert!(
        edited.contains("a(routes());\n    b(routes_2());"),
        "{edited}"
    );
}

#[test]
fn security_what_depends_on_the_function_stays() {
    for (body, why) in [
        (
            "f(Router::new().route(\"/a\", get(move || async move { n })));",
            "uses `n`",
        ),
        (
            "f(Router::new().route(&format!(\"/{n}\"), get(a)));",
            "uses `n`",
        ),
        (
            "f(Router::new().merge(other().await).route(\"/\", get(a)));",
            "waits",
        ),
        (
            "f(Router::new().merge(other()?).route(\"/\", get(a)));",
            "waits",
        ),
        (
            "f(Router::new().with(1).route(\"/\", get(a)));",
            "`.with(..)`",
        ),
        (
            "fn a() {}\nf(Router::new().route(\"/\", get(a)));",
            "uses `a`",
        ),
        (
            "use x::a;\nf(Router::new().route(\"/\", get(a)));",
            "uses `a`",
        ),
        // Used twice, or changed meanwhile.
        (
            "let api = Router::new();\nf(api.clone());\nf(Router::new().nest(\"/\", api));",
            "uses `api`",
        ),
        (
            "let mut dir = String::from(\"a\");\ndir.push('b');\n\
             f(Router::new().nest_service(\"/\", at(dir)));",
            "uses `dir`",
        ),
    ] {
        stays(body, why);
    }
}

#[test]
fn what_is_bound_inside_or_later_is_another() {
    let (edited, stay) = moved(
        "fn main() {\n    let app = Router::new().route(\"/\", get(|addr: A| async { addr }));\n    \
         let addr = 1;\n    serve(app, addr);\n}\n",
        &[],
    );
    assert!(
        stay.is_empty() && edited.contains("let app = routes();"),
        "{stay:?} {edited}"
    );
}
