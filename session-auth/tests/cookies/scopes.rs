//! Routes that ask for any of several scopes, or for all.

use session_auth::methods::GET;
use session_auth::{Router, session, session_route};

use crate::{builder, common, get};

#[session_route(GET, "/any", scope = "admin | auditor")]
async fn any() {}

#[session_route(GET, "/all", scope = "admin & auditor")]
async fn all() {}

#[tokio::test]
async fn any_of_several_or_all_of_several() {
    let auth = builder().build().unwrap();
    let routes = Router::new()
        .mount(any)
        .mount(all)
        .mount(session(GET, "/inline").scope("a | admin").to(|| async {}));
    let address = common::serve(common::protect(&auth, routes).unwrap()).await;
    for (scopes, allowed) in [
        (&[][..], [false, false, false]),
        (&["admin"], [true, false, true]),
        (&["auditor"], [true, false, false]),
        (&["auditor", "other", "admin"], [true, true, true]),
        (
            &["admin | auditor", "admin & auditor", "adminauditor"],
            [false; 3],
        ),
    ] {
        let issued = auth
            .sessions()
            .issue("ada")
            .scopes(scopes.iter().copied())
            .await
            .unwrap();
        let cookie = issued
            .set_cookie()
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        for (path, allowed) in ["/any", "/all", "/inline"].into_iter().zip(allowed) {
            let answer = get(address, path, &cookie).await;
            let expected = if allowed { 200 } else { 403 };
            assert_eq!(
                answer.status, expected,
                "{path} with {scopes:?}: {answer:?}"
            );
        }
    }
}

#[test]
fn scopes_that_cannot_be_read_do_not_start() {
    let routes = Router::new().mount(session(GET, "/x").scope("a|b").to(|| async {}));
    let error = common::protect(&builder().build().unwrap(), routes).unwrap_err();
    assert!(
        error.to_string().contains("`a | b` for any of several"),
        "{error}"
    );
}
