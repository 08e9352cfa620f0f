//! `route-audit list`: shows every route. It judges nothing, so findings do not fail it.

use crate::cli::List;
use crate::error::CannotRun;
use crate::exit;
use crate::gather::audit;
use crate::render::{self, Output};
use crate::surroundings::{Env, print};
use crate::workspace::Workspace;

pub(crate) fn run(args: &List, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let audited = audit(&args.common, env, &workspace)?;
    let places = workspace.places();
    let output = Output::of(&args.common, args.format, &places, env.colors);
    print(env.stdout, &render::list(&audited.audit, &output)?)?;
    Ok(exit::CLEAN)
}
