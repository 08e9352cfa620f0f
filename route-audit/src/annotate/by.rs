//! `--by NAME`: what proves callers, and the skeleton of it for what handlers take today.

use std::collections::BTreeMap;

use cargo_metadata::Metadata;

use super::Work;
use super::record::Records;
use crate::count::count;

/// A session of the library's own.
const SESSION: &str = "session";
const ANY: &str = " | ";

/// Words in the name of a type that stands for who calls.
const CALLERS: &str = "account actor admin auth caller claims current identity jwt login member principal \
    session token user viewer";

/// What handlers take, by which they may know their callers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taken {
    /// An extractor of the service's own.
    Own(String),
    /// What a middleware has put on the request.
    Extension(String),
    /// The service's back end, for axum-login.
    AxumLogin(String),
    /// A session of tower-sessions.
    TowerSession,
}

/// Reads `--by`.
///
/// # Errors
///
/// It is no name, and no names with ` | ` between them.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let names: Vec<&str> = text.split(ANY).collect();
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(allowed);
    if !names.iter().all(is_name) {
        return Err(
            "a name has `a`-`z`, `0`-`9`, `_` and `-`; several are written `a | b`".to_owned(),
        );
    }
    let twice = (1..names.len()).find(|&at| names[..at].contains(&names[at]));
    match twice {
        Some(at) => Err(format!("`{}` is there twice", names[at])),
        None => Ok(text.to_owned()),
    }
}

impl Work<'_> {
    /// What is asked for, where that is not a session alone.
    pub(super) fn by(&self) -> Option<&str> {
        let by = self.ask.args.by.as_deref();
        by.filter(|by| *by != SESSION)
    }
}

/// Says it in the attribute, which is the last line.
pub(super) fn in_attribute(lines: &mut [String], by: Option<&str>) {
    if let (Some(line), Some(by)) = (lines.last_mut(), by)
        && let Some(start) = line.strip_suffix(")]")
    {
        *line = format!("{start}, by = {by:?})]");
    }
}

/// Says it in a declaration in place.
pub(super) fn in_place(inline: String, by: Option<&str>) -> String {
    match by {
        Some(by) => format!("{inline}.by({by:?})"),
        None => inline,
    }
}

/// The names of the authenticators.
fn authenticators(by: &str) -> Vec<&str> {
    let mut names: Vec<&str> = by.split(ANY).collect();
    names.retain(|name| *name != SESSION);
    names
}

/// What the layer is built by.
pub(super) fn builder(by: Option<&str>) -> String {
    let with_keys = "builder(Keys::from_env()?)";
    let Some(by) = by else {
        return with_keys.to_owned();
    };
    let names = authenticators(by);
    let start = if names.len() < by.split(ANY).count() {
        with_keys
    } else {
        "builder_without_sessions()"
    };
    let names = names
        .iter()
        .map(|name| format!(".authenticator({name:?}, ..)"));
    format!("{start}{}", names.collect::<String>())
}

/// What the handlers of the record take, what most of them take first.
pub(super) fn taken(records: &Records, metadata: &Metadata) -> Vec<(Taken, usize)> {
    let members = metadata.workspace_packages();
    let own: Vec<String> = members
        .iter()
        .flat_map(|package| package.targets.iter())
        .map(|target| target.name.replace('-', "_"))
        .collect();
    let mut by_function: BTreeMap<&str, Vec<Taken>> = BTreeMap::new();
    for row in records.0.iter().flatten() {
        if let (Some(function), Some(takes)) = (&row.function, &row.takes) {
            by_function.insert(function, of_tuple(takes, &own));
        }
    }
    let mut counts: BTreeMap<Taken, usize> = BTreeMap::new();
    for taken in by_function.into_values().flatten() {
        *counts.entry(taken).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Of a tuple of extractors, those that may say who calls, each once.
fn of_tuple(takes: &str, own: &[String]) -> Vec<Taken> {
    let inside = takes.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
    let mut taken: Vec<Taken> = Vec::new();
    for ty in parts(inside.unwrap_or_default()) {
        if let Some(one) = of_type(ty, own)
            && !taken.contains(&one)
        {
            taken.push(one);
        }
    }
    taken
}

fn of_type(ty: &str, own: &[String]) -> Option<Taken> {
    let (path, arguments) = match ty.split_once('<') {
        Some((path, rest)) => (path, parts(rest.strip_suffix('>')?)),
        None => (ty, Vec::new()),
    };
    let (first, last) = (path.split("::").next()?, path.rsplit("::").next()?);
    let argument = || arguments.first().map(|ty| (*ty).to_owned());
    match (first, last) {
        ("core", "Option" | "Result") => of_type(arguments.first()?, own),
        ("axum", "Extension") => {
            let of = argument()?;
            is_caller(&of, own).then_some(Taken::Extension(of))
        }
        ("axum_login", "AuthSession") => argument().map(Taken::AxumLogin),
        ("tower_sessions_core", "Session") => Some(Taken::TowerSession),
        _ => is_caller(ty, own).then(|| Taken::Own(ty.to_owned())),
    }
}

/// Whether this is a type of the service's own that is called as one who calls.
fn is_caller(ty: &str, own: &[String]) -> bool {
    let path = ty.split('<').next().unwrap_or_default();
    let (Some(first), Some(last)) = (path.split("::").next(), path.rsplit("::").next()) else {
        return false;
    };
    let last = last.to_ascii_lowercase();
    own.iter().any(|name| name == first) && CALLERS.split(' ').any(|word| last.contains(word))
}

/// What stands between the commas that are in no brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut all) = (0_u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            // `->` closes nothing.
            '>' if text[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(text[start..].trim());
    all.retain(|part| !part.is_empty());
    all
}

/// What is printed of the authenticator, to be pasted.
pub(super) fn skeleton(by: Option<&str>, taken: &[(Taken, usize)]) -> String {
    let Some(name) = by.and_then(|by| authenticators(by).first().copied()) else {
        return String::new();
    };
    let Some(((first, most), others)) = taken.split_first() else {
        return format!(
            "\nBy what handlers know their callers today is not seen: no type of theirs is called as one. What \
             `by = {name:?}`\nmeans is an `Authenticate`, or one that is built in: `session_auth::authenticate`.\n"
        );
    };
    let what = |taken: &Taken| match taken {
        Taken::Own(ty) | Taken::Extension(ty) => ty.clone(),
        Taken::AxumLogin(of) => format!("axum_login::AuthSession<{of}>"),
        Taken::TowerSession => "tower_sessions::Session".to_owned(),
    };
    let mut text = format!(
        "\n{} by `{}` today",
        if *most == 1 {
            "1 handler knows its callers".to_owned()
        } else {
            format!("{} know their callers", count(*most, "handler"))
        },
        what(first)
    );
    if !others.is_empty() {
        let others = others
            .iter()
            .map(|(taken, count)| format!("`{}` ({count})", what(taken)));
        text.push_str(&format!(
            ", others by {}",
            others.collect::<Vec<_>>().join(", ")
        ));
    }
    text.push_str(&match first {
        Taken::Own(ty) => of_own(name, &in_crate(ty)),
        Taken::Extension(ty) => registered(
            name,
            &format!("Extension::<{}>::new()", in_crate(ty)),
            "The middleware that puts it there goes outside of the guards: `auth.protect(routes())?.layer(..)`.",
        ),
        Taken::AxumLogin(of) => registered(
            name,
            &format!(
                "Extension::of(|login: &axum_login::AuthSession<{}>| login.user.clone())",
                in_crate(of)
            ),
            "axum-login's layer goes outside of the guards: `auth.protect(routes())?.layer(auth_layer)`.",
        ),
        Taken::TowerSession => registered(
            name,
            "TowerSessions::<String>::new(\"TODO(access): the key that the login sets\")",
            "It needs the feature `tower-sessions`. The layer of the sessions goes outside of the guards:\n\
             `auth.protect(routes())?.layer(sessions)`.",
        ),
    });
    text
}

fn registered(name: &str, value: &str, layer: &str) -> String {
    format!(
        ". That is built in, in `session_auth::authenticate`:\n\n    .authenticator({name:?}, {value})\n\n{layer}\n"
    )
}

/// The compiler's name without the crate: the text is pasted into that.
fn in_crate(ty: &str) -> String {
    match ty.split_once("::") {
        Some((_, rest)) => format!("crate::{rest}"),
        None => ty.to_owned(),
    }
}

fn of_own(name: &str, ty: &str) -> String {
    let last = ty.split('<').next().unwrap_or(ty);
    let last = last.rsplit("::").next().unwrap_or(last);
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    let by: String = words
        .map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..]))
        .collect();
    // It begins with a letter, as every type does.
    let by = format!("By{by}");
    format!(
        ". What its `FromRequestParts` does is\nfor an authenticator to do, once for all routes:\n\n    \
         /// What it needs: a pool, the key of the tokens.\n    \
         pub struct {by};\n\n    \
         impl session_auth::authenticate::Authenticate for {by} {{\n        \
             type Identity = {ty};\n\n        \
             fn authenticate(\n            \
                 &self,\n            \
                 request: &session_auth::authenticate::RequestParts<'_>,\n        \
             ) -> session_auth::authenticate::Verdict<Self::Identity> {{\n            \
                 use session_auth::authenticate::{{Proof, Refusal, Verdict}};\n            \
                 let token = match request.bearer() {{\n                \
                     Ok(token) => token.to_owned(),\n                \
                     Err(refusal) => return refusal.into(),\n            \
                 }};\n            \
                 Verdict::later(async move {{\n                \
                     // TODO(access): as in `FromRequestParts` of `{last}`\n                \
                     let found: Option<{ty}> = None;\n                \
                     let _ = token;\n                \
                     found.map(Proof::new).ok_or(Refusal::BadSignature(\"no such caller\"))\n            \
                 }})\n        \
             }}\n    \
         }}\n\n\
         It is registered by `.authenticator({name:?}, {by})`, and handlers take `Identity<{last}>` in place of \
         `{last}`.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_mistakes() {
        for good in ["api", "session", "session | api", "jwt-2 | a_b"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "Api", "a|b", "a | ", "a | a", "a b", "é"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_handlers_take_is_read_from_the_compilers_names() {
        let own = ["shop".to_owned()];
        for (takes, expected) in [
            ("((),)", vec![]),
            (
                "(axum_core::extract::private::ViaParts, shop::auth::AuthUser)",
                vec![Taken::Own("shop::auth::AuthUser".to_owned())],
            ),
            (
                "(axum_core::extract::private::ViaRequest, axum::extract::state::State<shop::UserStore>, \
                 core::option::Option<shop::Claims<u8, (u8, u8)>>, axum::json::Json<shop::User>)",
                vec![Taken::Own("shop::Claims<u8, (u8, u8)>".to_owned())],
            ),
            (
                "(axum_core::extract::private::ViaParts, axum::extension::Extension<shop::User>, \
                 axum::extension::Extension<shop::Pool>)",
                vec![Taken::Extension("shop::User".to_owned())],
            ),
            (
                "(axum_core::extract::private::ViaParts, axum_login::session::AuthSession<shop::Backend>)",
                vec![Taken::AxumLogin("shop::Backend".to_owned())],
            ),
            (
                "(axum_core::extract::private::ViaParts, tower_sessions_core::session::Session)",
                vec![Taken::TowerSession],
            ),
            (
                "(axum_core::extract::private::ViaParts, other::AuthUser, shop::Page)",
                vec![],
            ),
        ] {
            assert_eq!(of_tuple(takes, &own), expected, "{takes}");
        }
    }

    #[test]
    fn a_declaration_says_it() {
        let mut lines = vec![
            "// TODO".to_owned(),
            "#[a::session_route(GET, \"/a\")]".to_owned(),
        ];
        in_attribute(&mut lines, Some("session | api"));
        assert_eq!(
            lines,
            [
                "// TODO",
                "#[a::session_route(GET, \"/a\", by = \"session | api\")]"
            ]
        );
        assert_eq!(in_place("a".to_owned(), Some("api")), "a.by(\"api\")");
        assert_eq!(builder(None), "builder(Keys::from_env()?)");
        assert_eq!(
            builder(Some("api")),
            "builder_without_sessions().authenticator(\"api\", ..)"
        );
        assert_eq!(
            builder(Some("session | api")),
            "builder(Keys::from_env()?).authenticator(\"api\", ..)"
        );
    }
}
