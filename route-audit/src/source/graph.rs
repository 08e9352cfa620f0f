//! What functions register, and what they pass to each other.

use std::collections::{BTreeSet, HashMap};

use session_auth::Methods;

use super::tables::{FnId, Place};

/// A function, or a variable of one.
pub(super) type NodeId = usize;

#[derive(Default)]
pub(super) struct Graph {
    /// The function of each node. The first nodes are the functions themselves.
    pub(super) nodes: Vec<FnId>,
    pub(super) edges: Vec<Vec<(NodeId, Under)>>,
    pub(super) sites: Vec<Site>,
}

/// Where something stands, relative to the router of what encloses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Under {
    /// What is known of the prefix: all of it, or its end.
    pub(super) prefix: String,
    pub(super) exact: bool,
    /// Behind a service, whose inside no router lists.
    pub(super) opaque: bool,
}

impl Under {
    pub(super) const ROOT: Self = Self {
        prefix: String::new(),
        exact: true,
        opaque: false,
    };

    /// Nested once more, as axum joins paths (`path_for_nested_route` in its `path_router.rs`).
    pub(super) fn nest(&self, path: Option<&str>) -> Self {
        match path {
            Some(path) => Self {
                prefix: join(&self.prefix, path),
                ..self.clone()
            },
            None => Self {
                prefix: String::new(),
                exact: false,
                ..self.clone()
            },
        }
    }

    pub(super) fn behind_a_service(&self) -> Self {
        Self {
            opaque: true,
            ..self.clone()
        }
    }

    pub(super) fn then(&self, inner: &Self) -> Self {
        Self {
            prefix: if inner.exact {
                join(&self.prefix, &inner.prefix)
            } else {
                inner.prefix.clone()
            },
            exact: self.exact && inner.exact,
            opaque: self.opaque || inner.opaque,
        }
    }

    /// The path of a route under this.
    pub(super) fn path(&self, path: &str) -> String {
        if self.prefix.is_empty() && !self.exact && path == "/" {
            // The prefix alone, whatever it is.
            return String::new();
        }
        join(&self.prefix, path)
    }
}

fn join(prefix: &str, path: &str) -> String {
    if prefix.is_empty() {
        path.to_owned()
    } else if path.is_empty() {
        prefix.to_owned()
    } else if prefix.ends_with('/') {
        format!("{prefix}{}", path.trim_start_matches('/'))
    } else if path == "/" {
        prefix.to_owned()
    } else {
        format!("{prefix}{path}")
    }
}

/// One call that registers something.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) node: NodeId,
    pub(super) place: Place,
    pub(super) what: What,
    pub(super) under: Under,
    /// As written; `None` where it is not a constant.
    pub(super) path: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// Whether it is compiled for certain.
    pub(super) certain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// `.route(..)` and its kin on a plain router.
    Route,
    /// A handler that brings its class, on a typed router.
    Mount,
    /// `.route_service(..)`.
    RouteService,
    /// `.nest_service(..)`.
    NestService,
    /// `.nest(..)`: of note only where what it nests is audited under another path.
    Nest {
        edges: Vec<NodeId>,
    },
    Fallback,
    FallbackService,
    /// `.merge(..)` or `.nest(..)` of what another crate made, by its name.
    Foreign(String),
    /// A macro, by its name.
    Macro(String),
}

/// Methods and what serves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `None` where they are not known.
    pub(super) methods: Option<Methods>,
    pub(super) handler: Handler,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handler {
    /// A function of the crates that were read; several where `cfg` chooses.
    Functions(Vec<FnId>),
    /// One of another crate, by its path.
    Foreign(Vec<String>),
    Closure,
    /// A response as it is.
    Value,
    /// An expression, with the functions that it names.
    Unknown(Vec<FnId>),
}

impl Graph {
    pub(super) fn new(functions: usize) -> Self {
        Self {
            nodes: (0..functions).collect(),
            edges: vec![Vec::new(); functions],
            sites: Vec::new(),
        }
    }

    pub(super) fn add_node(&mut self, function: FnId) -> NodeId {
        self.nodes.push(function);
        self.edges.push(Vec::new());
        self.nodes.len() - 1
    }

    pub(super) fn add_edge(&mut self, from: NodeId, to: NodeId, under: &Under) {
        let edge = (to, under.clone());
        // A variable is often used many times in a row.
        if self.edges[from].last() != Some(&edge) {
            self.edges[from].push(edge);
        }
    }

    pub(super) fn function(&self, site: &Site) -> FnId {
        self.nodes[site.node]
    }

    /// From where each node is reached, by the number of the root.
    pub(super) fn reach(&self, roots: &[FnId]) -> Vec<BTreeSet<(usize, Under)>> {
        let mut reached = vec![BTreeSet::new(); self.nodes.len()];
        let mut left: Vec<(NodeId, usize, Under)> = roots
            .iter()
            .enumerate()
            .map(|(number, root)| (*root, number, Under::ROOT))
            .collect();
        let mut counts: HashMap<(NodeId, usize), usize> = HashMap::new();
        while let Some((node, root, mut under)) = left.pop() {
            let count = counts.entry((node, root)).or_default();
            if *count >= MAX_PREFIXES {
                // A function that nests itself: of its prefixes, nothing is known.
                under = Under {
                    prefix: String::new(),
                    exact: false,
                    ..under
                };
            }
            if !reached[node].insert((root, under.clone())) {
                continue;
            }
            *count += 1;
            for (to, inner) in &self.edges[node] {
                left.push((*to, root, under.then(inner)));
            }
        }
        reached
    }
}

const MAX_PREFIXES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_axum_joins_them() {
        for (prefix, path, joined) in [
            ("", "/a", "/a"),
            ("", "/", "/"),
            ("/api", "/a", "/api/a"),
            ("/api", "/", "/api"),
            ("/api/", "/a", "/api/a"),
            ("/api/", "/", "/api/"),
            ("/v1/{tenant}", "/{*rest}", "/v1/{tenant}/{*rest}"),
        ] {
            let under = Under::ROOT.nest(Some(prefix));
            assert_eq!(under.path(path), joined, "{prefix} {path}");
        }
    }

    #[test]
    fn prefixes_add_up_from_the_root() {
        let inner = Under::ROOT.nest(Some("/b"));
        let outer = Under::ROOT.nest(Some("/a"));
        assert_eq!(outer.then(&inner).path("/c"), "/a/b/c");
        let unknown = Under::ROOT.nest(None).nest(Some("/b"));
        let through = outer.then(&unknown);
        assert_eq!(
            (through.path("/c").as_str(), through.exact),
            ("/b/c", false)
        );
        assert!(!unknown.then(&inner).exact);
        assert_eq!(unknown.then(&inner).path("/c"), "/b/b/c");
        assert!(outer.then(&Under::ROOT.behind_a_service()).opaque);
        assert!(Under::ROOT.behind_a_service().then(&inner).opaque);
    }

    #[test]
    fn a_function_that_nests_itself_comes_to_an_end() {
        let mut graph = Graph::new(2);
        graph.add_edge(0, 1, &Under::ROOT.nest(Some("/a")));
        graph.add_edge(1, 0, &Under::ROOT.nest(Some("/b")));
        let reached = graph.reach(&[0]);
        assert!(reached[0].contains(&(0, Under::ROOT.nest(Some("/a/b")))));
        assert!(reached[1].iter().any(|(_, under)| !under.exact));
    }
}
