//! What a path may look like.
//!
//! Everything that axum's `Router::route` or its matcher (matchit 0.8.4, `tree.rs`:
//! `find_wildcard`, `insert_route`, `normalize_params`) would panic on at start is refused here,
//! at compile time. So is what could be registered, but never be reached as it reads, since a URL's
//! path has no query, and what a proxy or a service may read as another path.

/// What is wrong with a path, each sentence with its remedy. Empty for a good one.
pub(crate) fn problems(path: &str) -> Vec<String> {
    if path.is_empty() {
        return vec!["the path is empty: the root is `\"/\"`".to_owned()];
    }
    let mut problems = Vec::new();
    if !path.starts_with('/') {
        problems.push(format!(
            "a path starts with `/`: write `\"/{path}\"`, the full path as a client sees it"
        ));
    }
    problems.extend(characters(path));
    problems.extend(segments(path));
    if let Err(problem) = parameters(path) {
        problems.push(problem);
    }
    problems
}

/// Whether a path can be what this describes.
pub(crate) fn glob(glob: &str) -> Result<(), String> {
    if !glob.contains('*') {
        return Err(format!(
            "has no `*`, and so is a path: write `{glob:?}` after the methods"
        ));
    }
    if glob.contains("**") {
        return Err(
            "has `**`: a `*` stands for characters of one segment, and there is no other"
                .to_owned(),
        );
    }
    // Any character that a path may have, to be told from those that stand there.
    let path = glob.replace('*', "\u{2217}");
    match problems(&path).into_iter().next() {
        Some(problem) => Err(format!("is no path: {}", problem.replace('\u{2217}', "*"))),
        None => Ok(()),
    }
}

fn characters(path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(c) = path.chars().find(|c| c.is_whitespace() || c.is_control()) {
        problems.push(format!(
            "a path has no white space and no control characters: remove {c:?}"
        ));
    }
    if path.contains('?') {
        problems.push(
            "a route is matched by path alone: remove the query, `?` and all after it".to_owned(),
        );
    }
    if path.contains('#') {
        problems.push("a fragment never reaches a server: remove `#` and all after it".to_owned());
    }
    for (c, why) in [
        ('\\', "some clients and proxies read it as `/`"),
        (';', "some servers and proxies cut a path there"),
    ] {
        if path.contains(c) {
            problems.push(format!("a path has no `{c}`: {why}"));
        }
    }
    for encoded in ["%2f", "%5c", "%2e", "%00"] {
        if path.to_ascii_lowercase().contains(encoded) {
            problems.push(format!(
                "a path has no `{encoded}`: whoever decodes it sees another path"
            ));
        }
    }
    problems
}

fn segments(path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if path.contains("//") {
        problems.push("a path has no empty segment: write `/` for `//`".to_owned());
    }
    for segment in path.split('/') {
        if segment == "." || segment == ".." {
            problems.push(format!(
                "a path has no `{segment}` segment: clients resolve it before they ask"
            ));
        } else if let Some(name) = segment.strip_prefix(':') {
            let name = word(name, "id");
            problems.push(format!(
                "`{segment}` is how axum 0.7 wrote a parameter: write `{{{name}}}`"
            ));
        } else if let Some(name) = segment.strip_prefix('*') {
            let name = word(name, "rest");
            problems.push(format!(
                "`{segment}` is how axum 0.7 wrote the rest of a path: write `{{*{name}}}`"
            ));
        }
    }
    problems
}

/// The word that `text` begins with.
fn word<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric());
    match &text[..end.unwrap_or(text.len())] {
        "" => otherwise,
        word => word,
    }
}

/// Matchit normalizes the names to one letter each, and panics after `z`.
const MOST_PARAMETERS: usize = 25;

fn parameters(path: &str) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.find(['{', '}']) {
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err("`}` closes no parameter: for a brace itself write `}}`".to_owned());
        }
        let Some(end) = after.find('}') else {
            return Err(
                "`{` opens a parameter that nothing closes: write `{name}`, or `{{` for a brace itself"
                    .to_owned(),
            );
        };
        let (inside, after) = (&after[..end], &after[end + 1..]);
        // The matcher reads `}}` as an escaped brace wherever it stands.
        if after.starts_with('}') {
            return Err(format!(
                "`{{{inside}}}}}` is not closed: the matcher reads `}}}}` as a brace itself"
            ));
        }
        parameter(inside, after, &mut names)?;
        rest = after;
    }
    Ok(())
}

/// One parameter: `inside` the braces, `after` all that follows them.
fn parameter<'a>(inside: &'a str, after: &str, names: &mut Vec<&'a str>) -> Result<(), String> {
    let (name, catches_all) = match inside.strip_prefix('*') {
        Some(name) => (name, true),
        None => (inside, false),
    };
    if name.is_empty() {
        return Err(format!(
            "`{{{inside}}}` is a parameter without a name: write `{{id}}` or `{{*rest}}`"
        ));
    }
    let odd = |c: char| matches!(c, '{' | '*' | '/' | ':') || c.is_whitespace() || c.is_control();
    if let Some(c) = name.chars().find(|&c| odd(c)) {
        return Err(format!(
            "`{{{inside}}}`: a parameter is its name and nothing else, such as `{{id}}`; remove {c:?}"
        ));
    }
    if names.contains(&name) {
        return Err(format!(
            "two parameters are called `{name}`: give each a name of its own"
        ));
    }
    names.push(name);
    if names.len() > MOST_PARAMETERS {
        return Err(format!(
            "more than {MOST_PARAMETERS} parameters: axum's matcher takes no more"
        ));
    }
    if catches_all && !after.is_empty() {
        return Err(format!(
            "`{{{inside}}}` takes the rest of the path: nothing can follow it"
        ));
    }
    if !after.is_empty() && !after.starts_with('/') {
        return Err(format!(
            "`{{{inside}}}` ends its segment: axum's matcher takes one parameter a segment, and no text after it"
        ));
    }
    Ok(())
}

/// A good path without the names of its parameters, which tell no two routes apart.
pub(crate) fn shape(path: &str) -> String {
    let mut shape = String::new();
    let mut rest = path;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, braced) = rest.split_at(at);
        shape.push_str(literal);
        let escaped = braced.starts_with("{{") || braced.starts_with("}}");
        let end = if escaped {
            2
        } else {
            braced.find('}').map_or(braced.len(), |end| end + 1)
        };
        let (parameter, after) = braced.split_at(end);
        shape.push_str(match parameter {
            _ if escaped => parameter,
            _ if parameter.starts_with("{*") => "{*}",
            _ => "{}",
        });
        rest = after;
    }
    shape + rest
}

/// Whether a good path ends in `{*rest}`.
pub(crate) fn catches_all(path: &str) -> bool {
    let last = path.rsplit('{').next().unwrap_or_default();
    last.starts_with('*') && last.ends_with('}') && !last.ends_with("}}")
}

#[cfg(test)]
mod tests;
