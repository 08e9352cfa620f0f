//! `unmonitored-webhook`: a webhook that can fall silent without anybody noticing.

use super::{Report, Rule, at_declaration, label};
use crate::audit::report::{Class, Severity};
use crate::audit::view::{Scope, View};

pub(super) const RULE: Rule = Rule {
    code: "unmonitored-webhook",
    severity: Severity::Warning,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    for one in view.in_scope() {
        let record = &one.record;
        if record.class != Some(Class::Webhook) || record.expect_every.is_some() {
            continue;
        }
        report.add(
            at_declaration(record),
            format!(
                "{} is a webhook without `expect_every`: nothing will tell when its deliveries stop",
                label(&record.methods, record.path.as_deref())
            ),
            "add the longest time that should pass between two deliveries: `expect_every = \"6h\"`"
                .to_owned(),
        );
    }
}
