//! `route-audit list`: shows every route. It judges nothing, so findings do not fail it.

use crate::cli::Common;
use crate::error::CannotRun;
use crate::{Audited, Env, exit, render};

pub(crate) fn run(common: &Common, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let Audited { audit, places } = crate::audit(common, env)?;
    let output = common.output(&places, env.colors);
    crate::print(env.stdout, &render::list(&audit, &output)?)?;
    Ok(exit::CLEAN)
}
