//! `route-audit explain CODE`: what a finding means, how it comes about, how to fix it.

use session_auth::audit::Code;

use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::pages::page;
use crate::surroundings::{Env, print};

pub(crate) fn run(code: &str, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let known = Code::from_name(code).ok_or_else(|| unknown(code))?;
    print(env.stdout, page(known))?;
    Ok(exit::CLEAN)
}

fn unknown(code: &str) -> Problem {
    let shown = crate::visible::visible(code);
    let names = || Code::ALL.iter().map(|known| known.as_str());
    let meant = names()
        .map(|known| (strsim::damerau_levenshtein(code, known), known))
        .min()
        // Half the letters of a code are another code.
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map_or_else(String::new, |(_, known)| {
            format!("; did you mean `{known}`?")
        });
    let codes: Vec<String> = names().map(|code| format!("`{code}`")).collect();
    Problem::new(format!("there is no finding `{shown}`{meant}"))
        .help(format!("the findings are: {}", codes.join(", ")))
}

#[cfg(test)]
mod tests;
