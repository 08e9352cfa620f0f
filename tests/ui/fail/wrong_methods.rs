use session_auth::session_route;

#[session_route(POTS, "/a")]
async fn mistyped() {}

#[session_route(QUERY, "/a")]
async fn unknown() {}

#[session_route(GET | GET, "/a")]
async fn twice() {}

#[session_route(ANY | GET, "/a")]
async fn any_and_get() {}

#[session_route(GET, POST, "/a")]
async fn commas() {}

#[session_route("GET", "/a")]
async fn quoted() {}

#[session_route(FALLBACK, "/a")]
async fn fallback_with_a_path() {}

fn main() {}
