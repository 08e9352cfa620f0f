//! `route-audit list`: shows every route. It judges nothing, so findings do not fail it.

use crate::cli::Common;
use crate::error::CannotRun;
use crate::{Env, exit, render};

pub(crate) fn run(common: &Common, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let audit = crate::audit(common, env)?;
    crate::print(env.stdout, &render::list(&audit, common.format)?)?;
    Ok(exit::CLEAN)
}
