use super::*;
use crate::access::methods_by_name::{ANY, FALLBACK, GET, POST};

fn of(inline: impl InlineDeclaration) -> Vec<String> {
    mistakes(&of_service(inline, false))
}

#[test]
fn what_an_attribute_refuses_is_a_mistake_here_too() {
    assert_eq!(of(public(GET, "/x", "liveness probe")), [""; 0]);
    assert_eq!(of(session(FALLBACK, "/")), [""; 0]);
    for (inline, what) in [
        (of(public(GET, "/x", " ")), "the reason is blank"),
        (of(public(GET, "x", "why")), "must start with `/`"),
        (of(public(GET, "/a//b", "why")), "empty segment"),
        (of(public(GET, "/:id", "why")), "written `{id}`"),
        (of(public(GET, "/{id", "why")), "braces do not match"),
        (of(public(GET, "/{a/b}", "why")), "braces do not match"),
        (of(public(GET, "/{a{", "why")), "braces do not match"),
        (of(public(GET, "/}a}", "why")), "braces do not match"),
        (of(public(GET, "/a?b", "why")), "query"),
        (of(webhook(POST, "/x", " ")), "the verifier has no name"),
        (of(webhook(POST, "/x", "handler")), "knows the sender"),
        (of(session(GET, "/x").glob()), "without a `*` it is a path"),
        (of(session(GET, "/**").glob()), "there is no `**`"),
        (of(session(GET, "*.css").glob()), "must start with `/`"),
        (of(session(ANY, "/x").scope("")), "the scope is blank"),
        (
            of(session(ANY, "/x").scope("a|b")),
            "the scope is \"a|b\": a scope is one name",
        ),
        (of(session(ANY, "/x").scope("a | b & c")), "and not both"),
        (of(session(ANY, "/x").owner(" ")), "the owner is blank"),
        (of(session(ANY, "/x").reason("")), "the reason is blank"),
        (
            of(public(GET, "/{a}".repeat(26), "why")),
            "more than 25 parameters",
        ),
    ] {
        assert_eq!(inline.len(), 1, "{inline:?}");
        assert!(inline[0].contains(what), "{inline:?}");
    }
    assert_eq!(of(public(GET, "/{{literal}}", "why")), [""; 0]);
    let most = format!("{}/{{{{a}}}}/{{*rest}}", "/{a}".repeat(25));
    assert_eq!(of(public(GET, most, "why")), [""; 0]);
    assert_eq!(of(public(GET, "/*.css", "why").glob()), [""; 0]);
}
