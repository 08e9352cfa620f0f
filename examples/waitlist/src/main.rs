//! The program: configuration, a socket, and a way to stop.
//!
//! `SESSION_AUTH_DEV=true cargo run -p waitlist`, then <http://localhost:3000/devices>
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::process::ExitCode;

use axum::ServiceExt as _;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use waitlist::Config;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    match serve().await {
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
    axum::serve(listener, app.into_make_service())
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
