//! `opaque-mount`, of the source: routes that are registered out of sight, in a router that no
//! audit shows. Where an audited router has them, it lists them.

use super::{Report, Rule, or_except, unless_fine_elsewhere};
use crate::source::graph::What;
use crate::source::scan::Scan;

pub(super) const RULE: Rule = Rule {
    code: "opaque-mount",
    check,
};

fn check(scan: &Scan<'_>, report: &mut Report<'_>) {
    let judged = scan.sites().filter_map(|site| match &site.what {
        What::Foreign(_) | What::Macro(_) => {
            Some((site, (!scan.is_reached(site.node)).then_some(())))
        }
        _ => None,
    });
    for (site, ()) in unless_fine_elsewhere(judged) {
        let function = &scan.function(site).path;
        let (message, help) = match &site.what {
            What::Foreign(name) => (
                format!(
                    "`{function}` takes in the routes of `{name}`, of another crate, which cannot \
                     be listed, and no audited router has them"
                ),
                "take them in where the router is audited",
            ),
            What::Macro(name) => (
                format!(
                    "`{function}` uses the macro `{name}`, which may register routes and cannot \
                     be read, and no audited router leads to it"
                ),
                "use it where the router is audited, or write the routes out",
            ),
            _ => continue,
        };
        let path = site.path.as_deref().map(|path| site.under.path(path));
        report.add(
            Some(function),
            &site.place,
            (Vec::new(), path),
            message,
            format!("{help}; {}", or_except(function)),
        );
    }
    for item in &scan.tables.opaque {
        let what = &item.what;
        let module = &item.module;
        let message = if what == "include!" {
            format!("`{module}` includes a file that is not found: it may register routes")
        } else {
            format!(
                "`{module}` uses the macro `{what}`, which may register routes and cannot be read"
            )
        };
        report.add(
            Some(module),
            &item.place,
            (Vec::new(), None),
            message,
            format!("write the routes out; {}", or_except(module)),
        );
    }
}
