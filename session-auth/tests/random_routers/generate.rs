//! Makes up routers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::Method;

use super::attributes::{FALLBACKS, FIRST, FUNCTIONS, HIDDEN, MOUNTED, by_path};
use super::kit::{Kit, Layered, Ours, resets_fallbacks};
use super::spec::{
    Class, Handler, Holder, Id, LayerSpec, METHODS, MethodOp, Op, Position, Source, Spec, classes,
    join,
};

/// Numbers from a seed (SplitMix64).
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("below a usize")
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// How the routes of a router get their class.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// By their handlers.
    Named,
    /// By their paths.
    ByPath,
    /// All have that of the router.
    Whole(Class),
}

pub(crate) struct Generator {
    pub(crate) rng: Rng,
    next_id: Id,
    connect: bool,
    /// The functions that stand somewhere: each once, so that what ran shows where.
    used: Vec<usize>,
}

impl Generator {
    /// `connect`: whether this axum can mount `CONNECT` beside other methods.
    pub(crate) fn new(seed: u64, connect: bool) -> Self {
        let rng = Rng::new(seed);
        Self {
            rng,
            next_id: 1,
            connect,
            used: Vec::new(),
        }
    }

    pub(crate) fn router(&mut self) -> Spec {
        let mut spec = self.spec("", 0, Way::Named);
        if self.rng.percent(50) {
            spec.state = Some(self.rng.percent(50).then(|| self.hidden()));
        }
        spec
    }

    /// Calls that axum takes, each after the ones before it.
    fn spec(&mut self, prefix: &str, depth: usize, way: Way) -> Spec {
        let mut spec = Spec::default();
        let mut twin = Layered::router::<()>();
        let mut ours = Ours::router::<()>();
        let most = [8, 5, 4, 3][depth.min(3)];
        for _ in 0..=self.rng.below(most) {
            let op = self.op(prefix, depth, way);
            let tried = quietly(|| Layered::apply(twin.clone(), &op));
            if way == Way::Named {
                let tried_ours = quietly(|| Ours::apply(ours.clone(), &op));
                assert_eq!(
                    tried.is_some(),
                    tried_ours.is_some(),
                    "this crate's router takes what axum's takes, and nothing else: {op:?} after \
                     {spec:?}"
                );
                ours = tried_ours.unwrap_or(ours);
            }
            if let Some(with) = tried {
                twin = with;
                spec.ops.push(op);
            }
        }
        spec
    }

    /// The same with a state of its own, now and then.
    fn inner(&mut self, prefix: &str, depth: usize, way: Way) -> Spec {
        let mut spec = self.spec(prefix, depth + 1, way);
        if self.rng.percent(25) {
            // What axum's functions mount has no seal, so only this crate's router hides handlers.
            let hides = way == Way::Named && self.rng.percent(50);
            spec.state = Some(hides.then(|| self.hidden()));
        }
        spec
    }

    fn op(&mut self, prefix: &str, depth: usize, way: Way) -> Op {
        let named = way == Way::Named;
        loop {
            return match self.rng.below(100) {
                0..30 => match self.route(prefix, way) {
                    Some(op) => op,
                    None => continue,
                },
                30..35 if named => {
                    let path = self.path(prefix);
                    let methods = self.methods(prefix, &path, way);
                    let most_open = classes(&methods).into_iter().min();
                    let mut redirect = self.inline(Position::Rest, None, String::new());
                    redirect.redirects = true;
                    match most_open {
                        Some(class) if path != "/" => {
                            redirect.class = class;
                            Op::RouteWithTsr(path, methods, redirect)
                        }
                        _ => continue,
                    }
                }
                35..40 if named && prefix.is_empty() => {
                    let methods = self.some_methods();
                    let path = self.path("");
                    Op::Mount(self.inline(Position::Methods, methods, path))
                }
                40..46 if way != Way::ByPath => {
                    let path = self.path(prefix);
                    Op::RouteService(
                        path.clone(),
                        self.service(Position::Service, prefix, &path, way),
                    )
                }
                46..53 if way != Way::ByPath => {
                    let path = self.nest_path(prefix);
                    Op::NestService(
                        path.clone(),
                        self.service(Position::Nested, prefix, &path, way),
                    )
                }
                53..68 if depth < 3 => {
                    let path = self.nest_path(prefix);
                    let inside = join(prefix, &path);
                    let spec = self.inner(&inside, depth, way);
                    Op::Nest(path, spec)
                }
                68..75 if depth < 3 => Op::Merge(self.inner(prefix, depth, way)),
                75..80 if named => Op::MergeAxum(self.inner(prefix, depth, Way::ByPath)),
                80..84 if named && prefix.is_empty() => {
                    let class = self.class();
                    let path = self.pick_str(&["/", "/a", "/w", "/w/x", "/{t0}"]);
                    let mut handler = self.inline(Position::Nested, None, path.clone());
                    handler.class = class;
                    let prefix = if path == "/" { "" } else { &*path };
                    let spec = self.inner(prefix, depth, Way::Whole(class));
                    Op::MountAxum(handler, spec)
                }
                84..89 if way != Way::ByPath => {
                    let below = below(prefix);
                    if self.rng.percent(70) {
                        Op::Fallback(self.fallback(below, way))
                    } else {
                        Op::FallbackService(self.service(Position::Fallback, "", &below, way))
                    }
                }
                89..91 if named => {
                    Op::MethodNotAllowed(self.inline(Position::NotAllowed, None, "/".to_owned()))
                }
                91 if resets_fallbacks() => Op::ResetFallback,
                92..98 => Op::Layer(self.layer(way)),
                98..100 => Op::RouteLayer(self.layer(way)),
                _ => continue,
            };
        }
    }

    fn pick_str(&mut self, of: &[&str]) -> String {
        (*self.rng.pick(of)).to_owned()
    }

    fn route(&mut self, prefix: &str, way: Way) -> Option<Op> {
        if way == Way::ByPath {
            return self.declared_route(prefix);
        }
        let path = self.path(prefix);
        let methods = self.methods(prefix, &path, way);
        Some(Op::Route(path, methods))
    }

    /// A route that `declare_route!` speaks for, below this prefix.
    fn declared_route(&mut self, prefix: &str) -> Option<Op> {
        let all = by_path();
        let here: Vec<_> = all
            .iter()
            .filter_map(|(full, method, class)| {
                let path = full.strip_prefix(prefix)?;
                let path = if path.is_empty() { "/" } else { path };
                (path.starts_with('/') && join(prefix, path) == *full)
                    .then(|| (path.to_owned(), *full, method.clone(), *class))
            })
            .collect();
        if here.is_empty() {
            return None;
        }
        let (path, full, method, class) = self.rng.pick(&here).clone();
        let (position, op): (_, fn(Vec<Method>, Handler) -> MethodOp) = match &method {
            Some(_) => (Position::Methods, MethodOp::On),
            None => (Position::Rest, |_, handler| MethodOp::Any(handler)),
        };
        let methods: Option<Vec<Method>> = method.map(|method| vec![method]);
        let mut handler = self.handler(position, methods.clone(), full.to_owned(), Way::ByPath);
        handler.class = class;
        Some(Op::Route(
            path,
            vec![op(methods.unwrap_or_default(), handler)],
        ))
    }

    /// With one handler at least: a path that answers 405 alone is in no row.
    fn methods(&mut self, prefix: &str, path: &str, way: Way) -> Vec<MethodOp> {
        loop {
            let methods = self.any_methods(prefix, path, way);
            if !classes(&methods).is_empty() {
                return methods;
            }
        }
    }

    fn any_methods(&mut self, prefix: &str, path: &str, way: Way) -> Vec<MethodOp> {
        let full = join(prefix, path);
        let mut all = Vec::new();
        let mut free: Vec<Method> = METHODS.to_vec();
        free.retain(|method| self.connect || *method != Method::CONNECT);
        if self.rng.percent(15) {
            all.push(if self.rng.percent(70) {
                MethodOp::Any(self.handler(Position::Rest, None, full.clone(), way))
            } else {
                MethodOp::AnyService(self.service(Position::Rest, "", &full, way))
            });
        }
        for _ in 0..=self.rng.below(3) {
            match self.rng.below(100) {
                0..70 => {
                    let several = if self.rng.percent(20) { 2 } else { 1 };
                    let mut methods = Vec::new();
                    for _ in 0..several {
                        // The first ones are the usual ones.
                        let most = if self.rng.percent(70) { 4 } else { free.len() };
                        let at = self.rng.below(most.min(free.len()));
                        methods.push(free.remove(at));
                    }
                    if self.rng.percent(85) {
                        let declared = Some(methods.clone());
                        let handler = self.handler(Position::Methods, declared, full.clone(), way);
                        all.push(MethodOp::On(methods, handler));
                    } else {
                        let mut service = self.service(Position::MethodService, "", &full, way);
                        service.methods = Some(methods.clone());
                        all.push(MethodOp::OnService(methods, service));
                    }
                }
                70..80 if !has_rest(&all) => all.push(if self.rng.percent(70) {
                    MethodOp::Fallback(self.handler(Position::Rest, None, full.clone(), way))
                } else {
                    MethodOp::FallbackService(self.service(Position::Rest, "", &full, way))
                }),
                80..90 => all.push(MethodOp::Layer(self.layer(way))),
                90..93 if !classes(&all).is_empty() => {
                    all.push(MethodOp::RouteLayer(self.layer(way)));
                }
                93..100 if free.len() > 4 => {
                    let method = vec![free.remove(0)];
                    let declared = Some(method.clone());
                    let handler = self.handler(Position::Methods, declared, full.clone(), way);
                    all.push(MethodOp::Merge(vec![MethodOp::On(method, handler)]));
                }
                _ => {}
            }
        }
        all
    }

    fn some_methods(&mut self) -> Option<Vec<Method>> {
        self.rng
            .percent(80)
            .then(|| vec![self.rng.pick(&METHODS[..6]).clone()])
    }

    fn class(&mut self) -> Class {
        *self.rng.pick(&[
            Class::Public,
            Class::Public,
            Class::Session,
            Class::Session,
            Class::Staff,
            Class::Webhook,
        ])
    }

    fn inline(
        &mut self,
        position: Position,
        methods: Option<Vec<Method>>,
        path: String,
    ) -> Handler {
        let id = self.next_id;
        self.next_id += 1;
        Handler {
            id,
            class: self.class(),
            source: Source::Inline,
            position,
            methods,
            path,
            layered: self.rng.percent(10),
            calls_state: self.rng.percent(20),
            redirects: false,
            is_service: false,
            serve_dir: None,
        }
    }

    fn handler(
        &mut self,
        position: Position,
        methods: Option<Vec<Method>>,
        path: String,
        way: Way,
    ) -> Handler {
        let mut handler = self.inline(position, methods, path);
        match way {
            Way::Named if self.rng.percent(15) => self.make_attribute(&mut handler, &MOUNTED),
            Way::Named => {}
            Way::ByPath => handler.source = Source::ByPath,
            Way::Whole(class) => {
                handler.source = Source::Whole;
                handler.class = class;
            }
        }
        handler
    }

    fn make_attribute(&mut self, handler: &mut Handler, of: &[usize]) {
        let free: Vec<usize> = of
            .iter()
            .copied()
            .filter(|number| !self.used.contains(number))
            .collect();
        if free.is_empty() {
            return;
        }
        let number = *self.rng.pick(&free);
        self.used.push(number);
        handler.source = Source::Attribute(number);
        handler.class = FUNCTIONS[number];
        handler.id = FIRST + Id::try_from(number).expect("a small number");
        handler.layered = false;
        handler.calls_state = false;
    }

    fn fallback(&mut self, below: String, way: Way) -> Handler {
        let mut handler = self.handler(Position::Fallback, None, below, way);
        if way == Way::Named {
            if handler.id >= FIRST {
                handler = self.inline(Position::Fallback, None, handler.path);
            }
            if handler.path == "/" && self.rng.percent(30) {
                self.make_attribute(&mut handler, &FALLBACKS);
            }
        }
        handler
    }

    fn service(&mut self, position: Position, prefix: &str, path: &str, way: Way) -> Handler {
        let mut handler = self.inline(position, None, join(prefix, path));
        if let Way::Whole(class) = way {
            handler.source = Source::Whole;
            handler.class = class;
        }
        handler.layered = false;
        handler.calls_state = false;
        handler.is_service = true;
        if way == Way::Named && self.rng.percent(30) {
            handler.serve_dir = Some(Box::new(self.hidden()));
        }
        handler
    }

    fn hidden(&mut self) -> Handler {
        let mut hidden = self.inline(Position::Hidden, None, "/hidden".to_owned());
        hidden.calls_state = false;
        if self.rng.percent(30) {
            self.make_attribute(&mut hidden, &HIDDEN);
        }
        hidden
    }

    /// What axum's router holds by itself has no seal: no attribute's handler is hidden in there.
    fn layer(&mut self, way: Way) -> LayerSpec {
        match self.rng.below(if way == Way::Named { 10 } else { 7 }) {
            0 => LayerSpec::Identity,
            1 => LayerSpec::Boxed,
            2 => LayerSpec::Cors,
            3 => LayerSpec::Header,
            4 => LayerSpec::FromFn,
            5 => LayerSpec::Spawn,
            6 => LayerSpec::Answers,
            _ => {
                let holders = [Holder::Field, Holder::Router, Holder::Buffer, Holder::Pool];
                LayerSpec::Holds(*self.rng.pick(&holders), self.hidden())
            }
        }
    }

    /// A path as a router takes it. Parameters are named by where they stand, mostly, or nearly all
    /// would overlap.
    fn path(&mut self, prefix: &str) -> String {
        let mut path = String::new();
        let depth = prefix.matches('/').count();
        let segments = self.rng.below(4);
        for at in 0..segments {
            path.push('/');
            if at + 1 == segments && self.rng.percent(15) {
                path.push_str("{*rest}");
                return path;
            }
            path.push_str(&self.segment(depth + at));
        }
        if path.is_empty() || self.rng.percent(15) {
            path.push('/');
        }
        path
    }

    fn segment(&mut self, depth: usize) -> String {
        let name = if self.rng.percent(95) { "p" } else { "q" };
        match self.rng.below(100) {
            0..60 => self.pick_str(&["a", "b", "me", "new", "b", "a"]),
            60..64 => self.pick_str(&["a%20b", "{{x}}", "a{{y}}", "é", "~t", "a b"]),
            64..72 => format!("v{{{name}{depth}}}"),
            72..75 => format!("{{{name}{depth}}}.json"),
            _ => format!("{{{name}{depth}}}"),
        }
    }

    fn nest_path(&mut self, prefix: &str) -> String {
        let depth = prefix.matches('/').count();
        let mut path = format!("/{}", self.segment(depth));
        if self.rng.percent(20) {
            path = format!("{path}/{}", self.segment(depth + 1));
        }
        // The same names as in the paths of `declare_route!`.
        if self.rng.percent(20) {
            path = self.pick_str(&["/a", "/{t0}", "/b", "/a/b"]);
        }
        if self.rng.percent(15) {
            path.push('/');
        }
        path
    }
}

/// The path that a fallback declares, in a router that is nested at this prefix.
fn below(prefix: &str) -> String {
    match prefix.trim_end_matches('/') {
        "" => "/".to_owned(),
        below => below.to_owned(),
    }
}

fn has_rest(ops: &[MethodOp]) -> bool {
    ops.iter().any(|op| {
        matches!(
            op,
            MethodOp::Any(_)
                | MethodOp::AnyService(_)
                | MethodOp::Fallback(_)
                | MethodOp::FallbackService(_)
        )
    })
}

/// `None` where it panics, as axum does for what it does not take.
pub(crate) fn quietly<T>(build: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let built = catch_unwind(AssertUnwindSafe(build));
    std::panic::set_hook(hook);
    built.ok()
}
