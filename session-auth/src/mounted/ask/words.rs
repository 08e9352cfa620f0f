//! Paths that reach a pattern: its parameters filled with words that no pattern has.

use super::super::axum_0_8::{FALLBACK_TAIL, Routes};

/// Whether the pattern is all of a path: a `?` or `#` ends it. What else no URI can carry makes no
/// request.
pub(super) fn is_askable(pattern: &str) -> bool {
    !pattern.contains(['?', '#'])
}

/// Fills patterns with words that no pattern has.
pub(super) struct Words {
    /// Begins with a character that is in no pattern.
    pub(super) word: String,
    /// More segments than any pattern has.
    pub(super) segments: usize,
}

impl Words {
    pub(super) fn of(routes: &Routes) -> Self {
        let patterns = || routes.routes.keys().chain(routes.fallbacks.keys());
        // Those that stand in a path as they are, the rarest first.
        let candidates =
            "~!$'*+=@ZQXJzqxj0123456789ABCDEFGHIKLMNOPRSTUVWYabcdefghiklmnoprstuvwy_-.";
        let unused = candidates
            .chars()
            .find(|candidate| patterns().all(|pattern| !pattern.contains(*candidate)));
        let segments = patterns()
            .map(|pattern| pattern.matches('/').count())
            .max()
            .unwrap_or_default();
        Self {
            // Where every character is used, a word of two that no pattern has; an answer that comes
            // from elsewhere shows in its pattern.
            word: unused.map_or_else(|| "~session-auth~".to_owned(), |one| format!("{one}0")),
            segments: segments + 1,
        }
    }

    /// Paths that may reach a pattern, the likeliest first.
    pub(super) fn fill(&self, pattern: &str) -> impl Iterator<Item = String> {
        let most = if pattern.contains("{*") {
            self.segments
        } else {
            1
        };
        (1..=most)
            .rev()
            .map(move |segments| self.fill_with(pattern, segments))
    }

    /// The same of a fallback. Routes may take all words there are, and leave it what has an empty
    /// segment.
    pub(super) fn fill_fallback(&self, pattern: &str) -> Vec<String> {
        let mut all: Vec<_> = self.fill(pattern).collect();
        if let Some(below) = pattern.strip_suffix(FALLBACK_TAIL) {
            let below = self.fill_with(below, 1);
            let slashes: Vec<_> = all.iter().map(|path| format!("{path}/")).collect();
            all.extend(slashes);
            all.push(format!("{below}//{}", self.word));
        }
        all
    }

    fn fill_with(&self, pattern: &str, segments: usize) -> String {
        let mut path = String::with_capacity(pattern.len() + 8);
        let mut rest = pattern;
        while let Some(at) = rest.find(['{', '}']) {
            path.push_str(&rest[..at]);
            rest = &rest[at..];
            // Literal braces are written twice.
            if let Some(after) = rest.strip_prefix("{{") {
                path.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                path.push('}');
                rest = after;
            } else {
                let catches_all = rest.starts_with("{*");
                let words = if catches_all { segments } else { 1 };
                path.push_str(&vec![self.word.as_str(); words].join("/"));
                rest = rest.find('}').map_or("", |end| &rest[end + 1..]);
            }
        }
        path.push_str(rest);
        path
    }
}
