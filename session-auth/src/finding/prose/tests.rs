//! Every sentence as it is printed.

use std::borrow::Cow;

use time::{Date, Month};

use super::*;
use crate::access::{Access, Location, Methods, Target, Verify};
use crate::difference::Difference;
use crate::finding::{Related, Subject};

fn at(line: u32) -> Location {
    Location {
        file: Cow::Borrowed("src/app.rs"),
        line,
        column: 1,
    }
}

/// `GET /me` for a session, at line 3.
fn me() -> Declaration {
    Declaration {
        target: Target::Route {
            methods: Methods::GET,
            paths: Cow::Owned(vec!["/me".into()]),
        },
        access: Access::Session {
            by: "session".into(),
            scope: None,
            cross_origin: None,
        },
        reason: None,
        owner: None,
        until: None,
        handler: "app::me".into(),
        package: "app".into(),
        location: at(3),
    }
}

/// The other declaration of `GET /me`, at line 5.
fn open() -> Declaration {
    Declaration {
        access: Access::Public {
            by: "session".into(),
            issues_session: true,
            optional_session: false,
            cross_origin: None,
        },
        location: at(5),
        ..me()
    }
}

fn subject(methods: Methods, path: Option<&'static str>, shape: Shape) -> Subject {
    Subject {
        path: path.map(Cow::Borrowed),
        methods,
        shape,
        place: at(9),
    }
}

#[track_caller]
fn says(code: Code, subject: Subject, related: Vec<Related>, message: &str, help: &str) {
    let finding = Finding {
        code,
        subject,
        related,
    };
    assert_eq!(finding.message(), message);
    assert_eq!(finding.help(), help);
    let severity = code.severity();
    let text = format!("{severity}[{code}]: {message}\n  --> src/app.rs:9\n  = help: {help}");
    assert_eq!(finding.to_string(), text);
}

#[test]
fn unclassified_route() {
    let route = || subject(Methods::GET | Methods::POST, Some("/a/{id}"), Shape::Route);
    let attributes = "add `#[public_route(GET | POST, \"/a/{id}\", reason = \"…\")]`, \
                      `#[webhook_route(GET | POST, \"/a/{id}\", verify = \"…\")]` or \
                      `#[session_route(GET | POST, \"/a/{id}\")]` to its handler";
    let message = "GET | POST /a/{id} is mounted and has no access class";
    says(
        Code::UnclassifiedRoute,
        route(),
        vec![],
        message,
        attributes,
    );
    says(
        Code::UnclassifiedRoute,
        route(),
        vec![Related::Meant(me())],
        message,
        &format!("did you mean GET /me, which is declared at src/app.rs:3? If not, {attributes}"),
    );
    says(
        Code::UnclassifiedRoute,
        route(),
        vec![Related::Other(me())],
        message,
        &format!(
            "the declaration of GET /me at src/app.rs:3 is mounted by name elsewhere, so it says \
             nothing of this route: {attributes}"
        ),
    );
    says(
        Code::UnclassifiedRoute,
        subject(Methods::FALLBACK, None, Shape::Fallback),
        vec![],
        "the fallback has no access class",
        "add `#[session_route(FALLBACK)]` or `#[public_route(FALLBACK, reason = \"…\")]` to the \
         fallback handler",
    );
    says(
        Code::UnclassifiedRoute,
        subject(Methods::FALLBACK, Some("/in"), Shape::Fallback),
        vec![],
        "the fallback below /in has no access class",
        "add `#[session_route(FALLBACK, \"/in\")]` or `#[public_route(FALLBACK, \"/in\", reason = \
         \"…\")]` to the fallback handler",
    );
    says(
        Code::UnclassifiedRoute,
        subject(Methods::ANY, Some("/a"), Shape::MethodFallback),
        vec![],
        "what answers the other methods of /a has no access class",
        "declare `ANY /a` on its handler, by `#[session_route(ANY, \"/a\")]` for example, or mount \
         the methods that it is for",
    );
}

#[test]
fn opaque_mount() {
    let rest = |target: &str| {
        format!(
            "so that what it serves shows; on this crate's router, mount it with a class; otherwise \
             declare all that it serves: `session_auth::declare_route!(session_route({target}, \
             reason = \"…\"))`, or `public_route` in place of `session_route`"
        )
    };
    says(
        Code::OpaqueMount,
        subject(Methods::ANY, Some("/a"), Shape::OpaqueRoute),
        vec![],
        "a service is mounted on /a: its methods cannot be listed, and it has no access class",
        &format!(
            "use `route(.., get_service(..))` instead of `route_service`, {}",
            rest("ANY, \"/a\"")
        ),
    );
    says(
        Code::OpaqueMount,
        subject(Methods::ANY, Some("/a"), Shape::OpaqueMount),
        vec![],
        "a service is mounted under /a: what it serves cannot be listed, and it has no access class",
        &format!(
            "if it is a router, use `nest` instead of `nest_service`, {}",
            rest("ANY, \"/a\", subtree")
        ),
    );
    let without_subtree = Declaration {
        target: Target::Route {
            methods: Methods::ANY,
            paths: Cow::Owned(vec!["/a".into()]),
        },
        handler: "".into(),
        ..me()
    };
    says(
        Code::OpaqueMount,
        subject(Methods::ANY, Some("/a"), Shape::OpaqueMount),
        vec![Related::Meant(without_subtree)],
        "a service is mounted under /a: what it serves cannot be listed, and it has no access class",
        "the declaration of ANY /a at src/app.rs:3 is of that path alone: add `subtree` to it, \
         `session_route(ANY, \"/a\", subtree, reason = \"…\")`, and it is of all that is below",
    );
    says(
        Code::OpaqueMount,
        subject(Methods::FALLBACK, None, Shape::Fallback),
        vec![],
        "the fallback is a service without an access class",
        &format!("if it is a router, `merge` it, {}", rest("FALLBACK")),
    );
    says(
        Code::OpaqueMount,
        subject(Methods::FALLBACK, Some("/in"), Shape::Fallback),
        vec![],
        "the fallback below /in is a service without an access class",
        &format!(
            "if it is a router, `merge` it, {}",
            rest("FALLBACK, \"/in\"")
        ),
    );
}

#[test]
fn wrong_handler() {
    let mounted = Related::Mounted(at(7));
    says(
        Code::WrongHandler,
        subject(Methods::GET, Some("/other"), Shape::Route),
        vec![Related::Declared(me()), mounted.clone()],
        "GET /other is answered by app::me, and its attribute at src/app.rs:3 says GET /me",
        "if GET /other is right, change the attribute to say so; if the attribute is right, mount \
         the handler there and not on /other (at src/app.rs:7)",
    );
    says(
        Code::WrongHandler,
        subject(Methods::FALLBACK, None, Shape::Fallback),
        vec![Related::Declared(me()), mounted],
        "FALLBACK is answered by app::me, and its attribute at src/app.rs:3 says GET /me",
        "if FALLBACK is right, change the attribute to say so; if the attribute is right, mount the \
         handler there and not on the fallback (at src/app.rs:7)",
    );
    says(
        Code::WrongHandler,
        subject(Methods::GET, Some("/other"), Shape::Route),
        vec![],
        "GET /other is answered by a handler that declares another route",
        "change the attribute to say GET /other, or mount it elsewhere",
    );
}

#[test]
fn unmounted_declaration() {
    let of_me = || subject(Methods::GET, Some("/me"), Shape::Route);
    says(
        Code::UnmountedDeclaration,
        of_me(),
        vec![Related::Declared(me()), Related::Mounted(at(7))],
        "app::me (GET /me) is given to the router, but the router does not serve it: something that \
         is mounted later, or around it, takes its place",
        "remove it at src/app.rs:7, or mount it where the router reaches it; a nested router's \
         fallback takes requests below its own path alone",
    );
    let help = "mount the handler, remove its attribute, or put `#[audited_router]` on the function \
                that mounts it";
    says(
        Code::UnmountedDeclaration,
        of_me(),
        vec![Related::Declared(me())],
        "GET /me is declared for `app::me`, but no audited router mounts it",
        help,
    );
    let meant = subject(Methods::GET, Some("/mee"), Shape::Route);
    says(
        Code::UnmountedDeclaration,
        of_me(),
        vec![Related::Declared(me()), Related::Unclassified(meant)],
        "GET /me is declared for `app::me`, but no audited router mounts it",
        &format!(
            "did you mean GET /mee, which is mounted without a class (src/app.rs:9)? If not, {help}"
        ),
    );
    let without_a_handler = Declaration {
        handler: "".into(),
        ..me()
    };
    says(
        Code::UnmountedDeclaration,
        of_me(),
        vec![Related::Declared(without_a_handler)],
        "GET /me is declared, but no audited router mounts it",
        help,
    );
}

#[test]
fn conflicting_declaration() {
    let of_me = || subject(Methods::GET, Some("/me"), Shape::Route);
    let help =
        "keep one of the two; two routers that both have this path mount their handlers by name";
    says(
        Code::ConflictingDeclaration,
        of_me(),
        vec![
            Related::Declared(me()),
            Related::Other(open()),
            Related::Differs(vec![Difference::Class]),
        ],
        "GET /me is declared twice: session at src/app.rs:3, and public that issues sessions at \
         src/app.rs:5",
        help,
    );
    says(
        Code::ConflictingDeclaration,
        of_me(),
        vec![],
        "GET /me is declared twice",
        help,
    );
}

#[test]
fn unnamed_route() {
    let declared = || vec![Related::Declared(me())];
    let by = |mount: &str| {
        format!(
            "mount it by `session_auth::routing` in place of `axum::routing`; where another crate's \
             router takes it, as `session_auth::routing::{mount}(handler).into_axum()`"
        )
    };
    let by_path = "was mounted by axum's own functions, so that it is session by its path alone";
    for (methods, shape, mount) in [
        (Methods::GET, Shape::Route, "get"),
        (
            Methods::GET | Methods::POST,
            Shape::Route,
            "get(handler).post",
        ),
        (Methods::ANY, Shape::Route, "any"),
        (
            Methods::ANY,
            Shape::MethodFallback,
            "MethodRouter::new().fallback",
        ),
    ] {
        says(
            Code::UnnamedRoute,
            subject(methods, Some("/me"), shape),
            declared(),
            &format!("{methods} /me {by_path}"),
            &by(mount),
        );
    }
    says(
        Code::UnnamedRoute,
        subject(Methods::FALLBACK, None, Shape::Fallback),
        declared(),
        &format!("FALLBACK {by_path}"),
        "set it by the `fallback` of `session_auth::Router` in place of axum's",
    );
    says(
        Code::UnnamedRoute,
        subject(Methods::GET, Some("/me"), Shape::Route),
        vec![],
        "GET /me was mounted by axum's own functions",
        &by("get"),
    );
}

#[test]
fn expired_exemption() {
    let last = Date::from_calendar_date(2027, Month::January, 31).unwrap();
    let help = "remove the route or give it the class that it should have now; if it still needs \
                this one, move `until` to a later day";
    let hook = Access::Webhook {
        verify: Verify::Handler,
        expect_every: None,
        max_body: None,
    };
    for (access, class) in [
        (open().access, "public"),
        (hook, "a webhook"),
        (me().access, "a session route"),
    ] {
        let ended = Declaration {
            access,
            until: Some(last),
            ..me()
        };
        says(
            Code::ExpiredExemption,
            subject(Methods::GET, Some("/me"), Shape::Route),
            vec![Related::Declared(ended)],
            &format!("GET /me was to be {class} until 2027-01-31, and that day has passed"),
            help,
        );
    }
    says(
        Code::ExpiredExemption,
        subject(Methods::GET, Some("/me"), Shape::Route),
        vec![],
        "the exemption of GET /me has ended",
        help,
    );
}

#[test]
fn unmonitored_webhook() {
    says(
        Code::UnmonitoredWebhook,
        subject(Methods::POST, Some("/hook"), Shape::Route),
        vec![],
        "POST /hook is a webhook of which nobody notices when it falls silent",
        "add `expect_every = \"…\"`: the longest time that passes between two deliveries when all \
         is well",
    );
}

#[test]
fn impatient_sender() {
    let help = "what cannot reach the service for longer than that is lost before anybody hears of \
                it: shorten `expect_every` if deliveries come that often, or ask the service from \
                outside, by `route-audit probe`";
    let declared = Declaration {
        access: Access::Webhook {
            verify: Verify::By("postmark".into()),
            expect_every: Some(Duration::from_secs(6 * 3600)),
            max_body: None,
        },
        ..me()
    };
    says(
        Code::ImpatientSender,
        subject(Methods::POST, Some("/hook"), Shape::Route),
        vec![Related::Declared(declared)],
        "POST /hook rings after 6h without a delivery, and Postmark tries again for 21m alone",
        help,
    );
    says(
        Code::ImpatientSender,
        subject(Methods::POST, Some("/hook"), Shape::Route),
        vec![],
        "POST /hook rings later than its sender gives up",
        help,
    );
}

/// `route-audit` has the words for what it finds alone; here the code has a title and a page.
#[test]
fn every_other_code_has_its_title_and_its_page() {
    for &code in Code::ALL {
        let finding = Finding {
            code,
            subject: subject(Methods::GET, Some("/me"), Shape::Route),
            related: vec![],
        };
        assert!(!finding.message().is_empty());
        if finding.help().starts_with("run `route-audit explain") {
            assert_eq!(finding.message(), format!("GET /me: {}", code.title()));
            assert_eq!(finding.help(), format!("run `route-audit explain {code}`"));
        }
    }
}
