//! `route-audit list`: shows every route. It judges nothing, so findings do not fail it.

use crate::cli::List;
use crate::error::CannotRun;
use crate::{Audited, Env, exit, render};

pub(crate) fn run(args: &List, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = crate::workspace(&args.common, env)?;
    let Audited { audit, .. } = crate::audit(&args.common, env, &workspace)?;
    let places = workspace.places();
    let output = args.common.output(args.format, &places, env.colors);
    crate::print(env.stdout, &render::list(&audit, &output)?)?;
    Ok(exit::CLEAN)
}
