//! Every mistake: which tokens the error points at, and what it says.

use proc_macro2::TokenStream;

use crate::access::{Class, Place};
use crate::errors::Errors;
use crate::{expand, router};

struct Row {
    name: &'static str,
    on: &'static str,
    args: &'static str,
    item: &'static str,
    /// The text that each error is at, empty for the whole attribute, and its message.
    errors: &'static [(&'static str, &'static str)],
}

const HANDLER: &str = "async fn f() {}";

fn errors(row: &Row) -> Vec<(String, String)> {
    let args: TokenStream = row.args.parse().expect(row.name);
    let item: TokenStream = row.item.parse().expect(row.name);
    let mut errors = Errors::default();
    match row.on {
        "declare_route!" => {
            let output = expand::declare_route_with(args, &mut errors);
            assert!(
                output.is_none(),
                "{}: declares in spite of errors",
                row.name
            );
        }
        "audited_router" => {
            let krate = crate::krate::path();
            router::attribute_with(args, item, &krate, &mut errors);
        }
        "audited_router!" => {
            let krate = crate::krate::path();
            router::function_like_with(args, &krate, &mut errors);
        }
        name => {
            let class = Class::named(name).expect(row.name);
            let output = expand::attribute_with(class, args, item, &mut errors).to_string();
            assert!(
                !output.contains("inventory"),
                "{}: registers in spite of errors: {output}",
                row.name
            );
        }
    }
    let mut found = Vec::new();
    for error in errors.into_inner().into_iter().flatten() {
        let at = error.span().source_text().unwrap_or_default();
        found.push((at, error.to_string()));
    }
    found
}

const ROWS: &[Row] = &[
    Row {
        name: "nothing at all",
        on: "public_route",
        args: "",
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[public_route]` needs methods, a path and `reason = "why anyone may call it"`"##,
        )],
    },
    Row {
        name: "nothing at all, webhook",
        on: "webhook_route",
        args: "",
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[webhook_route]` needs methods, a path and `verify = "name of its verifier"`"##,
        )],
    },
    Row {
        name: "nothing at all, session",
        on: "session_route",
        args: "",
        item: HANDLER,
        errors: &[("", "`#[session_route]` needs methods and a path")],
    },
    Row {
        name: "no methods",
        on: "public_route",
        args: r##""/a", reason = "r""##,
        item: HANDLER,
        errors: &[("", "`#[public_route]` needs methods")],
    },
    Row {
        name: "no path",
        on: "public_route",
        args: r##"GET, reason = "r""##,
        item: HANDLER,
        errors: &[("", "`#[public_route]` needs a path")],
    },
    Row {
        name: "no reason",
        on: "public_route",
        args: r##"GET, "/a""##,
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[public_route]` needs `reason = "why anyone may call it"`"##,
        )],
    },
    Row {
        name: "no verifier",
        on: "webhook_route",
        args: r##"GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[webhook_route]` needs `verify = "name of its verifier"`"##,
        )],
    },
    Row {
        name: "verify by handler without a reason",
        on: "webhook_route",
        args: r##"POST, "/a", verify = "handler""##,
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[webhook_route]` needs `reason = "how the handler knows the sender"`, since `verify = "handler"` leaves that to the handler"##,
        )],
    },
    Row {
        name: "fallback without a reason",
        on: "public_route",
        args: "FALLBACK",
        item: HANDLER,
        errors: &[(
            "",
            r##"`#[public_route]` needs `reason = "why anyone may call it"`"##,
        )],
    },
    Row {
        name: "lower-case method",
        on: "public_route",
        args: r##"get, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("get", "methods are upper case: write `GET`")],
    },
    Row {
        name: "mistyped method",
        on: "public_route",
        args: r##"POTS, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("POTS", "there is no method `POTS`: did you mean `POST`?")],
    },
    Row {
        name: "unknown method",
        on: "public_route",
        args: r##"QUERY, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            "QUERY",
            "there is no method `QUERY`: write `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `TRACE`, `CONNECT` or `ANY`, or `FALLBACK` for a fallback handler",
        )],
    },
    Row {
        name: "a method twice",
        on: "public_route",
        args: r##"GET | POST | GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("GET", "`GET` is named twice: remove one")],
    },
    Row {
        name: "ANY and another",
        on: "public_route",
        args: r##"ANY | GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("ANY", "`ANY` is every method already: write it alone")],
    },
    Row {
        name: "FALLBACK and another",
        on: "public_route",
        args: r##"GET | FALLBACK, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            "FALLBACK",
            "`FALLBACK` stands in place of methods and path: write it alone",
        )],
    },
    Row {
        name: "methods with commas",
        on: "public_route",
        args: r##"GET, POST, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("POST", "methods are joined with `|`: write `GET | POST`")],
    },
    Row {
        name: "methods with a plus",
        on: "public_route",
        args: r##"GET + POST, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("+", "methods are joined with `|`: write `GET | POST`")],
    },
    Row {
        name: "methods without anything between",
        on: "public_route",
        args: r##"GET POST, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("POST", "methods are joined with `|`: write `GET | POST`")],
    },
    Row {
        name: "a bar at the end",
        on: "public_route",
        args: r##"GET |, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("GET", "a method is missing after `|`: write `GET | POST`")],
    },
    Row {
        name: "a bar at the start",
        on: "public_route",
        args: r##"| GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[("|", "expected a method, such as `GET`")],
    },
    Row {
        name: "methods in quotes",
        on: "public_route",
        args: r##""GET", "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(r##""GET""##, "methods are written without quotes: `GET`")],
    },
    Row {
        name: "a method as a path",
        on: "public_route",
        args: r##"Method::GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            "Method",
            "there is no method `Method`: write `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `TRACE`, `CONNECT` or `ANY`, or `FALLBACK` for a fallback handler",
        )],
    },
    Row {
        name: "two wrong methods",
        on: "public_route",
        args: r##"get | QUERY, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[
            ("get", "methods are upper case: write `GET`"),
            (
                "QUERY",
                "there is no method `QUERY`: write `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `TRACE`, `CONNECT` or `ANY`, or `FALLBACK` for a fallback handler",
            ),
        ],
    },
    Row {
        name: "no comma before the path",
        on: "public_route",
        args: r##"GET "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(r##""/a""##, "write a `,` between the methods and the path")],
    },
    Row {
        name: "path before methods",
        on: "public_route",
        args: r##""/a", GET, reason = "r""##,
        item: HANDLER,
        errors: &[("GET", "methods come first, then the path")],
    },
    Row {
        name: "methods and path after the rest",
        on: "public_route",
        args: r##"reason = "r", GET, "/a""##,
        item: HANDLER,
        errors: &[
            ("GET", "methods come first, then the path"),
            (
                r##""/a""##,
                "methods and path come first, before all other arguments",
            ),
        ],
    },
    Row {
        name: "path after the rest",
        on: "public_route",
        args: r##"reason = "r", "/a""##,
        item: HANDLER,
        errors: &[
            (
                r##""/a""##,
                "methods and path come first, before all other arguments",
            ),
            ("", "`#[public_route]` needs methods"),
        ],
    },
    Row {
        name: "two paths",
        on: "public_route",
        args: r##"GET, "/a", "/b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/b""##,
            "a declaration has one path: write one attribute a function, and `declare_route!` for more",
        )],
    },
    Row {
        name: "fallback with a path",
        on: "public_route",
        args: r##"FALLBACK, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a""##,
            "`FALLBACK` has no path: it is for requests that no route matched",
        )],
    },
    Row {
        name: "path: empty path",
        on: "public_route",
        args: r##"GET, "", reason = "r""##,
        item: HANDLER,
        errors: &[(r##""""##, r##"the path is empty: the root is `"/"`"##)],
    },
    Row {
        name: "path: no slash",
        on: "public_route",
        args: r##"GET, "a/b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""a/b""##,
            r##"a path starts with `/`: write `"/a/b"`, the full path as a client sees it"##,
        )],
    },
    Row {
        name: "path: empty segment",
        on: "public_route",
        args: r##"GET, "/a//b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a//b""##,
            "a path has no empty segment: write `/` for `//`",
        )],
    },
    Row {
        name: "path: old parameter",
        on: "public_route",
        args: r##"GET, "/users/:id", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/users/:id""##,
            "`:id` is how axum 0.7 wrote a parameter: write `{id}`",
        )],
    },
    Row {
        name: "path: old catch-all",
        on: "public_route",
        args: r##"GET, "/files/*rest", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/files/*rest""##,
            "`*rest` is how axum 0.7 wrote the rest of a path: write `{*rest}`",
        )],
    },
    Row {
        name: "path: old catch-all without a name",
        on: "public_route",
        args: r##"GET, "/files/*", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/files/*""##,
            "`*` is how axum 0.7 wrote the rest of a path: write `{*rest}`",
        )],
    },
    Row {
        name: "path: query",
        on: "public_route",
        args: r##"GET, "/a?b=c", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a?b=c""##,
            "a route is matched by path alone: remove the query, `?` and all after it",
        )],
    },
    Row {
        name: "path: fragment",
        on: "public_route",
        args: r##"GET, "/a#b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a#b""##,
            "a fragment never reaches a server: remove `#` and all after it",
        )],
    },
    Row {
        name: "path: open brace",
        on: "public_route",
        args: r##"GET, "/{a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a""##,
            "`{` opens a parameter that nothing closes: write `{name}`, or `{{` for a brace itself",
        )],
    },
    Row {
        name: "path: closed brace",
        on: "public_route",
        args: r##"GET, "/a}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a}""##,
            "`}` closes no parameter: for a brace itself write `}}`",
        )],
    },
    Row {
        name: "path: escaped closing brace in a parameter",
        on: "public_route",
        args: r##"GET, "/{a}}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a}}""##,
            "`{a}}` is not closed: the matcher reads `}}` as a brace itself",
        )],
    },
    Row {
        name: "path: no name",
        on: "public_route",
        args: r##"GET, "/{}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{}""##,
            "`{}` is a parameter without a name: write `{id}` or `{*rest}`",
        )],
    },
    Row {
        name: "path: catch-all without a name",
        on: "public_route",
        args: r##"GET, "/{*}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{*}""##,
            "`{*}` is a parameter without a name: write `{id}` or `{*rest}`",
        )],
    },
    Row {
        name: "path: text after a parameter",
        on: "public_route",
        args: r##"GET, "/{a}-b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a}-b""##,
            "`{a}` ends its segment: axum's matcher takes one parameter a segment, and no text after it",
        )],
    },
    Row {
        name: "path: two parameters in a segment",
        on: "public_route",
        args: r##"GET, "/{a}{b}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a}{b}""##,
            "`{a}` ends its segment: axum's matcher takes one parameter a segment, and no text after it",
        )],
    },
    Row {
        name: "path: the same name twice",
        on: "public_route",
        args: r##"GET, "/{a}/{a}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a}/{a}""##,
            "two parameters are called `a`: give each a name of its own",
        )],
    },
    Row {
        name: "path: catch-all in the middle",
        on: "public_route",
        args: r##"GET, "/{*a}/b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{*a}/b""##,
            "`{*a}` takes the rest of the path: nothing can follow it",
        )],
    },
    Row {
        name: "path: slash in a parameter",
        on: "public_route",
        args: r##"GET, "/{a/b}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a/b}""##,
            "`{a/b}`: a parameter is its name and nothing else, such as `{id}`; remove '/'",
        )],
    },
    Row {
        name: "path: a pattern in a parameter",
        on: "public_route",
        args: r##"GET, "/{id:[0-9]+}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{id:[0-9]+}""##,
            "`{id:[0-9]+}`: a parameter is its name and nothing else, such as `{id}`; remove ':'",
        )],
    },
    Row {
        name: "path: brace in a parameter",
        on: "public_route",
        args: r##"GET, "/{a{b}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a{b}""##,
            "`{a{b}`: a parameter is its name and nothing else, such as `{id}`; remove '{'",
        )],
    },
    Row {
        name: "path: star in a parameter",
        on: "public_route",
        args: r##"GET, "/{a*}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{a*}""##,
            "`{a*}`: a parameter is its name and nothing else, such as `{id}`; remove '*'",
        )],
    },
    Row {
        name: "path: white space",
        on: "public_route",
        args: r##"GET, "/a b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a b""##,
            "a path has no white space and no control characters: remove ' '",
        )],
    },
    Row {
        name: "path: control character",
        on: "public_route",
        args: r##"GET, "/a\tb", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a\tb""##,
            r##"a path has no white space and no control characters: remove '\t'"##,
        )],
    },
    Row {
        name: "path: control character that is no white space",
        on: "public_route",
        args: r##"GET, "/a\u{7f}b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a\u{7f}b""##,
            r##"a path has no white space and no control characters: remove '\u{7f}'"##,
        )],
    },
    Row {
        name: "path: backslash",
        on: "public_route",
        args: r##"GET, "/a\\b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a\\b""##,
            r##"a path has no `\`: some clients and proxies read it as `/`, and the layer refuses it"##,
        )],
    },
    Row {
        name: "path: encoded slash",
        on: "public_route",
        args: r##"GET, "/a%2Fb", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a%2Fb""##,
            "a path has no `%2f`: whoever decodes it sees another path, and the layer refuses it",
        )],
    },
    Row {
        name: "path: encoded backslash",
        on: "public_route",
        args: r##"GET, "/a%5cb", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a%5cb""##,
            "a path has no `%5c`: whoever decodes it sees another path, and the layer refuses it",
        )],
    },
    Row {
        name: "path: encoded dot",
        on: "public_route",
        args: r##"GET, "/%2e%2e/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/%2e%2e/a""##,
            "a path has no `%2e`: whoever decodes it sees another path, and the layer refuses it",
        )],
    },
    Row {
        name: "path: encoded NUL",
        on: "public_route",
        args: r##"GET, "/a%00", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a%00""##,
            "a path has no `%00`: whoever decodes it sees another path, and the layer refuses it",
        )],
    },
    Row {
        name: "path: dot segment",
        on: "public_route",
        args: r##"GET, "/a/./b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a/./b""##,
            "a path has no `.` segment: clients resolve it before they ask",
        )],
    },
    Row {
        name: "path: dot-dot segment",
        on: "public_route",
        args: r##"GET, "/a/..", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a/..""##,
            "a path has no `..` segment: clients resolve it before they ask",
        )],
    },
    Row {
        name: "path: semicolon",
        on: "public_route",
        args: r##"GET, "/a;b", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a;b""##,
            "a path has no `;`: some servers and proxies cut a path there, and the layer refuses it",
        )],
    },
    Row {
        name: "path: several mistakes in a path",
        on: "public_route",
        args: r##"GET, "a//:id?b", reason = "r""##,
        item: HANDLER,
        errors: &[
            (
                r##""a//:id?b""##,
                r##"a path starts with `/`: write `"/a//:id?b"`, the full path as a client sees it"##,
            ),
            (
                r##""a//:id?b""##,
                "a route is matched by path alone: remove the query, `?` and all after it",
            ),
            (
                r##""a//:id?b""##,
                "a path has no empty segment: write `/` for `//`",
            ),
            (
                r##""a//:id?b""##,
                "`:id?b` is how axum 0.7 wrote a parameter: write `{id}`",
            ),
        ],
    },
    Row {
        name: "path: 26 parameters",
        on: "public_route",
        args: r##"GET, "/{p0}/{p1}/{p2}/{p3}/{p4}/{p5}/{p6}/{p7}/{p8}/{p9}/{p10}/{p11}/{p12}/{p13}/{p14}/{p15}/{p16}/{p17}/{p18}/{p19}/{p20}/{p21}/{p22}/{p23}/{p24}/{p25}", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/{p0}/{p1}/{p2}/{p3}/{p4}/{p5}/{p6}/{p7}/{p8}/{p9}/{p10}/{p11}/{p12}/{p13}/{p14}/{p15}/{p16}/{p17}/{p18}/{p19}/{p20}/{p21}/{p22}/{p23}/{p24}/{p25}""##,
            "more than 25 parameters: axum's matcher takes no more",
        )],
    },
    Row {
        name: "path: not a string",
        on: "public_route",
        args: r##"GET, 1, reason = "r""##,
        item: HANDLER,
        errors: &[(
            "1",
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "path: bytes",
        on: "public_route",
        args: r##"GET, b"/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##"b"/a""##,
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "path: C string",
        on: "public_route",
        args: r##"GET, c"/a", reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##"c"/a""##,
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "path: suffix",
        on: "public_route",
        args: r##"GET, "/a"x, reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##""/a"x"##,
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "path: a constant",
        on: "public_route",
        args: r##"GET, PATH, reason = "r""##,
        item: HANDLER,
        errors: &[(
            "PATH",
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "path: a macro",
        on: "public_route",
        args: r##"GET, concat!("/a"), reason = "r""##,
        item: HANDLER,
        errors: &[(
            r##"concat!("/a")"##,
            r##"the path is a string literal, such as `"/users/{id}"`"##,
        )],
    },
    Row {
        name: "unknown argument near another",
        on: "public_route",
        args: r##"GET, "/a", reasn = "r", reason = "r""##,
        item: HANDLER,
        errors: &[("reasn", "unknown argument `reasn`: did you mean `reason`?")],
    },
    Row {
        name: "unknown argument",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", colour = "red""##,
        item: HANDLER,
        errors: &[(
            "colour",
            "unknown argument `colour`: `#[public_route]` takes `reason`, `owner`, `until`, `issues_session`, `optional_session` and `crate`",
        )],
    },
    Row {
        name: "unknown argument, webhook",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", colour = "red""##,
        item: HANDLER,
        errors: &[(
            "colour",
            "unknown argument `colour`: `#[webhook_route]` takes `reason`, `verify`, `owner`, `until`, `expect_every`, `max_body` and `crate`",
        )],
    },
    Row {
        name: "unknown argument, session",
        on: "session_route",
        args: r##"GET, "/a", colour = "red""##,
        item: HANDLER,
        errors: &[(
            "colour",
            "unknown argument `colour`: `#[session_route]` takes `reason`, `scope`, `owner` and `crate`",
        )],
    },
    Row {
        name: "unknown flag",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", issue_session"##,
        item: HANDLER,
        errors: &[(
            "issue_session",
            "unknown argument `issue_session`: did you mean `issues_session`?",
        )],
    },
    Row {
        name: "scope on public",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", scope = "admin""##,
        item: HANDLER,
        errors: &[(
            "scope",
            "`scope` belongs to `session_route`, not to `#[public_route]`",
        )],
    },
    Row {
        name: "verify on public",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", verify = "v""##,
        item: HANDLER,
        errors: &[(
            "verify",
            "`verify` belongs to `webhook_route`, not to `#[public_route]`",
        )],
    },
    Row {
        name: "expect_every on public",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", expect_every = "6h""##,
        item: HANDLER,
        errors: &[(
            "expect_every",
            "`expect_every` belongs to `webhook_route`, not to `#[public_route]`",
        )],
    },
    Row {
        name: "max_body on session",
        on: "session_route",
        args: r##"GET, "/a", max_body = "1MiB""##,
        item: HANDLER,
        errors: &[(
            "max_body",
            "`max_body` belongs to `webhook_route`, not to `#[session_route]`",
        )],
    },
    Row {
        name: "until on session",
        on: "session_route",
        args: r##"GET, "/a", until = "2027-01-31""##,
        item: HANDLER,
        errors: &[(
            "until",
            "`until` is the end of an exemption, and a session route is not exempt: remove it, or use `#[public_route]` or `#[webhook_route]`",
        )],
    },
    Row {
        name: "issues_session on webhook",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", issues_session"##,
        item: HANDLER,
        errors: &[(
            "issues_session",
            "`issues_session` belongs to `public_route`, not to `#[webhook_route]`",
        )],
    },
    Row {
        name: "optional_session on session",
        on: "session_route",
        args: r##"GET, "/a", optional_session"##,
        item: HANDLER,
        errors: &[(
            "optional_session",
            "`optional_session` belongs to `public_route`, not to `#[session_route]`",
        )],
    },
    Row {
        name: "subtree on a function",
        on: "public_route",
        args: r##"ANY, "/a", reason = "r", subtree"##,
        item: HANDLER,
        errors: &[(
            "subtree",
            "`subtree` is for services, which have no function to put an attribute on: use `declare_route!`",
        )],
    },
    Row {
        name: "reason twice",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", reason = "s""##,
        item: HANDLER,
        errors: &[("reason", "`reason` is given twice: remove one")],
    },
    Row {
        name: "a flag twice",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", issues_session, issues_session"##,
        item: HANDLER,
        errors: &[(
            "issues_session",
            "`issues_session` is given twice: remove one",
        )],
    },
    Row {
        name: "crate twice",
        on: "session_route",
        args: r##"GET, "/a", crate = a, crate = b"##,
        item: HANDLER,
        errors: &[("crate", "`crate` is given twice: remove one")],
    },
    Row {
        name: "flag with a value",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", issues_session = true"##,
        item: HANDLER,
        errors: &[(
            "true",
            "`issues_session` takes no value: write `issues_session` alone",
        )],
    },
    Row {
        name: "value missing",
        on: "public_route",
        args: r##"GET, "/a", reason"##,
        item: HANDLER,
        errors: &[(
            "reason",
            r##"`reason` needs a value: write `reason = "visitors have no account"`"##,
        )],
    },
    Row {
        name: "value missing after the sign",
        on: "public_route",
        args: r##"GET, "/a", reason ="##,
        item: HANDLER,
        errors: &[(
            "reason",
            r##"`reason` needs a value: write `reason = "visitors have no account"`"##,
        )],
    },
    Row {
        name: "value in parentheses",
        on: "public_route",
        args: r##"GET, "/a", reason("r")"##,
        item: HANDLER,
        errors: &[(
            r##"reason("r")"##,
            r##"write `reason = "visitors have no account"`"##,
        )],
    },
    Row {
        name: "value after a colon",
        on: "public_route",
        args: r##"GET, "/a", reason: "r""##,
        item: HANDLER,
        errors: &[(
            r##"reason: "r""##,
            r##"write `reason = "visitors have no account"`"##,
        )],
    },
    Row {
        name: "comparison",
        on: "public_route",
        args: r##"GET, "/a", reason == "r""##,
        item: HANDLER,
        errors: &[(
            r##"reason == "r""##,
            r##"write `reason = "visitors have no account"`"##,
        )],
    },
    Row {
        name: "no comma between arguments",
        on: "public_route",
        args: r##"GET, "/a", reason = "r" owner = "o""##,
        item: HANDLER,
        errors: &[("owner", "expected `,` after `reason`")],
    },
    Row {
        name: "two commas",
        on: "public_route",
        args: r##"GET, "/a",, reason = "r""##,
        item: HANDLER,
        errors: &[(",", "nothing stands before this `,`")],
    },
    Row {
        name: "a comma first",
        on: "public_route",
        args: r##", GET, "/a", reason = "r""##,
        item: HANDLER,
        errors: &[(",", "nothing stands before this `,`")],
    },
    Row {
        name: "a stray number",
        on: "public_route",
        args: r##"GET, "/a", 7, reason = "r""##,
        item: HANDLER,
        errors: &[(
            "7",
            r##"expected `name = "value"`; `#[public_route]` takes `reason`, `owner`, `until`, `issues_session`, `optional_session` and `crate`"##,
        )],
    },
    Row {
        name: "a stray group",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", (owner = "o")"##,
        item: HANDLER,
        errors: &[(
            r##"(owner = "o")"##,
            r##"expected `name = "value"`; `#[public_route]` takes `reason`, `owner`, `until`, `issues_session`, `optional_session` and `crate`"##,
        )],
    },
    Row {
        name: "reason = ' '",
        on: "public_route",
        args: r##"GET, "/a", reason = " ""##,
        item: HANDLER,
        errors: &[(r##"" ""##, "`reason` must not be blank")],
    },
    Row {
        name: r##"reason = 'a\nb'"##,
        on: "public_route",
        args: r##"GET, "/a", reason = "a\nb""##,
        item: HANDLER,
        errors: &[(
            r##""a\nb""##,
            r##"`reason` is one line of text: remove '\n'"##,
        )],
    },
    Row {
        name: "reason = 7",
        on: "public_route",
        args: r##"GET, "/a", reason = 7"##,
        item: HANDLER,
        errors: &[(
            "7",
            r##"`reason` is a string literal, such as `"visitors have no account"`"##,
        )],
    },
    Row {
        name: "reason = true",
        on: "public_route",
        args: r##"GET, "/a", reason = true"##,
        item: HANDLER,
        errors: &[(
            "true",
            r##"`reason` is a string literal, such as `"visitors have no account"`"##,
        )],
    },
    Row {
        name: "owner = ''",
        on: "session_route",
        args: r##"GET, "/a", owner = """##,
        item: HANDLER,
        errors: &[(r##""""##, "`owner` must not be blank")],
    },
    Row {
        name: "owner = b'o'",
        on: "session_route",
        args: r##"GET, "/a", owner = b"o""##,
        item: HANDLER,
        errors: &[(
            r##"b"o""##,
            r##"`owner` is a string literal, such as `"growth"`"##,
        )],
    },
    Row {
        name: "verify = ''",
        on: "webhook_route",
        args: r##"GET, "/a", verify = """##,
        item: HANDLER,
        errors: &[(r##""""##, "`verify` must not be blank")],
    },
    Row {
        name: "verify = 'Post Mark'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "Post Mark""##,
        item: HANDLER,
        errors: &[(
            r##""Post Mark""##,
            "`verify` is a name of `a`-`z`, `0`-`9`, `_` and `-`: remove 'P'",
        )],
    },
    Row {
        name: "verify = postmark",
        on: "webhook_route",
        args: r##"GET, "/a", verify = postmark"##,
        item: HANDLER,
        errors: &[(
            "postmark",
            r##"`verify` is a string literal, such as `"postmark"`"##,
        )],
    },
    Row {
        name: "scope = ' '",
        on: "session_route",
        args: r##"GET, "/a", scope = " ""##,
        item: HANDLER,
        errors: &[(r##"" ""##, "`scope` must not be blank")],
    },
    Row {
        name: "scope = 'a b'",
        on: "session_route",
        args: r##"GET, "/a", scope = "a b""##,
        item: HANDLER,
        errors: &[(
            r##""a b""##,
            "`scope` is one name without white space: remove ' '",
        )],
    },
    Row {
        name: "until = '2027-02-29'",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", until = "2027-02-29""##,
        item: HANDLER,
        errors: &[(
            r##""2027-02-29""##,
            "`until` has the day `29`: 2027-02 has 01 to 28",
        )],
    },
    Row {
        name: "until = '2027-13-01'",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", until = "2027-13-01""##,
        item: HANDLER,
        errors: &[(
            r##""2027-13-01""##,
            "`until` has the month `13`: a year has 01 to 12",
        )],
    },
    Row {
        name: "until = 'tomorrow'",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", until = "tomorrow""##,
        item: HANDLER,
        errors: &[(
            r##""tomorrow""##,
            "`until` is a day written `YYYY-MM-DD`, such as `2027-01-31`",
        )],
    },
    Row {
        name: "until = 2027-01-31",
        on: "public_route",
        args: r##"GET, "/a", reason = "r", until = 2027-01-31"##,
        item: HANDLER,
        errors: &[(
            "2027-01-31",
            r##"`until` is a string literal, such as `"2027-01-31"`"##,
        )],
    },
    Row {
        name: "expect_every = '6'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = "6""##,
        item: HANDLER,
        errors: &[(
            r##""6""##,
            "`expect_every` is a whole number and a unit, `s`, `m`, `h` or `d`, such as `6h` or `90m`",
        )],
    },
    Row {
        name: "expect_every = '6H'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = "6H""##,
        item: HANDLER,
        errors: &[(
            r##""6H""##,
            "`expect_every` is a whole number and a unit, `s`, `m`, `h` or `d`, such as `6h` or `90m`; did you mean `6h`?",
        )],
    },
    Row {
        name: "expect_every = '0h'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = "0h""##,
        item: HANDLER,
        errors: &[(r##""0h""##, "`expect_every` must be more than zero")],
    },
    Row {
        name: "expect_every = '1h30m'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = "1h30m""##,
        item: HANDLER,
        errors: &[(
            r##""1h30m""##,
            "`expect_every` is a whole number and a unit, `s`, `m`, `h` or `d`, such as `6h` or `90m`",
        )],
    },
    Row {
        name: "expect_every = '99999999999999999999d'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = "99999999999999999999d""##,
        item: HANDLER,
        errors: &[(
            r##""99999999999999999999d""##,
            "`expect_every` is too large",
        )],
    },
    Row {
        name: "expect_every = 6",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", expect_every = 6"##,
        item: HANDLER,
        errors: &[(
            "6",
            r##"`expect_every` is a string literal, such as `"6h"`"##,
        )],
    },
    Row {
        name: "max_body = '1mb'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", max_body = "1mb""##,
        item: HANDLER,
        errors: &[(
            r##""1mb""##,
            "`max_body` is a whole number and a unit, `B`, `kB`, `KiB`, `MB`, `MiB` or `GiB`, such as `1MiB`; did you mean `1MB`?",
        )],
    },
    Row {
        name: "max_body = '0B'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", max_body = "0B""##,
        item: HANDLER,
        errors: &[(r##""0B""##, "`max_body` must be more than zero")],
    },
    Row {
        name: "max_body = 'big'",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", max_body = "big""##,
        item: HANDLER,
        errors: &[(
            r##""big""##,
            "`max_body` is a whole number and a unit, `B`, `kB`, `KiB`, `MB`, `MiB` or `GiB`, such as `1MiB`",
        )],
    },
    Row {
        name: "max_body = 1024",
        on: "webhook_route",
        args: r##"GET, "/a", verify = "v", max_body = 1024"##,
        item: HANDLER,
        errors: &[(
            "1024",
            r##"`max_body` is a string literal, such as `"1MiB"`"##,
        )],
    },
    Row {
        name: "crate is no path",
        on: "session_route",
        args: r##"GET, "/a", crate = "auth""##,
        item: HANDLER,
        errors: &[(
            r##"crate = "auth""##,
            "`crate` is a path: write `crate = path::to::session_auth`",
        )],
    },
    Row {
        name: "crate is empty",
        on: "session_route",
        args: r##"GET, "/a", crate ="##,
        item: HANDLER,
        errors: &[(
            "crate",
            "`crate` is a path: write `crate = path::to::session_auth`",
        )],
    },
    Row {
        name: "everything at once",
        on: "public_route",
        args: r##"get, "/users/:id", reasn = "r", scope = "s", until = "soon""##,
        item: HANDLER,
        errors: &[
            ("get", "methods are upper case: write `GET`"),
            (
                r##""/users/:id""##,
                "`:id` is how axum 0.7 wrote a parameter: write `{id}`",
            ),
            ("reasn", "unknown argument `reasn`: did you mean `reason`?"),
            (
                "scope",
                "`scope` belongs to `session_route`, not to `#[public_route]`",
            ),
            (
                r##""soon""##,
                "`until` is a day written `YYYY-MM-DD`, such as `2027-01-31`",
            ),
        ],
    },
    Row {
        name: "fn: not async",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "fn f() -> String { String::new() }",
        errors: &[(
            "fn",
            "`#[session_route]` goes on an `async fn`: write `async fn f`",
        )],
    },
    Row {
        name: "fn: returns a future",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "fn f() -> impl Future<Output = String> { async { String::new() } }",
        errors: &[(
            "fn",
            "`#[session_route]` goes on an `async fn`: write `async fn f` and the type that the future gives",
        )],
    },
    Row {
        name: "fn: const",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "const async fn f() {}",
        errors: &[(
            "const",
            "`#[session_route]` goes on an `async fn`, which cannot be `const`",
        )],
    },
    Row {
        name: "fn: unsafe",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async unsafe fn f() {}",
        errors: &[(
            "unsafe",
            "a handler is called by the router, which can promise nothing: remove `unsafe`",
        )],
    },
    Row {
        name: "fn: extern",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: r##"async extern "C" fn f() {}"##,
        errors: &[(
            r##"extern "C""##,
            "a handler is called by the router: remove `extern`",
        )],
    },
    Row {
        name: "fn: variadic",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async fn f(a: u8, ...) {}",
        errors: &[(
            "...",
            "a handler has a fixed number of extractors: remove `...`",
        )],
    },
    Row {
        name: "fn: self",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async fn f(&self) {}",
        errors: &[(
            "&self",
            "`#[session_route]` goes on a free function, not on a method: move the function out of the `impl`",
        )],
    },
    Row {
        name: "fn: typed self",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async fn f(self: Arc<Self>) {}",
        errors: &[(
            "self: Arc<Self>",
            "`#[session_route]` goes on a free function, not on a method: move the function out of the `impl`",
        )],
    },
    Row {
        name: "fn: Self",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async fn f() -> Vec<Self> { vec![] }",
        errors: &[(
            "Self",
            "`#[session_route]` goes on a free function, which has no `Self`: name the type",
        )],
    },
    Row {
        name: "fn: without a body",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "async fn f();",
        errors: &[(
            "async fn f();",
            "`#[session_route]` goes on an `async fn` with a body: the handler of the route",
        )],
    },
    Row {
        name: "fn: a struct",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "pub struct S { a: u8 }",
        errors: &[(
            "pub struct S",
            "`#[session_route]` goes on an `async fn` with a body: the handler of the route",
        )],
    },
    Row {
        name: "fn: an impl",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "impl S { async fn f() {} }",
        errors: &[(
            "impl S",
            "`#[session_route]` goes on an `async fn` with a body: the handler of the route",
        )],
    },
    Row {
        name: "fn: a constant",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "const F: u8 = 1;",
        errors: &[(
            "const F: u8 = 1;",
            "`#[session_route]` goes on an `async fn` with a body: the handler of the route",
        )],
    },
    Row {
        name: "fn: two attributes",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: r##"#[public_route(POST, "/a", reason = "r")] async fn f() {}"##,
        errors: &[(
            r##"#[public_route(POST, "/a", reason = "r")]"##,
            "the function has `#[session_route]` already: a handler has one access class; join methods of one path with `|` (`GET | POST`), and write a function for each path",
        )],
    },
    Row {
        name: "fn: three attributes",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: r##"#[session_auth::public_route(POST, "/a")] #[webhook_route()] async fn f() {}"##,
        errors: &[
            (
                r##"#[session_auth::public_route(POST, "/a")]"##,
                "the function has `#[session_route]` already: a handler has one access class; join methods of one path with `|` (`GET | POST`), and write a function for each path",
            ),
            (
                "#[webhook_route()]",
                "the function has `#[session_route]` already: a handler has one access class; join methods of one path with `|` (`GET | POST`), and write a function for each path",
            ),
        ],
    },
    Row {
        name: "fn: several mistakes",
        on: "session_route",
        args: r##"GET, "/a""##,
        item: "const unsafe fn f(self) {}",
        errors: &[
            (
                "const",
                "`#[session_route]` goes on an `async fn`, which cannot be `const`",
            ),
            (
                "unsafe",
                "a handler is called by the router, which can promise nothing: remove `unsafe`",
            ),
            (
                "self",
                "`#[session_route]` goes on a free function, not on a method: move the function out of the `impl`",
            ),
        ],
    },
    Row {
        name: "fn: and arguments",
        on: "public_route",
        args: r##"GET, "/a""##,
        item: "fn f() {}",
        errors: &[
            (
                "",
                r##"`#[public_route]` needs `reason = "why anyone may call it"`"##,
            ),
            (
                "fn",
                "`#[public_route]` goes on an `async fn`: write `async fn f`",
            ),
        ],
    },
    Row {
        name: "declare: nothing",
        on: "declare_route!",
        args: "",
        item: "",
        errors: &[(
            "",
            r##"write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: no parentheses",
        on: "declare_route!",
        args: "public_route",
        item: "",
        errors: &[(
            "public_route",
            r##"write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: brackets",
        on: "declare_route!",
        args: r##"public_route[GET, "/a", reason = "r"]"##,
        item: "",
        errors: &[(
            r##"public_route[GET, "/a", reason = "r"]"##,
            r##"write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: mistyped",
        on: "declare_route!",
        args: r##"public_rout(GET, "/a", reason = "r")"##,
        item: "",
        errors: &[(
            "public_rout",
            "there is no `public_rout`: did you mean `public_route`?",
        )],
    },
    Row {
        name: "declare: unknown",
        on: "declare_route!",
        args: r##"admin(GET, "/a")"##,
        item: "",
        errors: &[(
            "admin",
            r##"there is no `admin`: write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: two",
        on: "declare_route!",
        args: r##"session_route(GET, "/a"), session_route(GET, "/b")"##,
        item: "",
        errors: &[(
            r##"session_route(GET, "/a"), session_route(GET, "/b")"##,
            r##"write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: a path",
        on: "declare_route!",
        args: r##"session_auth::session_route(GET, "/a")"##,
        item: "",
        errors: &[(
            r##"session_auth::session_route(GET, "/a")"##,
            r##"write one declaration, such as `declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"))`"##,
        )],
    },
    Row {
        name: "declare: missing parts",
        on: "declare_route!",
        args: "public_route(GET)",
        item: "",
        errors: &[(
            "",
            r##"`public_route(..)` needs a path and `reason = "why anyone may call it"`"##,
        )],
    },
    Row {
        name: "declare: subtree without a reason",
        on: "declare_route!",
        args: r##"session_route(ANY, "/a", subtree)"##,
        item: "",
        errors: &[(
            "",
            r##"`session_route(..)` needs `reason = "what is mounted there"`, as every subtree does"##,
        )],
    },
    Row {
        name: "declare: subtree of a method",
        on: "declare_route!",
        args: r##"session_route(GET | POST, "/a", subtree, reason = "r")"##,
        item: "",
        errors: &[(
            "GET",
            "a subtree is a service that sees every method: write `ANY`",
        )],
    },
    Row {
        name: "declare: subtree with a slash",
        on: "declare_route!",
        args: r##"session_route(ANY, "/a/", subtree, reason = "r")"##,
        item: "",
        errors: &[(
            r##""/a/""##,
            r##"the path of a subtree has no `/` at its end: write `"/a"`"##,
        )],
    },
    Row {
        name: "declare: subtree with the rest",
        on: "declare_route!",
        args: r##"session_route(ANY, "/a/{*rest}", subtree, reason = "r")"##,
        item: "",
        errors: &[(
            r##""/a/{*rest}""##,
            "a subtree has all that is below its path already: write the path without `{*..}`",
        )],
    },
    Row {
        name: "declare: subtree of a fallback",
        on: "declare_route!",
        args: r##"session_route(FALLBACK, subtree, reason = "r")"##,
        item: "",
        errors: &[(
            "subtree",
            r##"`FALLBACK` has no subtree: name the path that the service is mounted under, as in `ANY, "/assets", subtree`"##,
        )],
    },
    Row {
        name: "declare: unknown argument",
        on: "declare_route!",
        args: r##"session_route(GET, "/a", colour = "red")"##,
        item: "",
        errors: &[(
            "colour",
            "unknown argument `colour`: `session_route(..)` takes `reason`, `scope`, `owner`, `subtree` and `crate`",
        )],
    },
    Row {
        name: "declare: subtree with a value",
        on: "declare_route!",
        args: r##"session_route(ANY, "/a", subtree = true, reason = "r")"##,
        item: "",
        errors: &[("true", "`subtree` takes no value: write `subtree` alone")],
    },
    Row {
        name: "audited: argument",
        on: "audited_router",
        args: r##"name = "x""##,
        item: "fn routes() -> Router { Router::new() }",
        errors: &[(r##"name = "x""##, "`#[audited_router]` takes no arguments")],
    },
    Row {
        name: "audited: parameters",
        on: "audited_router",
        args: "",
        item: "fn routes(config: &Config) -> Router { Router::new() }",
        errors: &[(
            "config: &Config",
            "the audit's test has nothing to pass here: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
        )],
    },
    Row {
        name: "audited: generics",
        on: "audited_router",
        args: "",
        item: "fn routes<S>() -> Router<S> { Router::new() }",
        errors: &[(
            "<S>",
            "the audit's test cannot choose these: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
        )],
    },
    Row {
        name: "audited: async",
        on: "audited_router",
        args: "",
        item: "async fn routes() -> Router { Router::new() }",
        errors: &[(
            "async",
            "the audit's test does not await: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
        )],
    },
    Row {
        name: "audited: unsafe",
        on: "audited_router",
        args: "",
        item: "unsafe fn routes() -> Router { Router::new() }",
        errors: &[(
            "unsafe",
            "the audit's test calls no `unsafe fn`: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
        )],
    },
    Row {
        name: "audited: method",
        on: "audited_router",
        args: "",
        item: "fn routes(&self) -> Router { Router::new() }",
        errors: &[(
            "&self",
            "`#[audited_router]` goes on a free function, not on a method: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
        )],
    },
    Row {
        name: "audited: nothing returned",
        on: "audited_router",
        args: "",
        item: "fn routes() {}",
        errors: &[(
            "routes",
            "the function returns nothing to audit: `#[audited_router]` goes on one that returns a router",
        )],
    },
    Row {
        name: "audited: a struct",
        on: "audited_router",
        args: "",
        item: "struct Routes;",
        errors: &[(
            "struct Routes;",
            "`#[audited_router]` goes on a function that returns a router",
        )],
    },
    Row {
        name: "audited: several mistakes",
        on: "audited_router",
        args: "all",
        item: "async fn routes<S>(state: S) {}",
        errors: &[
            ("all", "`#[audited_router]` takes no arguments"),
            (
                "state: S",
                "the audit's test has nothing to pass here: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
            ),
            (
                "<S>",
                "the audit's test cannot choose these: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
            ),
            (
                "async",
                "the audit's test does not await: use `session_auth::audit::audited_router!(name = expression)`, which evaluates the expression in the test",
            ),
            (
                "routes",
                "the function returns nothing to audit: `#[audited_router]` goes on one that returns a router",
            ),
        ],
    },
    Row {
        name: "audited!: nothing",
        on: "audited_router!",
        args: "",
        item: "",
        errors: &[(
            "",
            "name a router: `audited_router!(admin = admin::router(&Config::test()))`",
        )],
    },
    Row {
        name: "audited!: no name",
        on: "audited_router!",
        args: "admin::router()",
        item: "",
        errors: &[(
            ":",
            "expected `=`: write `audited_router!(name = expression)`, such as `audited_router!(admin = admin::router(&Config::test()))`",
        )],
    },
    Row {
        name: "audited!: no value",
        on: "audited_router!",
        args: "admin =",
        item: "",
        errors: &[(
            "",
            "unexpected end of input, expected an expression: write `audited_router!(name = expression)`, such as `audited_router!(admin = admin::router(&Config::test()))`",
        )],
    },
    Row {
        name: "audited!: twice",
        on: "audited_router!",
        args: "a = x(), a = y()",
        item: "",
        errors: &[("a", "two routers are called `a`: rename one")],
    },
];

#[test]
fn every_mistake_is_reported_once_where_it_is() {
    for row in ROWS {
        // The first lines; an example may follow.
        let found: Vec<(String, String)> = errors(row)
            .into_iter()
            .map(|(at, message)| {
                let first = message.lines().next().map(str::to_owned);
                (at, first.unwrap_or_default())
            })
            .collect();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(at, message)| (&**at, &**message))
            .collect();
        assert_eq!(found, row.errors, "{}", row.name);
        assert!(!found.is_empty(), "{}: no mistake", row.name);
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROWS.len());
}

/// The examples at the end of messages are right themselves.
#[test]
fn examples_in_messages_are_accepted() {
    for class in Class::ALL {
        let attribute = class.example(Place::Attribute);
        let args = attribute
            .strip_prefix("#[")
            .and_then(|rest| rest.strip_prefix(class.attribute()))
            .and_then(|rest| rest.strip_prefix('(')?.strip_suffix(")]"))
            .expect(attribute);
        let mut errors = Errors::default();
        let item = HANDLER.parse().expect(HANDLER);
        expand::attribute_with(class, args.parse().expect(args), item, &mut errors);
        assert!(errors.is_empty(), "{attribute}");

        let declaration = class.example(Place::Declaration);
        let args = declaration
            .strip_prefix("declare_route!(")
            .and_then(|rest| rest.strip_suffix(')'))
            .expect(declaration);
        let mut errors = Errors::default();
        let output = expand::declare_route_with(args.parse().expect(args), &mut errors);
        assert!(errors.is_empty() && output.is_some(), "{declaration}");
    }
}
