//! What is known of axum 0.8's inside: the text of its routers, and two names of parameters.
//!
//! axum offers no list of a router's routes and has declined to add one (tokio-rs/axum #2515,
//! #3086, #3127), but its `Debug` output shows them. All releases of axum 0.8 print one format,
//! written by the `fmt::Debug` impls in its `routing/{mod,path_router,method_routing,route}.rs`.
//!
//! That output is no interface, so the reader takes nothing for granted:
//!
//! 1. Every name, field and variant is one that axum 0.8 prints, in its place; anything else is
//!    [`Unreadable`].
//! 2. What the text says twice has to agree: ids with paths, methods with the `Allow` header,
//!    the fallback flag with the fallback.
//! 3. Who answers is not taken from it: that is asked, by a request (`ask.rs`).

mod endpoint;
mod rows;
mod text;

use std::collections::BTreeMap;

pub(super) use self::endpoint::{Endpoint, Rest};
use self::rows::{FallbackKind, Reader, Rows};
use self::text::{Node, Value};
use super::unreadable::Unreadable;
use crate::access::Methods;

/// `axum::routing::NEST_TAIL_PARAM`: the rest of the path below a nested service.
pub(super) const NEST_TAIL: &str = "/{*__private__axum_nest_tail_param}";
/// `axum::routing::FALLBACK_PARAM`: every path, in the router of the fallbacks.
pub(super) const FALLBACK_TAIL: &str = "/{*__private__axum_fallback}";

/// What a router's text shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Routes {
    /// Full paths, as patterns, with what serves them.
    pub(super) routes: BTreeMap<String, Endpoint>,
    /// The same of what serves all other paths; for a nested router's fallback, below its prefix.
    pub(super) fallbacks: BTreeMap<String, Endpoint>,
    /// Whether the outermost fallback is axum's own 404.
    pub(super) default_fallback: bool,
}

/// Reads the `{:?}` output of an axum 0.8 router.
///
/// # Errors
///
/// [`Unreadable`] for every text that axum 0.8 does not print.
pub(super) fn read(debug: &str) -> Result<Routes, Unreadable> {
    let root = text::parse(debug)?;
    let reader = Reader { text: debug };
    reader.router(&root)
}

impl<'a> Reader<'a> {
    fn router(&self, root: &Node<'a>) -> Result<Routes, Unreadable> {
        let [routes, fallbacks, flag, catch_all] = self.fields(
            root,
            "Router",
            [
                "path_router",
                "fallback_router",
                "default_fallback",
                "catch_all_fallback",
            ],
        )?;
        let default_fallback = match flag.value {
            Value::Name("true") => true,
            Value::Name("false") => false,
            _ => return self.err(flag.at, format!("{} for a flag", flag.value.describe())),
        };
        let kind = self.fallback(catch_all)?;
        if default_fallback != (kind == FallbackKind::Default) {
            return self.err(
                flag.at,
                format!(
                    "`default_fallback: {default_fallback}` beside a fallback that is {kind:?}"
                ),
            );
        }
        let rows = self.rows(fallbacks)?;
        for path in ["/", FALLBACK_TAIL] {
            let Some((at, endpoint)) = rows.get(path) else {
                return self.err(fallbacks.at, format!("a fallback router without {path:?}"));
            };
            if default_fallback && *endpoint != Endpoint::Service {
                return self.err(*at, "`default_fallback: true` beside a fallback handler");
            }
        }
        for (path, (at, endpoint)) in &rows {
            let any = Endpoint::Methods {
                named: Methods::NONE,
                rest: Rest::Any,
            };
            if ![Endpoint::Service, any].contains(endpoint) {
                return self.err(*at, "a fallback that is not for any method");
            }
            let below = path.strip_suffix('/').unwrap_or(path);
            if !path.ends_with(FALLBACK_TAIL)
                && !rows.contains_key(&format!("{below}{FALLBACK_TAIL}"))
            {
                return self.err(*at, format!("the fallback {path:?} without its tail"));
            }
        }
        Ok(Routes {
            routes: without_places(self.rows(routes)?),
            fallbacks: without_places(rows),
            default_fallback,
        })
    }
}

fn without_places(rows: Rows) -> BTreeMap<String, Endpoint> {
    let rows = rows.into_iter();
    rows.map(|(path, (_, endpoint))| (path, endpoint)).collect()
}

#[cfg(test)]
mod tests;
