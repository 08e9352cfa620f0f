//! `route-audit alerts`: the rules by which Prometheus rings for what the services publish.

use crate::error::CannotRun;
use crate::exit;
use crate::surroundings::{Env, print};

const RULES: &str = include_str!("alerts/rules.yml");

pub(crate) fn run(env: &mut Env<'_>) -> Result<u8, CannotRun> {
    print(env.stdout, RULES)?;
    Ok(exit::CLEAN)
}
