use session_auth::session_route;

#[session_route(GET, "/a")]
fn not_async() {}

#[session_route(GET, "/a")]
fn returns_a_future() -> impl Future<Output = String> {
    async { String::new() }
}

#[session_route(GET, "/a")]
async unsafe fn is_unsafe() {}

#[session_route(GET, "/a")]
async extern "C" fn is_extern() {}

#[session_route(GET, "/a")]
struct Struct;

#[session_route(GET, "/a")]
impl Struct {}

fn main() {
    let _ = (not_async, returns_a_future);
}
