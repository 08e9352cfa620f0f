//! What the crates of a program hold: modules, functions and what their names mean.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use syn::{Block, Expr, ReturnType, Type};

use super::cfg::{Presence, Truth};
use super::names::Space;
use super::path;
use session_auth::Methods;

/// All crates that were read.
#[derive(Default)]
pub(super) struct Tables {
    /// Where the files are that places show by a relative path.
    pub(super) workspace: PathBuf,
    pub(super) crates: Vec<Crate>,
    pub(super) modules: Vec<Module>,
    pub(super) functions: Vec<Function>,
    /// Methods and associated functions, by type and name.
    pub(super) associated: HashMap<(String, String), Vec<FnId>>,
    /// The same by name alone: what `x.routes()` may be.
    pub(super) methods: HashMap<String, Vec<FnId>>,
    /// Constants that are text, with the module that their names are looked up in.
    pub(super) constants: Vec<(ModId, Expr)>,
    /// Those of a type, by type and name.
    pub(super) associated_constants: HashMap<(String, String), ConstId>,
    /// The paths of `#[typed_path("..")]`, by type.
    pub(super) typed_paths: HashMap<String, String>,
    /// Names of fields that hold a router.
    pub(super) router_fields: HashSet<String>,
    /// `macro_rules!` whose body registers routes, by name.
    pub(super) route_macros: HashSet<String>,
    /// Items whose inside could not be read, and that may register routes.
    pub(super) opaque: Vec<OpaqueItem>,
    /// The paths that were looked up.
    pub(super) known: RefCell<HashMap<LookedUp, Meaning>>,
}

pub(super) type ModId = usize;
pub(super) type FnId = usize;
pub(super) type CrateId = usize;
pub(super) type ConstId = usize;

/// A path, where and as what it was looked up.
pub(super) type LookedUp = (ModId, Vec<String>, Space);

#[derive(Default)]
pub(super) struct Crate {
    pub(super) package: String,
    pub(super) root: ModId,
    /// Other crates that were read, under the names that they have here.
    pub(super) externs: HashMap<String, CrateId>,
    /// For the files that it includes.
    pub(super) manifest_dir: PathBuf,
    pub(super) out_dir: Option<PathBuf>,
}

#[derive(Default)]
pub(super) struct Module {
    pub(super) krate: CrateId,
    /// The enclosing module; of a function's body, the module that the function is in.
    pub(super) parent: Option<ModId>,
    /// Whether names that are not here are looked up in the parent: the body of a function.
    pub(super) is_body: bool,
    /// `my_crate::admin`, as `module_path!()` has it.
    pub(super) path: String,
    pub(super) modules: HashMap<String, ModId>,
    pub(super) functions: HashMap<String, Vec<FnId>>,
    pub(super) types: HashMap<String, TypeItem>,
    pub(super) constants: HashMap<String, ConstId>,
    pub(super) imports: HashMap<String, Vec<Vec<String>>>,
    pub(super) globs: Vec<Vec<String>>,
}

#[derive(Clone)]
pub(super) struct TypeItem {
    /// With its module.
    pub(super) path: String,
    /// What a `type` alias stands for.
    pub(super) alias: Option<Type>,
}

/// A place in a file. Lines and columns are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// As `file!()` has it.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A function, or a constant or static with its initializer.
pub(super) struct Function {
    pub(super) name: String,
    /// With its module, and its type if it has one.
    pub(super) path: String,
    pub(super) krate: CrateId,
    /// Where the names in its body are looked up.
    pub(super) scope: ModId,
    /// The type of its `impl`.
    pub(super) self_type: Option<String>,
    pub(super) place: Place,
    pub(super) presence: Presence,
    /// What has to hold for it to be compiled, as written: of itself and of its modules.
    pub(super) conditions: Vec<String>,
    pub(super) parameters: Vec<(String, Type)>,
    pub(super) type_parameters: HashSet<String>,
    pub(super) has_receiver: bool,
    pub(super) is_async: bool,
    pub(super) output: Option<Type>,
    pub(super) body: Body,
    /// The router of an audit: by name.
    pub(super) audits: Option<String>,
    /// Methods and path of its access attribute.
    pub(super) declared: Option<Endpoint>,
    /// Methods and path of `#[utoipa::path(..)]`.
    pub(super) documented: Option<Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) methods: Option<Methods>,
    pub(super) path: Option<String>,
}

pub(super) enum Body {
    Block(Box<Block>),
    Expr(Box<Expr>),
}

/// A macro or `include!` in place of items.
pub(super) struct OpaqueItem {
    pub(super) module: String,
    pub(super) what: String,
    pub(super) place: Place,
}

impl Function {
    /// Whether it is part of the program, and not of its tests alone.
    pub(super) fn in_program(&self) -> bool {
        self.presence.program != Truth::No
    }
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Functions of the crates that were read; several where `cfg` chooses.
    Functions(Vec<FnId>),
    Constant(ConstId),
    Module(ModId),
    /// A type, by its path.
    Type(String),
    /// Of another crate or not found: with aliases written out.
    Other(Vec<String>),
}

impl Tables {
    /// What a type says of what it holds.
    pub(super) fn kind_of_type(&self, scope: ModId, ty: &Type) -> Kind {
        path::kind_of_type(ty, &mut |segments| self.name(scope, segments))
    }

    pub(super) fn kind_of_output(&self, function: &Function) -> Kind {
        let Some(ty) = &function.output else {
            return Kind::Other;
        };
        path::kind_of_type(ty, &mut |segments| match (segments, &function.self_type) {
            ([name], Some(ty)) if name == "Self" => Meaning::Type(ty.clone()),
            _ => self.name(function.scope, segments),
        })
    }
}

/// What an expression gives, as far as routes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Router,
    MethodRouter,
    /// axum-extra's.
    Resource,
    Other,
    Unknown,
}

pub(super) fn output(output: &ReturnType) -> Option<Type> {
    match output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some((**ty).clone()),
    }
}
