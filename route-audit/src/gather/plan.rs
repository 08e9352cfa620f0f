//! Which builds there are to audit.

use cargo_metadata::Metadata;

use crate::builds::Build;
use crate::cargo::Cargo;
use crate::cli::Common;
use crate::error::CannotRun;
use crate::select;
use crate::workspace::Workspace;

/// One build, with what cargo resolves for it.
pub(super) struct Plan {
    build: Build,
    pub(super) metadata: Metadata,
}

impl Plan {
    /// Those of the configuration, or else the one that the arguments ask for.
    pub(super) fn all(
        common: &Common,
        cargo: &Cargo<'_>,
        workspace: &Workspace,
    ) -> Result<Vec<Self>, CannotRun> {
        let Some(builds) = &workspace.config.builds else {
            return Ok(vec![Self {
                build: Build::default(),
                metadata: workspace.metadata.clone(),
            }]);
        };
        builds.refuse(&common.cargo.build_flags())?;
        let selected = select::selected(&workspace.metadata, &common.cargo)?;
        let mut plans = Vec::new();
        for build in builds.of_packages(&selected) {
            let metadata = cargo.with(build.clone()).metadata()?;
            plans.push(Self { build, metadata });
        }
        Ok(plans)
    }

    /// As reports call it.
    pub(super) fn name(&self) -> String {
        self.build.name()
    }

    pub(super) fn cargo<'a>(&self, cargo: &Cargo<'a>) -> Cargo<'a> {
        cargo.with(self.build.clone())
    }
}
