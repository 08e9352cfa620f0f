//! A file of source: where its functions are, and edits of its text by spans.
//!
//! Nothing is printed anew. What is not edited keeps its bytes, line ends and comments.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, Macro, Signature, TraitItemFn, Visibility};

use super::endpoints::Endpoint;

/// A file, read.
pub(super) struct Source {
    /// Without a byte order mark.
    pub(super) text: String,
    has_mark: bool,
    pub(super) newline: &'static str,
    pub(super) functions: Vec<Function>,
    /// What `declare_route!` declares in it.
    pub(super) declared: Vec<Endpoint>,
    edits: Vec<(Range<usize>, String)>,
}

pub(super) struct Function {
    /// Line and column of its name, both from 1.
    pub(super) at: (u32, u32),
    pub(super) sig: Signature,
    pub(super) block: Option<Block>,
    /// Where an attribute goes: below its others, before its visibility.
    pub(super) attribute_at: usize,
    /// The item for which another may stand before or after: the function, or the `impl` it is in.
    pub(super) item: Range<usize>,
    /// Whether it stands inside of another function.
    pub(super) is_nested: bool,
    /// Its `#[cfg(..)]`, as written.
    pub(super) cfgs: Vec<String>,
}

const MARK: char = '\u{feff}';

impl Source {
    pub(super) fn parse(text: &str) -> syn::Result<Self> {
        let plain = text.strip_prefix(MARK).unwrap_or(text);
        // A first line for the shell is no Rust. Of the same length, so that all else stays put.
        let script = plain.starts_with("#!") && !plain[2..].trim_start().starts_with('[');
        let file = if script {
            syn::parse_file(&plain.replacen("#!", "//", 1))?
        } else {
            syn::parse_file(plain)?
        };
        let mut index = Index::default();
        index.visit_file(&file);
        let crlf = plain
            .find('\n')
            .is_some_and(|end| plain[..end].ends_with('\r'));
        Ok(Self {
            text: plain.to_owned(),
            has_mark: plain.len() != text.len(),
            newline: if crlf { "\r\n" } else { "\n" },
            functions: index.functions,
            declared: index.declared,
            edits: Vec::new(),
        })
    }

    pub(super) fn function(&self, line: u32, column: u32) -> Option<&Function> {
        self.functions.iter().find(|one| one.at == (line, column))
    }

    pub(super) fn slice(&self, span: proc_macro2::Span) -> &str {
        self.text.get(span.byte_range()).unwrap_or_default()
    }

    /// The white space before a place, where that is all there is before it on its line.
    pub(super) fn indent(&self, at: usize) -> &str {
        let start = self.line_start(at);
        let line = &self.text[start..];
        let end = line
            .find(|c: char| c != ' ' && c != '\t')
            .unwrap_or(line.len());
        &line[..end]
    }

    /// The offset of a line and column, both from 1.
    pub(super) fn offset(&self, line: u32, column: u32) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines.clone().take(line as usize - 1).map(str::len).sum();
        let line = lines.nth(line as usize - 1).unwrap_or_default();
        let column = line.char_indices().nth(column as usize - 1);
        before + column.map_or(line.len(), |(at, _)| at)
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Lines before an item, indented as it is.
    pub(super) fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let indent = self.indent(at).to_owned();
        let mut text = String::new();
        for (nth, line) in lines.iter().enumerate() {
            text.push_str(line);
            text.push_str(self.newline);
            // A line that is empty has no indentation.
            if lines.get(nth + 1).is_none_or(|next| !next.is_empty()) {
                text.push_str(&indent);
            }
        }
        self.replace(at..at, text);
    }

    /// Text written with `\n`, in place of what is there.
    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        let text = if self.newline == "\n" || text.contains("\r\n") {
            text
        } else {
            text.replace('\n', self.newline)
        };
        self.edits.push((range, text));
    }

    pub(super) fn is_edited(&self) -> bool {
        !self.edits.is_empty()
    }

    pub(super) fn original(&self) -> String {
        self.marked(self.text.clone())
    }

    /// The text with the edits.
    pub(super) fn edited(&self) -> String {
        let mut edits: Vec<_> = self.edits.iter().collect();
        // Stable: of two at one place, the first that was made comes first.
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 1024);
        let mut done = 0;
        for (range, text) in edits {
            debug_assert!(range.start >= done, "edits do not overlap");
            out.push_str(&self.text[done..range.start.max(done)]);
            out.push_str(text);
            done = range.end.max(done);
        }
        out.push_str(&self.text[done..]);
        self.marked(out)
    }

    fn marked(&self, text: String) -> String {
        if self.has_mark {
            format!("{MARK}{text}")
        } else {
            text
        }
    }
}

#[derive(Default)]
struct Index {
    functions: Vec<Function>,
    declared: Vec<Endpoint>,
    /// The `impl` or `trait` around.
    outer: Option<Range<usize>>,
    depth: u32,
}

impl Index {
    fn function(
        &mut self,
        attrs: &[Attribute],
        vis: Option<&Visibility>,
        sig: &Signature,
        block: Option<&Block>,
        whole: Range<usize>,
    ) {
        let name = sig.ident.span().start();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let start = match vis {
            Some(vis) if !matches!(vis, Visibility::Inherited) => vis.span().byte_range().start,
            _ => sig.span().byte_range().start,
        };
        let cfgs = attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"))
            .filter_map(|attr| attr.span().source_text());
        self.functions.push(Function {
            at: (number(name.line), number(name.column).saturating_add(1)),
            sig: sig.clone(),
            block: block.cloned(),
            attribute_at: start,
            item: self.outer.clone().unwrap_or(whole),
            is_nested: self.depth > 0,
            cfgs: cfgs.collect(),
        });
    }

    fn inside(&mut self, visit: impl FnOnce(&mut Self)) {
        let outer = self.outer.take();
        self.depth += 1;
        visit(self);
        self.depth -= 1;
        self.outer = outer;
    }
}

impl<'ast> Visit<'ast> for Index {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let whole = item.span().byte_range();
        self.function(
            &item.attrs,
            Some(&item.vis),
            &item.sig,
            Some(&item.block),
            whole,
        );
        self.inside(|this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let whole = item.span().byte_range();
        self.function(
            &item.attrs,
            Some(&item.vis),
            &item.sig,
            Some(&item.block),
            whole,
        );
        self.inside(|this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        let whole = item.span().byte_range();
        self.function(&item.attrs, None, &item.sig, item.default.as_ref(), whole);
        self.inside(|this| visit::visit_trait_item_fn(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let outer = self.outer.replace(item.span().byte_range());
        visit::visit_item_impl(self, item);
        self.outer = outer;
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let outer = self.outer.replace(item.span().byte_range());
        visit::visit_item_trait(self, item);
        self.outer = outer;
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let is_ours = mac
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "declare_route");
        if is_ours && let Ok(meta) = mac.parse_body::<syn::Meta>() {
            self.declared.extend(crate::source::declared_by(&meta));
        }
    }
}

#[cfg(test)]
mod tests {
    use session_auth::Methods;

    use super::*;

    #[test]
    fn what_is_not_edited_keeps_its_bytes() {
        for text in [
            "\u{feff}fn  a( ) { }\r\n\r\n// c\r\n\tasync   fn b() {}",
            "#!/usr/bin/env run\nfn a() {}\nmod m {\n    async fn b() {}\n}\n",
            "/* é */ fn a() {} async fn b() {}",
        ] {
            let mut source = Source::parse(text).expect("it parses");
            assert_eq!(source.edited(), text);
            let at = source.functions[1].attribute_at;
            source.insert_lines(at, &["#[x]".to_owned()]);
            let edited = source.edited();
            let indent = source.indent(at);
            let inserted = format!("#[x]{}{indent}", source.newline);
            assert_eq!(edited.matches("#[x]").count(), 1);
            assert_eq!(edited.replace(&inserted, ""), text);
            assert!(edited.contains(&format!("{inserted}async")), "{edited:?}");
        }
    }

    #[test]
    fn an_attribute_goes_below_the_others() {
        let text = "/// Docs.\n#[inline]\npub(crate) async fn a() {}\n";
        let source = Source::parse(text).expect("it parses");
        let at = source.functions[0].attribute_at;
        assert!(text[at..].starts_with("pub(crate)"), "{at}");
    }

    #[test]
    fn declarations_are_found_wherever_they_stand() {
        let source = Source::parse(
            "session_auth::declare_route!(session_route(GET | POST, \"/a\"));\n\
             fn f() { declare_route!(public_route(FALLBACK, reason = \"404\")); }\n\
             other!(session_route(GET, \"/b\"));\n",
        )
        .expect("it parses");
        let both = Methods::GET.or(Methods::POST);
        assert_eq!(
            source.declared,
            [(Some(both), Some("/a".to_owned())), (None, None)]
        );
    }
}
