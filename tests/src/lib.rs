//! Tests of session-auth from the outside: see `tests/`.
