//! Dependencies point one way: no file of a crate needs another that needs it back, however far around.
//!
//! A file needs those whose names it takes by `use` or by a path from `crate`; through a re-export, the
//! file where the name is. Tests do not count, nor does a module's list of its own children.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, Visibility};

/// A module, or a name in one, by the segments from the crate's root.
type Name = Vec<String>;

#[derive(Default)]
struct Module {
    /// What it takes from elsewhere.
    needs: BTreeSet<Name>,
    /// What it hands on: the name here, and where it is.
    hands_on: BTreeMap<String, Name>,
}

fn modules(folder: &Path, at: &[String], all: &mut BTreeMap<Name, Module>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if stem == "tests" || stem == "bin" {
            continue;
        }
        let mut name = at.to_vec();
        if path.is_dir() {
            name.push(stem);
            modules(&path, &name, all);
        } else if path.extension().is_some_and(|it| it == "rs") {
            if !matches!(&*stem, "lib" | "main" | "mod") {
                name.push(stem);
            }
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            let mut reading = Reading {
                module: Module::default(),
                name: name.clone(),
            };
            reading.visit_file(&file);
            all.insert(name, reading.module);
        }
    }
}

struct Reading {
    module: Module,
    name: Name,
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is = |it: &Attribute| {
        it.path().is_ident("cfg") && it.parse_args::<syn::Ident>().is_ok_and(|it| it == "test")
    };
    attributes.iter().any(is)
}

impl<'ast> Visit<'ast> for Reading {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(inline) if is_test(&inline.attrs) => {}
            Item::Use(taken) if is_test(&taken.attrs) => {}
            Item::Use(taken) => {
                let mut names = Vec::new();
                flatten(&taken.tree, &[], &mut names);
                let is_handed_on = !matches!(taken.vis, Visibility::Inherited);
                for (written, called) in names {
                    let Some(name) = self.place_of(&written) else {
                        continue;
                    };
                    if is_handed_on {
                        self.module.hands_on.insert(called, name);
                    } else {
                        self.module.needs.insert(name);
                    }
                }
            }
            other => syn::visit::visit_item(self, other),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Name = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if written[0] == "crate" {
            self.module.needs.extend(self.place_of(&written));
        }
        syn::visit::visit_path(self, path);
    }
}

impl Reading {
    /// `None` for a name of another crate.
    fn place_of(&self, written: &[String]) -> Option<Name> {
        let mut at = match &*written[0] {
            "crate" => return Some(written[1..].to_vec()),
            "self" | "super" => self.name.clone(),
            _ => return None,
        };
        let mut rest = written;
        while let [first, more @ ..] = rest
            && matches!(&**first, "self" | "super")
        {
            if first == "super" {
                at.pop();
            }
            rest = more;
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }
}

fn flatten(tree: &UseTree, before: &[String], all: &mut Vec<(Name, String)>) {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), all),
        UseTree::Name(name) if name.ident == "self" => {
            all.push((before.to_vec(), before.last().unwrap().clone()));
        }
        UseTree::Name(name) => all.push((with(name.ident.to_string()), name.ident.to_string())),
        UseTree::Rename(name) => all.push((with(name.ident.to_string()), name.rename.to_string())),
        UseTree::Glob(_) => all.push((before.to_vec(), "*".to_owned())),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, all);
            }
        }
    }
}

/// The file that a name is in.
fn file_of(name: &[String], all: &BTreeMap<Name, Module>) -> Name {
    let mut name = name.to_vec();
    // A name that is handed on by modules which hand it on to each other would not compile.
    loop {
        let file = (0..=name.len())
            .rev()
            .map(|length| &name[..length])
            .find(|it| all.contains_key(*it))
            .unwrap_or_default()
            .to_vec();
        let rest = &name[file.len()..];
        match rest.first().and_then(|it| all[&file].hands_on.get(it)) {
            Some(place) => name = [place, &rest[1..]].concat(),
            None => return file,
        }
    }
}

/// Files that need each other, in order; empty where there are none.
fn circle(needs: &BTreeMap<Name, BTreeSet<Name>>) -> Vec<Name> {
    fn go(
        at: &Name,
        needs: &BTreeMap<Name, BTreeSet<Name>>,
        way: &mut Vec<Name>,
        done: &mut BTreeSet<Name>,
    ) -> Option<Vec<Name>> {
        if let Some(start) = way.iter().position(|it| it == at) {
            return Some(way[start..].to_vec());
        }
        if !done.insert(at.clone()) {
            return None;
        }
        way.push(at.clone());
        let found = needs[at].iter().find_map(|next| go(next, needs, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    let mut all = needs.keys();
    all.find_map(|from| go(from, needs, &mut Vec::new(), &mut done))
        .unwrap_or_default()
}

fn circle_in(folder: &Path) -> Vec<Name> {
    let mut all = BTreeMap::new();
    modules(folder, &[], &mut all);
    let needs = all.iter().map(|(name, module)| {
        let files = module.needs.iter().map(|it| file_of(it, &all));
        // The root lists its children, and hands on their names; a child that names its parent needs
        // what the parent has itself.
        let files = files.filter(|it| it != name && !it.is_empty());
        (name.clone(), files.collect::<BTreeSet<Name>>())
    });
    circle(&needs.collect())
}

#[test]
fn no_file_needs_another_that_needs_it_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for package in ["session-auth", "session-auth-macros", "route-audit"] {
        let circle = circle_in(&root.join(package).join("src"));
        let circle: Vec<_> = circle.iter().map(|it| it.join("::")).collect();
        assert!(
            circle.is_empty(),
            "{package}: these need each other in turn: {}",
            circle.join(" -> ")
        );
    }
}

#[test]
fn a_circle_through_a_name_that_is_handed_on_is_found() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one-way");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("b")).unwrap();
    let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    write("lib.rs", "mod a; mod b;");
    write("a.rs", "use crate::b::Inner; pub struct A(Inner);");
    write("b.rs", "mod inner; pub(crate) use self::inner::Inner;");
    write("b/inner.rs", "pub struct Inner;");
    assert!(circle_in(&folder).is_empty());
    write(
        "b/inner.rs",
        "pub struct Inner; #[cfg(test)] mod tests { use crate::a::A; }",
    );
    assert!(circle_in(&folder).is_empty());
    for back in ["use super::super::a::A;", "fn f() { crate::a::A; }"] {
        write("b/inner.rs", &format!("{back} pub struct Inner;"));
        assert_eq!(circle_in(&folder).len(), 2, "{back}");
    }
}
