//! Audits the routes of a workspace: which are mounted, who may call them, and who said so.
//!
//! The audit is a test: `#[audited_router]` adds one to the crate that builds the router. This
//! program builds those tests with cargo, runs them, judges the reports that they write together,
//! and shows what comes out. It holds to three rules:
//!
//! 1. The exit code is one of three: 0 clean, 100 findings, 101 could not run. A usage error, an
//!    error of cargo's and a panic are all 101.
//! 2. It never passes for want of something to look at: no audited router, no route, a report
//!    that is missing, unreadable or of another version, each is 101.
//! 3. Standard output carries the result and nothing else; progress, notes and errors go to
//!    standard error.
//!
//! The library part exists for the two binaries, `route-audit` and `cargo-route-audit`; it is not
//! an API.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

// The command line, and a file a command.
mod alerts;
mod annotate;
mod check;
mod cli;
mod diff;
mod dispatch;
mod drift;
mod explain;
mod init;
mod list;
mod preflight;
mod probe;
mod self_test;
mod verify_trail;
mod verify_webhook;

// From the workspace to what its routers report.
mod base;
mod builds;
mod cargo;
mod config;
mod copy;
mod count;
mod features;
mod gather;
mod program;
mod report;
mod run;
mod select;
mod start;
mod supervised;
mod targets;
mod workspace;

// From a running service to findings.
mod running;

// From the reports to findings.
mod audit;
mod disagreement;
mod elsewhere;
mod exits;
mod finding;
mod listing;
mod lock;
mod policy;
mod unmounted;

// How it is shown.
mod markdown;
mod pages;
mod render;
mod sentence;
mod visible;

// What all of them need.
mod error;
pub mod exit;
mod surroundings;
#[cfg(test)]
mod testing;

pub use crate::dispatch::{main, run};
pub use crate::surroundings::Env;
