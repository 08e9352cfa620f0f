//! Stands in for session-auth: writes reports from what a test says of its router.

use std::path::Path;

/// Methods, path and class; without a class it is mounted and not declared.
pub type Route<'a> = (&'a str, &'a str, Option<&'a str>);

/// What the test of `#[audited_router]` writes for a router that mounts these routes.
pub fn report(router: &str, package: &str, file: &str, line: u32, routes: &[Route<'_>]) {
    linked(router, package, file, line, routes, package);
}

/// The same, where the routes are declared in another package.
pub fn linked(
    router: &str,
    package: &str,
    file: &str,
    line: u32,
    routes: &[Route<'_>],
    declared_in: &str,
) {
    let place = format!(r#"{{"file":{file:?},"line":{line},"column":1}}"#);
    let declaration = |methods: &str, path: &str, class: &str| {
        let (access, reason) = match class {
            "public" => (
                r#""class":"public","issues_session":false,"optional_session":false,"by":"session""#,
                "\"open\"",
            ),
            "webhook" => (
                r#""class":"webhook","verify":{"by":"postmark"},"expect_every":null,"max_body":null"#,
                "null",
            ),
            _ => (r#""class":"session","scope":null,"by":"session""#, "null"),
        };
        format!(
            r#"{{"target":{{"route":{{"methods":["{methods}"],"paths":[{}]}}}},
            "access":{{{access}}},"reason":{reason},"owner":null,"until":null,
            "handler":"{package}::handler","package":"{declared_in}","location":{place}}}"#,
            json(path)
        )
    };
    let (mut mounted, mut declared, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let added = format!("/__route-audit-self-test/{package}/{router}");
    let self_test = std::env::var_os("ROUTE_AUDIT_SELF_TEST");
    let added = self_test.map(|_| ("GET", added.as_str(), None));
    for (methods, path, class) in routes.iter().chain(&added) {
        let declaration = class.map(|class| declaration(methods, path, class));
        let subject = format!(r#""methods":["{methods}"],"path":{},"shape":"route""#, json(path));
        mounted.push(format!(
            r#"{{{subject},"named":true,"mounted":{place},"declaration":{}}}"#,
            declaration.as_deref().unwrap_or("null")
        ));
        let (code, related) = match (class, &declaration) {
            (None, _) => ("unclassified-route", String::new()),
            (Some("webhook"), Some(declaration)) => (
                "unmonitored-webhook",
                format!(r#"{{"declared":{declaration}}}"#),
            ),
            _ => ("", String::new()),
        };
        if !code.is_empty() {
            findings.push(format!(
                r#"{{"code":"{code}","subject":{{{subject},"place":{place}}},"related":[{related}]}}"#
            ));
        }
        declared.extend(declaration);
    }
    write(
        &format!("{package}.{router}"),
        &format!(
            r#"{{"schema":1,"router":{},"routes":[{}],"findings":[{}],"declared":[{}]}}"#,
            record(router, package, file, line),
            mounted.join(","),
            findings.join(","),
            declared.join(",")
        ),
    );
}

/// What the test writes for a router that panicked or that it cannot read.
pub fn failed(router: &str, package: &str, file: &str, line: u32, error: &str) {
    write(
        &format!("{package}.{router}"),
        &format!(
            r#"{{"schema":1,"router":{},"error":{error:?}}}"#,
            record(router, package, file, line)
        ),
    );
}

fn json(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

fn record(router: &str, package: &str, file: &str, line: u32) -> String {
    format!(
        r#"{{"name":"{router}","package":"{package}","kind":"axum","file":{file:?},"line":{line}}}"#
    )
}

/// Writes a report word for word, where route-audit asks for one.
pub fn write(name: &str, text: &str) {
    if let Some(folder) = std::env::var_os("ROUTE_AUDIT_REPORT_DIR") {
        let file = Path::new(&folder).join(format!("{name}.json"));
        std::fs::write(file, text).expect("write the report");
    }
}
