use session_auth::{public_route, webhook_route};

#[public_route(get, "/users/:id", reasn = "typo", scope = "admin", until = "2027-02-29")]
async fn public() {}

#[webhook_route(POST | POST, "/hook?x", verify = "Post Mark", expect_every = "6 h", max_body = 1024)]
async fn webhook() {}

fn main() {
    let _ = (public, webhook);
}
