//! What is declared of a route: as an attribute, or in place.

use session_auth::Methods;
use session_auth::audit::{ListedRoute, Shape};

/// The comment above a declaration that somebody has to look at.
pub(super) const TODO: &str = "// TODO(access):";
/// The comment of one without a path, which `check --fix` takes away again.
pub(super) const NO_PATH: &str =
    "// `route-audit check --fix` puts the path in, once it has seen the router";
/// The reason of a service: nothing says what it serves.
const SERVES: &str = "TODO(access): say what it serves";

/// Methods and paths: what a handler is mounted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// `None` as long as nothing is known.
    pub(super) methods: Option<Methods>,
    /// Of a fallback, the path that its router is nested at.
    pub(super) paths: Vec<String>,
    /// In place of paths that another build has others for.
    computed: Option<Computed>,
}

/// What is declared of a path with something in it that another build has not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Computed {
    Glob(String),
    /// No one glob describes all of them.
    Several(Vec<String>),
}

impl Computed {
    fn globs(&self) -> &[String] {
        match self {
            Self::Glob(glob) => std::slice::from_ref(glob),
            Self::Several(globs) => globs,
        }
    }
}

impl Target {
    pub(super) fn new(methods: Methods, path: Option<&str>) -> Self {
        Self {
            methods: Some(methods),
            paths: path.map(str::to_owned).into_iter().collect(),
            computed: None,
        }
    }

    /// Without what only this build has in its paths, a hash say: a part with a digit in it that
    /// `stands` in no source.
    pub(super) fn of_any_build(mut self, stands: impl Fn(&str) -> bool) -> Self {
        let globs = self.paths.iter().map(|path| glob(path, &stands));
        let globs: Vec<Option<String>> = globs.collect();
        if self.is_fallback() || globs.iter().all(Option::is_none) {
            return self;
        }
        let paths = std::mem::take(&mut self.paths);
        let mut all: Vec<String> = globs
            .into_iter()
            .zip(paths)
            .map(|(glob, path)| glob.unwrap_or(path))
            .collect();
        all.dedup();
        self.computed = Some(match all.as_slice() {
            [glob] => Computed::Glob(glob.clone()),
            _ => Computed::Several(all),
        });
        self
    }

    /// What describes its path in any build, if that is one.
    pub(super) fn glob(&self) -> Option<&str> {
        match &self.computed {
            Some(Computed::Glob(glob)) => Some(glob),
            _ => None,
        }
    }

    fn globs(&self) -> &[String] {
        self.computed.as_ref().map_or(&[], Computed::globs)
    }

    /// What one function is mounted for. `None` where one declaration cannot say all of it: a route
    /// and a fallback, or the fallbacks of two routers.
    pub(super) fn of<'a>(
        rows: impl IntoIterator<Item = (Methods, Option<&'a str>, Shape)>,
    ) -> Option<Self> {
        let (mut routes, mut others) = (Self::default(), Self::default());
        let mut fallbacks: Vec<Option<&str>> = Vec::new();
        for (methods, path, shape) in rows {
            match shape {
                Shape::Fallback => fallbacks.push(path),
                Shape::MethodFallback => others.add(&Self::new(Methods::ANY, path)),
                _ => routes.add(&Self::new(methods, path)),
            }
        }
        if routes.methods.is_some() {
            routes.add(&others);
            return fallbacks.is_empty().then_some(routes);
        }
        fallbacks.sort_unstable();
        fallbacks.dedup();
        match fallbacks.as_slice() {
            [] if others.methods.is_none() => None,
            // `method_not_allowed_fallback` is on every path.
            [] => Some(Self::new(Methods::FALLBACK, None)),
            [below] => Some(Self::new(Methods::FALLBACK, *below)),
            _ => None,
        }
    }

    /// The same of routes of the record.
    pub(super) fn of_rows(rows: Vec<&ListedRoute>) -> Option<Self> {
        let row = |row: &'_ &ListedRoute| (row.methods, row.path.clone(), row.shape);
        let rows: Vec<_> = rows.iter().map(row).collect();
        Self::of(
            rows.iter()
                .map(|(methods, path, shape)| (*methods, path.as_deref(), *shape)),
        )
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.methods = match (self.methods, other.methods) {
            (Some(a), Some(b)) if a.is_any() || b.is_any() => Some(Methods::ANY),
            (Some(a), Some(b)) => Some(a | b),
            (a, b) => a.or(b),
        };
        for path in &other.paths {
            if !self.paths.contains(path) {
                self.paths.push(path.clone());
            }
        }
        if self.computed.is_none() {
            self.computed.clone_from(&other.computed);
        }
    }

    pub(super) fn is_fallback(&self) -> bool {
        self.methods.is_some_and(Methods::is_fallback)
    }

    /// Whether there is a path, or need be none.
    pub(super) fn has_path(&self) -> bool {
        self.is_fallback() || !self.paths.is_empty() || self.computed.is_some()
    }

    /// `GET | POST, "/a", "/b"`.
    pub(super) fn arguments(&self) -> String {
        let mut text = self.methods.unwrap_or(Methods::ANY).to_string();
        match &self.computed {
            Some(Computed::Glob(glob)) => return format!("{text}, glob = {glob:?}"),
            Some(Computed::Several(_)) => return text,
            None => {}
        }
        for path in &self.paths {
            text.push_str(&format!(", {path:?}"));
        }
        text
    }

    /// The lines above a handler: the comment that asks who may call it, if it is not plain, and the
    /// attribute of the strictest class.
    pub(super) fn lines(&self, library: &str, handler: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.todo(handler).into_iter().collect();
        if !self.has_path() {
            lines.push(NO_PATH.to_owned());
        }
        lines.push(format!("#[{library}::session_route({})]", self.arguments()));
        lines
    }

    /// `session(GET, "/a")`, in place. `None` where it has no path, or several.
    pub(super) fn inline(&self, library: &str, is_service: bool) -> Option<String> {
        let (path, glob) = match (self.paths.as_slice(), self.glob()) {
            ([], Some(glob)) => (glob, ".glob()"),
            ([], None) if self.is_fallback() => ("/", ""),
            ([path], None) => (path.as_str(), ""),
            _ => return None,
        };
        let methods: Vec<String> = self
            .methods?
            .names()
            .into_iter()
            .map(|name| format!("{library}::methods::{name}"))
            .collect();
        let methods = methods.join(" | ");
        let reason = if is_service {
            format!(".reason({SERVES:?})")
        } else {
            String::new()
        };
        Some(format!(
            "{library}::session({methods}, {path:?}){glob}{reason}"
        ))
    }

    /// A question, where handler, module and path together look as if callers had no session. What a
    /// parameter is called decides nothing.
    pub(super) fn todo(&self, handler: &str) -> Option<String> {
        if self.is_fallback() {
            return Some(format!(
                "{TODO} without a session, an unknown path answers 401. `public_route` if it may say 404"
            ));
        }
        let mut text = handler.to_owned();
        for path in self.paths.iter().chain(self.globs()) {
            let plain = path.split('/').filter(|segment| !segment.contains('{'));
            plain.for_each(|segment| text.extend(["/", segment]));
        }
        let text = text.to_ascii_lowercase();
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        // `sign-up` is `signup`, too.
        let pairs: Vec<String> = words.windows(2).map(<[&str]>::concat).collect();
        let known = |list: &str| {
            let mut list = list.split(' ');
            list.any(|word| words.contains(&word) || pairs.iter().any(|pair| pair == word))
        };
        let hook = words
            .iter()
            .any(|word| word.ends_with("hook") || word.ends_with("hooks"));
        let sender = known(SENDERS);
        // A method that changes something is no health check: `PUT /users/{id}/status`.
        let reads = self
            .methods
            .is_none_or(|methods| methods.is_any() || !methods.overlap(Methods::GET).is_empty());
        let public = known(PUBLIC)
            || reads && known(STATUS)
            || self.paths.iter().any(|path| path == "/")
            || self
                .paths
                .iter()
                .chain(self.globs())
                .any(|path| is_asset(path));
        let question = match (hook, sender, public) {
            (true, _, false) => {
                "looks like a webhook. `webhook_route` with `verify` if its sender has no session"
            }
            (true, _, true) | (false, true, _) => {
                "webhook or public? `webhook_route` or `public_route` if its caller has no session"
            }
            (false, false, true) => {
                "looks public. `public_route` with a `reason` if anyone may call it"
            }
            (false, false, false) => return None,
        };
        Some(format!("{TODO} {question}"))
    }
}

/// Who sends webhooks, and what theirs are called. Some of them also log users in.
const SENDERS: &str = "callback callbacks delivery discord freescout github gitlab hubspot inbound ipn linear \
    mailgun paddle postmark pubsub razorpay sendgrid sentry shopify slack sns square stripe svix \
    telegram twilio whatsapp workos zoom";

/// What a page loads, by the end of its name.
const ASSETS: &str = "css gif ico jpeg jpg js map mjs png svg ttf wasm webmanifest webp woff woff2";

fn is_asset(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.')
        .is_some_and(|(_, end)| ASSETS.split(' ').any(|asset| asset == end))
}

/// The path with `*` for each part that only this build has; `None` where it has none.
fn glob(path: &str, stands: &impl Fn(&str) -> bool) -> Option<String> {
    let is_hash = |part: &str| {
        part.len() >= 6
            && part.contains(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !stands(part)
    };
    let with = |separators: &[char]| {
        let segment = |segment: &str| {
            if segment.contains(['{', '}']) {
                return segment.to_owned();
            }
            let parts = segment.split_inclusive(separators);
            let parts = parts.map(|part| {
                let word = part.trim_end_matches(separators);
                match part.strip_prefix(word) {
                    Some(end) if is_hash(word) => format!("*{end}"),
                    _ => part.to_owned(),
                }
            });
            parts.collect()
        };
        let segments: Vec<String> = path.split('/').map(segment).collect();
        let glob = segments.join("/");
        (glob != path).then_some(glob)
    };
    // An underscore may be one of the hash's own characters.
    with(&['.', '-', '_']).or_else(|| with(&['.', '-']))
}

const PUBLIC: &str = "assets auth authorize authorized docs favicon forgot index login oauth openapi public register \
    robots signin signup sitemap static swagger waitlist wellknown";

/// What is read of the service itself.
const STATUS: &str =
    "health healthcheck healthz live livez metrics ping ready readyz status version";

#[cfg(test)]
mod tests {
    use session_auth::methods::{ANY, GET, POST};

    use super::*;

    fn said(rows: &[(Methods, Option<&str>, Shape)]) -> Option<String> {
        Some(Target::of(rows.iter().copied())?.arguments())
    }

    #[test]
    fn one_attribute_says_all_that_a_function_is_mounted_for() {
        let fallback = Methods::FALLBACK;
        for (rows, expected) in [
            (
                vec![
                    (GET, Some("/a"), Shape::Route),
                    (POST, Some("/a"), Shape::Route),
                ],
                Some("GET | POST, \"/a\""),
            ),
            (
                vec![
                    (GET, Some("/a"), Shape::Route),
                    (ANY, Some("/b"), Shape::Route),
                ],
                Some("ANY, \"/a\", \"/b\""),
            ),
            (
                vec![
                    (GET, Some("/a"), Shape::Route),
                    (ANY, Some("/a"), Shape::MethodFallback),
                ],
                Some("ANY, \"/a\""),
            ),
            (
                vec![
                    (fallback, None, Shape::Fallback),
                    (ANY, Some("/a"), Shape::MethodFallback),
                ],
                Some("FALLBACK"),
            ),
            (
                vec![
                    (ANY, Some("/a"), Shape::MethodFallback),
                    (ANY, Some("/b"), Shape::MethodFallback),
                ],
                Some("FALLBACK"),
            ),
            (
                vec![(fallback, Some("/api"), Shape::Fallback)],
                Some("FALLBACK, \"/api\""),
            ),
            (
                vec![
                    (fallback, Some("/api"), Shape::Fallback),
                    (fallback, None, Shape::Fallback),
                ],
                None,
            ),
            (
                vec![
                    (fallback, None, Shape::Fallback),
                    (GET, Some("/a"), Shape::Route),
                ],
                None,
            ),
        ] {
            assert_eq!(said(&rows).as_deref(), expected, "{rows:?}");
        }
    }

    #[test]
    fn in_place_there_is_one_path() {
        let inline = |target: Target| target.inline("auth", false);
        assert_eq!(
            inline(Target::new(GET | POST, Some("/a"))).as_deref(),
            Some("auth::session(auth::methods::GET | auth::methods::POST, \"/a\")")
        );
        assert_eq!(inline(Target::new(GET, None)), None);
        assert_eq!(
            Target::new(Methods::FALLBACK, None)
                .inline("auth", true)
                .as_deref(),
            Some(
                "auth::session(auth::methods::FALLBACK, \"/\").reason(\"TODO(access): say what it serves\")"
            )
        );
    }

    #[test]
    fn what_only_this_build_has_in_a_path_is_left_open() {
        let stands = |part: &str| ["2024summer", "v20240101"].contains(&part);
        for (path, expected) in [
            ("/style.3f9a1c.css", Some("/style.*.css")),
            ("/no-js.0dadc80e59ab4464.css", Some("/no-js.*.css")),
            ("/assets/index-B_Y3k_2a.js", Some("/assets/index-*.js")),
            ("/assets/9f86d081/app.js", Some("/assets/*/app.js")),
            ("/style.2024summer.css", None),
            ("/api/v20240101/users", None),
            ("/users/{user1234}", None),
            ("/style.css", None),
            ("/files/{*rest}", None),
        ] {
            let target = Target::new(GET, Some(path)).of_any_build(stands);
            let said = match expected {
                Some(glob) => format!("GET, glob = {glob:?}"),
                None => format!("GET, {path:?}"),
            };
            assert_eq!(target.arguments(), said);
            assert_eq!(
                target
                    .inline("a", false)
                    .unwrap_or_default()
                    .ends_with(".glob()"),
                expected.is_some()
            );
        }
        let mut two = Target::new(GET, Some("/a.3f9a1c.css"));
        two.paths.push("/b.3f9a1c.css".to_owned());
        let two = two.of_any_build(stands);
        let lines = two.lines("auth", "app::sheet");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("looks public"), "{lines:?}");
        assert_eq!(lines[1], "#[auth::session_route(GET)]");
        assert_eq!(two.inline("auth", false), None);
    }

    #[test]
    fn handler_module_and_path_are_guessed_from_together() {
        let guess = |methods: Methods, handler: &str, path: &str| {
            let todo = Target::new(methods, Some(path))
                .todo(handler)
                .unwrap_or_default();
            let kinds = ["looks like a webhook", "webhook or public", "looks public"];
            kinds
                .into_iter()
                .find(|kind| todo.contains(kind))
                .unwrap_or("")
        };
        for (handler, path, expected) in [
            (
                "app::webhooks::stripe",
                "/in/stripe",
                "looks like a webhook",
            ),
            (
                "app::handlers::receive",
                "/hooks/mail",
                "looks like a webhook",
            ),
            ("app::postmark::events", "/mail/events", "webhook or public"),
            (
                "app::auth::github",
                "/auth/github/callback",
                "webhook or public",
            ),
            ("app::session::log_in", "/api/sign-up", "looks public"),
            ("app::health", "/x", "looks public"),
            ("app::index", "/", "looks public"),
            ("app::sheet", "/dark.css", "looks public"),
            ("app::sheet", "/css/dark", ""),
            ("app::hooks::public_status", "/hooks", "webhook or public"),
            ("app::users::remove", "/users/{webhook}/{login}", ""),
            ("app::food::list", "/healthy-food/registered", ""),
        ] {
            assert_eq!(guess(GET, handler, path), expected, "{handler} {path}");
        }
        for (handler, path, expected) in [
            ("app::users::update_status", "/users/{id}/status", ""),
            ("app::versions::create", "/version", ""),
            ("app::session::log_in", "/login", "looks public"),
            ("app::hooks::status", "/hooks", "looks like a webhook"),
        ] {
            assert_eq!(guess(POST, handler, path), expected, "{handler} {path}");
        }
        assert!(
            Target::new(Methods::FALLBACK, None)
                .todo("app::x")
                .is_some()
        );
    }

    #[test]
    fn a_handler_without_a_path_says_how_it_gets_one() {
        let lines = Target::new(GET, None).lines("session_auth", "app::list");
        assert_eq!(lines, [NO_PATH, "#[session_auth::session_route(GET)]"]);
        let lines = Target::new(GET, Some("/a\"b")).lines("session_auth", "app::list");
        assert_eq!(lines, ["#[session_auth::session_route(GET, \"/a\\\"b\")]"]);
    }
}
