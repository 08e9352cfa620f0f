//! `probe`, `drift` and `preflight`: the binary, against services on sockets of this machine.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod drift;
mod fronts;
mod preflight;
mod probe;
mod public;
mod support;
