//! Guides: what takes more room than an item's documentation has.
//!
//! The files stand in `docs/`, and are read there as well: a link that has to be another one there
//! is defined here first, which is the definition that counts.

#[doc = "[mounts]: crate::guide::mounts\n\n"]
#[doc = include_str!("../../docs/adoption.md")]
pub mod adoption {}

#[doc = include_str!("../../docs/behind-a-proxy.md")]
pub mod behind_a_proxy {}

/// What `route-audit` finds, as `route-audit explain` prints it. The samples are parts of a program:
/// they do not compile alone.
#[cfg(not(doctest))]
#[doc = "\n\n"]
#[doc = include_str!("../../docs/findings.md")]
pub mod findings {}

#[doc = "[findings]: crate::guide::findings\n\n"]
#[doc = include_str!("../../docs/mounts.md")]
pub mod mounts {}

#[doc = "[scaling]: crate::guide::scaling\n\n"]
#[doc = include_str!("../../docs/performance.md")]
pub mod performance {}

#[doc = "[performance]: crate::guide::performance\n[three steps]: crate::Keys#rotation\n\n"]
#[doc = include_str!("../../docs/scaling.md")]
pub mod scaling {}
