use session_auth::declare_route;

declare_route!();
declare_route!(public_rout(GET, "/a", reason = "r"));
declare_route!(session_route(GET, "/a", subtree, reason = "r"));
declare_route!(session_route(ANY, "/a/", subtree, reason = "r"));
declare_route!(session_route(ANY, "/a/{*rest}", subtree, reason = "r"));

fn main() {}
