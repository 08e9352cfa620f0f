//! The patterns of a router, and its text.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::router(data));
