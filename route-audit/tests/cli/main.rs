//! route-audit on workspaces that the tests write: in process with captured output, and a few
//! runs of the binaries.

mod binary;
mod formats;
mod library;
mod output;
mod refusals;
mod selection;
mod support;
