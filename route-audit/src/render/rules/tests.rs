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
        warning[impatient-sender]: A webhook rings after the time that its `expect_every` names, and its sender gives up sooner.
        error[policy-class]: The policy says which classes routes below a path may have, and this route has another.
        error[policy-max-public]: More routes are public than the policy allows.
        error[policy-owner]: The declaration has no `owner`, and the policy asks for one: of every route (`true`), or of those of some classes (`["public", "webhook"]`).
        error[policy-expect-every]: A webhook has no `expect_every`, and the policy asks for one on each.
        error[policy-verify-handler]: The declaration has `verify = "handler"`: the layer lets every request reach the handler, and the handler is trusted to prove the sender by itself.
        error[running-answer]: A running service does with a route of the lock something else than the lock says: it lets in who has to be refused, refuses who has to be let in, has the route in another class, or does not have it.
        error[running-front]: Something between the caller and the service answers a route in its place, changes the status of its answer, or takes off the header of the probe: a cache, a proxy with a rule of its own, a firewall, a login in front.
        error[running-routes]: What a running service lists of itself is not what the lock says: it has a route that the lock does not have, lacks one, or says something else of one.
        error[running-nodes]: Nodes of one service disagree: in their routes, in the mode, in the version, in the lock that they were built with, or in the keys of sessions.
        warning[running-version]: A running service was built with another version of session-auth than this program is of, or with another lock than the one that it is compared with.
        error[running-observe]: A running service is in mode `observe`: it counts and logs what it would refuse, and lets all of it in.
        error[running-unclassified]: Requests go to a route that nobody classified, or to one that a middleware answers and no router has.
        error[running-denies]: Enforcing would have refused a caller of a route that looks as if it should let them in: one that is public or a webhook, one that nobody classified, or one for sessions to which nobody has come with a session since the service started.
        warning[running-unasked]: A route of the lock was not asked, so nothing is known of what runs there: no file has a request for it (`probe --public`), or its handler might have run because the layer did not answer for other routes.
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
