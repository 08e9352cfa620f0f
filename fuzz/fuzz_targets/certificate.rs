//! The URL of a sender's certificate, and a certificate.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| session_auth::fuzzing::certificate(data));
