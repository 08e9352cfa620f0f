//! The program: configuration, a socket, and a way to stop; and the commands of whoever runs it.
//!
//! `SESSION_AUTH_DEV=true cargo run -p mail-pipeline`, then <http://localhost:3000/operators>
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use mail_pipeline::queue::Which;
use mail_pipeline::{Config, Database, Smoke, vault};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

const USAGE: &str = "\
Usage: mail-pipeline                     serve, as the environment says
       mail-pipeline smoke [URL]         a message through all hops: of the service at URL, or of one that
                                         is started for it, in a folder of its own. Exits with 0 or 1
       mail-pipeline redrive ID          bring a dead letter to the queue again
       mail-pipeline redrive --all
       mail-pipeline redrive --reason REASON
       mail-pipeline secrets list        names, places, ages and uses
       mail-pipeline secrets set NAME    seal what is on standard input
       mail-pipeline secrets rotate      seal anew, under MASTER_KEY, what MASTER_KEY_OLD has sealed
       mail-pipeline backup FOLDER       copy database and attachments
       mail-pipeline restore FOLDER      bring a copy into the empty database and folder of the environment
       mail-pipeline drill               back up, restore into an empty database, and smoke on that
       mail-pipeline alerts              print alert rules for Prometheus";

const ALERTS: &str = include_str!("alerts.yml");

type Done = Result<ExitCode, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // What a command answers is on standard output.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => serve().await,
        ["smoke"] => smoke(None).await,
        ["smoke", url] => smoke(Some(url)).await,
        ["redrive", "--all"] => redrive(Which::All).await,
        ["redrive", "--reason", reason] => redrive(Which::Reason(reason.to_owned())).await,
        ["redrive", id] if !id.starts_with('-') => redrive(Which::Id(id.to_owned())).await,
        ["secrets", "list"] => list().await,
        ["secrets", "set", name] => set(name).await,
        ["secrets", "rotate"] => rotate().await,
        ["backup", folder] => backup(folder).await,
        ["restore", folder] => restore(folder).await,
        ["drill"] => drill().await,
        ["alerts"] => say(ALERTS),
        ["--help" | "-h"] => say(USAGE),
        _ => Err(USAGE.into()),
    };
    done.unwrap_or_else(|error| {
        tracing::error!("{error}");
        ExitCode::FAILURE
    })
}

fn say(text: &str) -> Done {
    println!("{}", text.trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn serve() -> Done {
    let config = Config::from_env()?;
    let listen = config.listen;
    let service = mail_pipeline::start(config).await?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}; set LISTEN"))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let stop = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!("Ctrl-C cannot be seen: {error}; stop the process by its id");
            std::future::pending::<()>().await;
        }
        tracing::info!("stopping: requests under way are finished first");
    };
    service.serve(listener, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn smoke(url: Option<&str>) -> Done {
    let mut config = Config::from_env()?;
    let smoke = match url {
        Some(url) => {
            let url = url.parse()?;
            let inbound = &config.inbound.current;
            mail_pipeline::smoke(&url, inbound, &config.monitor_token, "smoke@example.org").await?
        }
        None => {
            // Nothing of a service that may be running: a database and a help desk of its own.
            let folder = Folder::new()?;
            config.data = folder.0.clone();
            config.database = folder.database()?;
            config.nats = None;
            config.blobs = None;
            config.helpdesk = None;
            started(config).await?
        }
    };
    report(&smoke)
}

/// Starts a service on a free port and sends a message through it.
async fn started(mut config: Config) -> Result<Smoke, Box<dyn Error + Send + Sync>> {
    // Nobody is told of what only a drill does.
    config.reply_from = None;
    config.dead_letter_url = None;
    config.dead_letter_mail = None;
    let (inbound, monitor) = (config.inbound.current.clone(), config.monitor_token.clone());
    let service = mail_pipeline::start(config).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?).parse()?;
    let serving = tokio::spawn(service.serve(listener, std::future::pending()));
    let smoke = mail_pipeline::smoke(&url, &inbound, &monitor, "smoke@example.org").await;
    serving.abort();
    smoke
}

fn report(smoke: &Smoke) -> Done {
    print!("{smoke}");
    Ok(if smoke.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn redrive(which: Which) -> Done {
    let (queue, _) = mail_pipeline::open_queue(&Config::from_env()?).await?;
    let redriven = queue.redrive(&which).await?;
    println!("{redriven} dead letters are in the queue again");
    Ok(if redriven > 0 || which == Which::All {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn list() -> Done {
    let config = Config::from_env()?;
    println!("name                   age       uses    sealed by place");
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for it in vault(&config).await?.list().await? {
        let days = (now - it.set_at / 1000) / 86_400;
        println!(
            "{:<22} {:<9} {:<7} {:<9} {}",
            it.name,
            format!("{days} days"),
            it.uses,
            it.key_id,
            it.place
        );
    }
    for (name, place) in config.in_environment() {
        println!("{name:<22} {:<9} {:<7} {:<9} {place}", "-", "-", "-");
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(name: &str) -> Done {
    let mut value = String::new();
    std::io::stdin().read_to_string(&mut value)?;
    let value = value.trim_end_matches(['\r', '\n']).to_owned();
    vault(&Config::from_env()?)
        .await?
        .set(name, &value.into())
        .await?;
    println!("{name} is sealed; every bridge uses it for its next request");
    Ok(ExitCode::SUCCESS)
}

async fn rotate() -> Done {
    let rotated = vault(&Config::from_env()?).await?.rotate().await?;
    println!("{rotated} secrets are sealed anew; MASTER_KEY_OLD has no more use");
    Ok(ExitCode::SUCCESS)
}

async fn backup(folder: &str) -> Done {
    mail_pipeline::backup(&Config::from_env()?, Path::new(folder)).await?;
    println!("copied to {folder}");
    Ok(ExitCode::SUCCESS)
}

async fn restore(folder: &str) -> Done {
    mail_pipeline::restore(&Config::from_env()?, Path::new(folder)).await?;
    println!("restored from {folder}");
    Ok(ExitCode::SUCCESS)
}

/// Of SQLite: PostgreSQL's empty database is somebody's to make, for `backup`, `restore` and `smoke`.
async fn drill() -> Done {
    let mut config = Config::from_env()?;
    let folder = Folder::new()?;
    let copy = folder.0.join("copy");
    mail_pipeline::backup(&config, &copy).await?;
    config.data = folder.0.join("restored");
    config.database = match std::env::var("DRILL_DATABASE_URL") {
        Ok(url) => url.parse()?,
        Err(_) => format!("sqlite://{}", config.data.join("mail.sqlite").display()).parse()?,
    };
    mail_pipeline::restore(&config, &copy).await?;
    // No ticket of the drill, and none of a mail that was waiting, goes to the real help desk.
    config.helpdesk = None;
    config.nats = None;
    config.blobs = None;
    report(&started(config).await?)
}

/// A folder that ends with the command.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let name = format!("mail-pipeline-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    fn database(&self) -> Result<Database, Box<dyn Error + Send + Sync>> {
        Ok(format!("sqlite://{}", self.0.join("mail.sqlite").display()).parse()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
