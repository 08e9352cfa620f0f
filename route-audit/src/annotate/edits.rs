//! The files: read before anything is planned, edited when all of it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::Change;
use super::text::Source;
use crate::error::{CannotRun, Problem};
use crate::source::{At, Survey};

#[derive(Default)]
struct Counts {
    attributes: usize,
    declarations: usize,
    routers: usize,
}

impl Counts {
    fn text(&self) -> String {
        let counted = [
            (self.attributes, "attribute"),
            (self.declarations, "declaration"),
            (self.routers, "audited router"),
        ];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        let counted: Vec<_> = counted
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        counted.join(", ")
    }
}

/// At offsets of a file's text as it is.
pub(super) enum Edit {
    /// At an offset: comments, and the attribute.
    Attribute(usize, Vec<String>),
    /// Declarations, and how many.
    Declare(usize, Vec<String>, usize),
    Audit(usize, String),
    Move(Vec<(Range<usize>, String)>, usize),
}

/// All files that functions stand in.
pub(super) fn read(survey: &Survey, root: &Path) -> Result<HashMap<String, Source>, CannotRun> {
    let sites = survey.sites.iter().map(|site| &site.at.file);
    let functions = survey.functions.iter().map(|function| &function.at.file);
    let mut sources = HashMap::new();
    for name in functions.chain(sites).collect::<BTreeSet<_>>() {
        // Of another package, or made by a build script: not this workspace's to edit.
        if Path::new(name).is_absolute() {
            continue;
        }
        let path = root.join(name);
        let text = fs::read_to_string(&path).map_err(|error| {
            Problem::new(format!("cannot read the source: {error}")).at(path.display())
        })?;
        let source = Source::parse(&text).map_err(|error| {
            let start = error.span().start();
            Problem::new(format!("cannot parse the source: {error}"))
                .at(format!("{name}:{}:{}", start.line, start.column + 1))
                .help("if `cargo check` takes it, the syntax is newer than this version of route-audit: update it")
        })?;
        sources.insert(name.clone(), source);
    }
    Ok(sources)
}

/// Makes all edits, and holds each file against the parser. Nothing is written.
pub(super) fn apply(
    edits: Vec<(At, Edit)>,
    sources: &mut HashMap<String, Source>,
    root: &Path,
) -> Result<Vec<Change>, CannotRun> {
    let mut changes = Vec::new();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for (at, edit) in edits {
        let Some(source) = sources.get_mut(&at.file) else {
            continue;
        };
        let counts = counts.entry(at.file).or_default();
        match edit {
            Edit::Attribute(at, lines) => {
                counts.attributes += 1;
                source.insert_lines(at, &lines);
            }
            Edit::Declare(at, mut lines, declarations) => {
                counts.declarations += declarations;
                lines.push(String::new());
                source.insert_lines(at, &lines);
            }
            Edit::Audit(at, line) => {
                counts.routers += 1;
                source.insert_lines(at, &[line]);
            }
            Edit::Move(edits, declarations) => {
                counts.routers += 1;
                counts.declarations += declarations;
                for (range, text) in edits {
                    source.replace(range, text);
                }
            }
        }
    }
    for (name, counts) in counts {
        let source = &sources[&name];
        if !source.is_edited() {
            continue;
        }
        let new = source.edited();
        // What is written has to be Rust, whatever shape the text had.
        Source::parse(&new).map_err(|error| {
            Problem::new(format!("the edits of {name} do not parse: {error}"))
                .at(&name)
                .help("nothing was written; this is a bug of route-audit: please report it")
        })?;
        changes.push(Change {
            path: root.join(&name),
            old: source.original(),
            new,
            what: counts.text(),
            name,
        });
    }
    Ok(changes)
}
