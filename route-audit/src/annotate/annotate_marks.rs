//! Routes that look as if anyone may call them. Their class stays `session`: who may call a route
//! is not to be guessed. A comment asks.

use super::endpoints::Endpoint;

/// Of a path's segments, or of a handler's name.
const WORDS: &[&str] = &[
    "auth",
    "authorize",
    "authorized",
    "assets",
    "callback",
    "favicon",
    "forgot",
    "health",
    "healthcheck",
    "healthz",
    "hook",
    "hooks",
    "livez",
    "live",
    "login",
    "metrics",
    "oauth",
    "ping",
    "public",
    "ready",
    "readyz",
    "register",
    "robots",
    "signin",
    "signup",
    "static",
    "status",
    "version",
    "webhook",
    "webhooks",
    "well",
];

/// The comment for a route, if it looks public.
pub(super) fn comment(endpoint: &Endpoint, handler: Option<&str>) -> Option<String> {
    let (_, path) = endpoint;
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words.map(str::to_ascii_lowercase).collect()
    };
    let is_hook = |word: &String| word.ends_with("hook") || word.ends_with("hooks");
    let mut all = words(path.as_deref().unwrap_or_default());
    let of_path = all.iter().any(is_hook);
    all.extend(words(handler.unwrap_or_default()));
    let joined = all.join("");
    let known = all
        .iter()
        .any(|word| WORDS.contains(&word.as_str()) || is_hook(word))
        || ["signup", "signin"]
            .iter()
            .any(|word| joined.contains(word));
    Some(match path.as_deref() {
        None => "// TODO: without a session, a path that leads nowhere answers 401. \
                 `public_route` if it may say 404"
            .to_owned(),
        Some(_) if of_path => {
            "// TODO: looks like a webhook. `webhook_route` with `verify` if its \
                               sender has no session"
                .to_owned()
        }
        Some("/") => {
            "// TODO: the start page? `public_route` with a `reason` if anyone may call it"
                .to_owned()
        }
        Some(_) if known => {
            "// TODO: looks public. `public_route` with a `reason` if anyone may call it".to_owned()
        }
        Some(_) => return None,
    })
}

/// For a service: nothing in the source says what it serves.
pub(super) const REASON: &str = "TODO: say what this service serves";

/// For a service under a path.
pub(super) const SERVICE: &str =
    "// TODO: one class for all that the service serves. `public_route` if anyone may have it";

pub(super) fn next(marks: usize) -> String {
    let places = if marks == 1 {
        "1 place"
    } else {
        &format!("{marks} places")
    };
    format!(
        "Decide on each `TODO` ({places}): these routes look public, and their class is `session`."
    )
}

#[cfg(test)]
mod tests {
    use session_auth::Methods;

    use super::*;

    fn asks(path: &str, handler: &str) -> bool {
        let endpoint = (Some(Methods::GET), Some(path.to_owned()));
        comment(&endpoint, Some(handler)).is_some()
    }

    #[test]
    fn what_looks_public_is_asked_about() {
        for (path, handler) in [
            ("/", "index"),
            ("/login", "post"),
            ("/api/v1/sign-up", "create"),
            ("/users", "register"),
            ("/healthz", "probe"),
            ("/favicon.ico", "icon"),
            ("/webhooks/mail", "mail"),
            ("/x", "github_webhook"),
            ("/.well-known/security.txt", "security"),
        ] {
            assert!(asks(path, handler), "{path} {handler}");
        }
        for (path, handler) in [
            ("/api/me", "me"),
            ("/waitlist-admin", "admin"),
            ("/registered", "list"),
            ("/healthy-food/{id}", "food"),
        ] {
            assert!(!asks(path, handler), "{path} {handler}");
        }
        assert!(comment(&(None, None), None).is_some(), "a fallback");
    }
}
