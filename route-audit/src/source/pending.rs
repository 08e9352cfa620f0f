//! What the names in a crate mean, where that takes all of its names.

use std::collections::HashSet;

use syn::{Expr, Macro, Meta};

use super::cfg::{Presence, Truth};
use super::tables::{Body, FnId, Function, Meaning, ModId, OpaqueItem, Place, Tables};
use super::{attributes, macros, path};

/// Left to be told when all names are known.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) attributes: Vec<(FnId, Meta)>,
    pub(super) implementations: Vec<Implementation>,
    pub(super) macros: Vec<PendingMacro>,
}

/// Of a type, or the default methods of a trait.
pub(super) struct Implementation {
    pub(super) module: ModId,
    /// As written.
    pub(super) ty: Vec<String>,
    pub(super) functions: Vec<FnId>,
    pub(super) constants: Vec<(String, Expr)>,
}

pub(super) struct PendingMacro {
    pub(super) module: ModId,
    pub(super) mac: Macro,
    pub(super) place: Place,
    pub(super) presence: Presence,
    /// As those of a function.
    pub(super) conditions: Vec<String>,
}

impl Pending {
    pub(super) fn finish(self, tables: &mut Tables) {
        for Implementation {
            module,
            ty,
            functions,
            constants,
        } in self.implementations
        {
            let path = match tables.name(module, &ty) {
                Meaning::Type(path) => path,
                Meaning::Other(path) => path.join("::"),
                _ => ty.join("::"),
            };
            let ty = path.rsplit("::").next().unwrap_or(&path).to_owned();
            for id in functions {
                let module = tables.modules[module].path.clone();
                let function = &mut tables.functions[id];
                function.self_type = Some(path.clone());
                function.path = format!("{module}::{ty}::{}", function.name);
                let name = function.name.clone();
                tables.methods.entry(name.clone()).or_default().push(id);
                let key = (path.clone(), name);
                tables.associated.entry(key).or_default().push(id);
            }
            for (name, value) in constants {
                let key = (path.clone(), name);
                let id = tables.constants.len();
                tables.constants.push((module, value));
                tables.associated_constants.insert(key, id);
            }
        }
        for (id, meta) in self.attributes {
            let segments = path::segments(meta.path());
            let name = match tables.name(tables.functions[id].scope, &segments) {
                Meaning::Other(path) => path,
                _ => segments,
            };
            let (last, before) = match name.as_slice() {
                [.., before, last] => (last.as_str(), before.as_str()),
                [last] => (last.as_str(), ""),
                [] => continue,
            };
            let function = &mut tables.functions[id];
            match (before, last) {
                (_, "audited_router") => function.audits = Some(function.name.clone()),
                (_, "public_route" | "webhook_route" | "session_route") => {
                    function.declared = attributes::access(&meta);
                }
                ("utoipa", "path") => function.documented = attributes::documented(&meta),
                _ => {}
            }
        }
        for PendingMacro {
            module,
            mac,
            place,
            presence,
            conditions,
        } in self.macros
        {
            let segments = path::segments(&mac.path);
            let name = match tables.name(module, &segments) {
                Meaning::Other(path) => path,
                _ => segments,
            };
            let name = name.last().cloned().unwrap_or_default();
            if macros::is_audited_router(&name)
                && let Ok(routers) = mac.parse_body_with(macros::named)
            {
                for (router, value) in routers {
                    tables.functions.push(Function {
                        name: router.clone(),
                        path: format!("{}::{router}", tables.modules[module].path),
                        krate: tables.modules[module].krate,
                        scope: module,
                        self_type: None,
                        place: place.clone(),
                        // The expression is compiled into the test alone.
                        presence: Presence {
                            program: Truth::No,
                            ..presence
                        },
                        conditions: conditions.clone(),
                        parameters: Vec::new(),
                        type_parameters: HashSet::new(),
                        has_receiver: false,
                        is_async: false,
                        output: None,
                        body: Body::Expr(Box::new(value)),
                        audits: Some(router),
                        declared: None,
                        documented: None,
                    });
                }
            } else if presence.program != Truth::No
                && !macros::registers_nothing(&name)
                && (tables.route_macros.contains(&name) || macros::may_register(&name, &mac))
            {
                tables.opaque.push(OpaqueItem {
                    module: tables.modules[module].path.clone(),
                    what: format!("{name}!"),
                    place,
                });
            }
        }
    }
}
