//! The arguments of what asks running services.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice};

use super::format::Format;

pub(crate) const RUNNING_EXIT_CODES: &str = "\
Exit codes:
    0  clean; warnings do not fail it
  100  findings
  101  could not run: a usage error, no lock, no key or token, nobody who answers";

/// What is held against the running service, and how it is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct Running {
    /// How to show the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// The route lock [default: `routes.lock` in this folder, or in the nearest one above]
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// The router that the service serves, where the lock has several: `PACKAGE`, `PACKAGE/NAME`
    #[arg(long, value_name = "ROUTER")]
    pub(crate) router: Option<String>,
    /// The certificates of the authorities to trust, in PEM [default: those that Mozilla trusts]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// How long one answer may take
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    timeout: NonZeroU32,
    /// The result alone: no notes, no line that sums up
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

impl Running {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.get().into())
    }

    /// Whether to show colours, where `colors` is what the surroundings want.
    pub(crate) fn colors(&self, colors: bool) -> bool {
        match self.color {
            ColorChoice::Auto => colors,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Probe {
    /// Where the service is, as its callers reach it: `https://www.example.com`
    #[arg(value_name = "URL", required_unless_present = "print_key")]
    pub(crate) url: Option<String>,
    /// Ask each public route for real, with a request from a file: handlers run
    #[arg(long)]
    pub(crate) public: bool,
    /// The folder of these files, `*.http` [default: `probes`, beside the lock]
    #[arg(long, value_name = "FOLDER", requires = "public")]
    pub(crate) requests: Option<PathBuf>,
    /// Print the key for SESSION_AUTH_PROBE_KEY, from the SESSION_AUTH_KEYS that are set here
    #[arg(long, conflicts_with_all = ["url", "public"])]
    pub(crate) print_key: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// The nodes of one service, each asked for its listing.
#[derive(Clone, Debug, Args)]
pub(crate) struct Nodes {
    /// Where the listing is, as JSON, of each node: `https://node-1.example.com/internal/routes.json`
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// The variable that has the token for it
    #[arg(
        long,
        value_name = "VARIABLE",
        default_value = "SESSION_AUTH_LISTING_TOKEN"
    )]
    pub(crate) token_env: String,
    #[command(flatten)]
    pub(crate) running: Running,
}
