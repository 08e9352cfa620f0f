//! `route-audit drift`: what runs, against the lock.

use std::collections::BTreeMap;

use session_auth::audit::{Code, Subject};

use crate::cli::Nodes;
use crate::count::count;
use crate::error::CannotRun;
use crate::lock::Lock;
use crate::lock::compare::compare;
use crate::running::client::Client;
use crate::running::document::{Asked, Told};
use crate::running::found::Found;
use crate::running::listing::{self, Node};
use crate::running::locked::Locked;
use crate::running::{note, show};
use crate::surroundings::Env;
use crate::visible::visible;

pub(crate) fn run(args: &Nodes, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let locked = Locked::read(&args.running, &env.current_dir)?;
    let client = Client::new(&args.running, env)?;
    let nodes = listing::read(&client, &args.urls, &args.token_env)?;
    let mut routes = Vec::new();
    for node in &nodes {
        routes.push(node.routes(&locked)?);
    }
    let mut found: Vec<Found> = nodes
        .iter()
        .flat_map(|node| of_node(node, &locked))
        .collect();
    found.extend(of_routes(&nodes, &routes, &locked));
    found.extend(disagreements(&nodes, &routes, &locked));
    let asked = Asked {
        command: "drift",
        services: nodes.iter().map(Node::service).collect(),
        ..Asked::default()
    };
    for (node, routes) in nodes.iter().zip(&routes) {
        let lines = routes.lines().len();
        let said = format!("{} lists {} of a lock", node.url, count(lines, "line"));
        note(&args.running, env, &said);
    }
    show(&args.running, &locked, &asked, &Told::default(), found, env)
}

/// What a node says of itself, apart from its routes.
fn of_node(node: &Node, locked: &Locked) -> Vec<Found> {
    let listing = &node.listing;
    let lock = listing.lock.as_deref();
    let mut found = listing::general(&node.url, &listing.version, &listing.mode, lock, locked);
    for row in listing.routes.iter().filter(|row| row.unclassified > 0) {
        found.push(Found {
            code: Code::RunningUnclassified,
            subject: locked.whole(),
            message: format!(
                "{} has had {} to `{}`, which nobody classified",
                node.url,
                count(row.unclassified, "request"),
                visible(&row.route)
            ),
            help: "say who may call it: `#[public_route]`, `#[webhook_route]` or `#[session_route]` on \
                   its handler"
                .to_owned(),
        });
    }
    found
}

/// In what the nodes differ from the lock; what several do alike is said once.
fn of_routes(nodes: &[Node], routes: &[Lock], locked: &Locked) -> Vec<Found> {
    let mut all: BTreeMap<(Subject, String), Vec<&str>> = BTreeMap::new();
    for (node, lock) in nodes.iter().zip(routes) {
        for difference in compare(&locked.lock, lock) {
            let mut subject = difference.subject();
            if subject.place.file != locked.name {
                subject.place = place(&subject, locked);
            }
            let key = (subject, difference.message());
            all.entry(key).or_default().push(&node.url);
        }
    }
    let found = all.into_iter().map(|((subject, message), at)| {
        let at = match at.len() {
            1 if nodes.len() == 1 => String::new(),
            all if all == nodes.len() => format!("on all {all} nodes, "),
            _ => format!("on {}, ", at.join(", ")),
        };
        Found {
            code: Code::RunningRoutes,
            subject,
            message: format!("{at}{message}"),
            help: "deploy what the lock says; or, where what runs is meant, have the lock updated and \
                   reviewed: `route-audit check --update`"
                .to_owned(),
        }
    });
    found.collect()
}

/// Where the lock says something of the same path; else its first line.
fn place(subject: &Subject, locked: &Locked) -> session_auth::Location {
    let path = subject.listed_path();
    let mut rows = locked.rows.iter();
    let row = rows.find(|row| row.subject().listed_path() == path);
    row.map_or(locked.whole().place, |row| {
        row.declaration.location().clone()
    })
}

/// In what the nodes differ from the first one.
fn disagreements(nodes: &[Node], routes: &[Lock], locked: &Locked) -> Vec<Found> {
    let mut all = nodes.iter().zip(routes);
    let Some((first, first_routes)) = all.next() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (node, lock) in all {
        let (a, b) = (&first.listing, &node.listing);
        let keys = |node: &Node| -> Vec<String> {
            node.listing
                .keys
                .iter()
                .map(|key| visible(&key.key))
                .collect()
        };
        let mut what = Vec::new();
        let differences = compare(first_routes, lock);
        if let Some(one) = differences.first() {
            let more = match differences.len() {
                1 => String::new(),
                more => format!(" and {} more", more - 1),
            };
            what.push(format!("in routes: {}{more}", one.message()));
        }
        if a.mode != b.mode {
            what.push(format!(
                "in mode: {} and {}",
                visible(&a.mode),
                visible(&b.mode)
            ));
        }
        if a.version != b.version {
            let versions = (visible(&a.version), visible(&b.version));
            what.push(format!("in version: {} and {}", versions.0, versions.1));
        }
        if a.lock != b.lock {
            what.push("in the lock that they were built with".to_owned());
        }
        // A node that does not know a key logs out whom another has logged in.
        if keys(first) != keys(node) {
            what.push(format!(
                "in keys: {} and {}",
                keys(first).join(" "),
                keys(node).join(" ")
            ));
        }
        if !what.is_empty() {
            found.push(Found {
                code: Code::RunningNodes,
                subject: locked.whole(),
                message: format!("{} and {} differ {}", first.url, node.url, what.join("; ")),
                help: "finish the deployment, or start again the node that was left behind"
                    .to_owned(),
            });
        }
    }
    found
}
