//! Ways in that are none: each test tries to run a handler of class `session` or `webhook` without
//! its session or its proof.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

#[path = "../common/mod.rs"]
mod common;
mod world;

mod by_path;
mod composition;
mod hidden;
mod opaque_mounts;
mod ordinary_stacks;
mod positions;
mod set_aside;
