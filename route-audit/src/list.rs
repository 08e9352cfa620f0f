//! `route-audit list`: shows every route. It judges nothing, so findings do not fail it.

use crate::cli::List;
use crate::error::CannotRun;
use crate::{Env, exit, render};

pub(crate) fn run(args: &List, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = crate::workspace(&args.common, env)?;
    let audited = crate::audit(&args.common, env, &workspace)?;
    crate::print(env.stdout, &render::list(&audited.audit, args.format)?)?;
    Ok(exit::CLEAN)
}
