//! `route-audit preflight`: what enforcing would have refused.

use session_auth::audit::Code;

use crate::cli::Nodes;
use crate::count::count;
use crate::error::{CannotRun, Problem};
use crate::running::client::Client;
use crate::running::document::{Asked, Foreseen, Told};
use crate::running::found::Found;
use crate::running::listing::{self, Node, Row};
use crate::running::locked::{Locked, Row as Line};
use crate::running::{note, show};
use crate::surroundings::Env;
use crate::visible::visible;

pub(crate) fn run(args: &Nodes, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let locked = Locked::read(&args.running, &env.current_dir)?;
    let client = Client::new(&args.running, env)?;
    let nodes = listing::read(&client, &args.urls, &args.token_env)?;
    let enforcing = nodes.iter().filter(|node| node.listing.mode != "observe");
    CannotRun::unless_none(
        enforcing
            .map(|node| {
                let mode = visible(&node.listing.mode);
                Problem::new(format!("{} runs in mode `{mode}`: nothing is foreseen", node.url))
                    .help("what it has refused is in its listing; start it with SESSION_AUTH_MODE=observe")
            })
            .collect(),
    )?;
    let (mut asked, mut told, mut found) = (Asked::default(), Told::default(), Vec::new());
    asked.command = "preflight";
    asked.services = nodes.iter().map(Node::service).collect();
    told.head = vec!["ROUTE", "CLASS", "REASON", "REQUESTS", "SINCE", "NODE"];
    for node in &nodes {
        for row in &node.listing.routes {
            for (reason, requests) in row.observed.iter().filter(|(_, requests)| **requests > 0) {
                let denial = foreseen(node, row, reason, *requests);
                told.rows.push(vec![
                    denial.route.clone(),
                    denial.class.clone().unwrap_or_else(|| "NONE".to_owned()),
                    denial.reason.clone(),
                    requests.to_string(),
                    node.listing.started.clone(),
                    node.url.clone(),
                ]);
                found.extend(of(&denial, &locked));
                asked.denials.push(denial);
            }
        }
    }
    for node in &nodes {
        let said = format!(
            "{} has observed since {}",
            node.url,
            visible(&node.listing.started)
        );
        note(&args.running, env, &said);
    }
    show(&args.running, &locked, &asked, &told, found, env)
}

fn foreseen(node: &Node, row: &Row, reason: &str, requests: u64) -> Foreseen {
    // Public routes and webhooks are exempt. What needs a session, and nobody has come to with one,
    // looks as if it should be: that was the outage.
    let looks_exempt = match row.class.as_deref() {
        Some("session") => row.last_verified.is_none(),
        _ => true,
    };
    Foreseen {
        url: node.url.clone(),
        route: row.route.clone(),
        class: row.class.clone(),
        reason: reason.to_owned(),
        requests,
        looks_exempt,
    }
}

fn of(denial: &Foreseen, locked: &Locked) -> Option<Found> {
    if !denial.looks_exempt {
        return None;
    }
    let line = locked.rows.iter().find(|line| line.name() == denial.route);
    let (what, help) = match denial.class.as_deref() {
        Some("public") => (
            "is public",
            "look at who sends them: a page of another origin needs `cross_origin`",
        ),
        Some("webhook") => (
            "is a webhook",
            "compare the secret with the sender's: `route-audit verify-webhook` says why a delivery is \
             refused",
        ),
        Some(_) => (
            "needs a session, and nobody has come with one",
            "if its callers have no account, it is public or a webhook: say so on its handler",
        ),
        None => (
            "is classified by nobody",
            "say who may call it, on its handler",
        ),
    };
    Some(Found {
        code: Code::RunningDenies,
        subject: line.map_or_else(|| locked.whole(), Line::subject),
        message: format!(
            "`{}` {what}; enforcing would have refused {} at {}: `{}`",
            visible(&denial.route),
            count(denial.requests, "request"),
            denial.url,
            visible(&denial.reason)
        ),
        help: help.to_owned(),
    })
}
