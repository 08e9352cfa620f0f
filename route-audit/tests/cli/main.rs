//! route-audit on workspaces that the tests write: in process with captured output, and a few
//! runs of the binaries.

mod binary;
mod diff;
mod formats;
mod library;
mod lock;
mod output;
mod policy;
mod refusals;
mod selection;
mod source;
mod support;
