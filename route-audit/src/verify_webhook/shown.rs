//! The verdict, for people and for programs.

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use session_auth::webhook::{Answer, Delivery, Rejection};

use super::captured::{Captured, Verdict};
use super::why::why;
use crate::cli::VerifyFormat;

pub(super) struct Shown {
    verdict: &'static str,
    scheme: &'static str,
    sender: &'static str,
    binds: &'static str,
    detail: String,
    hints: Vec<String>,
    delivery: Option<Delivery>,
    unchecked: Vec<&'static str>,
}

impl Shown {
    pub(super) fn of(
        captured: &Captured,
        verdict: &Verdict,
        unchecked: Vec<&'static str>,
        timed: bool,
    ) -> Self {
        let (name, detail, hints, delivery) = match verdict {
            Verdict::Accepted(delivery) => {
                let detail = match delivery.secret {
                    Some(number) if captured.setup.secrets.len() > 1 => {
                        format!("the proof is right, by secret number {}", number + 1)
                    }
                    _ => "the proof is right".to_owned(),
                };
                (
                    "accepted",
                    detail,
                    of_accepted(captured),
                    Some(delivery.clone()),
                )
            }
            Verdict::Handshake(delivery) => (
                "handshake",
                "the layer answers it, and no handler sees it".to_owned(),
                Vec::new(),
                Some(delivery.clone()),
            ),
            Verdict::Refused(rejection) => (
                rejection.as_str(),
                rejection.detail().to_owned(),
                of_refused(captured, *rejection, timed),
                None,
            ),
        };
        let binds = captured.scheme.verifier(&captured.setup).ok();
        let binds = binds.and_then(|verifier| verifier.terms().binds);
        Self {
            verdict: name,
            scheme: captured.scheme.name,
            sender: captured.scheme.sender,
            binds: binds.unwrap_or(captured.scheme.binds).as_str(),
            detail,
            hints,
            delivery,
            unchecked,
        }
    }

    pub(super) fn render(&self, format: VerifyFormat) -> String {
        match format {
            VerifyFormat::Human => self.human(),
            VerifyFormat::Json => format!("{:#}\n", self.json()),
        }
    }

    fn json(&self) -> Value {
        let delivery = self.delivery.as_ref();
        let timestamp = delivery.and_then(seconds);
        json!({
            "verdict": self.verdict,
            "scheme": self.scheme,
            "binds": self.binds,
            "detail": self.detail,
            "hints": self.hints,
            "unchecked": self.unchecked,
            "delivery_id": delivery.and_then(|it| it.id.as_deref()),
            "timestamp": timestamp,
            "secret": delivery.and_then(|it| it.secret),
            "answer": delivery.and_then(Delivery::answer).map(answer),
        })
    }

    fn human(&self) -> String {
        let mut text = format!("{}: {}, by `{}`\n", self.verdict, self.detail, self.scheme);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  = {name}: {value}");
        };
        if let Some(delivery) = &self.delivery {
            if let Some(id) = &delivery.id {
                line("delivery", &crate::visible::visible(id));
            }
            if let Some(seconds) = seconds(delivery) {
                line("signed at", &seconds.to_string());
            }
            if let Some(answer) = delivery.answer() {
                line("answer", answer.status().as_str());
            }
        }
        for hint in &self.hints {
            line("help", hint);
        }
        if !self.unchecked.is_empty() {
            let what = self.unchecked.join(", ");
            let note = format!("not checked, for it was not told: {what}. A service checks it");
            line("note", &note);
        }
        if self.verdict == "accepted" && self.binds == "sender" {
            let note = format!(
                "the proof says that {} sent it, and nothing of what: keep a replay window",
                self.sender
            );
            line("note", &note);
        }
        text
    }
}

fn seconds(delivery: &Delivery) -> Option<u64> {
    let time = delivery.timestamp?.duration_since(UNIX_EPOCH).ok()?;
    Some(time.as_secs())
}

fn answer(answer: &Answer) -> Value {
    let headers = answer.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Value::from(value))
    });
    json!({
        "status": answer.status().as_u16(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8_lossy(answer.body()),
    })
}

fn of_accepted(captured: &Captured) -> Vec<String> {
    let legacy = captured.scheme.name == "hubspot"
        && !captured.headers.contains_key("x-hubspot-signature-v3");
    let hint = "it is version 1 or 2, which a service refuses unless it is told to take it: they are \
                plain hashes, to which whoever has seen one can append";
    legacy.then(|| hint.to_owned()).into_iter().collect()
}

fn of_refused(captured: &Captured, rejection: Rejection, timed: bool) -> Vec<String> {
    let scheme = captured.scheme;
    match rejection {
        Rejection::SignatureMissing(_) => {
            let mut hints = vec![format!(
                "{} puts its proof here: {}",
                scheme.sender, scheme.proof
            )];
            hints.extend(why(captured));
            if hints.len() == 1 {
                hints.push(
                    "a proxy may drop headers that it does not know, and a sender without a \
                     configured secret signs nothing"
                        .to_owned(),
                );
            }
            hints
        }
        Rejection::TimestampOutOfRange(_) => {
            let mut hints = Vec::new();
            if let Some(tolerance) = captured
                .setup
                .tolerance
                .map(|it| it.as_secs())
                .or(scheme.tolerance())
            {
                hints.push(format!("{tolerance} seconds to either side are allowed"));
            }
            if captured.is_proved() {
                hints.push("the signature itself is right".to_owned());
            }
            hints.push(if timed {
                "compare the clocks of the machines (NTP); or a queue in between held it, or it was \
                 sent again by somebody else"
                    .to_owned()
            } else {
                "to judge a capture by the time at which it arrived, give `--at UNIX-SECONDS`".to_owned()
            });
            hints
        }
        _ => {
            let mut hints = why(captured);
            if hints.is_empty() && rejection.detail().contains("encoding") {
                hints.push(format!("{} signs so: {}", scheme.sender, scheme.signs));
            } else if hints.is_empty() && rejection.detail().contains("no secret") {
                hints.push(format!(
                    "most likely the secret is another one: that of another endpoint, of test mode, or \
                     from before it was rotated. Else the body{} is not what was sent",
                    if scheme.signs_url() { ", or the URL," } else { "" }
                ));
            }
            hints
        }
    }
}
