//! `Cache-Control` and its like.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::caching(data));
