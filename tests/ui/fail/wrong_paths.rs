use session_auth::session_route;

const PATH: &str = "/a";

#[session_route(GET, PATH)]
async fn a_constant() {}

#[session_route(GET, "a")]
async fn no_slash() {}

#[session_route(GET, "/a//b")]
async fn empty_segment() {}

#[session_route(GET, "/files/*rest")]
async fn old_syntax() {}

#[session_route(GET, "/a?b#c")]
async fn query_and_fragment() {}

#[session_route(GET, "/{a")]
async fn unbalanced() {}

#[session_route(GET, "/{a}-{b}")]
async fn two_in_a_segment() {}

#[session_route(GET, "/{id}/{id}")]
async fn one_name_twice() {}

#[session_route(GET, "/{*rest}/more")]
async fn rest_in_the_middle() {}

#[session_route(GET, "/a%2Fb")]
async fn encoded_slash() {}

#[session_route(GET, "/a/../b")]
async fn dots() {}

fn main() {}
