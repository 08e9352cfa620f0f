//! `[workspace.metadata.route-audit]`.

use cargo_metadata::Metadata;
use serde::Deserialize;

use crate::error::{CannotRun, Problem};

/// What the workspace says of its audit. A key that is not here is an error.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// Packages that depend on session-auth but register no route: tools, helpers. One that is
    /// named by `-p` is audited all the same.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

impl Config {
    /// Reads it, and checks that it names packages of this workspace.
    pub(crate) fn of(metadata: &Metadata) -> Result<Self, CannotRun> {
        let manifest = metadata.workspace_root.join("Cargo.toml");
        let Some(table) = metadata.workspace_metadata.get("route-audit") else {
            return Ok(Self::default());
        };
        let config: Self = serde_json::from_value(table.clone()).map_err(|error| {
            Problem::new(format!("[workspace.metadata.route-audit]: {error}"))
                .at(&manifest)
                .help("the keys are: `exclude`, a list of package names")
        })?;
        let members = metadata.workspace_packages();
        let unknown = config
            .exclude
            .iter()
            .filter(|name| !members.iter().any(|member| member.name == **name))
            .map(|name| {
                Problem::new(format!(
                    "[workspace.metadata.route-audit]: `exclude` names `{name}`, which is no \
                     member of the workspace"
                ))
                .at(&manifest)
                .help("correct the name, or remove it")
            })
            .collect();
        CannotRun::unless_none(unknown)?;
        Ok(config)
    }
}
