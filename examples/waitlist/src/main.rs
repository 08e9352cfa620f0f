//! The program: configuration, a socket, and a way to stop.
//!
//! `SESSION_AUTH_DEV=true cargo run -p waitlist`, then <http://localhost:3000/devices>
//!
//! `waitlist copy FROM TO` copies everything from one database to another.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use waitlist::{Config, Database};

const USAGE: &str = "\
Usage: waitlist                 serve, as the environment says
       waitlist copy FROM TO    copy everything to an empty database; both are URLs, as in
                                DATABASE_URL. Stop the service first. Sessions go on if the new
                                one has the same SESSION_AUTH_KEYS.";

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => serve().await,
        ["copy", from, to] => copy(from, to).await,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    let listen = config.listen;
    let app = waitlist::app(config).await?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}; set LISTEN"))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    app.serve(listener)
        .with_graceful_shutdown(async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                tracing::error!("Ctrl-C cannot be seen: {error}; stop the process by its id");
                std::future::pending::<()>().await;
            }
            tracing::info!("stopping: requests under way are finished first");
        })
        .await?;
    Ok(())
}

async fn copy(from: &str, to: &str) -> Result<(), Box<dyn Error>> {
    let read = |name, url: &str| {
        url.parse::<Database>()
            .map_err(|error| format!("{name} is no database: {error}"))
    };
    let (from, to) = (read("FROM", from)?, read("TO", to)?);
    let copied = waitlist::copy(&from, &to).await?;
    tracing::info!("copied {copied} from {from} to {to}");
    Ok(())
}
