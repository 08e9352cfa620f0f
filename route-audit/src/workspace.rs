//! What cargo and its Cargo.toml say of the workspace.

use std::path::Path;

use cargo_metadata::Metadata;

use crate::cargo::Cargo;
use crate::cli::Common;
use crate::config::Config;
use crate::error::CannotRun;
use crate::lock::file::LockFile;
use crate::render::Places;
use crate::surroundings::Env;

pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
    pub(crate) config: Config,
}

impl Workspace {
    pub(crate) fn read(common: &Common, env: &Env<'_>) -> Result<Self, CannotRun> {
        let metadata = Cargo::of(common, &env.cargo, &env.current_dir).metadata()?;
        let config = Config::of(&metadata)?;
        Ok(Self { metadata, config })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    pub(crate) fn lock_file(&self) -> LockFile {
        LockFile::new(self.root(), &self.config.lock)
    }

    /// Where the files of findings are.
    pub(crate) fn places(&self) -> Places {
        Places::of(self.root())
    }
}
