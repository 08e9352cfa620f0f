//! The tree of a text, as rows: each path of a router with what serves it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::endpoint::{Endpoint, Rest};
use super::text::{Node, Value};
use crate::access::Methods;
use crate::mounted::unreadable::Unreadable;

/// The fields of a method router, in axum's order, and the methods they serve.
const METHODS: [(&str, Methods); 9] = [
    ("get", Methods::GET),
    ("head", Methods::HEAD),
    ("delete", Methods::DELETE),
    ("options", Methods::OPTIONS),
    ("patch", Methods::PATCH),
    ("post", Methods::POST),
    ("put", Methods::PUT),
    ("trace", Methods::TRACE),
    ("connect", Methods::CONNECT),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FallbackKind {
    Default,
    Service,
    Handler,
}

pub(super) type Rows = BTreeMap<String, (usize, Endpoint)>;

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn err<T>(&self, at: usize, met: impl Into<String>) -> Result<T, Unreadable> {
        Err(Unreadable::new(self.text, at, met))
    }

    /// The paths of a path router, each with its endpoint.
    pub(super) fn rows(&self, node: &Node<'a>) -> Result<Rows, Unreadable> {
        let [routes, tree] = self.fields(node, "PathRouter", ["routes", "node"])?;
        let [paths] = self.fields(tree, "Node", ["paths"])?;

        // By node: routes of the same words share one.
        let mut known: FxHashMap<*const Node<'a>, Endpoint> = FxHashMap::default();
        let mut endpoints = FxHashMap::default();
        for (key, value) in self.map(routes)? {
            let id = self.route_id(key)?;
            let endpoint = match known.entry(Rc::as_ptr(value)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.endpoint(value)?),
            };
            if endpoints.insert(id, (key.at, endpoint)).is_some() {
                return self.err(key.at, format!("two endpoints with the id {id}"));
            }
        }
        let mut rows = Rows::new();
        for (key, value) in self.map(paths)? {
            let id = self.route_id(key)?;
            let Value::Text(path) = &value.value else {
                return self.err(value.at, format!("{} for a path", value.value.describe()));
            };
            if !path.starts_with('/') {
                return self.err(
                    value.at,
                    format!("the path {path:?} without its first slash"),
                );
            }
            let Some(endpoint) = endpoints.remove(&id) else {
                return self.err(key.at, format!("the path {path:?} without an endpoint"));
            };
            if rows.insert(path.to_string(), endpoint).is_some() {
                return self.err(value.at, format!("the path {path:?} twice"));
            }
        }
        // The smallest, so that the message does not depend on the order of a hash map.
        if let Some((id, (at, _))) = endpoints.into_iter().min_by_key(|(id, _)| *id) {
            return self.err(at, format!("the endpoint with the id {id} without a path"));
        }
        Ok(rows)
    }

    fn endpoint(&self, node: &Node<'a>) -> Result<Endpoint, Unreadable> {
        match &node.value {
            Value::Tuple("Route", items) => match items.as_slice() {
                [
                    Node {
                        value: Value::Name("Route"),
                        ..
                    },
                ] => Ok(Endpoint::Service),
                _ => self.err(node.at, "a `Route(..)` that does not hold a `Route`"),
            },
            Value::Tuple("MethodRouter", items) => match items.as_slice() {
                [router] => self.method_router(router),
                _ => self.err(node.at, "a `MethodRouter(..)` of several values"),
            },
            other => self.err(node.at, format!("{} for an endpoint", other.describe())),
        }
    }

    fn method_router(&self, node: &Node<'a>) -> Result<Endpoint, Unreadable> {
        let fields = self.fields(
            node,
            "MethodRouter",
            [
                METHODS[0].0,
                METHODS[1].0,
                METHODS[2].0,
                METHODS[3].0,
                METHODS[4].0,
                METHODS[5].0,
                METHODS[6].0,
                METHODS[7].0,
                METHODS[8].0,
                "fallback",
                "allow_header",
            ],
        )?;
        let [.., fallback, allow] = fields;
        let mut named = Methods::NONE;
        for ((_, method), handler) in METHODS.into_iter().zip(fields) {
            match handler.value {
                Value::Name("None") => {}
                Value::Name("Route" | "BoxedHandler") => named = named.or(method),
                ref other => {
                    return self.err(handler.at, format!("{} for a handler", other.describe()));
                }
            }
        }
        let has_fallback = self.fallback(fallback)? != FallbackKind::Default;
        let rest = match self.allow(allow)? {
            Allow::Skip if has_fallback => Rest::Any,
            Allow::Skip => {
                return self.err(node.at, "a method router for any method without a handler");
            }
            Allow::Methods(allowed) => {
                let mut serves: BTreeSet<&str> = named.names().into_iter().collect();
                if serves.contains("GET") {
                    serves.insert("HEAD");
                }
                if !serves
                    .iter()
                    .copied()
                    .eq(allowed.iter().map(String::as_str))
                {
                    return self.err(
                        allow.at,
                        format!("an `Allow` header of {allowed:?} on a route that has {serves:?}"),
                    );
                }
                if has_fallback {
                    Rest::Fallback
                } else {
                    Rest::Refused
                }
            }
        };
        Ok(Endpoint::Methods { named, rest })
    }

    pub(super) fn fallback(&self, node: &Node<'a>) -> Result<FallbackKind, Unreadable> {
        let holds_route = |items: &[Node<'a>]| {
            matches!(
                items,
                [Node {
                    value: Value::Name("Route"),
                    ..
                }]
            )
        };
        match &node.value {
            Value::Name("BoxedHandler") => Ok(FallbackKind::Handler),
            Value::Tuple("Default", items) if holds_route(items) => Ok(FallbackKind::Default),
            Value::Tuple("Service", items) if holds_route(items) => Ok(FallbackKind::Service),
            other => self.err(node.at, format!("{} for a fallback", other.describe())),
        }
    }

    fn allow(&self, node: &Node<'a>) -> Result<Allow, Unreadable> {
        match &node.value {
            Value::Name("None") => Ok(Allow::Methods(BTreeSet::new())),
            Value::Name("Skip") => Ok(Allow::Skip),
            Value::Tuple("Bytes", items) => match items.as_slice() {
                [
                    Node {
                        value: Value::Bytes(bytes),
                        ..
                    },
                ] => Ok(Allow::Methods(
                    bytes
                        .split(|byte| *byte == b',')
                        .map(|method| String::from_utf8_lossy(method).into_owned())
                        .collect(),
                )),
                _ => self.err(node.at, "an `Allow` header that is not a byte string"),
            },
            other => self.err(
                node.at,
                format!("{} for an `Allow` header", other.describe()),
            ),
        }
    }

    /// The fields of a struct, if they are exactly `names`.
    pub(super) fn fields<'t, const N: usize>(
        &self,
        node: &'t Node<'a>,
        name: &str,
        names: [&str; N],
    ) -> Result<[&'t Node<'a>; N], Unreadable> {
        let fields = match &node.value {
            Value::Struct(found, fields) if *found == name => fields,
            other => {
                return self.err(
                    node.at,
                    format!("{} for the struct `{name}`", other.describe()),
                );
            }
        };
        for (key, value) in fields {
            if !names.contains(key) {
                return self.err(value.at, format!("the unknown field `{key}` of `{name}`"));
            }
        }
        for missing in names {
            if !fields.iter().any(|(key, _)| *key == missing) {
                return self.err(node.at, format!("`{name}` without its field `{missing}`"));
            }
        }
        let in_order: Vec<&Node<'a>> = fields
            .iter()
            .zip(names)
            .filter(|((key, _), wanted)| key == wanted)
            .map(|((_, value), _)| value)
            .collect();
        match <[_; N]>::try_from(in_order) {
            Ok(all) if fields.len() == N => Ok(all),
            _ => self.err(
                node.at,
                format!("the fields of `{name}` repeated or in another order"),
            ),
        }
    }

    fn map<'t>(&self, node: &'t Node<'a>) -> Result<&'t [(Node<'a>, Rc<Node<'a>>)], Unreadable> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            other => self.err(node.at, format!("{} for a map", other.describe())),
        }
    }

    fn route_id(&self, node: &Node<'a>) -> Result<u64, Unreadable> {
        match &node.value {
            Value::Tuple("RouteId", items) => match items.as_slice() {
                // axum 0.8 counts from 1; a format that counts from 0 is another one.
                [
                    Node {
                        value: Value::Number(id),
                        ..
                    },
                ] if *id != 0 => Ok(*id),
                _ => self.err(node.at, "a route id that is not a number from 1"),
            },
            other => self.err(node.at, format!("{} for a route id", other.describe())),
        }
    }
}

enum Allow {
    Skip,
    Methods(BTreeSet<String>),
}
