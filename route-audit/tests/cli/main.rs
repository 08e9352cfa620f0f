//! route-audit on workspaces that the tests write: in process with captured output, and a few
//! runs of the binaries.

mod alerts;
mod annotate;
mod bad_input;
mod binary;
mod configurations;
mod dependencies;
mod diff;
mod features;
mod formats;
mod init;
mod library;
mod lock;
mod output;
mod policy;
mod refusals;
mod selection;
mod self_test;
mod strangers;
mod support;
mod surroundings;
mod verify_trail;
mod verify_webhook;
mod what_stops;
