//! A delivery of a stranger, to every scheme.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::delivery(data));
