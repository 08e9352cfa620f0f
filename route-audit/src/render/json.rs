//! JSON: the audit itself, as `docs/route-audit.schema.json` describes it.

use serde::Serialize;

use crate::error::{CannotRun, Problem};

/// Any document, with a line break at its end.
pub(crate) fn document(content: &impl Serialize) -> Result<String, CannotRun> {
    let mut text = serde_json::to_string_pretty(content)
        .map_err(|error| Problem::new(format!("cannot write the result as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}
