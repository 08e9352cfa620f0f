//! Nothing: the test is session-auth's own, built with another axum.
