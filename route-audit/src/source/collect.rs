//! The items of a module: what each of them adds to the tables.

use std::collections::HashSet;

use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, FnArg, ImplItem, Item, ItemImpl, Macro, Pat, Signature, Stmt, TraitItem, Type,
    UseTree,
};

use super::cfg::Presence;
use super::load::{Here, Loader, place, place_of};
use super::pending::{Implementation, PendingMacro};
use super::tables::{Body, FnId, Function, Kind, Meaning, ModId, Module, TypeItem, output};
use super::{attributes, path};
use crate::run::TEST_PREFIX;

impl Loader<'_> {
    pub(super) fn item(&mut self, item: Item, module: ModId, presence: Presence, here: &Here) {
        match item {
            Item::Fn(item) => {
                let body = Body::Block(item.block);
                let id = self.function(&item.sig, &item.attrs, body, module, presence, here);
                let functions = &mut self.tables.modules[module].functions;
                functions
                    .entry(path::name(&item.sig.ident))
                    .or_default()
                    .push(id);
            }
            Item::Mod(item) => self.module(item, module, presence, here),
            Item::Use(item) => {
                let mut prefix = Vec::new();
                if item.leading_colon.is_some() {
                    prefix.push(String::new());
                }
                self.import(&item.tree, &mut prefix, module);
            }
            Item::ExternCrate(item) => {
                let name = path::name(&item.ident);
                let alias = item
                    .rename
                    .map_or(name.clone(), |(_, alias)| path::name(&alias));
                let imports = &mut self.tables.modules[module].imports;
                imports.entry(alias).or_default().push(vec![name]);
            }
            Item::Const(item) => {
                self.constant(&item.ident, &item.ty, item.expr, module, presence, here);
            }
            Item::Static(item) => {
                self.constant(&item.ident, &item.ty, item.expr, module, presence, here);
            }
            Item::Struct(item) => {
                for field in &item.fields {
                    if let Some(name) = &field.ident
                        && path::kind_of_type(&field.ty, &mut |path| Meaning::Other(path.to_vec()))
                            == Kind::Router
                    {
                        self.tables.router_fields.insert(path::name(name));
                    }
                }
                let typed = self
                    .conditions
                    .effective(&item.attrs)
                    .iter()
                    .filter(|meta| path::last(meta.path()).is_some_and(|last| last == "typed_path"))
                    .find_map(attributes::typed_path);
                let ty = self.ty(&item.ident, None, module);
                if let Some(path) = typed {
                    self.tables.typed_paths.insert(ty, path);
                }
            }
            Item::Enum(item) => drop(self.ty(&item.ident, None, module)),
            Item::Union(item) => drop(self.ty(&item.ident, None, module)),
            Item::Type(item) => drop(self.ty(&item.ident, Some(*item.ty), module)),
            Item::Impl(item) => self.implementation(item, module, presence, here),
            Item::Trait(item) => {
                self.ty(&item.ident, None, module);
                let mut functions = Vec::new();
                for inner in item.items {
                    let attrs = match &inner {
                        TraitItem::Fn(inner) => &inner.attrs,
                        TraitItem::Const(inner) => &inner.attrs,
                        TraitItem::Macro(inner) => &inner.attrs,
                        _ => continue,
                    };
                    let inside = presence.and(self.conditions.presence(attrs));
                    if inside.nowhere() {
                        continue;
                    }
                    match inner {
                        TraitItem::Fn(inner) => {
                            if let Some(block) = inner.default {
                                let body = Body::Block(Box::new(block));
                                let (sig, attrs) = (&inner.sig, &inner.attrs);
                                functions
                                    .push(self.function(sig, attrs, body, module, inside, here));
                            }
                        }
                        TraitItem::Const(inner) => {
                            if let Some((_, value)) = inner.default {
                                let (ident, ty) = (&inner.ident, &inner.ty);
                                functions.push(self.value(ident, ty, value, module, inside, here));
                            }
                        }
                        TraitItem::Macro(inner) => {
                            self.inner_macro(inner.mac, module, inside, here);
                        }
                        _ => {}
                    }
                }
                let name = vec![path::name(&item.ident)];
                self.pending.implementations.push(Implementation {
                    module,
                    ty: name,
                    functions,
                    constants: Vec::new(),
                });
            }
            Item::Macro(item) => match item.ident {
                Some(name) => {
                    if attributes::registers(&item.mac.tokens) {
                        self.tables.route_macros.insert(path::name(&name));
                    }
                }
                None => self.item_macro(item.mac, module, presence, here),
            },
            _ => {}
        }
    }

    fn ty(&mut self, ident: &syn::Ident, alias: Option<Type>, module: ModId) -> String {
        let module = &mut self.tables.modules[module];
        let name = path::name(ident);
        let path = format!("{}::{name}", module.path);
        let item = TypeItem {
            path: path.clone(),
            alias,
        };
        module.types.insert(name, item);
        path
    }

    fn import(&mut self, tree: &UseTree, prefix: &mut Vec<String>, module: ModId) {
        let into = &mut self.tables.modules[module];
        match tree {
            UseTree::Path(tree) => {
                prefix.push(path::name(&tree.ident));
                self.import(&tree.tree, prefix, module);
                prefix.pop();
            }
            UseTree::Name(tree) => {
                let name = path::name(&tree.ident);
                // `use a::b::{self}`.
                let (name, target) = match prefix.last() {
                    Some(last) if name == "self" => (last.clone(), prefix.clone()),
                    _ => (name.clone(), [prefix.as_slice(), &[name]].concat()),
                };
                into.imports.entry(name).or_default().push(target);
            }
            UseTree::Rename(tree) => {
                let name = path::name(&tree.ident);
                let target = match name.as_str() {
                    "self" if !prefix.is_empty() => prefix.clone(),
                    _ => [prefix.as_slice(), &[name]].concat(),
                };
                let alias = path::name(&tree.rename);
                into.imports.entry(alias).or_default().push(target);
            }
            UseTree::Glob(_) => into.globs.push(prefix.clone()),
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.import(tree, prefix, module);
                }
            }
        }
    }

    pub(super) fn submodule(&mut self, name: &str, parent: ModId) -> ModId {
        // Two of a name are two branches of a `cfg`.
        if let Some(known) = self.tables.modules[parent].modules.get(name) {
            return *known;
        }
        let id = self.tables.modules.len();
        let path = format!("{}::{name}", self.tables.modules[parent].path);
        self.tables.modules.push(Module {
            krate: self.krate,
            parent: Some(parent),
            path,
            ..Module::default()
        });
        let modules = &mut self.tables.modules[parent].modules;
        modules.insert(name.to_owned(), id);
        id
    }

    fn constant(
        &mut self,
        ident: &syn::Ident,
        ty: &Type,
        value: Box<Expr>,
        module: ModId,
        presence: Presence,
        here: &Here,
    ) {
        let name = path::name(ident);
        if is_text(ty) {
            self.body_scope(|items| items.visit_expr(&value), module, presence, here);
            let id = self.tables.constants.len();
            self.tables.constants.push((module, *value));
            self.tables.modules[module].constants.insert(name, id);
            return;
        }
        let id = self.value(ident, ty, *value, module, presence, here);
        let functions = &mut self.tables.modules[module].functions;
        functions.entry(name).or_default().push(id);
    }

    /// A constant that is no text: like a function without arguments, it may make a router.
    fn value(
        &mut self,
        ident: &syn::Ident,
        ty: &Type,
        value: Expr,
        module: ModId,
        presence: Presence,
        here: &Here,
    ) -> FnId {
        let name = path::name(ident);
        let scope = self.body_scope(|items| items.visit_expr(&value), module, presence, here);
        self.push_function(Function {
            path: format!("{}::{name}", self.tables.modules[module].path),
            krate: self.krate,
            scope,
            self_type: None,
            place: place(ident.span(), &here.file),
            presence,
            conditions: self.gates.clone(),
            parameters: Vec::new(),
            type_parameters: HashSet::new(),
            has_receiver: false,
            is_async: false,
            output: Some(ty.clone()),
            body: Body::Expr(Box::new(value)),
            audits: None,
            declared: None,
            documented: None,
            name,
        })
    }

    fn push_function(&mut self, function: Function) -> FnId {
        self.tables.functions.push(function);
        self.tables.functions.len() - 1
    }

    fn function(
        &mut self,
        sig: &Signature,
        attrs: &[Attribute],
        body: Body,
        module: ModId,
        presence: Presence,
        here: &Here,
    ) -> FnId {
        let name = path::name(&sig.ident);
        let scope = match &body {
            Body::Block(block) => {
                self.body_scope(|items| items.visit_block(block), module, presence, here)
            }
            _ => module,
        };
        let parameters = sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(input) => match &*input.pat {
                Pat::Ident(pat) => Some((path::name(&pat.ident), (*input.ty).clone())),
                // `Params { id }: Params`: an extractor, taken apart.
                _ => Some((String::new(), (*input.ty).clone())),
            },
            FnArg::Receiver(_) => None,
        });
        let generics = sig.generics.type_params();
        let is_test = attrs.iter().any(|attr| attr.path().is_ident("test"));
        let function = Function {
            path: format!("{}::{name}", self.tables.modules[module].path),
            krate: self.krate,
            scope,
            self_type: None,
            place: place(sig.ident.span(), &here.file),
            presence,
            conditions: [self.gates.clone(), self.conditions.written(attrs)].concat(),
            parameters: parameters.collect(),
            type_parameters: generics.map(|one| path::name(&one.ident)).collect(),
            has_receiver: sig.receiver().is_some(),
            is_async: sig.asyncness.is_some(),
            output: output(&sig.output),
            body,
            // What `#[audited_router]` expands to, as a macro of the user's may have it.
            audits: name
                .strip_prefix(TEST_PREFIX)
                .filter(|_| is_test)
                .map(str::to_owned),
            declared: None,
            documented: None,
            name,
        };
        let id = self.push_function(function);
        let interesting = self.conditions.effective(attrs).into_iter().filter(|meta| {
            !["doc", "cfg", "allow", "inline", "must_use"]
                .iter()
                .any(|plain| meta.path().is_ident(plain))
        });
        let interesting: Vec<_> = interesting.map(|meta| (id, meta)).collect();
        self.pending.attributes.extend(interesting);
        id
    }

    /// Where the names in a function's body are looked up: items may stand in any of its blocks.
    fn body_scope(
        &mut self,
        visit: impl FnOnce(&mut Items),
        module: ModId,
        presence: Presence,
        here: &Here,
    ) -> ModId {
        let mut items = Items(Vec::new());
        visit(&mut items);
        if items.0.is_empty() {
            return module;
        }
        let id = self.tables.modules.len();
        let path = self.tables.modules[module].path.clone();
        self.tables.modules.push(Module {
            krate: self.krate,
            parent: Some(module),
            is_body: true,
            path,
            ..Module::default()
        });
        self.items(items.0, id, presence, here);
        id
    }

    /// A macro in the place of a method.
    fn inner_macro(&mut self, mac: Macro, module: ModId, presence: Presence, here: &Here) {
        let place = place_of(&mac, &here.file);
        self.pending.macros.push(PendingMacro {
            module,
            mac,
            place,
            presence,
            conditions: self.gates.clone(),
        });
    }

    fn implementation(&mut self, item: ItemImpl, module: ModId, outer: Presence, here: &Here) {
        let ty = match &*item.self_ty {
            Type::Path(ty) => path::segments(&ty.path),
            Type::Reference(reference) => match &*reference.elem {
                Type::Path(ty) => path::segments(&ty.path),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut functions = Vec::new();
        let mut constants = Vec::new();
        for inner in item.items {
            match inner {
                ImplItem::Fn(inner) => {
                    let presence = outer.and(self.conditions.presence(&inner.attrs));
                    if !presence.nowhere() {
                        let body = Body::Block(Box::new(inner.block));
                        let (sig, attrs) = (&inner.sig, &inner.attrs);
                        let id = self.function(sig, attrs, body, module, presence, here);
                        let generics = item.generics.type_params();
                        self.tables.functions[id]
                            .type_parameters
                            .extend(generics.map(|one| path::name(&one.ident)));
                        functions.push(id);
                    }
                }
                ImplItem::Const(inner) if is_text(&inner.ty) => {
                    constants.push((path::name(&inner.ident), inner.expr));
                }
                ImplItem::Const(inner) => {
                    let presence = outer.and(self.conditions.presence(&inner.attrs));
                    if !presence.nowhere() {
                        let (ident, ty) = (&inner.ident, &inner.ty);
                        let value = inner.expr;
                        functions.push(self.value(ident, ty, value, module, presence, here));
                    }
                }
                ImplItem::Macro(inner) => self.inner_macro(inner.mac, module, outer, here),
                _ => {}
            }
        }
        self.pending.implementations.push(Implementation {
            module,
            ty,
            functions,
            constants,
        });
    }
}

/// The items in the blocks of a body.
struct Items(Vec<Item>);

impl<'ast> Visit<'ast> for Items {
    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        match stmt {
            Stmt::Item(item) => self.0.push(item.clone()),
            _ => visit::visit_stmt(self, stmt),
        }
    }
}

/// The text types that a path may have.
fn is_text(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_text(&reference.elem),
        Type::Path(ty) => ty.path.is_ident("str"),
        _ => false,
    }
}
