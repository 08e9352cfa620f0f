//! What a real browser does with the session cookie: see `tests/`.
