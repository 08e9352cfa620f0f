//! `expired-exemption`: a declaration past its `until`.

use time::{Date, Month};

use super::{Report, Rule, at_declaration, label};
use crate::audit::report::{Class, Severity};
use crate::audit::view::{Scope, View};

pub(super) const RULE: Rule = Rule {
    code: "expired-exemption",
    severity: Severity::Error,
    needs: Scope::OneRouter,
    check,
};

fn check(view: &View<'_>, report: &mut Report<'_>) {
    for one in view.in_scope() {
        let record = &one.record;
        let Some(until) = &record.until else {
            continue;
        };
        let what = label(&record.methods, record.path.as_deref());
        let message = match parse(until) {
            // The day itself still counts.
            Some(day) if view.today <= day => continue,
            Some(_) => {
                let class = match record.class {
                    Some(Class::Public) => "public",
                    Some(Class::Webhook) => "a webhook",
                    Some(Class::Session) => "a session route",
                    None => "exempt",
                };
                format!("{what} was to be {class} until {until}, and that day has passed")
            }
            // Written by another version, or by hand: not a reason to let it pass.
            None => format!("the `until` of {what}, {until:?}, is not a date"),
        };
        report.add(
            at_declaration(record),
            message,
            "remove the route or give it the class that it should have now; if it still needs \
             this one, move `until` to a later day"
                .to_owned(),
        );
    }
}

/// A day as [`Date`] prints it: `2027-01-31`.
fn parse(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then_some(part)
    };
    let year = part(4)?.parse().ok()?;
    let month: u8 = part(2)?.parse().ok()?;
    let day = part(2)?.parse().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_they_are_printed() {
        let day = Date::from_calendar_date(2027, Month::January, 31).unwrap();
        assert_eq!(parse(&day.to_string()), Some(day));
        for wrong in [
            "",
            "2027-1-31",
            "2027-02-30",
            "2027-01-31x",
            "+027-01-31",
            "2027-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
