//! `route-audit check --self-test`: whether the gate sees, on the user's own workspace.
//!
//! A gate that has gone blind passes. So each audited router mounts one more route, which nobody has
//! classified, before it is audited, and the check has to fail because of it.

use session_auth::audit::{Code, RouterRecord};

use crate::audit::Audit;
use crate::check::{checked, exit_code};
use crate::cli::Check;
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::surroundings::{Env, print};
use crate::workspace::Workspace;

pub(crate) fn run(args: &Check, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let workspace = Workspace::read(&args.common, env)?;
    let mut args = args.clone();
    args.common.self_test = true;
    let (audit, _) = checked(&args, env, &workspace)?;
    CannotRun::unless_none(judge(exit_code(&audit), &audit))?;
    let routers: Vec<_> = audit.routers.iter().map(described).collect();
    let text = format!(
        "route-audit: self-test passed: an unclassified route was found in {}\n",
        routers.join(", ")
    );
    print(env.stdout, &text)?;
    Ok(exit::CLEAN)
}

fn described(router: &RouterRecord) -> String {
    format!("router `{}` of package `{}`", router.name, router.package)
}

/// Why the check does not prove that the gate sees. What else it found is not for the self-test to
/// say.
fn judge(code: u8, audit: &Audit) -> Vec<Problem> {
    const BLIND: &str = "do not rely on this gate: look for what keeps the audit from the router \
                         (a test that is filtered or replaced, a patched `session-auth`), and \
                         report it where you find nothing";
    let mut problems = Vec::new();
    for router in &audit.routers {
        let path = router.self_test_path();
        let findings = audit.findings().iter();
        let at: Vec<_> = findings
            .filter(|finding| finding.subject().path.as_deref() == Some(&*path))
            .collect();
        let seen = match at.as_slice() {
            [] => "was not found".to_owned(),
            [one] if one.code() != Code::UnclassifiedRoute => {
                format!("was taken for `{}`", one.code())
            }
            [_] => continue,
            more => format!("was found {} times", more.len()),
        };
        problems.push(
            Problem::new(format!(
                "the gate is blind: the unclassified route {path} that the self-test added to {} \
                 {seen}",
                described(router),
            ))
            .at(format!("{}:{}", router.file, router.line))
            .help(BLIND),
        );
    }
    // Only where each route was found: clean is a consequence otherwise.
    if problems.is_empty() && code != exit::FINDINGS {
        problems.push(
            Problem::new(format!(
                "the gate is blind: with an unclassified route found, `check` ended in {code} and \
                 not in {}",
                exit::FINDINGS
            ))
            .help(BLIND),
        );
    }
    problems
}

#[cfg(test)]
mod tests;
