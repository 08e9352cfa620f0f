//! `unnamed-route`: a handler with an attribute was mounted by axum's own functions.

use super::super::route::Route;
use super::super::stand_in::went_out;
use crate::access::DeclarationRef;
use crate::finding::{Code, Finding, Related};

pub(super) fn check(route: &Route, findings: &mut Vec<Finding>) {
    // What `declare_route!` speaks for has no handler of its own to mount.
    if let (false, Some(declaration)) = (route.named, &route.declaration)
        && !declaration.handler.is_empty()
        // Then it asks for its pass, whoever has mounted it.
        && !matches!(declaration, DeclarationRef::Static(one) if went_out(one))
    {
        let declared = Related::Declared((**declaration).clone());
        findings.push(route.finding(Code::UnnamedRoute, vec![declared]));
    }
}
