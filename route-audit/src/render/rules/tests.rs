use expect_test::expect;

use super::*;

/// Read as prose: it is the title of an alert.
#[test]
fn the_first_sentence_of_a_page_says_what_is_wrong() {
    let titles: String = all()
        .map(|rule| format!("{}[{}]: {}\n", rule.code.severity(), rule.code, rule.short))
        .collect();
    expect![[r#"
            error[unclassified-route]: A router mounts a route that nobody gave an access class.
            error[unmounted-declaration]: An attribute declares a method and path that no audited router mounts.
            error[conflicting-declaration]: Several declarations speak for one method and path of a router whose handlers are not known, one that `merge_axum` takes in, and none of them is mounted by name.
            error[opaque-mount]: A whole service is mounted without a class, by a router that `merge_axum` takes in.
            error[wrong-handler]: A handler stands at another path or method than its attribute declares.
            warning[unnamed-route]: A handler with an attribute was mounted by axum's own functions, `axum::routing::get(me)`, on a router that `merge_axum` takes in.
            error[unguarded-router]: The source of a package that uses session-auth serves something by other means than `Protected::serve`, or builds an axum router of axum's own.
            error[test-only-declaration]: The audit is a test, so it sees what tests see.
            error[expired-exemption]: The declaration has an `until`, and that day (in UTC) has passed.
            error[lock-widened]: Compared with `routes.lock`, more callers may reach this route: it is new, or its class, scope, verifier, limit or `until` lets in callers that were kept out.
            error[lock-narrowed]: Compared with `routes.lock`, fewer callers may reach this route: it is gone, or its class, scope, verifier, limit or `until` keeps out callers that were let in.
            error[lock-changed]: The route differs from its line in `routes.lock`, and it does not simply open or close.
            warning[unmonitored-webhook]: A webhook has no `expect_every`.
            error[policy-class]: The policy says which classes routes below a path may have, and this route has another.
            error[policy-max-public]: More routes are public than the policy allows.
            error[policy-owner]: The declaration has no `owner`, and the policy asks for one: of every route (`true`), or of those of some classes (`["public", "webhook"]`).
            error[policy-expect-every]: A webhook has no `expect_every`, and the policy asks for one on each.
            error[policy-verify-handler]: The declaration has `verify = "handler"`: the layer lets every request reach the handler, and the handler is trusted to prove the sender by itself.
        "#]].assert_eq(&titles);
}

#[test]
fn a_rule_is_of_its_page_s_own_words() {
    for rule in all() {
        let Rule {
            code, short, full, ..
        } = &rule;
        assert!(short.starts_with(char::is_uppercase), "{code}: {short}");
        assert!(short.ends_with('.') && full.ends_with('.'), "{code}");
        assert!(full.starts_with(short.as_str()), "{code}: {full}");
        // GitHub refuses a longer one.
        assert!(full.chars().count() <= 1024, "{code}: {full}");
        assert!(rule.help.starts_with(&format!("# {code}\n")), "{code}");
        assert!(rule.help.replace('\n', " ").contains(full), "{code}");
    }
}
