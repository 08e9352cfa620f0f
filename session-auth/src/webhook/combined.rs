//! Verifiers of verifiers, and of addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};

use super::network::{Network, networks};
use super::terms::{Binds, Terms};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{ConfigError, Delivery, Preparing, Rejection, Verifier, WebhookRequest};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Accepts what every one of these verifiers accepts: an address and a token, say.
///
/// What is known of the delivery is what the first one says, and where that does not say, the next one; what is known
/// of the sender, what the first one says that knows it. What the proof binds is the most that one of them does.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{BasicAuth, IpAllowlist, all_of};
///
/// let postmark = all_of([
///     Box::new(BasicAuth::postmark("user", "password")) as Box<dyn session_auth::webhook::Verifier>,
///     Box::new(IpAllowlist::new(IpAllowlist::POSTMARK)?),
/// ]);
/// # drop(postmark);
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
pub fn all_of(verifiers: impl IntoIterator<Item = Box<dyn Verifier>>) -> AllOf {
    AllOf(verifiers.into_iter().collect())
}

/// See [`all_of`].
#[must_use]
pub struct AllOf(Vec<Box<dyn Verifier>>);

/// Accepts what one of these verifiers accepts: the first that does says what is known of the delivery.
/// Where none does, the first one's refusal stands, unless one of them cannot say just now: then the sender
/// is to try again.
///
/// What the proof binds is the least that one of them does. A refusal asks for what each of them takes.
pub fn any_of(verifiers: impl IntoIterator<Item = Box<dyn Verifier>>) -> AnyOf {
    AnyOf(verifiers.into_iter().collect())
}

/// See [`any_of`].
#[must_use]
pub struct AnyOf(Vec<Box<dyn Verifier>>);

const NONE: Rejection = Rejection::SignatureInvalid("there is no verifier");

fn check(verifiers: &[Box<dyn Verifier>]) -> Result<(), ConfigError> {
    if verifiers.is_empty() {
        return Err(ConfigError::new(
            "there is no verifier to ask: give one at least",
        ));
    }
    verifiers.iter().try_for_each(|verifier| verifier.check())
}

/// One after the other.
fn prepare<'a>(
    verifiers: &'a [Box<dyn Verifier>],
    request: &WebhookRequest<'a>,
) -> Option<Preparing<'a>> {
    let all: Vec<_> = verifiers
        .iter()
        .filter_map(|it| it.prepare(request))
        .collect();
    if all.is_empty() {
        return None;
    }
    Some(Box::pin(async move {
        for preparing in all {
            // Whether it is needed, the verifiers say.
            let _ = preparing.await;
        }
        Ok(())
    }))
}

impl Verifier for AllOf {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let (first, others) = self.0.split_first().ok_or(NONE)?;
        let delivery = first.verify(request)?;
        others.iter().try_fold(delivery, |delivery, other| {
            Ok(delivery.also_by(other.verify(request)?))
        })
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        let (first, others) = self.0.split_first().ok_or(NONE)?;
        let mut delivery = first.verify_head(request)?;
        for other in others {
            let other = other.verify_head(request)?;
            delivery = delivery.zip(other).map(|(it, other)| it.also_by(other));
        }
        Ok(delivery)
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        prepare(&self.0, request)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        self.0.iter().find_map(|verifier| verifier.challenge())
    }

    fn terms(&self) -> Terms {
        let all: Vec<_> = self.0.iter().map(|verifier| verifier.terms()).collect();
        let Some(first) = all.first() else {
            return Terms::default();
        };
        let mut terms = *all.iter().find(|it| it.scheme.is_some()).unwrap_or(first);
        if self.challenge().is_some() {
            // Who is to be asked for credentials has to be asked.
            terms.refuse_with = first.refuse_with;
        }
        // Of as much, what the first one says.
        let binds = all.iter().rev().map(|it| it.binds);
        terms.binds = binds
            .max_by_key(|binds| strength(*binds))
            .unwrap_or_default();
        terms.handshake_by = handshakes(&all);
        terms
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.0.iter().flat_map(|one| one.secret_uses(ids)).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        check(&self.0)
    }
}

/// The refusal of several: of a sender whom one of them may know, none is the last word.
fn refusal(before: Option<Rejection>, rejection: Rejection) -> Option<Rejection> {
    match rejection {
        Rejection::Unavailable(_) => Some(rejection),
        _ => before.or(Some(rejection)),
    }
}

impl Verifier for AnyOf {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let mut refused = None;
        for verifier in &self.0 {
            match verifier.verify(request) {
                Ok(delivery) => return Ok(delivery),
                Err(rejection) => refused = refusal(refused, rejection),
            }
        }
        Err(refused.unwrap_or(NONE))
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        let mut refused = None;
        let mut open = false;
        for verifier in &self.0 {
            match verifier.verify_head(request) {
                Ok(Some(delivery)) => return Ok(Some(delivery)),
                Ok(None) => open = true,
                Err(rejection) => refused = refusal(refused, rejection),
            }
        }
        if open {
            return Ok(None);
        }
        Err(refused.unwrap_or(NONE))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        prepare(&self.0, request)
    }

    /// Those of all, in one line (RFC 9110, section 11.6.1). Basic comes first: Java looks no further.
    fn challenge(&self) -> Option<HeaderValue> {
        let all = self.0.iter().filter_map(|verifier| verifier.challenge());
        let mut all: Vec<_> = all.map(|it| (!is_basic(&it), it)).collect();
        all.sort();
        all.dedup();
        let all: Vec<_> = all.iter().map(|(_, it)| it.as_bytes()).collect();
        (!all.is_empty()).then(|| HeaderValue::from_bytes(&all.join(&b", "[..])).ok())?
    }

    fn terms(&self) -> Terms {
        let all: Vec<_> = self.0.iter().map(|verifier| verifier.terms()).collect();
        let mut terms = all.first().copied().unwrap_or_default();
        let binds = all.iter().map(|it| it.binds);
        terms.binds = binds
            .min_by_key(|binds| strength(*binds))
            .unwrap_or_default();
        terms.handshake_by = handshakes(&all);
        terms
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.0.iter().flat_map(|one| one.secret_uses(ids)).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        check(&self.0)
    }
}

fn strength(binds: Option<Binds>) -> u8 {
    match binds {
        Some(Binds::Body) => 3,
        Some(Binds::Fields) => 2,
        Some(Binds::Url) => 1,
        Some(Binds::Sender) | None => 0,
    }
}

/// The methods by which one of them shakes hands.
fn handshakes(all: &[Terms]) -> &'static [&'static str] {
    const SETS: [&[&str]; 8] = [
        &[],
        &["GET"],
        &["HEAD"],
        &["GET", "HEAD"],
        &["OPTIONS"],
        &["GET", "OPTIONS"],
        &["HEAD", "OPTIONS"],
        &["GET", "HEAD", "OPTIONS"],
    ];
    let has = |method: &&str| all.iter().any(|it| it.handshake_by.contains(method));
    let is_one = |set: &&&[&str]| {
        let every = SETS[7].iter();
        every.filter(|it| has(it)).eq(set.iter())
    };
    SETS.iter().find(is_one).copied().unwrap_or_default()
}

fn is_basic(challenge: &HeaderValue) -> bool {
    let scheme = challenge.as_bytes().get(..6);
    scheme.is_some_and(|it| it.eq_ignore_ascii_case(b"Basic "))
}

/// Accepts what comes from these addresses, single ones or networks (`192.0.2.0/24`, `2001:db8::/32`).
///
/// An address proves little, and nothing of the delivery: combine it with a secret, by [`all_of`].
///
/// The address is that of the connection. Behind a proxy it is the proxy's: name the proxies by
/// [`behind`](Self::behind), and `X-Forwarded-For` is read from the right, past those that are named, and
/// from nobody else.
///
/// The service has to be served with the peer's address, by
/// [`into_make_service_with_connect_info`](crate::Protected::into_make_service_with_connect_info) with `SocketAddr`.
/// Where it is not known, the answer is a 503, with an ERROR in the log.
#[derive(Clone)]
#[must_use]
pub struct IpAllowlist {
    allowed: Vec<Network>,
    proxies: Vec<Network>,
}

impl IpAllowlist {
    /// From where Postmark sends: its support article 800, as of 2026-11-25.
    pub const POSTMARK: [&'static str; 4] = [
        "3.134.147.250",
        "50.31.156.6",
        "50.31.156.77",
        "18.217.206.57",
    ];

    /// Accepts these.
    ///
    /// # Errors
    ///
    /// Where one is no address and no network.
    pub fn new<A: AsRef<str>>(allowed: impl IntoIterator<Item = A>) -> Result<Self, ConfigError> {
        Ok(Self {
            allowed: networks(allowed)?,
            proxies: Vec::new(),
        })
    }

    /// Trusts these proxies to add the address of who asks them to `X-Forwarded-For`.
    ///
    /// # Errors
    ///
    /// Where one is no address and no network.
    pub fn behind<A: AsRef<str>>(
        mut self,
        proxies: impl IntoIterator<Item = A>,
    ) -> Result<Self, ConfigError> {
        self.proxies = networks(proxies)?;
        Ok(self)
    }

    /// Who sent it: the nearest that is none of the proxies.
    fn sender(&self, request: &WebhookRequest<'_>) -> Option<IpAddr> {
        let mut sender = request.peer()?;
        let is_proxy = |address| self.proxies.iter().any(|proxy| proxy.has(address));
        let lines = request.headers().get_all(FORWARDED_FOR).iter();
        let lines: Vec<_> = lines.map(HeaderValue::to_str).collect();
        for line in lines.into_iter().rev() {
            for address in line.ok()?.rsplit(',') {
                if !is_proxy(sender) {
                    return Some(sender);
                }
                sender = address_of(address.trim())?.to_canonical();
            }
        }
        Some(sender)
    }
}

/// An address as proxies write it: with the port of the connection, as Azure's gateways do, or with the brackets of
/// a URL.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = || text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare()
        .or_else(with_port)
        .or_else(|| bracketed().map(IpAddr::V6))
}

impl Verifier for IpAllowlist {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if request.peer().is_none() {
            // Its sender is to try again until that is mended.
            tracing::error!(
                target: "session_auth",
                "an `IpAllowlist` does not know the address of the peer: serve the app by \
                 `into_make_service_with_connect_info::<SocketAddr>()`"
            );
            return Err(Rejection::Unavailable(
                "the address of the peer is not known",
            ));
        }
        let sender = self.sender(request).ok_or(Rejection::SignatureInvalid(
            "the address of the sender is not known",
        ))?;
        if self.allowed.iter().any(|network| network.has(sender)) {
            Ok(Delivery::new())
        } else {
            Err(Rejection::SignatureInvalid(
                "from an address that is not allowed",
            ))
        }
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        self.verify(request).map(Some)
    }

    fn terms(&self) -> Terms {
        Terms {
            binds: Some(Binds::Sender),
            ..Terms::default()
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.allowed.is_empty() {
            return Err(ConfigError::new("no address is allowed: give one at least"));
        }
        Ok(())
    }
}

macro_rules! debug {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}

debug!(AllOf, AnyOf, IpAllowlist);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::Request;

    use super::super::{BasicAuth, Bearer, Hmac};
    use super::*;

    fn boxed(verifier: impl Verifier) -> Box<dyn Verifier> {
        Box::new(verifier)
    }

    #[test]
    fn security_forwarded_addresses_are_read_from_the_right_and_past_known_proxies_alone() {
        let list = IpAllowlist::new(["192.0.2.1", "2001:db8::/32"]).expect("addresses");
        let behind = list.clone().behind(["10.0.0.0/8"]).expect("networks");
        let accepts = |list: &IpAllowlist, peer: &str, forwarded: &[&str]| {
            let mut request = Request::post("/");
            for line in forwarded {
                request = request.header("x-forwarded-for", *line);
            }
            let request = request.body("").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            let request = request.with_peer(peer.parse().expect("an address"));
            let whole = list.verify(&request);
            // No body is needed.
            assert_eq!(list.verify_head(&request), whole.clone().map(Some));
            whole.is_ok()
        };
        for (list, peer, forwarded, expected) in [
            (&list, "192.0.2.1", &[][..], true),
            (&list, "::ffff:192.0.2.1", &[], true),
            (&list, "2001:db8::7", &[], true),
            (&list, "192.0.2.2", &[], false),
            // Nobody is trusted to say it.
            (&list, "10.0.0.1", &["192.0.2.1"], false),
            (&list, "192.0.2.1", &["192.0.2.9"], true),
            (&behind, "10.0.0.1", &["192.0.2.1"], true),
            (&behind, "10.0.0.1", &["192.0.2.1, 10.1.1.1"], true),
            (&behind, "10.0.0.1", &["192.0.2.1", "10.1.1.1"], true),
            (&behind, "10.0.0.1", &["192.0.2.1:51234"], true),
            (&behind, "10.0.0.1", &["192.0.2.1:51234, 10.1.1.1:80"], true),
            (&behind, "10.0.0.1", &["[2001:db8::7]:51234"], true),
            (&behind, "10.0.0.1", &["[2001:db8::7], 10.1.1.1"], true),
            (&behind, "10.0.0.1", &["192.0.2.2:51234"], false),
            (&behind, "10.0.0.1", &["192.0.2.1:"], false),
            (&behind, "10.0.0.1", &["192.0.2.1:99999"], false),
            (&behind, "10.0.0.1", &["[192.0.2.1]"], false),
            (&behind, "10.0.0.1", &["[]"], false),
            // What stands left of the first that is no proxy is the caller's own word.
            (&behind, "10.0.0.1", &["192.0.2.1, 198.51.100.7"], false),
            (&behind, "10.0.0.1", &["192.0.2.1, unknown"], false),
            (&behind, "198.51.100.7", &["192.0.2.1"], false),
            (&behind, "10.0.0.1", &[], false),
        ] {
            assert_eq!(
                accepts(list, peer, forwarded),
                expected,
                "{peer} {forwarded:?}"
            );
        }
        for bad in [
            "",
            "x",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "0.0.0.0/0",
            "::/0",
        ] {
            assert!(IpAllowlist::new([bad]).is_err(), "{bad}");
        }
        assert!(IpAllowlist::new(IpAllowlist::POSTMARK).is_ok());
    }

    #[test]
    fn all_have_to_accept_or_one() {
        let both = || {
            [
                boxed(Hmac::github("It's a Secret to Everybody")),
                boxed(Bearer::new("token")),
            ]
        };
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let ask = |verifier: &dyn Verifier, signed: bool, shown: bool| {
            let mut request = Request::post("/");
            if signed {
                request = request.header("x-hub-signature-256", signature);
            }
            if shown {
                request = request.header("authorization", "Bearer token");
            }
            let request = request.body("Hello, World!").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            let head = verifier.verify_head(&request);
            let whole = verifier.verify(&request);
            assert!(head.is_ok() || whole.is_err());
            whole.is_ok()
        };
        let (all, any) = (all_of(both()), any_of(both()));
        for (signed, shown) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(ask(&all, signed, shown), signed && shown);
            assert_eq!(ask(&any, signed, shown), signed || shown);
        }
        assert_eq!(all.terms().binds, Some(Binds::Body));
        assert_eq!(
            any.terms().binds,
            Some(Binds::Sender),
            "the least that one of them does"
        );
        assert!(all_of([]).check().is_err());
        assert!(any_of([]).check().is_err());
        assert!(any_of([boxed(Bearer::new(""))]).check().is_err());
    }

    #[test]
    fn any_of_several_asks_for_what_each_of_them_takes() {
        let bearer = || boxed(Bearer::new("token"));
        let basic = || boxed(BasicAuth::new("user", "password"));
        let hmac = || boxed(Hmac::github("secret"));
        let asks = |of: AnyOf| {
            let challenge = of.challenge();
            challenge.map(|it| it.to_str().expect("text").to_owned())
        };
        let (of_bearer, of_basic) = (
            r#"Bearer realm="webhook""#,
            r#"Basic realm="webhook", charset="UTF-8""#,
        );
        let both = Some(format!("{of_basic}, {of_bearer}"));
        assert_eq!(asks(any_of([bearer(), basic()])), both);
        assert_eq!(asks(any_of([bearer(), hmac(), basic(), bearer()])), both);
        assert_eq!(asks(any_of([boxed(any_of([bearer()])), basic()])), both);
        assert_eq!(asks(any_of([hmac(), bearer()])).as_deref(), Some(of_bearer));
        assert_eq!(asks(any_of([hmac()])), None);
    }

    #[test]
    fn the_head_says_what_one_verifier_can_say_of_it() {
        let head = |verifier: &dyn Verifier, shown: Option<&str>, signed: bool| {
            let mut request = Request::post("/");
            if let Some(shown) = shown {
                request = request.header("authorization", shown);
            }
            if signed {
                request = request.header("x-hub-signature-256", format!("sha256={:064}", 0));
            }
            let request = request.body("").expect("a request");
            let head = verifier.verify_head(&WebhookRequest::new(&request, SystemTime::now()));
            head.map(|it| it.is_some()).map_err(Rejection::as_str)
        };
        let both = || [boxed(Hmac::github("s")), boxed(Bearer::new("token"))];
        let (missing, invalid) = (Err("signature_missing"), Err("signature_invalid"));
        for (shown, signed, any, all) in [
            (None, false, missing, missing),
            (Some("Bearer token"), false, Ok(true), missing),
            (Some("Bearer other"), false, missing, missing),
            (None, true, Ok(false), missing),
            (Some("Bearer other"), true, Ok(false), invalid),
            (Some("Bearer token"), true, Ok(true), Ok(false)),
        ] {
            assert_eq!(
                head(&any_of(both()), shown, signed),
                any,
                "{shown:?} {signed}"
            );
            assert_eq!(
                head(&all_of(both()), shown, signed),
                all,
                "{shown:?} {signed}"
            );
        }
        let tokens = || [boxed(Bearer::new("token")), boxed(Bearer::new("token"))];
        assert_eq!(
            head(&all_of(tokens()), Some("Bearer token"), false),
            Ok(true)
        );
        assert_eq!(head(&any_of([]), None, false), invalid);
        assert_eq!(head(&all_of([]), None, false), invalid);
    }
}
