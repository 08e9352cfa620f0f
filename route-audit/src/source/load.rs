//! Reads a crate: from its root file, through its modules, as far as `cfg` lets it.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, Item, ItemMod, Lit, Macro, Meta};

use super::cfg::{Conditions, Platform, Presence, Truth};
use super::pending::{Pending, PendingMacro};
use super::skim::skim;
use super::tables::{Crate, CrateId, ModId, Module, OpaqueItem, Place, Tables};
use super::{macros, path};
use crate::error::{CannotRun, Problem};

/// A library or program to read.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    /// The package's name.
    pub(super) package: String,
    /// As `module_path!()` has it.
    pub(super) name: String,
    pub(super) root: PathBuf,
    pub(super) manifest_dir: PathBuf,
    /// What the package's build script wrote to, where there is one.
    pub(super) out_dir: Option<PathBuf>,
    pub(super) features: BTreeSet<String>,
    /// What it is built with, and not without.
    pub(super) required_features: Vec<String>,
    /// Other targets of the list, by the names that they have in this one.
    pub(super) externs: HashMap<String, CrateId>,
}

/// Reads the targets. Paths are shown relative to the workspace, as `file!()` has them.
pub(super) fn load(
    targets: &[Target],
    workspace: &Path,
    platform: &Platform,
) -> Result<Tables, CannotRun> {
    let mut tables = Tables {
        workspace: workspace.to_owned(),
        ..Tables::default()
    };
    let mut problems = Vec::new();
    let mut pending = Pending::default();
    for (krate, target) in targets.iter().enumerate() {
        let root = tables.modules.len();
        tables.modules.push(Module {
            krate,
            path: target.name.clone(),
            ..Module::default()
        });
        tables.crates.push(Crate {
            package: target.package.clone(),
            root,
            externs: target.externs.clone(),
            manifest_dir: target.manifest_dir.clone(),
            out_dir: target.out_dir.clone(),
        });
        Loader {
            tables: &mut tables,
            pending: &mut pending,
            problems: &mut problems,
            conditions: Conditions {
                features: &target.features,
                platform,
            },
            target,
            krate,
            workspace,
            open: Vec::new(),
            gates: Vec::new(),
        }
        .root(root);
    }
    CannotRun::unless_none(problems)?;
    pending.finish(&mut tables);
    Ok(tables)
}

pub(super) struct Loader<'a> {
    pub(super) tables: &'a mut Tables,
    pub(super) pending: &'a mut Pending,
    problems: &'a mut Vec<Problem>,
    pub(super) conditions: Conditions<'a>,
    target: &'a Target,
    pub(super) krate: CrateId,
    workspace: &'a Path,
    /// The files that lead here, against one that includes itself.
    open: Vec<PathBuf>,
    /// The conditions of the items that lead here.
    pub(super) gates: Vec<String>,
}

/// Where the files of a module's modules are.
#[derive(Clone)]
pub(super) struct Here {
    /// As shown.
    pub(super) file: String,
    /// The file's folder.
    folder: PathBuf,
    /// The folder of the module's own modules.
    children: PathBuf,
    /// Inside `mod x { .. }`.
    inline: bool,
}

impl Loader<'_> {
    fn root(&mut self, module: ModId) {
        let target = self.target;
        let folder = target.root.parent().unwrap_or(&target.root);
        let mut presence = Presence::CERTAIN;
        if let required @ [_, ..] = target.required_features.as_slice() {
            self.gates.push(format!("required-features = {required:?}"));
            let all = required.iter().all(|one| target.features.contains(one));
            let built = self.conditions.platform.decide(|| all.into());
            presence = Presence {
                program: built,
                tests: built,
            };
        }
        if !presence.nowhere() {
            self.file(&target.root, folder, module, presence);
        }
    }

    fn shown(&self, file: &Path) -> String {
        shown(file, self.workspace)
    }

    /// Reads a file of items into a module.
    fn file(&mut self, file: &Path, children: &Path, module: ModId, presence: Presence) {
        let shown = self.shown(file);
        if self.open.iter().any(|open| open == file) {
            self.problems.push(
                Problem::new(format!("`{shown}` is a module of itself"))
                    .at(&shown)
                    .help("remove one of the `mod` items that lead in a circle"),
            );
            return;
        }
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                self.problems.push(
                    Problem::new(format!("cannot read the source: {error}"))
                        .at(&shown)
                        .help("the audit reads each file that is part of the program"),
                );
                return;
            }
        };
        let items = match parse(&text) {
            Ok(items) => items,
            Err(error) => {
                let at = place(error.span(), &shown);
                self.problems.push(
                    Problem::new(format!("cannot parse the source: {error}"))
                        .at(format!("{shown}:{}:{}", at.line, at.column))
                        .help(
                            "if `cargo check` takes it, the syntax is newer than this version of \
                             route-audit: update it",
                        ),
                );
                return;
            }
        };
        let here = Here {
            file: shown,
            folder: file.parent().unwrap_or(file).to_owned(),
            children: children.to_owned(),
            inline: false,
        };
        self.open.push(file.to_owned());
        self.items(items, module, presence, &here);
        self.open.pop();
    }

    pub(super) fn items(&mut self, items: Vec<Item>, module: ModId, outer: Presence, here: &Here) {
        for item in items {
            let presence = outer.and(self.conditions.presence(attrs(&item)));
            if presence.nowhere() {
                continue;
            }
            let outside = self.gates.len();
            // A function adds its own.
            if !matches!(item, Item::Fn(_)) {
                let conditions = self.conditions.written(attrs(&item));
                self.gates.extend(conditions);
            }
            self.item(item, module, presence, here);
            self.gates.truncate(outside);
        }
    }

    /// <https://doc.rust-lang.org/reference/items/modules.html#module-source-filenames>
    pub(super) fn module(&mut self, item: ItemMod, parent: ModId, presence: Presence, here: &Here) {
        let name = path::name(&item.ident);
        let module = self.submodule(&name, parent);
        let given = self.path_attribute(&item.attrs).map(|given| {
            if here.inline {
                here.children.join(given)
            } else {
                here.folder.join(given)
            }
        });
        if let Some((_, items)) = item.content {
            let here = Here {
                children: given.unwrap_or_else(|| here.children.join(&name)),
                inline: true,
                ..here.clone()
            };
            self.items(items, module, presence, &here);
            return;
        }
        if let Some(file) = given {
            if file.is_file() || presence.program == Truth::Yes {
                let folder = file.parent().unwrap_or(&file).to_owned();
                self.file(&file, &folder, module, presence);
            }
            return;
        }
        let children = here.children.join(&name);
        let beside = here.children.join(format!("{name}.rs"));
        let inside = children.join("mod.rs");
        if beside.is_file() {
            self.file(&beside, &children, module, presence);
        } else if inside.is_file() {
            self.file(&inside, &children, module, presence);
        } else if presence.program == Truth::Yes {
            let at = place(item.ident.span(), &here.file);
            self.problems.push(
                Problem::new(format!(
                    "module `{name}` has no file: neither {} nor {} exists",
                    self.shown(&beside),
                    self.shown(&inside)
                ))
                .at(format!("{}:{}:{}", at.file, at.line, at.column))
                .help("add the file, or put a `cfg` on the module that says when it is there"),
            );
        }
    }

    fn path_attribute(&self, attrs: &[Attribute]) -> Option<String> {
        self.conditions
            .effective(attrs)
            .iter()
            .find_map(|meta| match meta {
                Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                    Expr::Lit(literal) => match &literal.lit {
                        Lit::Str(text) => Some(text.value()),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            })
    }

    pub(super) fn item_macro(
        &mut self,
        mut mac: Macro,
        module: ModId,
        presence: Presence,
        here: &Here,
    ) {
        let name = path::last(&mac.path).unwrap_or_default();
        if name == "include" {
            self.include(&mac, module, presence, here);
            return;
        }
        if name == "cfg_if"
            && let Ok(branches) = mac.parse_body_with(macros::cfg_if)
        {
            let mut earlier = Presence::CERTAIN;
            for (condition, items) in branches {
                let holds = condition.map_or(Presence::CERTAIN, |attr| {
                    self.conditions.presence(std::slice::from_ref(&attr))
                });
                let inside = presence.and(earlier).and(holds);
                if !inside.nowhere() {
                    self.items(items, module, inside, here);
                }
                earlier = earlier.and(Presence {
                    program: holds.program.not(),
                    tests: holds.tests.not(),
                });
            }
            return;
        }
        // A macro of the user's, around plain items: when they are there, it knows.
        if name != "audited_router"
            && let Ok(items) = mac.parse_body_with(macros::items)
            && !items.is_empty()
        {
            let maybe = Presence {
                program: Truth::Maybe,
                tests: Truth::Maybe,
            };
            self.items(items, module, presence.and(maybe), here);
            // What is left to judge is its name.
            mac.tokens = proc_macro2::TokenStream::new();
        }
        let place = place_of(&mac, &here.file);
        self.pending.macros.push(PendingMacro {
            module,
            mac,
            place,
            presence,
            conditions: self.gates.clone(),
        });
    }

    /// `include!("routes.rs")`, and of what the build script wrote.
    fn include(&mut self, mac: &Macro, module: ModId, presence: Presence, here: &Here) {
        let file = macros::included(
            mac,
            &self.target.manifest_dir,
            self.target.out_dir.as_deref(),
        )
        .map(|file| here.folder.join(file));
        match file {
            Some(file) if file.is_file() => {
                let folder = file.parent().unwrap_or(&file).to_owned();
                self.file(&file, &folder, module, presence);
            }
            _ => self.tables.opaque.push(OpaqueItem {
                module: self.tables.modules[module].path.clone(),
                what: "include!".to_owned(),
                place: place_of(mac, &here.file),
            }),
        }
    }
}

/// As `file!()` has it.
pub(super) fn shown(file: &Path, workspace: &Path) -> String {
    let relative = file.strip_prefix(workspace).unwrap_or(file);
    relative.display().to_string()
}

fn parse(text: &str) -> syn::Result<Vec<Item>> {
    // `#!/usr/bin/env ..`, but not `#![..]`. Commented out, so that lines keep their numbers.
    let script = text.starts_with("#!") && !text[2..].trim_start().starts_with('[');
    let tokens = if script {
        TokenStream::from_str(&format!("//{text}"))
    } else {
        TokenStream::from_str(text)
    };
    Ok(syn::parse2::<syn::File>(skim(tokens?))?.items)
}

fn attrs(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(super) fn place(span: Span, file: &str) -> Place {
    let start = span.start();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        file: file.to_owned(),
        line: count(start.line).max(1),
        column: count(start.column).saturating_add(1),
    }
}

pub(super) fn place_of(mac: &Macro, file: &str) -> Place {
    let first = mac.path.segments.first();
    place(
        first.map_or_else(Span::call_site, |first| first.ident.span()),
        file,
    )
}
