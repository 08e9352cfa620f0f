//! What is in the test of each audited function, since the tests in the body of a function are not run.

fn body() {
    fn routes() {}

    session_auth::__private::an_audited_function_stands_in_a_module! { routes }
}

fn routes_of_a_module() {}

session_auth::__private::an_audited_function_stands_in_a_module! { routes_of_a_module }

fn main() {
    body();
}
