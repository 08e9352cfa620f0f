//! What may be named, each with the reason.

/// The packages of this repository. On a public registry the names are others'.
pub(crate) const OURS: [&str; 4] = [
    "session-auth",
    "session-auth-macros",
    "route-audit",
    "cargo-route-audit",
];

/// Where an address may lead: nothing is installed from there.
pub(crate) const HOSTS: [(&str, &str); 17] = [
    (
        "accounts.google.com",
        "the issuer that Google's tokens name",
    ),
    (
        "api.paypal.com",
        "where PayPal's certificate is, in a delivery that is signed for a test",
    ),
    ("bford.info", "the specification of CACHEDIR.TAG"),
    ("c2sp.org", "the specification of signed notes"),
    ("doc.rust-lang.org", "Rust's documentation"),
    ("docs.github.com", "GitHub's documentation"),
    ("docs.oasis-open.org", "the standard SARIF, and its schema"),
    ("json-schema.org", "the name of a version of JSON Schema"),
    ("mutants.rs", "the book of cargo-mutants"),
    ("keepachangelog.com", "the form of the changelog"),
    ("rust-fuzz.github.io", "the book of cargo-fuzz"),
    (
        "login.microsoftonline.com",
        "the issuer of Entra's tokens, and where its keys are",
    ),
    ("semver.org", "what a version means"),
    (
        "sns.us-east-1.amazonaws.com",
        "where Amazon's certificate is, in a message that is signed for a test",
    ),
    ("sts.windows.net", "the issuer of Entra's older tokens"),
    (
        "team.cloudflareaccess.com",
        "a team's issuer of Cloudflare Access, in the example",
    ),
    ("www.googleapis.com", "where Google's keys are"),
];

/// Crates that a document may tell a user to add by name: the registry's is the one that is meant.
pub(crate) const CRATES: [(&str, &str); 4] = [
    ("axum", "the framework that this library is for"),
    ("serde", "the sample reads a JSON body"),
    ("tokio", "the runtime that axum serves on"),
    ("tracing-subscriber", "shows the log lines of the sample"),
];

/// Programs that a document or a script may have cargo install by name.
pub(crate) const TOOLS: [(&str, &str); 2] = [
    ("cargo-hack", "checks each feature alone"),
    ("cargo-mutants", "changes what decides, to see a test fail"),
];

/// Actions that a workflow may use.
pub(crate) const ACTIONS: [(&str, &str); 4] = [
    ("actions/checkout", "GitHub's own"),
    ("actions/github-script", "GitHub's own"),
    (
        "EmbarkStudios/cargo-deny-action",
        "of cargo-deny's authors; in a job that has no secret",
    ),
    (
        "Swatinem/rust-cache",
        "the usual cache; in jobs that have no secret and release nothing",
    ),
];

/// Hosts of package registries, written so that this file has none of them.
pub(crate) const REGISTRIES: [&str; 5] = [
    concat!("crates", ".io"),
    concat!("docs", ".rs"),
    concat!("npm", "js."),
    concat!("py", "pi.org"),
    concat!("proxy.go", "lang.org"),
];
