//! `route-audit check`: fails where something is wrong.

use crate::cli::Common;
use crate::error::CannotRun;
use crate::{Env, exit, render};

pub(crate) fn run(common: &Common, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let audit = crate::audit(common, env)?;
    crate::print(env.stdout, &render::check(&audit, common.format)?)?;
    Ok(if audit.summary.errors > 0 {
        exit::FINDINGS
    } else {
        exit::CLEAN
    })
}
