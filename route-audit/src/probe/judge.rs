//! Whether an answer is what the lock says: pure functions of both.

use http::StatusCode;
use session_auth::AccessClass;
use session_auth::probe::{ProbeAnswer, ProbeDecision};

use crate::lock::mount::At;
use crate::running::client::Came;
use crate::running::locked::Row;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The layer decides otherwise. Goes on from the route.
    Decides(String),
    /// The layer's answer was changed on the way, or is not there. Goes on from the route.
    Front(String),
}

/// Reasons for which a caller without a session is refused.
const OF_STRANGERS: [&str; 5] = [
    "missing",
    "malformed",
    "bad_signature",
    "expired",
    "revoked",
];
/// Reasons for which a delivery without its proof is refused.
const OF_PROOF: [&str; 3] = [
    "signature_missing",
    "signature_invalid",
    "timestamp_out_of_range",
];

/// What a row of the lock promises to a stranger.
pub(super) fn expected(row: &Row) -> &'static str {
    match row.class() {
        _ if row.runs_for_anyone() => "let in",
        AccessClass::Webhook => "refused without its proof",
        _ => "401 or 303",
    }
}

/// Judges the layer's answer to a signed probe; `status` is the one that came.
pub(super) fn signed(row: &Row, said: &ProbeAnswer, status: StatusCode) -> Option<Wrong> {
    let decides = |what: String| Some(Wrong::Decides(what));
    if said.status != status {
        return Some(Wrong::Front(format!(
            "was answered with {} by the layer, and {} came: something in front changed it",
            said.status.as_u16(),
            status.as_u16()
        )));
    }
    if said.decision == ProbeDecision::NoRoute {
        return decides("is in the lock, and the running service has no such route".to_owned());
    }
    let pattern = said.pattern.as_deref();
    if let (Some(pattern), At::Path(path)) = (pattern, &row.at)
        && !row.methods.is_fallback()
        && !pattern.ends_with(path.as_str())
    {
        return decides(format!("is answered by another route, `{pattern}`"));
    }
    let Some(class) = said.class else {
        return decides("has no class in the running service".to_owned());
    };
    if class != row.class() {
        return decides(format!(
            "is {} in the lock, and {class} in the running service",
            row.class()
        ));
    }
    let reason = said.reason.as_deref().unwrap_or_default();
    let refuses = matches!(said.decision, ProbeDecision::Deny | ProbeDecision::Observe);
    if row.runs_for_anyone() {
        return match refuses {
            true => decides(format!(
                "lets anyone in by the lock, and refuses strangers: `{reason}`, {}",
                status.as_u16()
            )),
            false => None,
        };
    }
    let (what, reasons): (&str, &[&str]) = match class {
        AccessClass::Webhook => ("a delivery without its proof", &OF_PROOF),
        _ => ("a caller without a session", &OF_STRANGERS),
    };
    if said.decision == ProbeDecision::Grant {
        return decides(format!("lets {what} in"));
    }
    if refuses && !reasons.contains(&reason) {
        return decides(format!(
            "refuses {what} for another reason than that: `{reason}`, {}",
            status.as_u16()
        ));
    }
    match said.decision {
        ProbeDecision::Deny if class == AccessClass::Session && !is_refusal(status) => {
            decides(format!("refuses {what} with {}", status.as_u16()))
        }
        _ => None,
    }
}

/// Judges the answer to an unsigned request to a session route.
pub(super) fn unsigned(came: &Came) -> Option<Wrong> {
    if is_refusal(came.status) {
        return None;
    }
    Some(Wrong::Front(format!(
        "answers a stranger with {}, where the layer says 401 to a probe: a request without a \
         session has to get 401 or 303",
        came.signs()
    )))
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::SEE_OTHER)
}

/// Why an answer is none of the layer's. `header` is whether it has the header of one.
pub(super) fn unanswered(came: &Came, header: Option<&[u8]>) -> String {
    let signs = came.signs();
    if let Some(header) = header {
        return match header.split(|byte| *byte == b'.').next() {
            Some(b"1") => format!(
                "is answered with what is signed for another probe, or by another key: a cache in \
                 front, or other keys ({signs})"
            ),
            _ => format!(
                "is answered by a layer with another version of probes than this one's ({signs}): \
                 take the route-audit of its version"
            ),
        };
    }
    if let Some(ahead) = came.clock_ahead() {
        let (minutes, which) = (ahead.abs() / 60, if ahead > 0 { "ahead" } else { "behind" });
        return format!(
            "is not answered by the layer ({signs}): the clock there is {minutes} minutes {which} of \
             this one, and a probe is good for one minute"
        );
    }
    if let Some(location) = came.leads_to() {
        return format!(
            "is not answered by the layer: something in front redirects ({signs}); probe the address \
             that it leads to, `{}`",
            crate::visible::visible(location)
        );
    }
    format!(
        "is not answered by the layer ({signs}): something in front answers in its place, or takes off \
         the header `session-auth-probe`; or the service has no layer, or other keys"
    )
}

#[cfg(test)]
mod tests;
