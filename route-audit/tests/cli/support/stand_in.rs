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
    let mounted: Vec<_> = routes
        .iter()
        .map(|(methods, path, _)| {
            format!(
                r#"{{"shape":"route","methods":["{methods}"],"path":{},"declaration":null}}"#,
                json(path)
            )
        })
        .collect();
    let declared: Vec<_> = routes
        .iter()
        .filter_map(|(methods, path, class)| Some((methods, path, (*class)?)))
        .map(|(methods, path, class)| {
            let reason = match class {
                "public" => "\"open\"",
                _ => "null",
            };
            let verifier = match class {
                "webhook" => "\"postmark\"",
                _ => "null",
            };
            format!(
                r#"{{"methods":["{methods}"],"path":{},"class":"{class}",
                "handler":"{package}::handler","file":{file:?},"line":{line},"reason":{reason},
                "verifier":{verifier},"scope":null,"expect_every":null,"until":null,"owner":null,
                "issues_session":false,"optional_session":false,"package":"{declared_in}",
                "router":null}}"#,
                json(path)
            )
        })
        .collect();
    write(
        &format!("{package}.{router}"),
        &format!(
            r#"{{"schema":1,"router":{},"mounted":[{}],"declared":[{}]}}"#,
            record(router, package, file, line),
            mounted.join(","),
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
