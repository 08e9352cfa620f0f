//! The page that explains each finding.

use session_auth::audit::Code;

/// What `route-audit explain` prints. Empty for a code without a page, which a test rules out.
pub(crate) const fn page(code: Code) -> &'static str {
    match code {
        Code::UnclassifiedRoute => include_str!("explain/unclassified-route.md"),
        Code::UnmountedDeclaration => include_str!("explain/unmounted-declaration.md"),
        Code::ConflictingDeclaration => include_str!("explain/conflicting-declaration.md"),
        Code::OpaqueMount => include_str!("explain/opaque-mount.md"),
        Code::WrongHandler => include_str!("explain/wrong-handler.md"),
        Code::UnnamedRoute => include_str!("explain/unnamed-route.md"),
        Code::UnguardedRouter => include_str!("explain/unguarded-router.md"),
        Code::TestOnlyDeclaration => include_str!("explain/test-only-declaration.md"),
        Code::ExpiredExemption => include_str!("explain/expired-exemption.md"),
        Code::LockWidened => include_str!("explain/lock-widened.md"),
        Code::LockNarrowed => include_str!("explain/lock-narrowed.md"),
        Code::LockChanged => include_str!("explain/lock-changed.md"),
        Code::UnmonitoredWebhook => include_str!("explain/unmonitored-webhook.md"),
        Code::ImpatientSender => include_str!("explain/impatient-sender.md"),
        Code::PolicyClass => include_str!("explain/policy-class.md"),
        Code::PolicyMaxPublic => include_str!("explain/policy-max-public.md"),
        Code::PolicyOwner => include_str!("explain/policy-owner.md"),
        Code::PolicyExpectEvery => include_str!("explain/policy-expect-every.md"),
        Code::PolicyVerifyHandler => include_str!("explain/policy-verify-handler.md"),
        Code::RunningAnswer => include_str!("explain/running-answer.md"),
        Code::RunningFront => include_str!("explain/running-front.md"),
        Code::RunningRoutes => include_str!("explain/running-routes.md"),
        Code::RunningNodes => include_str!("explain/running-nodes.md"),
        Code::RunningVersion => include_str!("explain/running-version.md"),
        Code::RunningObserve => include_str!("explain/running-observe.md"),
        Code::RunningUnclassified => include_str!("explain/running-unclassified.md"),
        Code::RunningDenies => include_str!("explain/running-denies.md"),
        Code::RunningUnasked => include_str!("explain/running-unasked.md"),
        _ => "",
    }
}
