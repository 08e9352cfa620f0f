//! What a person would know a device by.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;

/// `Firefox on Linux`: what the caller's `User-Agent` says, which may be anything.
pub(crate) struct Device(pub(crate) String);

/// Of what no row below knows.
const MAX_CHARS: usize = 60;

/// The first that is there: browsers also name those that they descend from.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The first that is there: Android is a Linux, and an iPhone is "like Mac OS X".
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

impl Device {
    fn of(user_agent: &str) -> Self {
        let named = |table: &[(&str, &'static str)]| {
            let found = table.iter().find(|(part, _)| user_agent.contains(part));
            found.map(|(_, name)| *name)
        };
        Self(match (named(&BROWSERS), named(&SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            // A program names itself first: `curl/8.14.1`.
            _ if !user_agent.trim().is_empty() => {
                user_agent.trim().chars().take(MAX_CHARS).collect()
            }
            _ => "Unknown device".to_owned(),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let user_agent = parts.headers.get(USER_AGENT);
        Ok(Self::of(
            user_agent
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        for (user_agent, device) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/138.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("curl/8.14.1", "curl/8.14.1"),
            ("", "Unknown device"),
            ("  ", "Unknown device"),
        ] {
            assert_eq!(Device::of(user_agent).0, device, "{user_agent}");
        }
    }

    #[test]
    fn a_label_is_short() {
        assert_eq!(Device::of(&"é".repeat(1000)).0.chars().count(), MAX_CHARS);
    }
}
