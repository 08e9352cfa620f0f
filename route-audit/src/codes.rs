//! The code of every finding that there is.

/// A code of the library's: what `--self-test` provokes.
pub(crate) const UNCLASSIFIED_ROUTE: &str = "unclassified-route";
pub(crate) const LOCK_WIDENED: &str = "lock-widened";
pub(crate) const LOCK_NARROWED: &str = "lock-narrowed";
pub(crate) const LOCK_CHANGED: &str = "lock-changed";
pub(crate) const POLICY_CLASS: &str = "policy-class";
pub(crate) const POLICY_MAX_PUBLIC: &str = "policy-max-public";
pub(crate) const POLICY_OWNER: &str = "policy-owner";
pub(crate) const POLICY_EXPECT_EVERY: &str = "policy-expect-every";
pub(crate) const POLICY_VERIFY_HANDLER: &str = "policy-verify-handler";

/// What the workspace's own policy finds.
pub(crate) const POLICY: [&str; 5] = [
    POLICY_CLASS,
    POLICY_MAX_PUBLIC,
    POLICY_OWNER,
    POLICY_EXPECT_EVERY,
    POLICY_VERIFY_HANDLER,
];

/// A code of the library's, which the policy can make an error.
pub(crate) const UNMONITORED_WEBHOOK: &str = "unmonitored-webhook";
/// A code of the library's that says nothing of who may call a route today.
pub(crate) const EXPIRED_EXEMPTION: &str = "expired-exemption";

/// A code and its page.
macro_rules! page {
    ($code:literal) => {
        ($code, include_str!(concat!("explain/", $code, ".md")))
    };
}

/// All of them, with the page that explains each: the rules of the library first,
/// then the lock's and the policy's.
pub(crate) const PAGES: [(&str, &str); 14] = [
    page!("unclassified-route"),
    page!("unmounted-declaration"),
    page!("conflicting-declaration"),
    page!("opaque-mount"),
    page!("expired-exemption"),
    page!("unmonitored-webhook"),
    page!("lock-widened"),
    page!("lock-narrowed"),
    page!("lock-changed"),
    page!("policy-class"),
    page!("policy-max-public"),
    page!("policy-owner"),
    page!("policy-expect-every"),
    page!("policy-verify-handler"),
];
