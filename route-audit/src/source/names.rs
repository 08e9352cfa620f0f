//! What a path means: items, `use`, globs, other crates.
//! <https://doc.rust-lang.org/reference/names/name-resolution.html>, as far as routes need it.

use std::collections::HashMap;

use syn::Type;

use super::path;
use super::tables::{ConstId, Meaning, ModId, Tables, TypeItem};

/// Which namespace a name is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    Values,
    Types,
}

/// Enough for any program; a bound for aliases and constants that lead in a circle.
const MAX_DEPTH: u32 = 64;

impl Tables {
    /// A path in an expression: a function, where there is one.
    pub(super) fn value(&self, scope: ModId, segments: &[String]) -> Meaning {
        self.look_up(scope, segments, Space::Values)
    }

    /// A path in a type, an attribute or a macro.
    pub(super) fn name(&self, scope: ModId, segments: &[String]) -> Meaning {
        self.look_up(scope, segments, Space::Types)
    }

    fn look_up(&self, scope: ModId, segments: &[String], space: Space) -> Meaning {
        let key = (scope, segments.to_vec(), space);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let mut search = Search {
            tables: self,
            seen: HashMap::new(),
        };
        let found = search.path(scope, segments, space, MAX_DEPTH);
        self.known.borrow_mut().insert(key, found.clone());
        found
    }

    /// The text of a constant, where it is simple.
    pub(super) fn text(&self, scope: ModId, segments: &[String]) -> Option<String> {
        self.text_of(scope, segments, MAX_DEPTH)
    }

    pub(super) fn constant(&self, id: ConstId) -> Option<String> {
        self.value_of(id, MAX_DEPTH)
    }

    fn text_of(&self, scope: ModId, segments: &[String], depth: u32) -> Option<String> {
        match self.value(scope, segments) {
            Meaning::Constant(id) => self.value_of(id, depth.checked_sub(1)?),
            // axum-extra's `TypedPath::PATH`.
            Meaning::Other(path) => match path.as_slice() {
                [ty, name] if name == "PATH" => self.typed_paths.get(ty).cloned(),
                _ => None,
            },
            _ => None,
        }
    }

    fn value_of(&self, id: ConstId, depth: u32) -> Option<String> {
        let (scope, value) = &self.constants[id];
        path::text(value, &mut |path| self.text_of(*scope, path, depth))
    }

    /// The module that a function's body is in.
    fn module_of(&self, scope: ModId) -> ModId {
        let mut module = scope;
        while self.modules[module].is_body {
            module = self.modules[module].parent.unwrap_or(module);
        }
        module
    }
}

/// One look-up. Imports and globs may lead in circles, so each name of a module is looked up once.
struct Search<'t> {
    tables: &'t Tables,
    /// `None` while it is being looked up.
    seen: HashMap<(ModId, String, Space), Option<Meaning>>,
}

impl Search<'_> {
    fn path(&mut self, scope: ModId, segments: &[String], space: Space, depth: u32) -> Meaning {
        let other = || Meaning::Other(segments.to_vec());
        let (Some((first, mut rest)), Some(depth)) = (segments.split_first(), depth.checked_sub(1))
        else {
            return other();
        };
        let tables = self.tables;
        let krate = &tables.crates[tables.modules[scope].krate];
        let first_space = if rest.is_empty() { space } else { Space::Types };
        let start = match first.as_str() {
            // A leading `::`: another crate.
            "" => {
                let Some((name, after)) = rest.split_first() else {
                    return other();
                };
                let Some(krate) = krate.externs.get(name) else {
                    return Meaning::Other(rest.to_vec());
                };
                rest = after;
                Meaning::Module(tables.crates[*krate].root)
            }
            "crate" | "$crate" => Meaning::Module(krate.root),
            "self" => Meaning::Module(tables.module_of(scope)),
            "super" => {
                let module = tables.module_of(scope);
                Meaning::Module(tables.modules[module].parent.unwrap_or(module))
            }
            name => match self.in_scope(scope, name, first_space, depth) {
                Some(found) => found,
                None => match krate.externs.get(name) {
                    Some(krate) => Meaning::Module(tables.crates[*krate].root),
                    None => return other(),
                },
            },
        };
        let mut found = start;
        while let Some((next, after)) = rest.split_first() {
            let space = if after.is_empty() {
                space
            } else {
                Space::Types
            };
            found = match found {
                Meaning::Module(module) if next == "super" => {
                    Meaning::Module(tables.modules[module].parent.unwrap_or(module))
                }
                Meaning::Module(module) => match self.in_module(module, next, space, depth) {
                    Some(found) => found,
                    None => return other(),
                },
                Meaning::Type(ty) if after.is_empty() => self.associated(ty, next),
                Meaning::Other(mut path) => {
                    path.extend_from_slice(rest);
                    return Meaning::Other(path);
                }
                _ => return other(),
            };
            rest = after;
        }
        found
    }

    /// The innermost body first, then what encloses it, up to the module.
    fn in_scope(&mut self, scope: ModId, name: &str, space: Space, depth: u32) -> Option<Meaning> {
        let mut at = Some(scope);
        while let Some(here) = at {
            if let Some(found) = self.in_module(here, name, space, depth) {
                return Some(found);
            }
            let module = &self.tables.modules[here];
            at = module.parent.filter(|_| module.is_body);
        }
        None
    }

    fn in_module(
        &mut self,
        module: ModId,
        name: &str,
        space: Space,
        depth: u32,
    ) -> Option<Meaning> {
        let key = (module, name.to_owned(), space);
        if let Some(known) = self.seen.get(&key) {
            return known.clone();
        }
        self.seen.insert(key.clone(), None);
        let found = self.find(module, name, space, depth);
        self.seen.insert(key, found.clone());
        found
    }

    fn find(&mut self, id: ModId, name: &str, space: Space, depth: u32) -> Option<Meaning> {
        let depth = depth.checked_sub(1)?;
        let module = &self.tables.modules[id];
        if space == Space::Values {
            if let Some(functions) = module.functions.get(name) {
                return Some(Meaning::Functions(functions.clone()));
            }
            if let Some(constant) = module.constants.get(name) {
                return Some(Meaning::Constant(*constant));
            }
        }
        if let Some(item) = module.types.get(name) {
            return Some(self.aliased(id, item, depth));
        }
        if space == Space::Types
            && let Some(inner) = module.modules.get(name)
        {
            return Some(Meaning::Module(*inner));
        }
        // One name may import a module and a function, or come from two `cfg`s.
        let mut written = None;
        for target in module.imports.get(name).into_iter().flatten() {
            match self.path(id, target, space, depth) {
                Meaning::Other(path) => written = Some(Meaning::Other(path)),
                found => return Some(found),
            }
        }
        if written.is_some() {
            return written;
        }
        module
            .globs
            .iter()
            .find_map(|target| match self.path(id, target, Space::Types, depth) {
                Meaning::Module(target) => self.in_module(target, name, space, depth),
                _ => None,
            })
    }

    fn aliased(&mut self, scope: ModId, item: &TypeItem, depth: u32) -> Meaning {
        match &item.alias {
            Some(Type::Path(alias)) if alias.qself.is_none() => {
                self.path(scope, &path::segments(&alias.path), Space::Types, depth)
            }
            _ => Meaning::Type(item.path.clone()),
        }
    }

    fn associated(&self, ty: String, name: &str) -> Meaning {
        let key = (ty, name.to_owned());
        if let Some(functions) = self.tables.associated.get(&key) {
            return Meaning::Functions(functions.clone());
        }
        match self.tables.associated_constants.get(&key) {
            Some(constant) => Meaning::Constant(*constant),
            None => Meaning::Other(vec![key.0, key.1]),
        }
    }
}
