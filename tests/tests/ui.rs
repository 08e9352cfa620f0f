//! What the attributes accept, and what the compiler says of what they don't.
//!
//! `TRYBUILD=overwrite cargo test -p session-auth-tests --test ui` writes the `.stderr` files anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
