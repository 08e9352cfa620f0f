//! What attributes say: `#[path]`, and whose code is for tests alone.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, MetaList, Token};

/// The value of `#[path = ".."]`, or of the one in a `cfg_attr`.
pub(super) fn path(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            inner(list).iter().skip(1).find_map(path)
        }
        _ => None,
    }
}

/// Whether only tests have it: `#[cfg(test)]`, `#[test]`, `#[tokio::test]`.
pub(super) fn for_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let last = attr.path().segments.last();
        match last.map(|last| last.ident.to_string()).as_deref() {
            Some("cfg") => attr
                .parse_args::<Meta>()
                .is_ok_and(|condition| implies_test(&condition)),
            Some("test" | "rstest" | "test_case" | "bench") => true,
            _ => false,
        }
    })
}

/// Whether a `cfg` holds in tests alone, as far as can be said without the rest of it.
fn implies_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => inner(list).iter().any(implies_test),
        Meta::List(list) if list.path.is_ident("any") => {
            let inner = inner(list);
            !inner.is_empty() && inner.iter().all(implies_test)
        }
        _ => false,
    }
}

fn inner(list: &MetaList) -> Vec<Meta> {
    let parsed = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    parsed.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_value_of_the_attribute_of_that_name() {
        for (attribute, expected) in [
            ("path = \"a.rs\"", Some("a.rs")),
            ("cfg_attr(unix, path = \"a.rs\")", Some("a.rs")),
            (
                "cfg_attr(unix, cfg_attr(test, path = \"a.rs\"))",
                Some("a.rs"),
            ),
            ("doc = \"a.rs\"", None),
            ("route(unix, path = \"a.rs\")", None),
            ("cfg_attr(path = \"a.rs\", inline)", None),
            ("path = 7", None),
            ("path", None),
        ] {
            let meta: Meta = syn::parse_str(attribute).expect(attribute);
            assert_eq!(path(&meta).as_deref(), expected, "{attribute}");
        }
    }
}
