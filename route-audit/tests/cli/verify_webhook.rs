//! `verify-webhook`, as somebody runs it who has captured a delivery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const SECRET: &str = "VERIFY_WEBHOOK_TEST_SECRET";

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../session-auth/tests/vectors")
}

/// A run of the binary.
struct Run {
    args: Vec<String>,
    secret: Option<String>,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(scheme: &str, secret: Option<&str>, body: impl AsRef<[u8]>) -> Self {
        let mut args = ["verify-webhook", "--scheme", scheme, "--body", "-"]
            .map(str::to_owned)
            .to_vec();
        if secret.is_some() {
            args.extend(["--secret-env".to_owned(), SECRET.to_owned()]);
        }
        Self {
            args,
            secret: secret.map(str::to_owned),
            body: body.as_ref().to_vec(),
        }
    }

    fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    fn run(self) -> Ran {
        use std::io::Write;

        let mut command = Command::new(env!("CARGO_BIN_EXE_route-audit"));
        command.args(&self.args).env_remove(SECRET);
        if let Some(secret) = &self.secret {
            command.env(SECRET, secret);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may have ended before it read anything.
        let _ = stdin.write_all(&self.body);
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let ran = Ran {
            code: output.status.code().expect("a code"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        // An origin that may send is no secret.
        let is_secret = |secret: &String| secret.len() > 5 && !secret.ends_with(".net");
        if let Some(secret) = self.secret.filter(is_secret) {
            assert!(!ran.stdout.contains(&secret), "{ran:?}");
            assert!(!ran.stderr.contains(&secret), "{ran:?}");
        }
        ran
    }

    fn json(self) -> (i32, Value) {
        let ran = self.with(&["--format", "json"]).run();
        let json = serde_json::from_str(&ran.stdout);
        (
            ran.code,
            json.unwrap_or_else(|error| panic!("{error}: {ran:?}")),
        )
    }
}

/// The arguments of a vector, by what it says of itself.
fn of_vector(vector: &Value) -> Run {
    let text = |name: &str| vector[name].as_str();
    let body = STANDARD
        .decode(text("body_b64").expect("a body"))
        .expect("base64");
    let key = &vector["key"];
    let secret = key["value"].as_str();
    let mut run = Run::of(text("scheme").expect("a scheme"), secret, body);
    run = run.with(&["--method", text("method").expect("a method")]);
    if let Some(file) = key["value_file"].as_str() {
        let file = vectors().join(file);
        run = run.with(&["--secret-file", file.to_str().expect("UTF-8")]);
    }
    for (name, value) in vector["headers"].as_object().expect("headers") {
        let header = format!("{name}: {}", value.as_str().expect("a value"));
        run = run.with(&["--header", &header]);
    }
    for (flag, value) in [
        ("--url", text("url")),
        ("--audience", text("audience")),
        ("--issuer", text("issuer")),
        ("--service-account", text("service_account")),
        ("--algorithm", key["only"].as_str()),
    ] {
        if let Some(value) = value {
            run = run.with(&[flag, value]);
        }
    }
    if let Some(now) = vector["now"].as_u64() {
        run = run.with(&["--at", &now.to_string()]);
    }
    run
}

fn all_vectors() -> Vec<Value> {
    let signed = std::fs::read(vectors().join("signed.json")).expect("the vectors");
    let signed: Value = serde_json::from_slice(&signed).expect("JSON");
    signed["vectors"].as_array().expect("a list").clone()
}

#[test]
fn every_vector_has_its_verdict_and_its_exit_code() {
    let mut seen = BTreeMap::new();
    for vector in all_vectors() {
        let id = vector["id"].as_str().expect("an id");
        let expected = vector["expect"].as_str().expect("a verdict");
        let run = of_vector(&vector);
        if expected == "string-to-sign-only" {
            // Its certificate is not published: with another one it is refused.
            let certificate = vectors().join("test_rsa_cert.pem");
            let mut run = run.with(&["--secret-file", certificate.to_str().expect("UTF-8")]);
            run.args
                .retain(|arg| arg != "--secret-env" && arg != SECRET);
            run.secret = None;
            let webhook = vector["webhook_id"].as_str().expect("an id");
            let (code, json) = run.with(&["--webhook-id", webhook]).json();
            assert_eq!(
                (code, &json["verdict"]),
                (100, &"signature_invalid".into()),
                "{id}"
            );
            continue;
        }
        let (code, json) = run.json();
        let verdict = json["verdict"].as_str().expect("a verdict").to_owned();
        let expected = if expected == "accept" {
            "accepted"
        } else {
            expected
        };
        assert_eq!(verdict, expected, "{id}: {json}");
        assert_eq!(code, if verdict == "accepted" { 0 } else { 100 }, "{id}");
        if let (Some(id), "accepted") = (vector["delivery_id"].as_str(), &*verdict) {
            assert_eq!(json["delivery_id"], id);
        }
        if let Some(answer) = vector["answer"].as_object() {
            assert_eq!(json["answer"]["status"], answer["status"], "{id}");
            let body = answer
                .get("body")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert_eq!(json["answer"]["body"], body, "{id}");
        }
        *seen.entry(verdict).or_insert(0) += 1;
    }
    assert_eq!(seen.values().sum::<i32>(), 65);
    assert_eq!(seen.len(), 5, "{seen:?}");
}

const STRIPE: &str = "whsec_test_secret";
const BODY: &str = r#"{"id":"evt_test_webhook","object":"event"}"#;
const HEADER: &str = "Stripe-Signature: \
    t=1700000000,v1=d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990";

fn stripe(secret: &str, body: &str, at: &str) -> Ran {
    let run = Run::of("stripe", Some(secret), body);
    run.with(&["--header", HEADER, "--at", at]).run()
}

#[test]
fn it_says_in_words_what_would_have_to_be_otherwise() {
    let now = "1700000000";
    let right = stripe(STRIPE, BODY, now);
    assert_eq!(right.code, 0, "{right:?}");
    assert!(
        right.stdout.starts_with("accepted: the proof is right"),
        "{right:?}"
    );
    let pretty = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
    let quoted = format!("\"{STRIPE}\"");
    for (secret, body, at, says) in [
        (STRIPE, &*format!("{BODY}\n"), now, "without the line end"),
        (STRIPE, pretty, now, "parsed the JSON and written it anew"),
        (&*quoted, BODY, now, "without the quotes"),
        (
            "whsec_another",
            BODY,
            now,
            "most likely the secret is another one",
        ),
        (STRIPE, BODY, "1700000301", "300 seconds to either side"),
        (STRIPE, BODY, "1700000301", "the signature itself is right"),
    ] {
        let ran = stripe(secret, body, at);
        assert_eq!(ran.code, 100, "{ran:?}");
        assert!(ran.stdout.contains(says), "{says}: {ran:?}");
    }
    // The same delivery, thought to be another sender's.
    let other = Run::of("workos", Some(STRIPE), BODY).with(&["--header", HEADER, "--at", now]);
    let other = other.run();
    assert!(other.stdout.contains("verifies as `stripe`"), "{other:?}");
    let url = Run::of(
        "square",
        Some("signature-key"),
        r#"{"data":{"type":"webhooks","id":">id<"}}"#,
    )
    .with(&[
        "--header",
        "x-square-hmacsha256-signature: Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
    ])
    .with(&["--url", "http://webhook.site/webhooks"]);
    let url = url.run();
    assert!(
        url.stdout
            .contains("with https, which a proxy in front ends"),
        "{url:?}"
    );
}

#[test]
fn what_a_service_would_check_and_nobody_said_is_named() {
    let vector = all_vectors();
    let vector = vector
        .iter()
        .find(|it| it["id"] == "cf-access-1")
        .expect("there");
    let mut run = of_vector(vector);
    let told = |args: &[String], flag: &str| args.iter().position(|arg| arg == flag);
    for flag in ["--audience", "--issuer"] {
        let at = told(&run.args, flag).expect("told");
        run.args.drain(at..at + 2);
    }
    let (code, json) = run.json();
    assert_eq!((code, &json["verdict"]), (0, &"accepted".into()));
    assert_eq!(json["unchecked"], serde_json::json!(["audience", "issuer"]));
}

#[test]
fn bad_input_is_told_and_nothing_is_judged() {
    let header = ["--header", HEADER];
    let right = || Run::of("stripe", Some(STRIPE), BODY);
    for (run, says) in [
        (
            Run::of("stirpe", Some(STRIPE), BODY),
            "did you mean \"stripe\"?",
        ),
        (
            Run::of("stripe", None, BODY).with(&header),
            "there is no secret",
        ),
        (Run::of("stripe", Some(""), BODY).with(&header), "is empty"),
        (
            Run::of("stripe", Some(" "), BODY).with(&header),
            "white space",
        ),
        (
            Run::of("stripe", Some("s3cret\n"), BODY).with(&header),
            "newline",
        ),
        (
            Run::of("stripe", None, BODY).with(&["--secret-env", "NO_SUCH_VARIABLE"]),
            "`NO_SUCH_VARIABLE` is not set",
        ),
        (
            Run::of("stripe", None, BODY).with(&["--secret-file", "no-such-file"]),
            "--> no-such-file",
        ),
        (right().with(&["--header", "no colon"]), "has no colon"),
        (right().with(&["--header", ": x"]), "has no name"),
        (right().with(&["--at", "-1"]), "'-1'"),
        (right().with(&["--at=-1"]), "--at"),
        (right().with(&["--at", "1e9"]), "--at"),
        (right().with(&["--method", "G T"]), "is no method"),
        (right().with(&["--url", "a b"]), "is no URL"),
        (right().with(&["--format", "sarif"]), "sarif"),
        (
            Run::of("standard-webhooks", Some("whsec_whsec_AAAA"), BODY).with(&header),
            "twice",
        ),
        (
            Run::of("standard-webhooks", Some("whsec_AAAA"), BODY).with(&header),
            "24 to 64",
        ),
        (Run::of("twilio", Some("12345"), BODY), "--url"),
        (Run::of("google-pubsub", Some("{}"), BODY), "JWK Set"),
        (Run::of("aws-sns", Some("x"), BODY), "PEM"),
        (Run::of("paypal", Some("x"), BODY), "webhook's id"),
        (Run::of("discord", Some("00"), BODY), "32 bytes"),
    ] {
        let ran = run.run();
        assert_eq!(ran.code, 101, "{says}: {ran:?}");
        assert_eq!(ran.stdout, "", "{says}");
        assert!(ran.stderr.contains(says), "{says}: {ran:?}");
    }
}
