use std::borrow::Cow;

use super::*;
use crate::access::{Access, Declaration, Methods, Target};

fn declaration() -> DeclarationRef {
    DeclarationRef::Inline(Arc::new(Declaration {
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
        handler: "me".into(),
        package: "app".into(),
        location: Location::caller(),
    }))
}

/// As for a handler, without the rest of its request.
fn demand(extensions: &mut Extensions, declaration: &DeclarationRef) -> Result<(), Unpassed> {
    Pass::demand_at(extensions, declaration, now).map(|_| ())
}

fn passed(declaration: &DeclarationRef) -> (Extensions, PassEnd) {
    let mut extensions = Extensions::new();
    let caller = Caller::Delivery(None, None);
    let end = Pass::put(&mut extensions, Some(declaration.clone()), caller);
    (extensions, end)
}

#[test]
fn it_works_once_in_each_copy_of_a_request() {
    let me = declaration();
    let (mut first, _end) = passed(&me);
    let mut copy = first.clone();
    assert!(demand(&mut first, &me).is_ok());
    assert!(matches!(demand(&mut first, &me), Err(Unpassed::Used)));
    let mut late = first.clone();
    assert!(matches!(demand(&mut late, &me), Err(Unpassed::Used)));
    assert!(demand(&mut copy, &me).is_ok());
}

#[test]
fn it_is_for_one_declaration_and_not_for_one_that_says_the_same() {
    let (mut extensions, _end) = passed(&declaration());
    let other = declaration();
    assert!(matches!(
        demand(&mut extensions, &other),
        Err(Unpassed::OfAnother(Some(_)))
    ));
    Pass::take_off(&mut extensions);
    assert!(matches!(
        demand(&mut extensions, &other),
        Err(Unpassed::None)
    ));
}

#[test]
fn it_ends_some_time_after_the_answer() {
    let me = declaration();
    let (mut spawned, end) = passed(&me);
    let mut kept = spawned.clone();
    let answered = {
        let grant = Arc::clone(&end.0);
        drop(end);
        grant.answered.load(Ordering::Relaxed)
    };
    assert_ne!(answered, 0);
    let grace = GRACE.as_millis() as u64;
    let late = Pass::demand_at(&mut kept, &me, || answered + grace + 1);
    assert!(matches!(late, Err(Unpassed::Late)));
    assert!(Pass::demand_at(&mut spawned, &me, || answered + grace).is_ok());
}
