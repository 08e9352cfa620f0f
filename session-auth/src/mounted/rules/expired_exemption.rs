//! `expired-exemption`: a declaration past its `until`.

use time::Date;

use super::super::route::Route;
use crate::finding::{Code, Finding, Related};

pub(super) fn check(routes: &[Route], today: Date, findings: &mut Vec<Finding>) {
    for route in routes {
        let Some(declaration) = &route.declaration else {
            continue;
        };
        // The day itself still counts.
        if declaration.until.is_some_and(|last| last < today) {
            let declared = Related::Declared((**declaration).clone());
            let mut finding = route.finding(Code::ExpiredExemption, vec![declared]);
            finding.subject.place = declaration.location.clone();
            findings.push(finding);
        }
    }
}
