//! The headers of probes and of their answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::probe(data));
