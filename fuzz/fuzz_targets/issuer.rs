//! A token of a stranger, and a set of keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::issuer(data));
