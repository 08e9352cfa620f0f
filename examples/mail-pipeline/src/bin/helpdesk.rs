//! The stand-in for the help desk, as a program: `cargo run -p mail-pipeline --bin helpdesk`.
//!
//! `HELPDESK_LISTEN` is where it listens, `127.0.0.1:3080` where unset, and `HELPDESK_API_KEY` the key that
//! it knows.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::env;
use std::error::Error;

use mail_pipeline::DEVELOPMENT_SECRET;
use mail_pipeline::helpdesk::HelpDesk;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::var("HELPDESK_LISTEN").unwrap_or_else(|_| "127.0.0.1:3080".to_owned());
    let key = env::var("HELPDESK_API_KEY").unwrap_or_else(|_| DEVELOPMENT_SECRET.to_owned());
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}; set HELPDESK_LISTEN"))?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(HelpDesk::new(key).app()?.serve(listener).await?)
}
