//! Where a service is.

use http::Uri;

use crate::error::Problem;
use crate::visible::visible;

/// A URL without query: its origin, and the path under which the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `https://www.example.com`.
    pub(crate) origin: String,
    /// Without a slash at its end.
    pub(crate) path: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, Problem> {
        let wrong = |what: &str| {
            Problem::new(format!(
                "`{}` is no address of a service: {what}",
                visible(url)
            ))
            .help("give it as its callers have it: `https://www.example.com`")
        };
        let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        let scheme = uri
            .scheme_str()
            .filter(|it| matches!(*it, "http" | "https"));
        let scheme =
            scheme.ok_or_else(|| wrong("it begins with neither `https://` nor `http://`"))?;
        let host = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if host.as_str().contains('@') {
            return Err(wrong("a name and a password do not belong into it"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(wrong("it has a query or a fragment"));
        }
        Ok(Self {
            origin: format!("{scheme}://{host}"),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// As it was given.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_no_more_than_a_path() {
        let address = Address::parse("https://www.example.com/app/").expect("one");
        assert_eq!(address.origin, "https://www.example.com");
        assert_eq!(address.path, "/app");
        assert_eq!(address.url(), "https://www.example.com/app");
        for (wrong, says) in [
            ("www.example.com", "neither"),
            ("ftp://www.example.com", "neither"),
            ("/app", "neither"),
            ("https://", "no URL"),
            ("https://a:b@www.example.com", "password"),
            ("https://www.example.com/?a=b", "query"),
            ("https://www.example.com/#a", "fragment"),
            ("https://www.exam ple.com", "no URL"),
        ] {
            let problem = Address::parse(wrong).expect_err(wrong).to_string();
            assert!(problem.contains(says), "{wrong}: {problem}");
        }
    }
}
