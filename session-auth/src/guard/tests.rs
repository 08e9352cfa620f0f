use super::*;

const PUBLIC: Access = Access::Public {
    by: std::borrow::Cow::Borrowed("session"),
    issues_session: false,
    optional_session: false,
    cross_origin: None,
};
const LOGIN: Access = Access::Public {
    by: std::borrow::Cow::Borrowed("session"),
    issues_session: true,
    optional_session: false,
    cross_origin: None,
};

fn guards() -> (GuardLayer, Arc<Endpoint>) {
    let auth = crate::SessionAuthLayer::builder(crate::Keys::random().unwrap());
    let shared = Arc::clone(auth.build().unwrap().shared());
    let unmatched = Arc::new(Endpoint::unclassified("(no route)".to_owned()));
    (GuardLayer::new(shared, Arc::clone(&unmatched)), unmatched)
}

/// A service that says how it was reached.
async fn inside(request: Request) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::empty());
    let has_pass = Pass::caller(request.extensions()).is_some();
    response.extensions_mut().insert(has_pass);
    Ok(response)
}

fn ask<S>(guard: &Guard<S>) -> Response<Body>
where
    Guard<S>: Service<Request, Response = Response<Body>, Error = Infallible>,
    Guard<S>: Clone,
{
    let request = Request::get("/a").body(Body::empty()).unwrap();
    let future = std::pin::pin!(guard.clone().call(request));
    match future.poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("it waits"),
    }
}

fn public() -> Bound {
    let declaration = crate::Declaration {
        target: crate::Target::Subtree { path: "/a".into() },
        access: PUBLIC,
        reason: None,
        owner: None,
        until: None,
        handler: "a".into(),
        package: "app".into(),
        location: crate::Location::caller(),
    };
    let declaration = crate::access::DeclarationRef::Inline(Arc::new(declaration));
    Bound::Route {
        endpoint: Arc::new(Endpoint::new("ANY /a/**".to_owned(), Some(declaration))),
        sealed: false,
        readings: None,
    }
}

#[test]
fn security_a_guard_says_its_number_and_runs_nothing_until_it_is_bound() {
    let (layer, _) = guards();
    let first = layer.layer(tower::service_fn(inside));
    let second = layer.layer(tower::service_fn(inside));
    for (guard, number) in [(&first, 0), (&second, 1), (&first.clone(), 0)] {
        let response = ask(guard);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(Answer::said(), Some((number, "/a".to_owned())));
        assert_eq!(response.extensions().get::<bool>(), None);
    }
    // All clones share what one is bound to, and the first binding stays.
    let clone = second.clone();
    layer.start([(1, public()), (1, Bound::OfAxum(Arc::default()))]);
    assert_eq!(ask(&clone).status(), StatusCode::OK);
    assert_eq!(ask(&first).status(), StatusCode::UNAUTHORIZED);
    assert_eq!(Answer::said(), None);
}

#[test]
fn security_a_guard_that_nobody_bound_denies_after_the_start() {
    let (layer, unmatched) = guards();
    let guard = layer.layer(tower::service_fn(inside));
    layer.start([(7, public())]);
    let late = layer.layer(tower::service_fn(inside));
    for guard in [&guard, &late] {
        let response = ask(guard);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(response.extensions().get::<Answer>().is_none());
        assert_eq!(response.extensions().get::<bool>(), None);
    }
    let activity = unmatched.activity(crate::clock::Timestamp::default());
    assert_eq!(activity.denied, [(Denial::Missing, 2)]);
    assert_eq!(unmatched.counters.all_unclassified(), 2);
    // Nothing binds it any more.
    layer.start([(0, public())]);
    assert_eq!(ask(&guard).status(), StatusCode::UNAUTHORIZED);
}

/// What an outer guard let through says nothing here.
#[test]
fn security_a_guard_takes_off_what_an_outer_one_left() {
    for bound in [public(), Bound::OfAxum(Arc::default())] {
        let (layer, _) = guards();
        let mut guard = layer.layer(tower::service_fn(inside));
        layer.start([(0, bound)]);
        let mut request = Request::get("/a").body(Body::empty()).unwrap();
        let caller = crate::pass::Caller::Delivery(None, None);
        let _end = Pass::put(request.extensions_mut(), None, caller);
        assert!(Pass::caller(request.extensions()).is_some());
        let future = std::pin::pin!(guard.call(request));
        let polled = future.poll(&mut Context::from_waker(std::task::Waker::noop()));
        let Poll::Ready(Ok(response)) = polled else {
            panic!("it waits");
        };
        let has_pass = response.extensions().get::<bool>().copied();
        assert_ne!(has_pass, Some(true));
    }
}

fn readings(routes: &[(&str, Option<&Access>)]) -> Readings {
    Readings::new(routes.iter().copied())
}

#[test]
fn security_a_reading_that_leads_to_another_class_differs() {
    let scope = Access::Session {
        by: "session".into(),
        scope: Some("admin".into()),
        cross_origin: None,
    };
    let readings = readings(&[
        ("/files/{*rest}", Some(&PUBLIC)),
        ("/files/private/{*rest}", Some(&UNDECLARED)),
        ("/admin", Some(&scope)),
        ("/export", None),
        ("/login", Some(&LOGIN)),
        ("/both", Some(&PUBLIC)),
        ("/both", Some(&UNDECLARED)),
    ]);
    for (path, of_public, of_session) in [
        ("/files/%70rivate/x", true, false),
        ("/files//private/x", true, false),
        ("/files/a/../private/x", true, false),
        ("/files/..;/export", true, false),
        ("/files/../admin", true, true),
        ("/files/../login", false, true),
        ("/files/..%2f..%2fboth", true, true),
        // No reading of these leads elsewhere.
        ("/files/a;b=c", false, false),
        ("/files/x", false, false),
        ("/files/private/x", false, false),
    ] {
        assert_eq!(readings.differ(path, Some(&PUBLIC)), of_public, "{path}");
        // What nobody declared is as strict as a session without a scope.
        assert_eq!(readings.differ(path, None), of_session, "{path}");
        let session = readings.differ(path, Some(&UNDECLARED));
        assert_eq!(session, of_session, "{path}");
    }
}

#[test]
fn a_single_page_application_keeps_its_paths() {
    let readings = readings(&[("/login", Some(&LOGIN)), ("/me", Some(&UNDECLARED))]);
    for path in ["/login/", "/login;from=mail", "/a;b/c", "/%6cogin", "/x//y"] {
        assert!(!readings.differ(path, Some(&PUBLIC)), "{path}");
    }
    assert!(readings.differ("/me/", Some(&PUBLIC)));
}

#[test]
fn a_pattern_of_two_classes_is_no_other_reading_of_itself() {
    let readings = readings(&[
        ("/w/{*path}", Some(&PUBLIC)),
        ("/w/{*path}", Some(&UNDECLARED)),
    ]);
    assert!(!readings.differ("/w/a%20b", Some(&PUBLIC)));
}
