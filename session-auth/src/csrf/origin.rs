//! The origins that a service trusts, as browsers write them in `Origin` (RFC 6454, section 6.1): an
//! origin that is written otherwise would be let in by nobody, and noticed by nobody.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a browser sends for this origin, or why it sends no such thing.
pub(crate) fn parse(text: &str) -> Result<String, &'static str> {
    if !text.is_ascii() {
        return Err(
            "has characters besides ASCII: browsers send a name in punycode, as in \
                    xn--exmple-cua.com",
        );
    }
    if text.eq_ignore_ascii_case("null") {
        return Err("is what every sandboxed frame and local file sends: it cannot be trusted");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("has no scheme: write it as in https://admin.example.com");
    };
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return Err("does not begin with a scheme, such as https");
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return Err("has a path, a query or a fragment: an origin ends with its host or port");
    }
    if rest.contains('@') {
        return Err("has a user: an origin has none");
    }
    if rest.contains('*') {
        return Err("has a wildcard: name each origin by itself");
    }
    if rest.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err("has white space or control characters in it");
    }
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match &*scheme {
        "https" => Some(443),
        "http" => Some(80),
        "ws" | "wss" => {
            return Err("is no origin of a page: a WebSocket comes from one of http or https");
        }
        "file" | "ftp" | "data" | "blob" | "about" | "javascript" => {
            return Err("has a scheme whose pages send `Origin: null`");
        }
        // `capacitor://localhost`, `tauri://localhost`, `chrome-extension://..`
        _ => None,
    };
    let (host, port) = split_port(rest)?;
    let host = match default_port {
        Some(_) => host_of_the_web(host)?,
        None => host_of_an_app(host)?,
    };
    Ok(match port {
        Some(port) if default_port != Some(port) => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// What stands behind a scheme that is not the web's is the app's own affair, and browsers leave it as
/// it is.
fn host_of_an_app(host: &str) -> Result<String, &'static str> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err("has no host behind its scheme: write it as in capacitor://localhost");
    }
    Ok(host.to_owned())
}

fn split_port(rest: &str) -> Result<(&str, Option<u16>), &'static str> {
    // Behind the bracket of an IPv6 address, whose colons are no ports.
    let after_address = rest.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = rest[after_address..].find(':') else {
        return Ok((rest, None));
    };
    let (host, port) = rest.split_at(after_address + colon);
    let digits = &port[1..];
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(port) if number && port != 0 => Ok((host, Some(port))),
        _ => Err("has a port that is none: write a number from 1 to 65535, or leave it out"),
    }
}

fn host_of_the_web(host: &str) -> Result<String, &'static str> {
    let address = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if let Some(address) = address {
        let address = address.parse::<Ipv6Addr>();
        let address = address.map_err(|_| "has brackets around what is no IPv6 address")?;
        return Ok(format!("[{}]", ipv6(address)));
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let name = host.strip_suffix('.').unwrap_or(host);
    if !host.bytes().all(is_plain) || name.split('.').any(str::is_empty) {
        return Err("has no host: letters, digits, hyphens and dots make one");
    }
    // The URL standard: a name whose last label is a number is an IPv4 address, or an error.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_number && (name != host || host.parse::<Ipv4Addr>().is_err()) {
        return Err("has a number where a name ends: write an IPv4 address as in 192.0.2.1");
    }
    Ok(host.to_ascii_lowercase())
}

/// As the URL standard writes it: as RFC 5952, but without dots.
fn ipv6(address: Ipv6Addr) -> String {
    let [.., high, low] = address.segments();
    match address.to_ipv4_mapped() {
        Some(_) => format!("::ffff:{high:x}:{low:x}"),
        None => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What can be meant in one way only is written as browsers do, and what cannot is refused.
    #[test]
    fn an_origin_is_what_a_browser_sends_or_none() {
        for (text, expected) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("https://A.Example", "https://a.example"),
            ("HTTPS://a.example", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:0080", "http://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://a.example:443", "http://a.example:443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://a.example:08443", "https://a.example:8443"),
            ("https://a.example.", "https://a.example."),
            ("https://XN--Exmple-CUA.com", "https://xn--exmple-cua.com"),
            ("https://my_app.example", "https://my_app.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
            ("https://[2001:DB8::A]:443", "https://[2001:db8::a]"),
            ("http://[::ffff:192.0.2.1]", "http://[::ffff:c000:201]"),
            ("http://[::192.0.2.1]", "http://[::c000:201]"),
            ("http://[::]", "http://[::]"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("Ionic://localhost", "ionic://localhost"),
            ("tauri://localhost", "tauri://localhost"),
            ("app://-", "app://-"),
            ("app://obsidian.md", "app://obsidian.md"),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            ),
            // Of a scheme that is not the web's nothing is known: not even that a port is the default.
            ("capacitor://Local:443", "capacitor://Local:443"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(parse(expected).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "NULL",
            "a.example",
            "localhost:3000",
            "//a.example",
            "https:a.example",
            "https:/a.example",
            "https://",
            "https://:443",
            "https://*",
            "https://*.example",
            "https://user@a.example",
            "https://user:pw@a.example",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "https://a.example\\",
            " https://a.example",
            "https://a.example ",
            "https://a.example\n",
            "https://a.example, https://b.example",
            "https://a.example https://b.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:+443",
            "https://a.example:443:443",
            "https://a%2eexample",
            "https://a..example",
            "https://.example",
            "https://exämple.com",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://127.0.0.0x1",
            "https://256.0.0.1",
            "https://127.0.0.1.",
            "https://2130706433",
            "https://[::1",
            "https://::1",
            "https://[1.2.3.4]",
            "https://[::1%25eth0]",
            "wss://a.example",
            "ws://a.example",
            "file://",
            "file://a",
            "ftp://a.example",
            "capacitor://",
            "capacitor://local host",
            "capacitor://*",
            "capacitor://localhost:x",
            "1app://localhost",
            "://a.example",
        ] {
            assert!(parse(text).is_err(), "{text:?}: {:?}", parse(text));
        }
    }

    /// More than one may be wrong: what is said is what has to be mended first.
    #[test]
    fn what_is_no_origin_is_told_by_its_first_fault() {
        for (text, said) in [
            ("https://exämple.com", "besides ASCII"),
            ("NULL", "every sandboxed frame"),
            ("a.example", "has no scheme"),
            ("1https://a.example", "does not begin with a scheme"),
            ("ht tp://a.example", "does not begin with a scheme"),
            ("https://a.example/", "has a path"),
            ("https://a.example?q", "has a path"),
            ("https://a.example\\x", "has a path"),
            ("https://user@a.example", "has a user"),
            ("https://*.example", "has a wildcard"),
            ("https://a b.example", "white space"),
            ("capacitor://local\thost", "white space"),
            ("wss://a.example", "a WebSocket comes from"),
            ("file://", "pages send `Origin: null`"),
            ("https://a.example:0", "has a port that is none"),
            ("capacitor://", "has no host behind its scheme"),
            ("capacitor://local%68ost", "has no host behind its scheme"),
            ("https://", "has no host: letters"),
            ("https://[::g]", "no IPv6 address"),
            ("https://a.1", "a number where a name ends"),
        ] {
            let why = parse(text).expect_err(text);
            assert!(why.contains(said), "{text:?}: {why}");
        }
    }
}
