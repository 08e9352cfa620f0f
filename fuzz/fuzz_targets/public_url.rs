//! The public address of a service, and what a request asks it for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::public_url(data));
