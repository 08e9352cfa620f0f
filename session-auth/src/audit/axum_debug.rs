//! What an [`axum::Router`] mounts, read from its `Debug` output.
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
//! 3. Where two routers print the same text, the reading is the one that asks for more.
//!
//! What no text shows: routes behind a service (`nest_service`, `route_service`,
//! `fallback_service`, `any_service`), layers, and answers that a middleware gives by itself.

mod rows;
mod text;

use std::collections::BTreeSet;
use std::fmt;

use self::rows::{Endpoint, FallbackKind, Reader, Rest, Rows};
use self::text::{Node, Value};
use super::report::{Mounted, Shape};

/// `axum::routing::NEST_TAIL_PARAM`: the rest of the path below a nested service.
const NEST_TAIL: &str = "/{*__private__axum_nest_tail_param}";
/// `axum::routing::FALLBACK_PARAM`: every path, in the router of the fallbacks.
const FALLBACK_TAIL: &str = "/{*__private__axum_fallback}";

/// Reads the `{:?}` output of an axum 0.8 router.
///
/// The result is sorted and has one entry for each method of a path. `HEAD` is listed only where
/// it has a handler of its own; `GET` serves it everywhere else.
///
/// ```
/// use axum::{Router, routing::get};
/// use session_auth::audit::axum_debug;
///
/// let app: Router = Router::new().route("/users/{id}", get(|| async {}));
/// let mounted = axum_debug::read(&format!("{app:?}"))?;
/// assert_eq!(mounted[0].methods, ["GET"]);
/// assert_eq!(mounted[0].path.as_deref(), Some("/users/{id}"));
///
/// assert!(axum_debug::read("Router { .. }").is_err());
/// # Ok::<_, axum_debug::Unreadable>(())
/// ```
///
/// # Errors
///
/// [`Unreadable`] for every text that axum 0.8 does not print.
pub fn read(debug: &str) -> Result<Vec<Mounted>, Unreadable> {
    let root = text::parse(debug)?;
    let reader = Reader { text: debug };
    reader.router(&root)
}

/// A router's `Debug` output is not what axum 0.8 prints, or a router mounts nothing.
///
/// There is no way to tell what such a router mounts, so an audit that meets this could not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(Reason);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Text {
        met: String,
        at: usize,
        excerpt: String,
    },
    Empty,
}

impl Unreadable {
    fn new(text: &str, at: usize, met: impl Into<String>) -> Self {
        let before = text.floor_char_boundary(at.saturating_sub(40));
        let after = text.ceil_char_boundary((at + 40).min(text.len()));
        let excerpt = text.get(before..after).unwrap_or_default().to_owned();
        let met = met.into();
        Self(Reason::Text { met, at, excerpt })
    }

    /// A router without a route: nothing to audit, which must not pass for a clean audit.
    pub(crate) fn empty() -> Self {
        Self(Reason::Empty)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Text { met, at, excerpt } => write!(
                f,
                "the `Debug` output of this `axum::Router` cannot be read: {met}, at byte {at}, \
                 near `{excerpt}`; session-auth {} reads what axum 0.8.0 to 0.8.9 print: use one \
                 of these, or a session-auth that knows this axum",
                env!("CARGO_PKG_VERSION"),
            ),
            Reason::Empty => f.write_str(
                "the router mounts nothing, so there is nothing to audit: mount its routes in \
                 the audited function, or take `#[audited_router]` off it",
            ),
        }
    }
}

impl std::error::Error for Unreadable {}

impl<'a> Reader<'a> {
    fn router(&self, root: &Node<'a>) -> Result<Vec<Mounted>, Unreadable> {
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
        let mut mounted = BTreeSet::new();
        self.routes(self.rows(routes)?, &mut mounted)?;
        self.fallbacks(
            self.rows(fallbacks)?,
            fallbacks.at,
            flag,
            catch_all,
            &mut mounted,
        )?;
        Ok(mounted.into_iter().collect())
    }

    fn routes(&self, mut rows: Rows<'_>, out: &mut BTreeSet<Mounted>) -> Result<(), Unreadable> {
        // `nest_service("/x", ..)` registers `/x/{*tail}`, `/x/` and, unless it was given `/x/`,
        // `/x`: one mount.
        let tails: Vec<&str> = rows
            .keys()
            .copied()
            .filter(|p| p.ends_with(NEST_TAIL))
            .collect();
        for tail in tails {
            let Some((at, endpoint)) = rows.remove(tail) else {
                continue;
            };
            let prefix = &tail[..tail.len() - NEST_TAIL.len()];
            let with_slash = format!("{prefix}/");
            if !matches!(endpoint, Endpoint::Service) {
                return self.err(
                    at,
                    format!("{tail:?}, which is a nested service's, as a route"),
                );
            }
            if !matches!(
                rows.remove(with_slash.as_str()),
                Some((_, Endpoint::Service))
            ) {
                return self.err(
                    at,
                    format!("a service nested at {prefix:?} without {with_slash:?}"),
                );
            }
            if matches!(rows.get(prefix), Some((_, Endpoint::Service))) {
                rows.remove(prefix);
            }
            let prefix = if prefix.is_empty() { "/" } else { prefix };
            out.insert(mount(Shape::OpaqueMount, "ANY", Some(prefix)));
        }
        for (path, (_, endpoint)) in rows {
            match endpoint {
                Endpoint::Service => {
                    out.insert(mount(Shape::OpaqueRoute, "ANY", Some(path)));
                }
                Endpoint::Methods { named, rest } => {
                    for method in named {
                        out.insert(mount(Shape::Route, method, Some(path)));
                    }
                    match rest {
                        Rest::Refused => {}
                        Rest::Any => {
                            out.insert(mount(Shape::Route, "ANY", Some(path)));
                        }
                        Rest::Fallback => {
                            out.insert(mount(Shape::MethodFallback, "ANY", Some(path)));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The fallback router holds `/` and the tail for the whole router and the same two, prefixed,
    /// for each nested router that has a fallback.
    fn fallbacks(
        &self,
        mut rows: Rows<'_>,
        at: usize,
        flag: &Node<'a>,
        catch_all: &Node<'a>,
        out: &mut BTreeSet<Mounted>,
    ) -> Result<(), Unreadable> {
        let is_default = match flag.value {
            Value::Name("true") => true,
            Value::Name("false") => false,
            _ => return self.err(flag.at, format!("{} for a flag", flag.value.describe())),
        };
        let kind = self.fallback(catch_all)?;
        if is_default != (kind == FallbackKind::Default) {
            return self.err(
                flag.at,
                format!("`default_fallback: {is_default}` beside a fallback that is {kind:?}"),
            );
        }
        for path in ["/", FALLBACK_TAIL] {
            let Some((at, endpoint)) = rows.remove(path) else {
                return self.err(at, format!("a fallback router without {path:?}"));
            };
            if !is_default {
                out.insert(mount(self.fallback_shape(at, &endpoint)?, "ANY", None));
            } else if !matches!(endpoint, Endpoint::Service) {
                return self.err(at, "`default_fallback: true` beside a fallback handler");
            }
        }
        let mut prefixes = BTreeSet::new();
        for (path, (at, endpoint)) in &rows {
            let Some(prefix) = path.strip_suffix(FALLBACK_TAIL) else {
                continue;
            };
            prefixes.insert(prefix);
            out.insert(mount(
                self.fallback_shape(*at, endpoint)?,
                "ANY",
                Some(prefix),
            ));
        }
        for (path, (at, endpoint)) in &rows {
            if path.ends_with(FALLBACK_TAIL) {
                continue;
            }
            let prefix = path.strip_suffix('/').unwrap_or(path);
            if !prefixes.contains(prefix) {
                return self.err(*at, format!("the fallback {path:?} without its tail"));
            }
            // Read by itself: nothing promises that `/in` and its tail serve the same.
            out.insert(mount(
                self.fallback_shape(*at, endpoint)?,
                "ANY",
                Some(prefix),
            ));
        }
        Ok(())
    }

    /// A fallback handler is an `any(handler)`, before and after `with_state`.
    fn fallback_shape(&self, at: usize, endpoint: &Endpoint) -> Result<Shape, Unreadable> {
        match endpoint {
            Endpoint::Service => Ok(Shape::OpaqueFallback),
            Endpoint::Methods {
                named,
                rest: Rest::Any,
            } if named.is_empty() => Ok(Shape::Fallback),
            Endpoint::Methods { .. } => self.err(at, "a fallback that is not for any method"),
        }
    }
}

fn mount(shape: Shape, method: &str, path: Option<&str>) -> Mounted {
    Mounted {
        shape,
        methods: vec![method.to_owned()],
        path: path.map(str::to_owned),
        declaration: None,
    }
}

#[cfg(test)]
mod tests;
