//! How an audit is shown.

use super::place::Places;
use crate::cli::{Common, Format};

/// How to show it.
pub(crate) struct Output<'a> {
    pub(crate) format: Format,
    /// Whether colours are wanted. Only text for people has any.
    pub(crate) colors: bool,
    /// Whether the line that sums up is left out of what is not a document of its own.
    pub(crate) quiet: bool,
    pub(crate) places: &'a Places,
}

impl<'a> Output<'a> {
    /// By the arguments, where `colors` is what the surroundings want.
    pub(crate) fn of(common: &Common, format: Format, places: &'a Places, colors: bool) -> Self {
        Self {
            format,
            colors: common.colors(colors),
            quiet: common.cargo.quiet,
            places,
        }
    }
}
