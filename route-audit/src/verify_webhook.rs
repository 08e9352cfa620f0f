//! `route-audit verify-webhook`: whether a captured delivery verifies, and if not, why.

mod captured;
mod shown;
mod why;

use std::ffi::OsStr;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use session_auth::webhook::{Rejection, Scheme, Setup, scheme};
use zeroize::Zeroizing;

use self::captured::{Captured, Verdict};
use crate::cli::VerifyWebhook;
use crate::error::{CannotRun, Problem};
use crate::exit;
use crate::surroundings::{Env, print};

pub(crate) fn run(args: &VerifyWebhook, env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let captured = captured(args, env)?;
    let verdict = judge(&captured)?;
    let unchecked = unchecked(args, &captured);
    let shown = shown::Shown::of(&captured, &verdict, unchecked, args.at.is_some());
    print(env.stdout, &shown.render(args.format))?;
    Ok(match verdict {
        Verdict::Accepted(_) => exit::CLEAN,
        Verdict::Handshake(_) | Verdict::Refused(_) => exit::FINDINGS,
    })
}

fn judge(captured: &Captured) -> Result<Verdict, CannotRun> {
    let verifier = captured
        .scheme
        .verifier(&captured.setup)
        .map_err(|error| Problem::new(error.to_string()))?;
    let verdict = captured.verdict_of(&*verifier);
    // What the sender asks before it has a secret needs none.
    if !matches!(verdict, Verdict::Handshake(_)) {
        verifier.check().map_err(|error| {
            // Where the secret was given is a place in this program.
            let message = error.to_string();
            let (what, _) = message.split_once(" (number ").unwrap_or((&message, ""));
            Problem::new(what)
        })?;
    }
    if let Verdict::Refused(Rejection::Unavailable(what)) = verdict {
        return Err(Problem::new(what).into());
    }
    Ok(verdict)
}

fn captured(args: &VerifyWebhook, env: &Env<'_>) -> Result<Captured, CannotRun> {
    let scheme = scheme(&args.scheme).map_err(|error| Problem::new(error.to_string()))?;
    let mut problems = Vec::new();
    let mut keep = |problem: Problem| problems.push(problem);
    let method = Method::from_bytes(args.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| keep(Problem::new(format!("{:?} is no method", args.method))))
        .unwrap_or_default();
    let mut headers = HeaderMap::new();
    for header in &args.header {
        match read_header(header) {
            Ok((name, value)) => {
                headers.append(name, value);
            }
            Err(problem) => keep(problem),
        }
    }
    let (base, target, fragment) = match &args.url {
        Some(url) => split(url).unwrap_or_else(|problem| {
            keep(problem);
            (None, Uri::default(), None)
        }),
        None => (None, Uri::default(), None),
    };
    let body = read_body(args, env).unwrap_or_else(|problem| {
        keep(problem);
        Vec::new()
    });
    let mut setup = Setup::new(secrets(args, env, &mut keep));
    if setup.secrets.is_empty() && needs_secret(scheme, &method, &headers) {
        keep(
            Problem::new("there is no secret")
                .help("give `--secret-env VARIABLE`, or `--secret-file FILE`"),
        );
    }
    let hubspot_v1 = scheme.name == "hubspot" && !headers.contains_key("x-hubspot-signature-v3");
    let is_head = method == Method::HEAD;
    if scheme.signs_url() && base.is_none() && !hubspot_v1 && !is_head {
        keep(
            Problem::new(format!(
                "{} signs the URL, and `--url` gives none with scheme and host",
                scheme.sender
            ))
            .help("give it as the sender has it: `--url https://hooks.example.com/webhooks/x`"),
        );
    }
    CannotRun::unless_none(problems)?;
    let now = match args.at {
        Some(seconds) => UNIX_EPOCH + Duration::from_secs(seconds.min(u64::from(u32::MAX) * 1000)),
        None => SystemTime::now(),
    };
    setup.public_url = base;
    setup.fragment = fragment;
    setup.audience.clone_from(&args.audience);
    if scheme.name == "google-pubsub" && setup.audience.is_none() && setup.public_url.is_some() {
        // Pub/Sub's own default.
        setup.audience.clone_from(&args.url);
    }
    setup.issuer.clone_from(&args.issuer);
    setup.account.clone_from(&args.account);
    setup.webhook_id.clone_from(&args.webhook_id);
    setup.algorithm.clone_from(&args.algorithm);
    setup.tolerance = args.tolerance.map(Duration::from_secs);
    // Where the sender names no tolerance, a capture is not too old because it is a capture.
    setup.any_time = args.at.is_none() && args.tolerance.is_none() && scheme.tolerance_is_chosen();
    setup.diagnosing = true;
    Ok(Captured {
        scheme,
        setup,
        method,
        target,
        headers,
        body,
        now,
    })
}

/// What a handshake without a proof can do without.
fn needs_secret(scheme: &Scheme, method: &Method, headers: &HeaderMap) -> bool {
    match scheme.name {
        "azure-event-grid" => *method != Method::OPTIONS && !headers.contains_key("aeg-event-type"),
        "mandrill" => *method != Method::HEAD,
        _ => true,
    }
}

fn read_header(header: &OsStr) -> Result<(HeaderName, HeaderValue), Problem> {
    let wrong = |what: &str| {
        let shown = header.to_string_lossy();
        let name = shown.split(':').next().unwrap_or_default();
        Problem::new(format!(
            "the header `{}` {what}",
            crate::visible::visible(name)
        ))
        .help("write it as it was sent: `--header 'Stripe-Signature: t=1,v1=..'`")
    };
    let bytes = header.as_encoded_bytes();
    let colon = bytes.iter().position(|&byte| byte == b':');
    let (name, value) = bytes.split_at(colon.ok_or_else(|| wrong("has no colon"))?);
    let name = HeaderName::from_bytes(name.trim_ascii()).map_err(|_| wrong("has no name"))?;
    let value = HeaderValue::from_bytes(value[1..].trim_ascii())
        .map_err(|_| wrong("has a value that no request can carry"))?;
    Ok((name, value))
}

type Split = (Option<String>, Uri, Option<String>);

/// The public address, what the request asks for, and the fragment, which is not sent.
fn split(url: &str) -> Result<Split, Problem> {
    let wrong = || {
        Problem::new(format!("`{}` is no URL", crate::visible::visible(url)))
            .help("give it as the sender has it: `https://hooks.example.com/webhooks/x?y=z`")
    };
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment.to_owned())),
        None => (url, None),
    };
    let (base, target) = match url.find("://") {
        Some(at) => {
            let end = url[at + 3..]
                .find(['/', '?'])
                .map_or(url.len(), |end| at + 3 + end);
            (Some(url[..end].to_owned()), &url[end..])
        }
        None => (None, url),
    };
    let target = match target {
        "" => "/".to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_owned(),
    };
    if !target.starts_with('/') {
        return Err(wrong());
    }
    let target = target.parse().map_err(|_| wrong())?;
    Ok((base, target, fragment))
}

fn read_body(args: &VerifyWebhook, env: &Env<'_>) -> Result<Vec<u8>, Problem> {
    let Some(path) = &args.body else {
        return Ok(Vec::new());
    };
    let read = if path.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).map(|_| body)
    } else {
        std::fs::read(env.current_dir.join(path))
    };
    read.map_err(|error| {
        Problem::new(format!("the body cannot be read: {error}"))
            .at(path.display())
            .help("give the file that has the body, byte by byte, or `-` for standard input")
    })
}

fn secrets(
    args: &VerifyWebhook,
    env: &Env<'_>,
    keep: &mut impl FnMut(Problem),
) -> Vec<Zeroizing<Vec<u8>>> {
    let mut secrets = Vec::new();
    for variable in &args.secret_env {
        match std::env::var_os(variable) {
            Some(secret) => secrets.push(Zeroizing::new(secret.into_encoded_bytes())),
            None => keep(
                Problem::new(format!(
                    "the variable `{}` is not set",
                    crate::visible::visible(variable)
                ))
                .help("set it to the secret, and name it by `--secret-env`"),
            ),
        }
    }
    for path in &args.secret_file {
        match std::fs::read(env.current_dir.join(path)) {
            Ok(secret) => secrets.push(Zeroizing::new(secret)),
            Err(error) => {
                keep(Problem::new(format!("the secret cannot be read: {error}")).at(path.display()))
            }
        }
    }
    secrets
}

/// What the service checks and this command was not told.
fn unchecked(args: &VerifyWebhook, captured: &Captured) -> Vec<&'static str> {
    let setup = &captured.setup;
    let mut unchecked = Vec::new();
    let name = captured.scheme.name;
    let token = matches!(name, "google-pubsub" | "cloudflare-access");
    if token && setup.audience.is_none() {
        unchecked.push("audience");
    }
    if name == "cloudflare-access" && setup.issuer.is_none() {
        unchecked.push("issuer");
    }
    if name == "google-pubsub" && setup.account.is_none() {
        unchecked.push("service-account");
    }
    if name == "aws-sns" && args.account.is_none() {
        unchecked.push("topic");
    }
    if setup.any_time {
        unchecked.push("time");
    }
    unchecked
}
