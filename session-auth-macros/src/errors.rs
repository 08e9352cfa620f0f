//! Errors, collected: one run of the compiler shows every mistake of an attribute.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far, in the order of the source.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds a mistake at `tokens`; where there are none (something is missing), at the whole
    /// attribute.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake of the attribute as a whole.
    pub(crate) fn push_whole(&mut self, message: impl std::fmt::Display) {
        self.push(TokenStream::new(), message);
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        if let Some(error) = other.0 {
            self.add(error);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The mistakes as `compile_error!`s; nothing where there are none.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        self.0
            .as_ref()
            .map(syn::Error::to_compile_error)
            .unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn into_inner(self) -> Option<syn::Error> {
        self.0
    }
}

/// The known name that `word` was probably meant to be.
///
/// A name in another case always counts; else up to one edit in three letters (an insertion, a
/// deletion, a substitution or a swap of neighbours).
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| {
            let edits =
                strsim::osa_distance(&word.to_ascii_lowercase(), &name.to_ascii_lowercase());
            (edits, name)
        })
        .filter(|&(edits, name)| edits <= name.len().max(word.len()) / 3)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, name)| name)
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: impl IntoIterator<Item = String>, last: &str) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    let end = items.pop().unwrap_or_default();
    if items.is_empty() {
        end
    } else {
        format!("{} {last} {end}", items.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        for (word, meant) in [
            ("get", Some("GET")),
            ("Post", Some("POST")),
            ("POTS", Some("POST")),
            ("DELET", Some("DELETE")),
            ("QUERY", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, methods), meant, "{word:?}");
        }
    }
}
