use session_auth::{public_route, session_route, webhook_route};

#[public_route(GET, "/a", reason = "r", scope = "admin")]
async fn scope_of_a_public_route() {}

#[session_route(GET, "/a", until = "2027-01-31")]
async fn until_of_a_session_route() {}

#[session_route(GET, "/a", colour = "red")]
async fn unknown() {}

#[public_route(GET, "/a", reason = "  ")]
async fn blank() {}

#[public_route(GET, "/a", reason = "r", reason = "s")]
async fn twice() {}

#[public_route(GET, "/a", reason = "r", issues_session = true)]
async fn a_flag_with_a_value() {}

#[webhook_route(POST, "/a", verify = "v", expect_every = 6)]
async fn a_number() {}

#[webhook_route(POST, "/a", verify = "v", max_body = "1mb")]
async fn a_unit() {}

#[public_route(ANY, "/a", reason = "r", subtree)]
async fn subtree() {}

fn main() {}
