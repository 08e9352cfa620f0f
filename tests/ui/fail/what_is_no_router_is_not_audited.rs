#![allow(dead_code)]

use session_auth::{Audited, audited_router};

#[audited_router]
fn audited_already() -> Audited {
    unreachable!()
}

struct App;

#[audited_router]
async fn a_result_of_an_app() -> Result<App, String> {
    Ok(App)
}

fn main() {}
