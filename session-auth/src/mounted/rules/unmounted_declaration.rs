//! `unmounted-declaration`, as far as one router shows it: what it was given and does not serve.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::super::record::Record;
use super::super::stand_in::{Kind, Note};
use crate::finding::{Code, Finding, Related, Shape, Subject};

pub(super) fn check(
    record: &Record,
    served: &FxHashSet<*const Note>,
    unaskable: &[String],
    findings: &mut Vec<Finding>,
) {
    for entry in &record.entries {
        let note = &entry.note;
        if served.contains(&Arc::as_ptr(note)) {
            continue;
        }
        // A pattern that no request can have: nobody is denied, and nobody gets in.
        let (Kind::Named(declaration) | Kind::Service(declaration)) = &note.kind else {
            continue;
        };
        let paths = declaration.target.paths();
        let by_nobody = |path: &String| paths.is_empty() || paths.iter().any(|one| one == path);
        if unaskable.iter().any(by_nobody) {
            continue;
        }
        findings.push(Finding {
            code: Code::UnmountedDeclaration,
            subject: Subject {
                path: declaration.target.paths().first().cloned(),
                methods: declaration.target.methods(),
                shape: Shape::of(&declaration.target),
                place: record.place(note),
            },
            related: vec![
                Related::Declared((**declaration).clone()),
                Related::Mounted(record.place(note)),
            ],
        });
    }
}
