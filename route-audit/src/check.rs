//! `route-audit check`: fails where something is wrong.

use crate::cli::Common;
use crate::error::CannotRun;
use crate::{Audited, Env, exit, render};

pub(crate) fn run(common: &Common, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let Audited { audit, places } = crate::audit(common, env)?;
    let output = common.output(&places, env.colors);
    crate::print(env.stdout, &render::check(&audit, &output)?)?;
    Ok(if audit.summary.errors > 0 {
        exit::FINDINGS
    } else {
        exit::CLEAN
    })
}
