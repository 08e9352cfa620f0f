//! The command line.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{
    ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};

use crate::lock::digest::Digest;

mod format;
mod running;

pub(crate) use self::format::Format;
use self::running::RUNNING_EXIT_CODES;
pub(crate) use self::running::{Nodes, Probe, Running};

const EXIT_CODES: &str = "\
Exit codes:
    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
       could run
  100  findings
  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
       nothing to audit";

/// Audits the routes of a workspace: which are mounted, who may call them, and who said so
///
/// Builds the tests that `#[audited_router]` adds, runs them, and reconciles what the routers
/// mount with what the handlers declare. Packages are selected by cargo's own rules; those that do not depend on `session-auth` are skipped.
///
/// A package that depends on it must have an audited router, or declare its routes for one. A tool
/// that has no routes is left out by the workspace's Cargo.toml:
/// `[workspace.metadata.route-audit]`, `exclude = ["tool"]`.
#[derive(Debug, Parser)]
#[command(
    name = "route-audit",
    version,
    after_help = EXIT_CODES,
    // `route-audit -p web list` would drop the `-p`: clap does not merge the two levels.
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fails where a route has no access class, or where declarations and routers disagree
    /// (the default)
    #[command(after_help = EXIT_CODES)]
    Check(Check),
    /// Shows every route: class, methods, path, proof, handler, place
    #[command(after_help = EXIT_CODES)]
    List(List),
    /// Shows what has changed for callers since another commit: what opens, what closes
    ///
    /// Compares the route lock of that commit with the routes as they are. It judges nothing: the
    /// exit code is 0 whenever it could run.
    #[command(after_help = EXIT_CODES)]
    Diff(Diff),
    /// Asks a running service what it would do with each route of the lock, without its doing anything
    ///
    /// Each request is anonymous and signed: the layer answers with its decision instead of running
    /// the handler. Session routes are asked a second time without the signature, and have to answer
    /// 401 or 303. The key is in SESSION_AUTH_PROBE_KEY, or is derived from SESSION_AUTH_KEYS.
    #[command(after_help = RUNNING_EXIT_CODES)]
    Probe(Probe),
    /// Compares what running services list of themselves with the lock, and with each other
    #[command(after_help = RUNNING_EXIT_CODES)]
    Drift(Nodes),
    /// Says what a service in mode `observe` would have refused since it started
    #[command(after_help = RUNNING_EXIT_CODES)]
    Preflight(Nodes),
    /// Sets a repository up: the route lock, the configuration, a workflow of GitHub Actions
    ///
    /// Nothing that is there is overwritten. Where the audit finds an error, nothing is written:
    /// the lock records who may call each route, and so that has to be settled.
    #[command(after_help = EXIT_CODES)]
    Init(Init),
    /// Explains a finding: what it means, how it comes about, what to do
    #[command(after_help = EXIT_CODES)]
    Explain(Explain),
    /// Says whether a captured delivery of a webhook verifies, and if not, why
    ///
    /// The secret stays where it is: in a variable or a file. Nothing that is printed has it in it.
    #[command(after_help = VERIFY_EXIT_CODES)]
    VerifyWebhook(VerifyWebhook),
    /// Says whether a trail is as it was written, and if not, which line is the first bad one
    ///
    /// Reads the files that were rotated away, too, and the checkpoints beside them.
    #[command(after_help = TRAIL_EXIT_CODES)]
    VerifyTrail(VerifyTrail),
    /// Prints rules for Prometheus: which of the services' metrics ring, and when
    Alerts,
}

const TRAIL_EXIT_CODES: &str = "\
Exit codes:
    0  every trail is as it was written
  100  one was changed, or nothing signed proves it
  101  could not run: a usage error, no such file, no line in it, no key";

#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyTrail {
    /// The files that the services write to
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The public key of the trail, as `TrailKey::public` gave it
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: String,
    /// How to show the result; JSON as docs/route-audit-trail.schema.json describes it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = VerifyFormat::Human)]
    pub(crate) format: VerifyFormat,
}

const VERIFY_EXIT_CODES: &str = "\
Exit codes:
    0  the delivery is accepted
  100  it is refused, or is a handshake, which no handler sees
  101  could not run: a usage error, no such scheme, no secret";

#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyWebhook {
    /// Who sends: `stripe`, `github`, `standard-webhooks` ..
    #[arg(long, value_name = "NAME")]
    pub(crate) scheme: String,
    /// The variable of the environment that has the secret (repeatable)
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) secret_env: Vec<String>,
    /// The file that has the secret, the public key, the certificate or the JWKS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Vec<PathBuf>,
    /// A header of the delivery, as `Name: value` (repeatable)
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<OsString>,
    /// The file that has the body, byte by byte; `-` for standard input [default: no body]
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// The method of the delivery
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    pub(crate) method: String,
    /// The URL of the delivery, as the sender has it
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// When the delivery arrived, in seconds since 1970 [default: now]
    #[arg(long, value_name = "UNIX-SECONDS")]
    pub(crate) at: Option<u64>,
    /// How far the time of the delivery may be from that, in seconds [default: the scheme's]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) tolerance: Option<u64>,
    /// Whom a token has to be for
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
    /// Who has to have issued a token
    #[arg(long, value_name = "ISSUER")]
    pub(crate) issuer: Option<String>,
    /// The service account that a token has to name; of Amazon SNS the topic's ARN
    #[arg(long, visible_alias = "service-account", value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// The id of the webhook at PayPal
    #[arg(long, value_name = "ID")]
    pub(crate) webhook_id: Option<String>,
    /// What Twilio signs by: HMAC_SHA1 or HMAC_SHA256 [default: either]
    #[arg(long, value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// How to show the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = VerifyFormat::Human)]
    pub(crate) format: VerifyFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    /// Text for people
    Human,
    /// One JSON document
    Json,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Check {
    /// How to show the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Fail where the routes differ from the route lock, `routes.lock`
    #[arg(long, conflicts_with = "update")]
    pub(crate) locked: bool,
    /// Compare with the lock of this branch, tag or commit, where HEAD parted from it, and not with the
    /// one in the working tree
    #[arg(long, value_name = "REV", requires = "locked")]
    pub(crate) base: Option<String>,
    /// Let the differences from the lock pass whose digest this is, those and no others: a reviewer has
    /// read them in `route-audit diff`, which prints it
    #[arg(long, value_name = "DIGEST", requires = "locked")]
    pub(crate) acknowledged: Option<Digest>,
    /// Write the route lock, and say what that changes
    #[arg(long)]
    pub(crate) update: bool,
    /// Put the methods and paths of the routers into the declarations that say others
    #[arg(long, conflicts_with = "self_test")]
    pub(crate) fix: bool,
    /// Prove that the check sees: have each audited router mount an unclassified route, and fail
    /// where it is not found
    #[arg(long, conflicts_with_all = ["locked", "update", "format"])]
    pub(crate) self_test: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// How to show the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Diff {
    /// The branch, tag or commit to compare with, where HEAD parted from it [default: HEAD itself]
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Compare with the lock in the working tree, and build nothing
    #[arg(long)]
    pub(crate) lock_only: bool,
    /// How to show the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = DiffFormat::Human)]
    pub(crate) format: DiffFormat,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Init {
    /// Give the handlers of a service on axum their access classes first: attributes, and the imports
    /// of `session_auth` for those of axum
    ///
    /// The service's own tests are run for it, in a copy of the workspace, or what `--run` names; and
    /// where neither shows a router, the compiler says where handlers are mounted. Each handler gets
    /// class `session`, and a `TODO(access)` where it looks as if its callers had no session. What
    /// cannot be done is listed, and the exit code is then 100.
    #[arg(long, conflicts_with = "force")]
    pub(crate) annotate: bool,
    /// What proves the callers of the handlers that are annotated, in place of sessions of this library
    ///
    /// The name of an authenticator, or `a | b` for any of several, in the order in which they are asked:
    /// `by = "api"`. By what handlers take today, the compiler says, the skeleton of one is printed.
    #[arg(long, value_name = "NAME", requires = "annotate", value_parser = crate::annotate::by_name)]
    pub(crate) by: Option<String>,
    /// Replace the lock and the workflow where they exist. What Cargo.toml says is kept
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The repository of route-audit, which the workflow installs it from: a folder or a git address
    ///
    /// A folder that is not part of this repository is not there in CI: no workflow is written then.
    #[arg(long, value_name = "PATH|ADDRESS")]
    pub(crate) source: Option<String>,
    /// The commit to install, where the source is a git address: its full hash
    #[arg(long, value_name = "REVISION", requires = "source")]
    pub(crate) rev: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Explain {
    /// The code in brackets: `lock-narrowed`
    pub(crate) code: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// How long the tests of one target may take, and what `--run` starts, which may have to be
    /// compiled first [default: 60, and 600 for `--run`]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<NonZeroU32>,
    /// Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`,
    /// and stop it once they have reported
    #[arg(long, value_name = "COMMAND")]
    pub(crate) run: Option<String>,
    /// Say which packages are skipped and which tests run
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) cargo: CargoArgs,
    /// Whether the routers are to report the route of the self-test.
    #[arg(skip)]
    pub(crate) self_test: bool,
}

impl Common {
    /// For the tests of one target, which are compiled before the time starts.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout_or(60)
    }

    /// For what `--run` starts: `cargo run` compiles first, on a fresh machine everything.
    pub(crate) fn run_timeout(&self) -> Duration {
        self.timeout_or(600)
    }

    fn timeout_or(&self, seconds: u32) -> Duration {
        let seconds = self.timeout.map_or(seconds, NonZeroU32::get);
        Duration::from_secs(seconds.into())
    }

    /// Whether to show colours, where `colors` is what the surroundings want.
    pub(crate) fn colors(&self, colors: bool) -> bool {
        match self.cargo.color {
            ColorChoice::Auto => colors,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// Text for people
    Human,
    /// A comment for a pull request, found again by its first line
    Markdown,
    /// One JSON document, schema 1: see docs/route-audit-diff.schema.json
    Json,
}

/// What is passed on to cargo.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CargoArgs {
    /// The Cargo.toml to start from
    #[arg(long, value_name = "PATH", help_heading = PACKAGES)]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Audit this package (repeatable)
    #[arg(short, long, value_name = "SPEC", action = ArgAction::Append, help_heading = PACKAGES)]
    pub(crate) package: Vec<String>,
    /// Audit every member of the workspace
    #[arg(long, help_heading = PACKAGES)]
    pub(crate) workspace: bool,
    /// Leave out this package (repeatable)
    #[arg(long, value_name = "SPEC", requires = "workspace", help_heading = PACKAGES)]
    pub(crate) exclude: Vec<String>,
    /// Features to turn on, separated by commas (repeatable)
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = BUILD)]
    pub(crate) features: Vec<String>,
    /// Turn on all features
    #[arg(long, help_heading = BUILD)]
    pub(crate) all_features: bool,
    /// Turn off the `default` feature
    #[arg(long, help_heading = BUILD)]
    pub(crate) no_default_features: bool,
    /// Build for this target; its tests must run on this machine
    #[arg(long, value_name = "TRIPLE", help_heading = BUILD)]
    pub(crate) target: Option<OsString>,
    /// Build with this profile
    #[arg(long, value_name = "NAME", conflicts_with = "release", help_heading = BUILD)]
    profile: Option<String>,
    /// Build with the release profile
    #[arg(long, help_heading = BUILD)]
    release: bool,
    /// Where cargo builds
    #[arg(long, value_name = "DIRECTORY", help_heading = BUILD)]
    pub(crate) target_dir: Option<PathBuf>,
    /// Do not use the network
    #[arg(long, help_heading = BUILD)]
    offline: bool,
    /// Cargo's `--locked`: fail where Cargo.lock would change
    #[arg(long, help_heading = BUILD)]
    cargo_locked: bool,
    /// The result alone: no progress, no notes, no line that sums up
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
}

const PACKAGES: &str = "Packages";
const BUILD: &str = "Build";

impl CargoArgs {
    /// The arguments that `cargo metadata` takes too: what is resolved.
    pub(crate) fn resolve(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        if let Some(path) = &self.manifest_path {
            args.extend(["--manifest-path".into(), path.into()]);
        }
        for features in &self.features {
            args.extend(["--features".into(), features.into()]);
        }
        for (given, flag) in [
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.offline, "--offline"),
            (self.cargo_locked, "--locked"),
            (self.quiet, "--quiet"),
        ] {
            if given {
                args.push(flag.into());
            }
        }
        // Left to itself, cargo goes by its own standard error.
        if self.color != ColorChoice::Auto {
            args.extend(["--color".into(), self.color.to_string().into()]);
        }
        args
    }

    /// The flags that choose a build, by their names.
    pub(crate) fn build_flags(&self) -> Vec<&'static str> {
        let flags = [
            (!self.features.is_empty(), "--features"),
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.target.is_some(), "--target"),
            (self.profile.is_some(), "--profile"),
            (self.release, "--release"),
        ];
        let given = flags.into_iter().filter(|(given, _)| *given);
        given.map(|(_, flag)| flag).collect()
    }

    /// The profile that is built with.
    pub(crate) fn profile(&self) -> &str {
        match &self.profile {
            Some(profile) => profile,
            None if self.release => "release",
            None => "dev",
        }
    }

    /// The arguments of `cargo test`: what is resolved, and how it is built. Which packages are
    /// built is for [`select`](crate::select) to say.
    pub(crate) fn build(&self) -> Vec<OsString> {
        let mut args = self.resolve();
        if self.release {
            args.push("--release".into());
        }
        for (flag, value) in [
            ("--profile", self.profile.as_ref().map(OsString::from)),
            ("--target", self.target.clone()),
            ("--target-dir", self.target_dir.as_ref().map(OsString::from)),
        ] {
            if let Some(value) = value {
                args.extend([flag.into(), value]);
            }
        }
        args
    }
}

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A command to run.
    Run(Box<Command>),
    /// A text to show: help, or the version.
    Show(String),
}

/// Reads the arguments, of which the first is the program's name. The error is a usage error,
/// ready to be shown.
pub(crate) fn parse(args: &[OsString]) -> Result<Parsed, String> {
    let as_subcommand = args.first().is_some_and(|program| {
        Path::new(program).file_stem() == Some(OsStr::new("cargo-route-audit"))
    });
    let mut args = args.to_vec();
    // A listing judges nothing, so that there is nothing for the formats of findings.
    let mut command = Cli::command().mut_subcommand("list", |list| {
        list.mut_arg("format", |format| {
            let formats = [Format::Human, Format::Json, Format::Markdown];
            let values = formats.iter().filter_map(ValueEnum::to_possible_value);
            format.value_parser(
                PossibleValuesParser::new(values)
                    .try_map(|value| <Format as ValueEnum>::from_str(&value, false)),
            )
        })
    });
    if as_subcommand {
        // Cargo passes the name of its subcommand as the first argument.
        if args.get(1).is_some_and(|first| first == "route-audit") {
            args.remove(1);
        }
        command = command.bin_name("cargo route-audit");
    }
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Parsed::Run(Box::new(
            cli.command.unwrap_or(Command::Check(cli.check)),
        ))),
        Err(shown)
            if matches!(
                shown.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            Ok(Parsed::Show(shown.to_string()))
        }
        Err(usage) => Err(usage.to_string()),
    }
}

#[cfg(test)]
mod tests;
