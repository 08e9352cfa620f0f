//! What is wrong with one line, of whatever text.

use crate::lists::{ACTIONS, CRATES, HOSTS, OURS, REGISTRIES, TOOLS};

pub(crate) fn listed(list: &[(&str, &str)], name: &str) -> bool {
    list.iter().any(|(one, _)| *one == name)
}

pub(crate) fn addresses(line: &str, add: &mut impl FnMut(String)) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        rest = after;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = before.rsplit(|c| !is_scheme(c)).next().unwrap_or_default();
        // `sqlite://` is followed by a file.
        let has_scheme = !scheme.is_empty() && scheme != "sqlite";
        let end = |c: char| c.is_whitespace() || "/)]}\"'`<>?#\\,;…".contains(c);
        let authority = after.split(end).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        if has_scheme && !is_local(host) && !listed(&HOSTS, host) {
            add(format!("`{host}` is on no list of hosts"));
        }
    }
}

/// A name of no public host: reserved by RFC 2606 or 6761, of this machine, or a placeholder.
fn is_local(host: &str) -> bool {
    let reserved = ["example", "test", "invalid", "localhost"];
    let last = host.rsplit('.').next().unwrap_or(host);
    !host.contains('.')
        || host.starts_with(['{', '$', '.'])
        || reserved.contains(&last)
        || ["example.com", "127.0.0.1"].contains(&host)
        || host.ends_with(".example.com")
}

pub(crate) fn registries(line: &str, add: &mut impl FnMut(String)) {
    for registry in REGISTRIES {
        if line.contains(registry) {
            add(format!("`{registry}` is the host of a package registry"));
        }
    }
}

/// Commands that fetch a package, each as the words that it begins with; and whether they add it to
/// a program.
const COMMANDS: [(&[&str], bool); 9] = [
    (&["cargo", "add"], true),
    (&["cargo", "install"], false),
    (&["cargo", "binstall"], false),
    (&["npm", "install"], false),
    (&["npm", "i"], false),
    (&["npx"], false),
    (&["pip", "install"], false),
    (&["pipx", "install"], false),
    (&["go", "install"], false),
];

/// Flags of theirs that take a value.
const VALUED: [&str; 10] = [
    "--features",
    "-F",
    "--path",
    "--git",
    "--rev",
    "--root",
    "--manifest-path",
    "--package",
    "-p",
    "--prefix",
];

pub(crate) fn commands(line: &str, add: &mut impl FnMut(String)) {
    // Up to where a command ends: a backtick, a comment, another command.
    for command in line.split(['`', '#', ';', '|', '&']) {
        let words: Vec<&str> = command.split_whitespace().collect();
        for at in 0..words.len() {
            let mut after: Vec<&str> = words[at..].to_vec();
            // `cargo +stable install`.
            if after.get(1).is_some_and(|word| word.starts_with('+')) {
                after.remove(1);
            }
            for (start, adds) in COMMANDS {
                if let Some(arguments) = after.strip_prefix(start) {
                    fetched(command.trim(), arguments, adds, add);
                }
            }
        }
    }
}

fn fetched(command: &str, arguments: &[&str], adds: bool, add: &mut impl FnMut(String)) {
    let has = |flag: &str| arguments.contains(&flag);
    if has("--path") || has("--git") && has("--rev") {
        return;
    }
    let mut names = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if VALUED.contains(word) {
            words.next();
        } else if !word.starts_with('-') {
            names.push(*word);
        }
    }
    for name in names {
        // What `init` fills in: its own tests look at the result.
        let is_filled_in = name == "@INSTALL@";
        let without_version = name.split('@').next().unwrap_or(name);
        let is_meant = if adds {
            listed(&CRATES, name)
        } else {
            listed(&TOOLS, without_version)
        };
        if !is_filled_in && !is_meant {
            add(format!("`{command}` fetches `{name}` by its name alone"));
        }
    }
    if has("--git") {
        add(format!("`{command}` has no `--rev`"));
    }
}

/// `session-auth = "0.1"` in whatever text.
pub(crate) fn versions(line: &str, add: &mut impl FnMut(String)) {
    for ours in OURS {
        for (at, _) in line.match_indices(ours) {
            let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
            let Some(value) = line[at + ours.len()..].trim_start().strip_prefix('=') else {
                continue;
            };
            if line[..at].ends_with(inside) {
                continue;
            }
            let value = value.trim_start().trim_start_matches('\\');
            let table = value.starts_with('{');
            let place = ["path", "workspace", "git"]
                .iter()
                .any(|key| value.contains(key));
            if value.starts_with('"') || table && !place {
                add(format!("`{ours}` by its version alone"));
            }
        }
    }
}

pub(crate) fn actions(line: &str, add: &mut impl FnMut(String)) {
    let line = line.trim().trim_start_matches("- ");
    let Some(action) = line.strip_prefix("uses:") else {
        return;
    };
    let action = action.trim();
    let name = action.split('@').next().unwrap_or(action);
    if !action.starts_with("./") && !listed(&ACTIONS, name) {
        add(format!("the action `{name}` is on no list"));
    }
}
