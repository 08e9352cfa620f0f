//! What is to become of a request, from what axum alone does with it.

use axum::http::{Method, StatusCode};

use super::spec::{Class, Handler, Id, Source};

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    Session,
    Staff,
    /// A session that other keys have signed.
    OfOtherKeys,
    /// Nobody with a session, but the webhook's credentials.
    Sender,
    /// Other credentials.
    OtherSender,
    Preflight,
}

impl Caller {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Session,
        Self::Staff,
        Self::OfOtherKeys,
        Self::Sender,
        Self::OtherSender,
        Self::Preflight,
    ];
}

/// What a router did with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) ran: Vec<Id>,
    pub(crate) status: StatusCode,
}

/// Why a class does not let a caller in.
fn refused(class: Class, caller: Caller) -> Option<StatusCode> {
    match (class, caller) {
        (Class::Public, _)
        | (Class::Session, Caller::Session | Caller::Staff)
        | (Class::Staff, Caller::Staff)
        | (Class::Webhook, Caller::Sender) => None,
        (Class::Staff, Caller::Session) => Some(StatusCode::FORBIDDEN),
        _ => Some(StatusCode::UNAUTHORIZED),
    }
}

/// Whether its handler asks for its pass: only then may a request go in without one.
fn is_sealed(handler: &Handler) -> bool {
    matches!(handler.source, Source::Inline | Source::Attribute(_))
        && handler.class != Class::Public
}

/// What a middleware or a service with other handlers in it runs of them: the public ones.
struct Inside {
    ran: Vec<Id>,
    /// Whether one of the others was reached, so that the answer is its refusal.
    refused: bool,
}

fn inside<'a>(ran: &[Id], owner: Option<&Handler>, of: &impl Fn(Id) -> &'a Handler) -> Inside {
    let mut all = Inside {
        ran: Vec::new(),
        refused: false,
    };
    for (at, id) in ran.iter().enumerate() {
        let is_owner = at == 0 && owner.is_some_and(|owner| owner.id == *id);
        if is_owner || of(*id).class == Class::Public {
            all.ran.push(*id);
        } else {
            all.refused = true;
        }
    }
    all
}

/// What the guarded router is to do.
///
/// `owner` is whose the request is; `layered` is what axum does with it, layers and all;
/// `ambiguous` whether another reading of the path leads elsewhere.
pub(crate) fn expect<'a>(
    owner: Option<&'a Handler>,
    layered: &Done,
    ambiguous: bool,
    caller: Caller,
    method: &Method,
    of: impl Fn(Id) -> &'a Handler,
) -> Done {
    let Inside {
        ran,
        refused: inner,
    } = inside(&layered.ran, owner, &of);
    let status = if inner {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        layered.status
    };
    let Some(owner) = owner else {
        let says_nothing = status.is_client_error()
            || status.is_server_error()
            || status.is_redirection() && !matches!(status.as_u16(), 300 | 304);
        let status = if says_nothing || method == Method::OPTIONS {
            status
        } else {
            // A middleware that answers where no route is mounted.
            StatusCode::UNAUTHORIZED
        };
        return Done { ran, status };
    };
    let denied = if ambiguous {
        Some(StatusCode::BAD_REQUEST)
    } else {
        refused(owner.class, caller)
    };
    match denied {
        None => Done { ran, status },
        Some(denied) if caller == Caller::Preflight && is_sealed(owner) => {
            // It goes in for a `CorsLayer` to answer, and no further.
            let reaches_owner = match layered.ran.first() {
                Some(first) => *first == owner.id,
                // A redirect runs nothing.
                None => owner.redirects && layered.status == StatusCode::PERMANENT_REDIRECT,
            };
            if reaches_owner {
                Done {
                    ran: Vec::new(),
                    status: denied,
                }
            } else {
                Done { ran, status }
            }
        }
        Some(denied) => Done {
            ran: Vec::new(),
            status: denied,
        },
    }
}

/// Whether what answers may be a service that reads a path otherwise than axum does.
pub(crate) fn is_opaque(handler: &Handler) -> bool {
    match handler.source {
        Source::Inline | Source::Attribute(_) => handler.is_service,
        Source::ByPath => handler.is_service || handler.path.contains("{*"),
        Source::Whole => true,
    }
}

/// The ways to read a path, but for the one that it is written in.
pub(crate) fn readings(path: &str) -> Vec<String> {
    if !path.starts_with('/') {
        // `OPTIONS *`, `CONNECT host:port`.
        return Vec::new();
    }
    let mut all = vec![path.to_owned()];
    let mut at = 0;
    while at < all.len() {
        let one = all[at].clone();
        let mut segments = Vec::new();
        for segment in one.split('/').skip(1) {
            match segment {
                ".." => drop(segments.pop()),
                "." | "" => {}
                _ => segments.push(segment),
            }
        }
        let decoded = percent_encoding::percent_decode_str(&one)
            .decode_utf8_lossy()
            .into_owned();
        let without_parameters: Vec<&str> = one
            .split('/')
            .map(|segment| segment.split(';').next().unwrap_or_default())
            .collect();
        let slash = if one.ends_with('/') && !segments.is_empty() {
            "/"
        } else {
            ""
        };
        for reading in [
            decoded,
            one.replace('\\', "/"),
            without_parameters.join("/"),
            format!("/{}", segments.join("/")),
            format!("/{}{slash}", segments.join("/")),
        ] {
            if reading.starts_with('/') && !all.contains(&reading) {
                all.push(reading);
            }
        }
        at += 1;
    }
    all.remove(0);
    all
}
