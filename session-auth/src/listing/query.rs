//! Filter and order, from the query of the URL.

use std::cmp::Reverse;

use percent_encoding::percent_decode_str;

use super::form::Route;

/// What of the listing is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) only: Option<Only>,
    pub(super) class: Option<Class>,
    pub(super) owner: Option<String>,
    pub(super) text: Option<String>,
    pub(super) sort: Sort,
    pub(super) ascending: Option<bool>,
    pub(super) from: usize,
    pub(super) asset: Option<Asset>,
}

/// The names of a parameter's values, and what they stand for.
macro_rules! values {
    ($(#[$doc:meta])* $name:ident { $($value:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($value,)* }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$value,)*];

            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }

            fn parse(parameter: &str, text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("{parameter}={text:?} is not known: write one of {}", all.join(", "))
                })
            }
        }
    };
}

values! { Only { Exempt => "exempt", Hurting => "hurting", } }
values! { Class {
    Public => "public", Webhook => "webhook", Session => "session", Unclassified => "unclassified",
} }
values! { Sort {
    Path => "path", Class => "class", Passed => "passed", Denied => "denied",
    Verified => "verified", Refused => "refused",
} }
values! {
    /// A file of the page's.
    Asset { Style => "style.css", Script => "script.js", }
}
values! { Order { Ascending => "asc", Descending => "desc", } }

#[expect(clippy::derivable_impls, reason = "the enum is a macro's")]
impl Default for Sort {
    fn default() -> Self {
        Self::Path
    }
}

impl Query {
    /// Reads the query of a URL; says what is wrong with it.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value)
                .decode_utf8()
                .map_err(|_| format!("the value of {name:?} is not UTF-8"))?;
            // What a form sends for a field that was left empty.
            if value.is_empty() {
                continue;
            }
            match name {
                "only" => parsed.only = Some(Only::parse(name, &value)?),
                "class" => parsed.class = Some(Class::parse(name, &value)?),
                "owner" => parsed.owner = Some(value.into_owned()),
                "q" => parsed.text = Some(value.into_owned()),
                "sort" => parsed.sort = Sort::parse(name, &value)?,
                "order" => {
                    parsed.ascending = Some(Order::parse(name, &value)? == Order::Ascending);
                }
                "from" => {
                    parsed.from = value
                        .parse()
                        .map_err(|_| format!("from={value:?} is no number of a route"))?;
                }
                "asset" => parsed.asset = Some(Asset::parse(name, &value)?),
                _ => {
                    return Err(format!(
                        "{name:?} is no parameter: write only, class, owner, q, sort, order or from"
                    ));
                }
            }
        }
        Ok(parsed)
    }

    /// Counts and times begin with the most.
    pub(super) fn is_ascending(&self) -> bool {
        self.ascending
            .unwrap_or(matches!(self.sort, Sort::Path | Sort::Class))
    }

    pub(super) fn apply(&self, routes: &mut Vec<Route>) {
        routes.retain(|route| self.takes(route));
        routes.sort_by(|a, b| (&a.path, &a.methods).cmp(&(&b.path, &b.methods)));
        match self.sort {
            Sort::Path => {}
            Sort::Class => routes.sort_by_key(|route| route.class),
            Sort::Passed => routes.sort_by_key(|route| route.passed),
            Sort::Denied => routes.sort_by_key(|route| route.denied.values().sum::<u64>()),
            Sort::Verified => routes.sort_by(|a, b| a.last_verified.cmp(&b.last_verified)),
            Sort::Refused => routes.sort_by(|a, b| a.last_denied.cmp(&b.last_denied)),
        }
        if !self.is_ascending() {
            routes.reverse();
        }
        // What hurts comes first, however the rest is ordered.
        routes.sort_by_key(|route| Reverse(is_hurting(route)));
    }

    fn takes(&self, route: &Route) -> bool {
        let only = match self.only {
            None => true,
            Some(Only::Exempt) => matches!(route.class, Some("public" | "webhook")),
            Some(Only::Hurting) => is_hurting(route),
        };
        let class = self.class.is_none_or(|class| match class {
            Class::Unclassified => route.class.is_none(),
            _ => route.class == Some(class.as_str()),
        });
        let owner = self.owner.is_none() || self.owner == route.owner;
        let text = self.text.as_deref().is_none_or(|text| {
            let text = text.to_lowercase();
            let all = [
                Some(&route.route),
                route.handler.as_ref(),
                route.reason.as_ref(),
                route.verifier.as_ref(),
                route.by.as_ref(),
                route.owner.as_ref(),
                route.file.as_ref(),
            ];
            all.into_iter()
                .flatten()
                .any(|it| it.to_lowercase().contains(&text))
        });
        only && class && owner && text
    }
}

fn is_hurting(route: &Route) -> bool {
    !route.alarms.is_empty() || route.unclassified > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (query, said) in [
            (
                "only=exemt",
                "only=\"exemt\" is not known: write one of exempt, hurting",
            ),
            (
                "class=admin",
                "write one of public, webhook, session, unclassified",
            ),
            ("sort=-path", "write one of path, class"),
            ("order=up", "write one of asc, desc"),
            ("from=-1", "from=\"-1\" is no number"),
            ("onyl=exempt", "\"onyl\" is no parameter"),
            ("q=%ff", "the value of \"q\" is not UTF-8"),
        ] {
            let error = Query::parse(query).expect_err(query);
            assert!(error.contains(said), "{query}: {error}");
        }
    }

    #[test]
    fn a_query_is_read_as_a_form_sends_it() {
        let query = Query::parse("only=&q=mail+box%21&sort=denied&from=10").expect("it is one");
        assert_eq!(query.only, None);
        assert_eq!(query.text.as_deref(), Some("mail box!"));
        assert!(!query.is_ascending());
        assert_eq!(query.from, 10);
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }
}
