//! What the compiler says.

use std::collections::HashSet;
use std::io::BufReader;
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel, DiagnosticSpan};

use crate::error::{CannotRun, Problem};

/// An error, at its first place.
#[derive(Clone, Debug)]
pub(super) struct Error {
    /// As the compiler names it.
    pub(super) file: String,
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    /// Whether a macro wrote what stands there.
    pub(super) in_macro: bool,
    pub(super) message: String,
    pub(super) code: String,
    /// The crate that was compiled.
    pub(super) target: String,
    /// The other files that it is about.
    pub(super) others: Vec<String>,
    /// Where the compiler would write `.into()`.
    pub(super) into: Option<(String, usize, usize)>,
    /// As the compiler prints it.
    pub(super) rendered: String,
}

/// What this crate's types say in their errors.
pub(super) enum Ours<'a> {
    /// A handler without a class, as the compiler shows its type.
    Handler(&'a str),
    /// A service without a declaration.
    Service,
    /// A router of another crate's.
    Foreign,
}

impl Error {
    pub(super) fn ours(&self) -> Option<Ours<'_>> {
        let quoted = |end: &str| self.message.strip_prefix('`')?.strip_suffix(end);
        if let Some(shown) = quoted("` has no access class") {
            // `fn(u32) -> impl Future<Output = ()> {users::list}`
            let name = shown
                .rsplit_once('{')
                .map_or("", |(_, name)| name.trim_end_matches('}'));
            return Some(Ours::Handler(name));
        }
        if quoted("` is no access class for a service").is_some() {
            return Some(Ours::Service);
        }
        let foreign = "` is not `session_auth::Router`, so its routes have no access class";
        quoted(foreign).map(|_| Ours::Foreign)
    }

    /// Whether a router of axum's stands where one of this crate's is wanted.
    pub(super) fn is_axums_router(&self) -> bool {
        let has = |text: &str| self.rendered.contains(text);
        self.code == "E0308"
            && has("found `axum::Router")
            && (has("expected `session_auth::Router") || has("expected `Router"))
    }

    fn of(target: &str, diagnostic: &Diagnostic) -> Option<Self> {
        // `aborting due to 2 previous errors` is nowhere.
        let primary = diagnostic.spans.iter().find(|span| span.is_primary)?;
        let (span, in_macro) = outermost(primary);
        let into = diagnostic
            .children
            .iter()
            .flat_map(|child| &child.spans)
            .find(|span| {
                span.expansion.is_none() && span.suggested_replacement.as_deref() == Some(".into()")
            });
        Some(Self {
            file: span.file_name.clone(),
            start: (span.line_start, span.column_start),
            end: (span.line_end, span.column_end),
            in_macro,
            message: diagnostic.message.clone(),
            code: diagnostic
                .code
                .as_ref()
                .map(|code| code.code.clone())
                .unwrap_or_default(),
            target: target.to_owned(),
            others: diagnostic
                .spans
                .iter()
                .map(|span| outermost(span).0.file_name.clone())
                .collect(),
            into: into.map(|span| (span.file_name.clone(), span.line_start, span.column_start)),
            rendered: diagnostic.rendered.clone().unwrap_or_default(),
        })
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file, self.start.0)
    }
}

/// Where a macro is called whose output a span is in.
fn outermost(span: &DiagnosticSpan) -> (&DiagnosticSpan, bool) {
    let mut outer = span;
    while let Some(expansion) = &outer.expansion {
        outer = &expansion.span;
    }
    (outer, span.expansion.is_some())
}

/// Runs `cargo check`, and returns its errors, each once however many targets have it.
pub(super) fn check(mut command: Command) -> Result<Vec<Error>, CannotRun> {
    let cannot = |error: std::io::Error| {
        CannotRun::from(
            Problem::new(format!("cannot run cargo: {error}"))
                .help("install cargo, or set the variable CARGO to its path"),
        )
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let mut errors: Vec<Error> = Vec::new();
    let mut seen = HashSet::new();
    let stdout = child.stdout.take();
    for message in stdout
        .into_iter()
        .flat_map(|out| Message::parse_stream(BufReader::new(out)))
    {
        let Ok(Message::CompilerMessage(message)) = message else {
            continue;
        };
        if !matches!(
            message.message.level,
            DiagnosticLevel::Error | DiagnosticLevel::Ice
        ) {
            continue;
        }
        if let Some(error) = Error::of(&message.target.name, &message.message)
            && seen.insert((
                error.file.clone(),
                error.start,
                error.end,
                error.message.clone(),
            ))
        {
            errors.push(error);
        }
    }
    let status = child.wait().map_err(cannot)?;
    if !status.success() && errors.is_empty() {
        return Err(
            Problem::new("cargo could not check the packages; its message is above")
                .help("make `cargo check --all-targets` pass, and run this again")
                .into(),
        );
    }
    Ok(errors)
}
