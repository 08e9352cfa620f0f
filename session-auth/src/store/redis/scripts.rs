//! The operations that are more than one command. Redis runs a script as a whole, or not at all.

use std::sync::LazyLock;

use redis::Script;

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                include_str!("common.lua"),
                "\n",
                include_str!($file)
            ))
        })
    };
}

pub(super) static INSERT: LazyLock<Script> = script!("insert.lua");
pub(super) static TOUCH: LazyLock<Script> = script!("touch.lua");
pub(super) static RENEW: LazyLock<Script> = script!("renew.lua");
pub(super) static REVOKE: LazyLock<Script> = script!("revoke.lua");
pub(super) static REVOKE_ALL: LazyLock<Script> = script!("revoke_all.lua");
pub(super) static TRIM: LazyLock<Script> = script!("trim.lua");
