//! `route-audit probe`: what a running service would do with each route of the lock.

mod judge;
mod public;
mod requests;
mod signed;

use session_auth::Keys;
use session_auth::probe::ProbeKey;

use crate::cli::Probe;
use crate::count::count;
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::running::address::Address;
use crate::running::client::Client;
use crate::running::document::{Asked, Told};
use crate::running::locked::Locked;
use crate::running::{note, show};
use crate::surroundings::{Env, print};

const KEY_VARIABLE: &str = "SESSION_AUTH_PROBE_KEY";

pub(crate) fn run(args: &Probe, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    if args.print_key {
        let keys = Keys::from_env().map_err(|error| Problem::new(error.to_string()))?;
        let key = keys.probe_key().reveal();
        print(env.stdout, &format!("{}\n", *key))?;
        return Ok(exit::CLEAN);
    }
    let address = Address::parse(args.url.as_deref().unwrap_or_default())?;
    let locked = Locked::read(&args.running, &env.current_dir)?;
    let client = Client::new(&args.running, env)?;
    let mut asked = Asked {
        command: "probe",
        ..Asked::default()
    };
    let found = if args.public {
        let folder = match &args.requests {
            Some(folder) => env.current_dir.join(folder),
            None => locked.root.join("probes"),
        };
        public::ask(&client, &address, &locked, &folder, &mut asked)?
    } else {
        signed::ask(&client, &address, &locked, &key()?, &mut asked)?
    };
    let requests = count(asked.requests.len(), "request");
    let said = format!("{requests} to {}", address.url());
    note(&args.running, env, &said);
    show(&args.running, &locked, &asked, &Told::default(), found, env)
}

fn key() -> Result<ProbeKey, Problem> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) => {
            ProbeKey::parse(&text).map_err(|error| Problem::new(error.to_string()).at(KEY_VARIABLE))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Problem::new("the key for probes is no text").at(KEY_VARIABLE))
        }
        Err(std::env::VarError::NotPresent) => {
            let keys = Keys::from_env().map_err(|_| {
                Problem::new("there is no key to sign probes with").help(format!(
                    "set {KEY_VARIABLE} to what `route-audit probe --print-key` prints where \
                     SESSION_AUTH_KEYS is set; session keys are not for a CI"
                ))
            })?;
            Ok(keys.probe_key())
        }
    }
}
