//! `check --fix`: declarations that say another path or method than they are mounted at.
//!
//! Where no router could be run, an attribute has the path that stood where its handler is mounted,
//! or none; and a `nest` may come later. The first report that shows the handler shows the whole path.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use session_auth::Methods;
use session_auth::audit::{Code, Finding, Related, Report, Shape};
use session_auth::{Declaration, Location};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, Meta};

use super::declare::{NO_PATH, Target};
use super::text::{Edit, Source};
use super::tree::{Sources, Tree};
use super::write::{self, Change};
use crate::error::CannotRun;
use crate::workspace::Workspace;

/// What a declaration's handler is mounted for.
type Mounted<'a> = (Methods, Option<&'a str>, Shape);

/// Puts the methods and paths of the routers into the declarations that differ, and says in which
/// files.
pub(crate) fn fix<'r>(
    workspace: &Workspace,
    reports: impl IntoIterator<Item = &'r Report>,
) -> Result<Vec<String>, CannotRun> {
    let mut mounted: BTreeMap<&Location, (&Declaration, Vec<Mounted<'_>>, bool)> = BTreeMap::new();
    for report in reports {
        let wrong = report.findings.iter().filter_map(wrong_handler);
        let right = report
            .routes
            .iter()
            .filter(|route| route.named)
            .filter_map(|route| {
                let row = (route.methods, route.path.as_deref(), route.shape);
                Some((route.declaration.as_ref()?, row, false))
            });
        for (declaration, row, is_wrong) in wrong.chain(right) {
            let known = mounted.entry(declaration.location());
            let known = known.or_insert((declaration, Vec::new(), false));
            known.1.push(row);
            known.2 |= is_wrong || declaration.target().paths().is_empty();
        }
    }
    let mut files: BTreeMap<&str, Vec<(&Location, Target, bool)>> = BTreeMap::new();
    let texts = OnceCell::new();
    let stands = |part: &str| {
        let texts = texts.get_or_init(|| texts_of(workspace));
        texts.iter().any(|text| text.contains(part))
    };
    for (place, (declaration, rows, differs)) in mounted {
        if let Some(target) = Target::of(rows).filter(|_| differs) {
            let target = target.of_any_build(stands);
            let target = merged(declaration, target);
            let is_new = declaration.target().paths().is_empty();
            files
                .entry(&place.file)
                .or_default()
                .push((place, target, is_new));
        }
    }
    let mut changes = Vec::new();
    for (name, all) in files {
        let path = workspace.root().join(name);
        let mut source = Source::read(&path, name.to_owned())?;
        let file = source.parse()?;
        let edits = all.iter().filter_map(|(place, target, is_new)| {
            let at = source.offset(place.line as usize, place.column as usize);
            edit(&source, &file, at, target, *is_new)
        });
        let edits: Vec<Edit> = edits.flatten().collect();
        source.edit(edits);
        if source.output() != source.original {
            let mut change = Change {
                name: source.name.clone(),
                path,
                new: source.output(),
                old: source.original,
            };
            let packages = workspace.metadata.workspace_packages();
            let owner = packages
                .iter()
                .filter(|package| change.path.starts_with(crate::targets::directory(package)))
                .max_by_key(|package| package.manifest_path.as_str().len());
            change.format(owner.map_or("2024", |package| package.edition.as_str()));
            changes.push(change);
        }
    }
    if !changes.is_empty() {
        write::write(workspace.root(), &changes)?;
    }
    Ok(changes.into_iter().map(|change| change.name).collect())
}

/// The sources of all members, as far as they can be read.
fn texts_of(workspace: &Workspace) -> Vec<String> {
    let (mut sources, mut tree) = (Sources::default(), Tree::default());
    for package in workspace.metadata.workspace_packages() {
        for target in &package.targets {
            // What cannot be parsed was not built either.
            let _ = tree.add(&mut sources, target, workspace.root());
        }
    }
    sources.all.into_iter().map(|source| source.text).collect()
}

fn wrong_handler(finding: &Finding) -> Option<(&Declaration, Mounted<'_>, bool)> {
    let declared = finding.related.iter().find_map(|related| match related {
        Related::Declared(declared) if finding.code == Code::WrongHandler => Some(declared),
        _ => None,
    });
    let subject = &finding.subject;
    Some((
        declared?,
        (subject.methods, subject.path.as_deref(), subject.shape),
        true,
    ))
}

/// What is declared and mounted stays first, and in its order; methods are never taken away.
fn merged(declaration: &Declaration, mounted: Target) -> Target {
    let declared = declaration.target();
    let mut all = Target::default();
    if !mounted.is_fallback() && !declared.methods().is_fallback() {
        all.methods = Some(declared.methods());
    }
    let kept = declared
        .paths()
        .iter()
        .filter(|path| mounted.paths.iter().any(|one| one == *path));
    all.paths = kept.map(ToString::to_string).collect();
    all.add(&mounted);
    all
}

/// The edits for a declaration: an attribute, or a call of `session(..)` and the like.
fn edit(
    source: &Source,
    file: &syn::File,
    at: usize,
    target: &Target,
    is_new: bool,
) -> Option<Vec<Edit>> {
    let mut finder = Finder {
        at,
        attribute: None,
        path: None,
    };
    finder.visit_file(file);
    if let Some((path, end)) = finder.path {
        if let Some(glob) = target.glob() {
            let is_said = source.text[end..].trim_start().starts_with(".glob()");
            let said = if is_said { "" } else { ".glob()" };
            return Some(vec![
                (path, format!("{glob:?}")),
                (end..end, said.to_owned()),
            ]);
        }
        let [one] = target.paths.as_slice() else {
            return None;
        };
        return Some(vec![(path, format!("{one:?}"))]);
    }
    let range = target_of(finder.attribute?)?;
    let mut edits = vec![(range, target.arguments())];
    if is_new {
        // Only where it was left out for want of knowledge: another may leave it out on purpose.
        let before = source.text[..at].trim_end();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        if before[start..].trim() != NO_PATH {
            return None;
        }
        let start = start + source.indent(before.len()).len();
        edits.push((start..at, String::new()));
    }
    Some(edits)
}

/// From the methods to the last path.
fn target_of(arguments: TokenStream) -> Option<Range<usize>> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let mut entries = tokens.split(is_comma);
    let methods = entries.next()?;
    let start = methods.first()?.span().byte_range().start;
    let mut end = methods.last()?.span().byte_range().end;
    for entry in entries {
        let path = match entry {
            [TokenTree::Literal(path)] => path,
            [TokenTree::Ident(name), _, TokenTree::Literal(glob)] if name == "glob" => glob,
            _ => break,
        };
        end = path.span().byte_range().end;
    }
    Some(start..end)
}

struct Finder {
    at: usize,
    /// The arguments of the attribute there.
    attribute: Option<TokenStream>,
    /// The path in the call there, and where the call ends.
    path: Option<(Range<usize>, usize)>,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta
            && attribute.span().byte_range().start == self.at
        {
            self.attribute = Some(list.tokens.clone());
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if call.span().byte_range().start == self.at
            && let Some(path @ Expr::Lit(_)) = call.args.iter().nth(1)
        {
            self.path = Some((path.span().byte_range(), call.span().byte_range().end));
        }
        visit::visit_expr_call(self, call);
    }
}

#[cfg(test)]
mod tests {
    use session_auth::methods::{GET, POST};

    use super::*;

    fn fixed(text: &str, at: &str, target: &Target, is_new: bool) -> String {
        let mut source = Source::test(text);
        let file = source.parse().expect("it parses");
        let at = source.text.find(at).expect("it is there");
        let edits = edit(&source, &file, at, target, is_new);
        source.edit(edits.unwrap_or_default());
        source.text
    }

    #[test]
    fn methods_and_paths_are_put_in_and_all_else_stays() {
        let mut target = Target::new(GET | POST, Some("/api/users"));
        target.paths.push("/users".to_owned());
        for (text, expected) in [
            (
                "#[session_route(GET, \"/users\")]\nasync fn f() {}",
                "#[session_route(GET | POST, \"/api/users\", \"/users\")]\nasync fn f() {}",
            ),
            (
                "#[a::public_route(GET, \"/x\", \"/y\", reason = \"z\")] async fn f() {}",
                "#[a::public_route(GET | POST, \"/api/users\", \"/users\", reason = \"z\")] async fn f() {}",
            ),
            (
                "#[session_route(FALLBACK, scope = \"a\")] async fn f() {}",
                "#[session_route(GET | POST, \"/api/users\", \"/users\", scope = \"a\")] async fn f() {}",
            ),
        ] {
            assert_eq!(fixed(text, "#[", &target, false), expected);
        }
    }

    #[test]
    fn a_path_that_was_left_out_on_purpose_stays_out() {
        let target = Target::new(GET, Some("/style.1a2b.css"));
        let text = "// Of each build another.\n#[session_route(GET)]\nasync fn f() {}";
        assert_eq!(fixed(text, "#[", &target, true), text);
        let text = format!(
            "fn e() {{}}\n\n// Why.\n    {NO_PATH}\r\n    #[session_route(GET)]\nasync fn f() {{}}"
        );
        let expected =
            "fn e() {}\n\n// Why.\n    #[session_route(GET, \"/style.1a2b.css\")]\nasync fn f() {}";
        assert_eq!(fixed(&text, "#[", &target, true), expected);
    }

    #[test]
    fn in_place_there_is_one_path_to_mend() {
        let text = "fn f() { get(session_auth::session(GET, \"/a\").to(|| async {})) }";
        let mut target = Target::new(GET, Some("/api/a"));
        let expected = text.replace("/a", "/api/a");
        assert_eq!(fixed(text, "session_auth", &target, false), expected);
        target.paths.push("/b".to_owned());
        assert_eq!(fixed(text, "session_auth", &target, false), text);
    }

    #[test]
    fn what_only_this_build_has_in_a_path_is_not_written() {
        let target = Target::new(GET, Some("/s.3f9a1c.css")).of_any_build(|_| false);
        for (text, at, expected) in [
            (
                "#[session_route(GET, \"/s.0e0e0e.css\")] async fn f() {}",
                "#[",
                "#[session_route(GET, glob = \"/s.*.css\")] async fn f() {}",
            ),
            (
                "#[session_route(GET, glob = \"/old.*.css\", scope = \"a\")] async fn f() {}",
                "#[",
                "#[session_route(GET, glob = \"/s.*.css\", scope = \"a\")] async fn f() {}",
            ),
            (
                "fn f() { get(session(GET, \"/s.0e0e0e.css\").to(|| async {})) }",
                "session",
                "fn f() { get(session(GET, \"/s.*.css\").glob().to(|| async {})) }",
            ),
            (
                "fn f() { get(session(GET, \"/old.*.css\").glob().to(|| async {})) }",
                "session",
                "fn f() { get(session(GET, \"/s.*.css\").glob().to(|| async {})) }",
            ),
        ] {
            assert_eq!(fixed(text, at, &target, false), expected);
        }
    }
}
