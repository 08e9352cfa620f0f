//! Sending a person to the login page, and back to where they wanted to go.

use std::fmt;

use axum::body::Body;
use http::header::{ACCEPT, CACHE_CONTROL, LOCATION, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::response::Denial;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What stands for itself in the value of a query parameter (RFC 3986, section 3.4); `+` does not,
/// as forms read it as a space.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A path on the service's own site, with its query: where a person goes on after the login.
///
/// It is what the login page finds in the parameter `next`, which anyone can write a link with. So
/// parsing takes nothing that a browser would read as another site: it has to begin with one `/`,
/// and has no backslash, control character or white space anywhere, as browsers take `\\` for `/`
/// and drop tabs and line ends before they read a URL (WHATWG URL, sections 4.1 and 4.4).
///
/// ```
/// use session_auth::LocalPath;
///
/// assert_eq!(LocalPath::parse("/devices?page=2")?.as_str(), "/devices?page=2");
/// for elsewhere in ["//evil.example", r"/\evil.example", "https:evil.example", "/\t/evil", ""] {
///     assert!(LocalPath::parse(elsewhere).is_err());
/// }
/// # Ok::<_, session_auth::InvalidLocalPath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalPath(String);

/// A text is not a [`LocalPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLocalPath(());

impl LocalPath {
    /// Reads a path, with its query if it has one, as it stands in a URL.
    ///
    /// # Errors
    ///
    /// A browser would leave the site with it, or it is not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidLocalPath> {
        let here = text.starts_with('/') && !text.starts_with("//");
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if here && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLocalPath(()))
        }
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for LocalPath {
    type Err = InvalidLocalPath;

    fn from_str(text: &str) -> Result<Self, InvalidLocalPath> {
        Self::parse(text)
    }
}

/// For a struct of query parameters: `#[serde(default)] next: Option<LocalPath>` refuses a request
/// that would lead elsewhere.
impl<'de> serde::Deserialize<'de> for LocalPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for InvalidLocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a path on this site: it begins with one `/`, and has no backslash, white space or \
             character outside of ASCII",
        )
    }
}

impl std::error::Error for InvalidLocalPath {}

/// The redirect to the login page.
#[derive(Clone, Debug)]
pub(crate) struct LoginPage {
    path: LocalPath,
}

impl LoginPage {
    /// The path of the login page, without a query: that is `next`.
    pub(crate) fn new(path: &str) -> Result<Self, InvalidLocalPath> {
        if path.contains(['?', '#']) {
            return Err(InvalidLocalPath(()));
        }
        LocalPath::parse(path).map(|path| Self { path })
    }

    /// The answer to a person who has to log in first; `None` where a program is asking, or where
    /// logging in would not help.
    pub(crate) fn redirect(
        &self,
        denial: Denial,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        let here = uri.path() == self.path.as_str();
        if here || !denial.is_unauthenticated() || !is_navigation(headers) {
            return None;
        }
        let mut location = self.path.as_str().to_owned();
        // After a form was sent there is no page to go back to.
        let page = matches!(*method, Method::GET | Method::HEAD);
        let next = uri.path_and_query().filter(|_| page);
        if let Some(next) = next.and_then(|next| LocalPath::parse(next.as_str()).ok()) {
            location.push_str("?next=");
            location.extend(utf8_percent_encode(next.as_str(), PARAMETER));
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let headers = response.headers_mut();
        headers.insert(LOCATION, HeaderValue::try_from(location).ok()?);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // A program gets another answer.
        headers.insert(VARY, HeaderValue::from_static("Accept, Sec-Fetch-Mode"));
        response.extensions_mut().insert(denial);
        Some(response)
    }
}

/// Whether a person has opened a page, in a window of the browser: they can be sent elsewhere. What
/// a script fetches cannot: it would take the login page for its data.
fn is_navigation(headers: &HeaderMap) -> bool {
    let takes_html = headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|range| range.trim_ascii().starts_with(b"text/html"))
    });
    let by_script = headers.contains_key(HX_REQUEST) || headers.contains_key(X_REQUESTED_WITH);
    let mode = headers.get(SEC_FETCH_MODE).map(HeaderValue::as_bytes);
    takes_html
        && !by_script
        // Not sent by browsers before 2023, nor over plain http.
        && mode.is_none_or(|mode| mode == b"navigate")
}
