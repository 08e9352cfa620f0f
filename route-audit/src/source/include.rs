//! `include!` inside of a function: the file is an expression, and part of that function.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use proc_macro2::TokenStream;
use syn::visit::Visit;
use syn::{Block, Macro, Stmt};

use super::body::Walker;
use super::graph::What;
use super::load::shown;
use super::macros;

/// Against a file that includes itself.
const MAX_DEPTH: usize = 8;

impl Walker<'_> {
    /// Reads the file in the place of the macro. What cannot be read may register anything.
    pub(super) fn include(&mut self, mac: &Macro) {
        if let Some((file, statements)) = self.included(mac) {
            self.files.push(shown(&file, &self.tables.workspace));
            statements.iter().for_each(|stmt| self.visit_stmt(stmt));
            self.files.pop();
        } else if let Some(first) = mac.path.segments.first() {
            let what = What::Macro("include!".to_owned());
            self.site(&first.ident, what, None, Vec::new());
        }
    }

    fn included(&self, mac: &Macro) -> Option<(PathBuf, Vec<Stmt>)> {
        if self.files.len() >= MAX_DEPTH {
            return None;
        }
        let krate = &self.tables.crates[self.tables.functions[self.function].krate];
        let named = macros::included(mac, &krate.manifest_dir, krate.out_dir.as_deref())?;
        let here = self.tables.workspace.join(self.file());
        let file = here.parent()?.join(named);
        let tokens = TokenStream::from_str(&fs::read_to_string(&file).ok()?).ok()?;
        let statements = syn::parse::Parser::parse2(Block::parse_within, tokens).ok()?;
        // Functions in it would have to be read with the crate.
        let no_items = !statements.iter().any(|stmt| matches!(stmt, Stmt::Item(_)));
        no_items.then_some((file, statements))
    }
}
