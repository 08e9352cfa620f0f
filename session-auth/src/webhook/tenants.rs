//! A secret for each tenant, looked up when a delivery names one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::blanks::setting;
use super::mac::encode_hex;
use super::secret::Secrets;
use super::terms::Terms;
use super::verifier::{
    ConfigError, Delivery, FETCH_TIMEOUT, FetchError, Preparing, Rejection, Verifier,
    WebhookRequest, in_time,
};

/// How many tenants are known at the most; with one more, the one that was looked up first is looked
/// up again.
const MOST: usize = 10_000;
/// How many are looked up at the same time at the most: names are the caller's to choose.
const AT_ONCE: usize = 64;
const KEEP: Duration = Duration::from_secs(60);
/// For how long what is known is not looked up again after that has failed: else each delivery would wait for as
/// long as a lookup may take, and senders wait no longer than that.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest name of a tenant, in bytes.
const LONGEST: usize = 128;

type Looking = Pin<Box<dyn Future<Output = Result<Option<Secrets>, FetchError>> + Send>>;

/// A verifier for each tenant, whose secrets are looked up by the tenant that a delivery names, in a
/// database say. Nothing of it reaches the handler before the tenant's own secret has proved it.
///
/// - The tenant is a segment of the path ([`in_path`](Self::in_path)), or in a header
///   ([`in_header`](Self::in_header)): 1 to 128 letters, digits, `-`, `_`, `.` and `~`.
/// - What was found is kept for a minute ([`keep`](Self::keep)), for 10,000 tenants at the most; so is
///   that there is no such tenant. Where a lookup fails, or takes more than five seconds, what was known
///   stays good, for half a minute without another lookup, and a tenant that was not known gets a 503.
/// - A tenant that there is not is refused as a wrong signature is, after the same work.
/// - Nothing is looked up for a delivery without a proof, and 64 tenants at the most at one time.
/// - In a replay window, the same id or body of two tenants is two deliveries.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Hmac, PerTenant, Secrets};
/// use session_auth::{Keys, SessionAuthLayer};
///
/// # async fn secret_of(tenant: &str) -> Result<Option<String>, std::io::Error> { Ok(None) }
/// let github = PerTenant::in_path(
///     "/tenants/{tenant}/github",
///     |tenant| async move { Ok(secret_of(&tenant).await?.map(|secret| Secrets::new([secret]))) },
///     Hmac::github,
/// );
/// let auth = SessionAuthLayer::builder(Keys::random()?).verifier("github", github).build()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct PerTenant<V> {
    named: Named,
    look_up: Box<dyn Fn(String) -> Looking + Send + Sync>,
    verifier: Box<dyn Fn(Secrets) -> V + Send + Sync>,
    /// With a secret that nobody knows: what a delivery of no tenant is held against.
    nobody: V,
    keep: Duration,
    known: Mutex<Known<V>>,
    at_once: Semaphore,
}

enum Named {
    /// The segments of the path; `None` is the tenant's.
    Path(Vec<Option<String>>),
    Header(HeaderName),
    /// It cannot be: why.
    Nowhere(ConfigError),
}

struct Known<V> {
    tenants: HashMap<String, Tenant<V>>,
    /// In the order in which they came.
    order: VecDeque<String>,
}

struct Tenant<V> {
    /// `None` where there is no such tenant.
    verifier: Option<Arc<V>>,
    /// When it was looked up.
    at: SystemTime,
    /// When a later lookup has failed, by a clock that never jumps.
    failed: Option<Instant>,
}

impl<V> Tenant<V> {
    fn is_fresh(&self, now: SystemTime, keep: Duration) -> bool {
        match now.duration_since(self.at) {
            Ok(age) => age < keep,
            // The clock was ahead, and is right again; by less than a lookup takes, it is the time of a
            // request that came a little later.
            Err(ahead) => ahead.duration() < keep.min(FETCH_TIMEOUT),
        }
    }

    fn has_failed_lately(&self) -> bool {
        self.failed.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

impl<V: Verifier> PerTenant<V> {
    /// The tenant is the segment `{..}` of this path, the whole of it, as its sender sends it. The
    /// lookup gives the tenant's secrets, or `None` where there is no such tenant.
    pub fn in_path<F>(
        path: &str,
        look_up: impl Fn(String) -> F + Send + Sync + 'static,
        verifier: impl Fn(Secrets) -> V + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<Secrets>, FetchError>> + Send + 'static,
    {
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                let is_tenants = segment.starts_with('{') && segment.ends_with('}');
                (!is_tenants).then(|| segment.to_owned())
            })
            .collect();
        let tenants = segments.iter().filter(|it| it.is_none()).count();
        let named = if tenants != 1 || !path.starts_with('/') {
            Named::Nowhere(ConfigError::new(format!(
                "{path:?} names no tenant: write a path with one segment in braces, \
                 `/tenants/{{tenant}}/github`"
            )))
        } else if let Err(error) = setting("the path of the tenants", path) {
            Named::Nowhere(error)
        } else {
            Named::Path(segments)
        };
        Self::new(named, look_up, verifier)
    }

    /// The tenant is the value of this header, which has to be there once. **It is not signed**: a
    /// tenant can send another one's name, and is then held against the other one's secret.
    ///
    /// # Errors
    ///
    /// That is no name of a header.
    pub fn in_header<F>(
        header: &str,
        look_up: impl Fn(String) -> F + Send + Sync + 'static,
        verifier: impl Fn(Secrets) -> V + Send + Sync + 'static,
    ) -> Result<Self, ConfigError>
    where
        F: Future<Output = Result<Option<Secrets>, FetchError>> + Send + 'static,
    {
        let name = HeaderName::try_from(header)
            .map_err(|_| ConfigError::new(format!("{header:?} is no name of a header")))?;
        Ok(Self::new(Named::Header(name), look_up, verifier))
    }

    fn new<F>(
        named: Named,
        look_up: impl Fn(String) -> F + Send + Sync + 'static,
        verifier: impl Fn(Secrets) -> V + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<Secrets>, FetchError>> + Send + 'static,
    {
        Self {
            named,
            nobody: nobody(&verifier),
            look_up: Box::new(move |tenant| Box::pin(look_up(tenant))),
            verifier: Box::new(verifier),
            keep: KEEP,
            known: Mutex::new(Known {
                tenants: HashMap::new(),
                order: VecDeque::new(),
            }),
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    /// Sets how long what was found is kept. A secret that is taken away proves deliveries for as long.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    fn tenant<'a>(&self, request: &WebhookRequest<'a>) -> Result<&'a str, Rejection> {
        let name = match &self.named {
            Named::Header(name) => request.proof(name)?,
            Named::Path(segments) => of_path(segments, request.uri().path()).ok_or(
                Rejection::SignatureInvalid("the path is not the one that names a tenant"),
            )?,
            Named::Nowhere(_) => return Err(Rejection::SignatureInvalid("no tenant is named")),
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        if (1..=LONGEST).contains(&name.len()) && name.bytes().all(fits) {
            Ok(name)
        } else {
            Err(Rejection::SignatureInvalid("a name that no tenant has"))
        }
    }

    fn known(&self) -> MutexGuard<'_, Known<V>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, tenant: String, found: Option<Secrets>, now: SystemTime) {
        let verifier = found.map(|secrets| (self.verifier)(secrets));
        let usable = verifier.filter(|verifier| {
            let wrong = verifier.check().err();
            if let Some(error) = &wrong {
                tracing::error!(target: "session_auth", tenant, %error, "a tenant's secret is none");
            }
            wrong.is_none()
        });
        let entry = Tenant {
            verifier: usable.map(Arc::new),
            at: now,
            failed: None,
        };
        let mut known = self.known();
        if known.tenants.insert(tenant.clone(), entry).is_none() {
            known.order.push_back(tenant);
        }
        while known.order.len() > MOST
            && let Some(first) = known.order.pop_front()
        {
            known.tenants.remove(&first);
        }
    }

    /// Asks the verifier of the tenant that is named; for a tenant that there is not, nobody's, which
    /// proves nothing: `proves` says whether an answer would.
    fn ask<T>(
        &self,
        request: &WebhookRequest<'_>,
        question: impl Fn(&V) -> Result<T, Rejection>,
        proves: impl Fn(&T) -> bool,
    ) -> Result<T, Rejection> {
        let tenant = self.tenant(request)?;
        let known = self.known();
        let found = known.tenants.get(tenant).map(|it| it.verifier.clone());
        drop(known);
        match found {
            Some(Some(verifier)) => question(&verifier),
            // A head that shows a signature is as good as that of a tenant: or else the body would be
            // neither read nor hashed, and the answer would come sooner.
            Some(None) => match question(&self.nobody) {
                Ok(answer) if proves(&answer) => Err(NOBODYS),
                answer => answer,
            },
            None => match self.nobody.verify_head(request) {
                Err(missing @ Rejection::SignatureMissing(_)) => Err(missing),
                _ => Err(Rejection::Unavailable("the tenant's secret is not there")),
            },
        }
    }
}

const NOBODYS: Rejection = Rejection::SignatureInvalid("no secret gives this signature");

/// A verifier whose secret is not known to anybody. Most take hexadecimal digits; Basic wants a colon.
fn nobody<V: Verifier>(verifier: &impl Fn(Secrets) -> V) -> V {
    let mut random = [0; 32];
    // Without randomness the layer's own keys could not have been made.
    let _ = getrandom::fill(&mut random);
    let digits = encode_hex(&random);
    let of_text = verifier(Secrets::new([&digits]));
    match of_text.check() {
        Ok(()) => of_text,
        Err(_) => verifier(Secrets::new([format!("nobody:{digits}")])),
    }
}

/// Has the tenant's own verifier fetch what it needs.
fn prepare<V: Verifier>(verifier: Arc<V>, request: WebhookRequest<'_>) -> Preparing<'_> {
    Box::pin(async move {
        let preparing = verifier.prepare(&request);
        match preparing {
            Some(preparing) => preparing.await,
            None => Ok(()),
        }
    })
}

/// The tenant's segment, where the others are those of the path.
fn of_path<'a>(segments: &[Option<String>], path: &'a str) -> Option<&'a str> {
    let mut tenant = None;
    let mut given = path.split('/');
    for segment in segments {
        let given = given.next()?;
        match segment {
            Some(segment) if segment != given => return None,
            Some(_) => {}
            None => tenant = Some(given),
        }
    }
    given.next().is_none().then_some(tenant)?
}

impl<V: Verifier> Verifier for PerTenant<V> {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let tenant = self.tenant(request)?;
        let delivery = self.ask(request, |verifier| verifier.verify(request), |_| true)?;
        Ok(delivery.of_tenant(tenant))
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        let tenant = self.tenant(request)?;
        let delivery = self.ask(
            request,
            |verifier| verifier.verify_head(request),
            Option::is_some,
        )?;
        Ok(delivery.map(|delivery| delivery.of_tenant(tenant)))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        let tenant = self.tenant(request).ok()?;
        let now = request.now();
        let is_good = |it: &&Tenant<V>| it.is_fresh(now, self.keep) || it.has_failed_lately();
        let found = self
            .known()
            .tenants
            .get(tenant)
            .filter(is_good)
            .map(|it| it.verifier.clone());
        if let Some(verifier) = found {
            return verifier.map(|verifier| prepare(verifier, *request));
        }
        let without_proof = matches!(
            self.nobody.verify_head(request),
            Err(Rejection::SignatureMissing(_))
        );
        if without_proof {
            return None;
        }
        let request = *request;
        Some(Box::pin(async move {
            let looked_up = in_time(async {
                let _permit = self.at_once.acquire().await;
                (self.look_up)(tenant.to_owned()).await
            });
            match looked_up.await {
                Ok(found) => self.learn(tenant.to_owned(), found, now),
                Err(error) => {
                    tracing::error!(target: "session_auth", tenant, error, "no secret of a tenant");
                    if let Some(known) = self.known().tenants.get_mut(tenant) {
                        known.failed = Some(Instant::now());
                    }
                }
            }
            let found = self
                .known()
                .tenants
                .get(tenant)
                .and_then(|it| it.verifier.clone());
            match found {
                Some(verifier) => prepare(verifier, request).await,
                None => Ok(()),
            }
        }))
    }

    fn challenge(&self) -> Option<HeaderValue> {
        self.nobody.challenge()
    }

    fn terms(&self) -> Terms {
        self.nobody.terms()
    }

    fn check(&self) -> Result<(), ConfigError> {
        if let Named::Nowhere(error) = &self.named {
            return Err(error.clone());
        }
        self.nobody.check()
    }
}

impl<V> fmt::Debug for PerTenant<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerTenant").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Request;

    use super::*;
    use crate::webhook::{BasicAuth, Hmac};

    /// Counts how often it is asked, and refuses.
    struct Counting(Arc<AtomicUsize>);

    impl Verifier for Counting {
        fn verify(&self, _: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Err(NOBODYS)
        }
    }

    #[tokio::test]
    async fn security_a_tenant_that_there_is_not_costs_what_another_costs() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let known = |tenant: String| async move {
            Ok((tenant == "acme").then(|| Secrets::new(["a secret"])))
        };
        let by = PerTenant::in_path("/{tenant}", known, move |_| Counting(Arc::clone(&count)));
        let mut refused = Vec::new();
        for tenant in ["/acme", "/other"] {
            let request = Request::post(tenant).body("").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            by.prepare(&request)
                .expect("a lookup")
                .await
                .expect("an answer");
            refused.push(by.verify(&request).expect_err("it refuses"));
            assert_eq!(asked.swap(0, Ordering::SeqCst), 1, "{tenant}");
        }
        assert_eq!(refused[0], refused[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_never_ends_is_given_up() {
        let by = PerTenant::in_path("/{tenant}", |_| std::future::pending(), Hmac::github);
        let signature = format!("sha256={}", "0".repeat(64));
        let request = Request::post("/acme").header("x-hub-signature-256", signature);
        let request = request.body("").expect("a request");
        let request = WebhookRequest::new(&request, SystemTime::now());
        by.prepare(&request)
            .expect("a lookup")
            .await
            .expect("an end");
        let refused = by.verify(&request).expect_err("nobody knows");
        assert!(matches!(refused, Rejection::Unavailable(_)), "{refused:?}");
    }

    /// While the database hangs, one delivery in half a minute waits for it, and once.
    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_is_known_waits_for_no_outage() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let look_up = move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if !first {
                    std::future::pending::<()>().await;
                }
                Ok(Some(Secrets::new(["the secret of acme"])))
            }
        };
        let by = PerTenant::in_path("/{tenant}", look_up, Hmac::github).keep(Duration::ZERO);
        let signature = format!("sha256={}", "0".repeat(64));
        let request = Request::post("/acme").header("x-hub-signature-256", signature);
        let request = request.body("").expect("a request");
        let prepare = async || {
            let began = Instant::now();
            let request = WebhookRequest::new(&request, SystemTime::now());
            if let Some(preparing) = by.prepare(&request) {
                preparing.await.expect("an end");
            }
            let refused = by.verify(&request).expect_err("another secret's");
            assert!(
                matches!(refused, Rejection::SignatureInvalid(_)),
                "{refused:?}"
            );
            began.elapsed().as_secs()
        };
        assert_eq!(prepare().await, 0);
        assert_eq!(prepare().await, 5);
        for _ in 0..29 {
            assert_eq!(prepare().await, 0);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(prepare().await, 5);
    }

    #[tokio::test]
    async fn the_head_of_a_delivery_is_the_tenants_own() {
        let by = PerTenant::in_path(
            "/{tenant}",
            |tenant| async move { Ok((tenant == "acme").then(|| Secrets::new(["u:p"]))) },
            BasicAuth::pairs,
        );
        let ask = async |tenant: &str, shown: Option<&str>| {
            let mut request = Request::post(tenant);
            if let Some(shown) = shown {
                request = request.header("authorization", shown);
            }
            let request = request.body("").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            if let Some(preparing) = by.prepare(&request) {
                preparing.await.expect("an answer");
            }
            let head = by.verify_head(&request);
            head.map(|it| it.is_some()).map_err(Rejection::as_str)
        };
        assert_eq!(ask("/acme", Some("Basic dTpw")).await, Ok(true));
        let invalid = Err("signature_invalid");
        assert_eq!(ask("/acme", Some("Basic dTpx")).await, invalid);
        assert_eq!(ask("/other", Some("Basic dTpw")).await, invalid);
        assert_eq!(ask("/acme", None).await, Err("signature_missing"));
    }

    /// Whatever a verifier proves by itself, it proves of no tenant that there is not.
    #[tokio::test]
    async fn security_a_verifier_that_accepts_anything_accepts_nobody() {
        struct Yes;
        impl Verifier for Yes {
            fn verify(&self, _: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
                Ok(Delivery::new())
            }
            fn verify_head(&self, _: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
                Ok(Some(Delivery::new()))
            }
        }
        let by = PerTenant::in_path(
            "/{tenant}",
            |tenant| async move { Ok((tenant == "acme").then(|| Secrets::new(["s"]))) },
            |_| Yes,
        );
        for (tenant, is_known) in [("/acme", true), ("/other", false)] {
            let request = Request::post(tenant).body("").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            let preparing = by.prepare(&request).expect("it is not known yet");
            preparing.await.expect("an answer");
            assert_eq!(by.verify(&request).is_ok(), is_known, "{tenant}");
            assert_eq!(by.verify_head(&request).is_ok(), is_known, "{tenant}");
        }
    }

    #[test]
    fn a_path_names_one_tenant() {
        let of = |path| PerTenant::in_path(path, |_| async { Ok(None) }, Hmac::github);
        assert_eq!(of("/t/{tenant}/github").check(), Ok(()));
        for path in [
            "",
            "/",
            "/t/github",
            "/{a}/{b}",
            "{tenant}/github",
            "/t-{tenant}",
        ] {
            let error = of(path).check().expect_err("no path of a tenant");
            assert!(error.to_string().contains("names no tenant"), "{error}");
        }
        let error = of("/t/{tenant}/github\n").check().expect_err("a newline");
        assert!(error.to_string().contains("does not show"), "{error}");
    }

    #[test]
    fn a_tenant_is_a_whole_segment_of_the_whole_path() {
        let segments: Vec<_> = ["", "t", "*", "github"]
            .map(|it| (it != "*").then(|| it.to_owned()))
            .into();
        assert_eq!(of_path(&segments, "/t/acme/github"), Some("acme"));
        for path in [
            "/t/acme",
            "/t/acme/github/",
            "/x/acme/github",
            "/t/acme/gitlab",
            "t/acme/github",
            "//t/acme/github",
        ] {
            assert_eq!(of_path(&segments, path), None, "{path}");
        }
    }

    #[test]
    fn the_known_are_bounded() {
        let by = PerTenant::in_path("/{tenant}", |_| async { Ok(None) }, Hmac::github);
        for number in 0..MOST + 10 {
            by.learn(number.to_string(), None, SystemTime::now());
            by.learn(number.to_string(), None, SystemTime::now());
        }
        let known = by.known();
        assert_eq!((known.tenants.len(), known.order.len()), (MOST, MOST));
        assert!(known.tenants.contains_key(&(MOST + 9).to_string()));
    }

    #[test]
    fn nobodys_secret_is_one_whatever_its_form() {
        let by = PerTenant::in_path("/{tenant}", |_| async { Ok(None) }, BasicAuth::pairs);
        assert_eq!(by.check(), Ok(()));
        let by = PerTenant::in_path("/{t}", |_| async { Ok(None) }, Hmac::standard_webhooks);
        assert_eq!(by.check(), Ok(()));
    }

    #[test]
    fn a_path_without_a_tenant_stops_the_start() {
        for path in ["/t", "t/{tenant}", "/{a}/{b}", ""] {
            let by = PerTenant::in_path(path, |_| async { Ok(None) }, Hmac::github);
            let error = by.check().expect_err(path).to_string();
            assert!(error.contains("names no tenant"), "{error}");
            let request = Request::post("/t").body("").expect("a request");
            let request = WebhookRequest::new(&request, SystemTime::now());
            assert!(by.verify(&request).is_err());
        }
    }
}
