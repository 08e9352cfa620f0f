//! A router as data, so that the same calls can build it several times.

use std::fmt;

use axum::http::Method;

pub(crate) type Id = u32;

/// The methods that axum has names for.
pub(crate) const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// Who may call a handler, the most open first. `Staff` is a session with a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Public,
    Webhook,
    Session,
    Staff,
}

/// Where a handler's declaration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `public(..)`, `session(..)` or `webhook(..)`, with methods and full path.
    Inline,
    /// The attribute of this function in `attributes.rs`, which leaves the path out.
    Attribute(usize),
    /// `declare_route!`, by the path alone: axum's own functions mount it.
    ByPath,
    /// The declaration of the router that it came in with, by `mount_axum`.
    Whole,
}

/// What a handler is mounted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// By methods, on a path.
    Methods,
    /// As a service by methods, on a path.
    MethodService,
    /// `any`, or what answers a path's other methods.
    Rest,
    /// `method_not_allowed_fallback`.
    NotAllowed,
    /// `route_service`.
    Service,
    /// `nest_service`.
    Nested,
    /// Of a router.
    Fallback,
    /// It is not: it sits in a layer, a state or a service.
    Hidden,
}

/// A handler or service that reports its id when it runs.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) id: Id,
    pub(crate) class: Class,
    pub(crate) source: Source,
    pub(crate) position: Position,
    /// What it declares: `None` for any method.
    pub(crate) methods: Option<Vec<Method>>,
    /// What it declares: the full path; of a fallback the path that its router is nested at, or `/`.
    pub(crate) path: String,
    /// Whether a layer is around the handler itself.
    pub(crate) layered: bool,
    /// Whether it calls what is hidden in the router's state.
    pub(crate) calls_state: bool,
    /// Whether it is the redirect that `route_with_tsr` adds.
    pub(crate) redirects: bool,
    pub(crate) is_service: bool,
    /// In a service: what its `ServeDir` falls back to.
    pub(crate) serve_dir: Option<Box<Handler>>,
}

/// A layer.
#[derive(Clone, Debug)]
pub(crate) enum LayerSpec {
    Identity,
    Boxed,
    Cors,
    Header,
    FromFn,
    Spawn,
    /// Answers some requests by itself.
    Answers,
    /// Answers some requests by a handler that it holds.
    Holds(Holder, Handler),
}

/// What a layer holds a handler in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    Field,
    Router,
    Buffer,
    Pool,
}

#[derive(Clone, Debug)]
pub(crate) enum MethodOp {
    On(Vec<Method>, Handler),
    /// Only as the first.
    Any(Handler),
    Fallback(Handler),
    OnService(Vec<Method>, Handler),
    AnyService(Handler),
    FallbackService(Handler),
    Layer(LayerSpec),
    RouteLayer(LayerSpec),
    Merge(Vec<MethodOp>),
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Route(String, Vec<MethodOp>),
    /// The redirect that it adds is a handler of its own here.
    RouteWithTsr(String, Vec<MethodOp>, Handler),
    Mount(Handler),
    RouteService(String, Handler),
    NestService(String, Handler),
    Nest(String, Spec),
    Merge(Spec),
    MergeAxum(Spec),
    MountAxum(Handler, Spec),
    Fallback(Handler),
    FallbackService(Handler),
    MethodNotAllowed(Handler),
    ResetFallback,
    Layer(LayerSpec),
    RouteLayer(LayerSpec),
}

/// The calls that build a router, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spec {
    pub(crate) ops: Vec<Op>,
    /// A nested or merged router has a state of its own, with this in it.
    pub(crate) state: Option<Option<Handler>>,
}

impl Spec {
    /// Takes out what mounts these handlers.
    pub(crate) fn prune(&mut self, ids: &[Id]) {
        let gone = |handler: &Handler| ids.contains(&handler.id);
        self.ops.retain_mut(|op| match op {
            Op::Route(_, methods) => {
                prune_methods(methods, ids);
                !methods.is_empty()
            }
            Op::RouteWithTsr(_, methods, redirect) => {
                prune_methods(methods, ids);
                match classes(methods).into_iter().min() {
                    Some(most_open) => {
                        redirect.class = most_open;
                        true
                    }
                    None => false,
                }
            }
            Op::Nest(_, spec) | Op::Merge(spec) | Op::MergeAxum(spec) | Op::MountAxum(_, spec) => {
                spec.prune(ids);
                true
            }
            Op::Mount(handler)
            | Op::RouteService(_, handler)
            | Op::NestService(_, handler)
            | Op::Fallback(handler)
            | Op::FallbackService(handler)
            | Op::MethodNotAllowed(handler) => !gone(handler),
            Op::ResetFallback | Op::Layer(_) | Op::RouteLayer(_) => true,
        });
    }

    /// The same router with one call less, or one in a nested one less, each in turn.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..self.ops.len() {
            let mut less = self.clone();
            less.ops.remove(at);
            all.push(less);
        }
        for (at, op) in self.ops.iter().enumerate() {
            let inner = match op {
                Op::Nest(_, spec)
                | Op::Merge(spec)
                | Op::MergeAxum(spec)
                | Op::MountAxum(_, spec) => spec.smaller().into_iter().map(Smaller::Spec).collect(),
                Op::Route(_, methods) | Op::RouteWithTsr(_, methods, _) => {
                    let less = (0..methods.len()).map(|gone| {
                        let mut less = methods.clone();
                        less.remove(gone);
                        Smaller::Methods(less)
                    });
                    less.collect()
                }
                _ => Vec::new(),
            };
            for one in inner {
                let mut less = self.clone();
                match (&mut less.ops[at], one) {
                    (
                        Op::Nest(_, spec)
                        | Op::Merge(spec)
                        | Op::MergeAxum(spec)
                        | Op::MountAxum(_, spec),
                        Smaller::Spec(one),
                    ) => *spec = one,
                    (
                        Op::Route(_, methods) | Op::RouteWithTsr(_, methods, _),
                        Smaller::Methods(one),
                    ) => *methods = one,
                    _ => {}
                }
                all.push(less);
            }
        }
        if self.state.is_some() {
            let mut less = self.clone();
            less.state = None;
            all.push(less);
        }
        for less in &mut all {
            less.prune(&[]);
        }
        all
    }

    /// All handlers in it, those in layers and states too.
    pub(crate) fn handlers(&self) -> Vec<&Handler> {
        let mut all = Vec::new();
        all.extend(self.state.iter().flatten());
        for op in &self.ops {
            match op {
                Op::Route(_, methods) => of_methods(methods, &mut all),
                Op::RouteWithTsr(_, methods, redirect) => {
                    of_methods(methods, &mut all);
                    all.push(redirect);
                }
                Op::Nest(_, spec)
                | Op::Merge(spec)
                | Op::MergeAxum(spec)
                | Op::MountAxum(_, spec) => all.extend(spec.handlers()),
                Op::Mount(handler)
                | Op::RouteService(_, handler)
                | Op::NestService(_, handler)
                | Op::Fallback(handler)
                | Op::FallbackService(handler)
                | Op::MethodNotAllowed(handler) => {
                    all.push(handler);
                    all.extend(handler.serve_dir.as_deref());
                }
                Op::Layer(LayerSpec::Holds(_, held))
                | Op::RouteLayer(LayerSpec::Holds(_, held)) => {
                    all.push(held);
                }
                Op::ResetFallback | Op::Layer(_) | Op::RouteLayer(_) => {}
            }
        }
        all
    }
}

/// A part with one call less.
enum Smaller {
    Spec(Spec),
    Methods(Vec<MethodOp>),
}

fn prune_methods(methods: &mut Vec<MethodOp>, ids: &[Id]) {
    methods.retain_mut(|op| match op {
        MethodOp::On(_, handler)
        | MethodOp::Any(handler)
        | MethodOp::Fallback(handler)
        | MethodOp::OnService(_, handler)
        | MethodOp::AnyService(handler)
        | MethodOp::FallbackService(handler) => !ids.contains(&handler.id),
        MethodOp::Merge(other) => {
            prune_methods(other, ids);
            true
        }
        MethodOp::Layer(_) | MethodOp::RouteLayer(_) => true,
    });
    // A `route_layer` around nothing is a panic of axum's, and a path that answers 405 alone is in
    // no row.
    let mut handlers = Vec::new();
    let mut layers = 0;
    for op in methods.iter() {
        of_methods(std::slice::from_ref(op), &mut handlers);
        layers += usize::from(handlers.is_empty() && matches!(op, MethodOp::RouteLayer(_)));
    }
    if layers > 0 || handlers.iter().all(|one| one.position == Position::Hidden) {
        methods.clear();
    }
}

/// The classes of a path's handlers, in the order in which they were mounted.
pub(crate) fn classes(methods: &[MethodOp]) -> Vec<Class> {
    let mut all = Vec::new();
    of_methods(methods, &mut all);
    let mounted = all.iter().filter(|one| one.position != Position::Hidden);
    mounted.map(|one| one.class).collect()
}

fn of_methods<'a>(methods: &'a [MethodOp], all: &mut Vec<&'a Handler>) {
    for op in methods {
        match op {
            MethodOp::On(_, handler)
            | MethodOp::Any(handler)
            | MethodOp::Fallback(handler)
            | MethodOp::OnService(_, handler)
            | MethodOp::AnyService(handler)
            | MethodOp::FallbackService(handler) => {
                all.push(handler);
                all.extend(handler.serve_dir.as_deref());
            }
            MethodOp::Layer(LayerSpec::Holds(_, held))
            | MethodOp::RouteLayer(LayerSpec::Holds(_, held)) => all.push(held),
            MethodOp::Layer(_) | MethodOp::RouteLayer(_) => {}
            MethodOp::Merge(other) => of_methods(other, all),
        }
    }
}

/// One call a line.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ops.iter().try_for_each(|op| writeln!(f, ".{op:?}"))?;
        match &self.state {
            Some(hidden) => write!(f, ".with_state({hidden:?})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// `#3 Session Inline Methods /a/{id}`.
impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            class,
            source,
            position,
            path,
            serve_dir,
            ..
        } = self;
        write!(f, "#{id} {class} {source:?} {position:?} {path}")?;
        match serve_dir {
            Some(hidden) => write!(f, " around {hidden:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How axum joins the path of a nest and one inside.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    if prefix.is_empty() {
        path.to_owned()
    } else if prefix.ends_with('/') {
        format!("{prefix}{}", path.trim_start_matches('/'))
    } else if path == "/" {
        prefix.to_owned()
    } else {
        format!("{prefix}{path}")
    }
}
