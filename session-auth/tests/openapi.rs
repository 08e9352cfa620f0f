//! What an OpenAPI document says of who may call each operation is what the service does.
#![cfg(feature = "utoipa")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use common::{cookie_of, protect, request, serve};
use serde_json::{Value, json};
use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
use session_auth::webhook::{BasicAuth, Hmac};
use session_auth::{
    Keys, Router, SessionAuthLayer, audit, openapi, public_route, session_route, webhook_route,
};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A token that says which scopes it has: `good`, `good-read`.
struct Tokens;

impl Authenticate for Tokens {
    type Identity = ();

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<()> {
        let token = match request.bearer() {
            Ok(token) => token,
            Err(refusal) => return refusal.into(),
        };
        match token.strip_prefix("good") {
            Some(scopes) => Proof::new(()).scopes(scopes.split('-')).into(),
            None => Refusal::BadSignature("test").into(),
        }
    }
}

macro_rules! documented {
    ($($name:ident: $method:ident $path:literal, #[$attribute:meta];)*) => {$(
        #[utoipa::path($method, path = $path, responses((status = OK)))]
        #[$attribute]
        async fn $name() -> &'static str {
            "in"
        }
    )*};
}

documented! {
    health: get "/health", #[public_route(GET, "/health", reason = "test")];
    front: get "/", #[public_route(GET, "/", reason = "test", optional_session, by = "session | api")];
    pet: get "/pets/{petId}", #[session_route(GET, "/pets/{id}")];
    add: post "/pets", #[session_route(POST, "/pets", by = "session | api", scope = "write & pets")];
    list: get "/pets", #[session_route(GET, "/pets", by = "api", scope = "read | admin")];
    file: get "/files/{rest}", #[session_route(GET, "/files/{*rest}", by = "api")];
    delivery: post "/hooks/postmark", #[webhook_route(POST, "/hooks/postmark", verify = "postmark")];
}

fn service() -> (Router, OpenApi) {
    let (documented, api) = OpenApiRouter::<()>::new()
        .routes(routes!(health))
        .routes(routes!(front))
        .routes(routes!(add, list))
        .routes(routes!(delivery))
        .split_for_parts();
    // Two whose patterns the document writes otherwise.
    let (_, others) = OpenApiRouter::<()>::new()
        .routes(routes!(pet))
        .routes(routes!(file))
        .split_for_parts();
    let routes = Router::new().merge_axum(documented).mount(pet).mount(file);
    (routes, api.merge_from(others))
}

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", Tokens)
        .verifier("postmark", BasicAuth::postmark("postmark", "password"))
        .build()
        .unwrap()
}

fn json_of(api: &OpenApi) -> Value {
    serde_json::to_value(api).unwrap()
}

#[test]
fn each_operation_says_who_may_call_it() {
    let (routes, mut api) = service();
    // What people wrote by hand is not believed.
    let by_hand = utoipa::openapi::SecurityRequirement::default();
    let health = api.paths.paths.get_mut("/health").unwrap();
    health.get.as_mut().unwrap().security = Some(vec![by_hand]);
    openapi::secure(&mut api, &routes, &auth()).unwrap();
    let api = json_of(&api);
    let of = |path: &str, method: &str| api["paths"][path][method]["security"].clone();
    assert_eq!(of("/health", "get"), json!([]));
    assert_eq!(
        of("/", "get"),
        json!([{}, { "session": [] }, { "api": [] }])
    );
    assert_eq!(of("/pets/{petId}", "get"), json!([{ "session": [] }]));
    assert_eq!(
        of("/pets", "post"),
        json!([{ "session": ["write", "pets"] }, { "api": ["write", "pets"] }])
    );
    assert_eq!(
        of("/pets", "get"),
        json!([{ "api": ["read"] }, { "api": ["admin"] }])
    );
    assert_eq!(of("/files/{rest}", "get"), json!([{ "api": [] }]));
    assert_eq!(of("/hooks/postmark", "post"), json!([{ "postmark": [] }]));
    assert_eq!(
        api["components"]["securitySchemes"],
        json!({
            "session": { "type": "apiKey", "in": "cookie", "name": "__Host-session" },
            "api": { "type": "http", "scheme": "bearer" },
            "postmark": { "type": "http", "scheme": "basic" },
        })
    );
}

/// The credentials that a requirement asks for, as headers: all of its schemes, with its scopes.
async fn credentials(requirement: &Value, auth: &SessionAuthLayer, with_scopes: bool) -> String {
    let mut headers = String::new();
    for (scheme, scopes) in requirement.as_object().unwrap() {
        let scopes = scopes.as_array().unwrap().iter().filter_map(Value::as_str);
        let scopes: Vec<&str> = scopes.filter(|_| with_scopes).collect();
        headers += &match scheme.as_str() {
            "session" if scopes.is_empty() => cookie_of(auth).await,
            "session" => {
                let issued = auth.sessions().issue("ada").scopes(scopes).await.unwrap();
                let set = issued.set_cookie().to_str().unwrap();
                format!("Cookie: {}\r\n", set.split(';').next().unwrap())
            }
            "api" => {
                let token = [&["good"], &*scopes].concat().join("-");
                format!("Authorization: Bearer {token}\r\n")
            }
            "postmark" => "Authorization: Basic cG9zdG1hcms6cGFzc3dvcmQ=\r\n".to_owned(),
            other => panic!("{other}"),
        };
    }
    headers
}

/// Each operation, by a stranger, by whoever has what a requirement asks for, and by one who has it
/// without the scopes.
#[tokio::test]
async fn security_the_service_does_what_its_document_says() {
    let (routes, mut api) = service();
    let auth = auth();
    openapi::secure(&mut api, &routes, &auth).unwrap();
    let app = protect(&auth, routes).unwrap();
    let probed = audit::probe(app.clone()).await;
    let service = serve(app).await;
    let api = json_of(&api);
    let mut operations = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let method = method.to_uppercase();
            let requirements = operation["security"].as_array().unwrap();
            let is_open = requirements.is_empty() || requirements.contains(&json!({}));
            let target = path.replace("{petId}", "probe").replace("{rest}", "probe");

            let stranger = request(service, &method, &target, "").await.status;
            assert_eq!(stranger, if is_open { 200 } else { 401 }, "{method} {path}");
            let answer = probed
                .iter()
                .find(|it| it.path == target && it.method == *method);
            let answer = answer.unwrap_or_else(|| panic!("{method} {target} was not probed"));
            assert_eq!(answer.denial.is_none(), is_open, "{method} {path}");

            for requirement in requirements {
                let enough = credentials(requirement, &auth, true).await;
                let answer = request(service, &method, &target, &enough).await;
                assert_eq!(answer.shown(), "in", "{method} {path} {requirement}");
                let asks_scopes = requirement.to_string().contains(r#"[""#);
                if asks_scopes {
                    let less = credentials(requirement, &auth, false).await;
                    let answer = request(service, &method, &target, &less).await;
                    assert_eq!(answer.status, 403, "{method} {path} {requirement}");
                }
            }
            // What no requirement names is not enough.
            for other in [json!({ "session": [] }), json!({ "api": [] })] {
                let (name, _) = other.as_object().unwrap().iter().next().unwrap();
                let named = requirements.iter().any(|one| one.get(name).is_some());
                if !is_open && !named {
                    let headers = credentials(&other, &auth, false).await;
                    let answer = request(service, &method, &target, &headers).await;
                    assert_eq!(answer.status, 401, "{method} {path} {other}");
                }
            }
        }
    }
    assert_eq!(operations, 7);
    assert_eq!(
        probed.iter().filter(|it| it.path != "/probe").count(),
        operations
    );
}

#[tokio::test]
async fn a_session_in_authorization_is_a_way_of_its_own() {
    let (routes, mut api) = service();
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", Tokens)
        .verifier("postmark", BasicAuth::postmark("postmark", "password"))
        .bearer_tokens(true)
        .build()
        .unwrap();
    openapi::secure(&mut api, &routes, &auth).unwrap();
    let api = json_of(&api);
    assert_eq!(
        api["paths"]["/pets/{petId}"]["get"]["security"],
        json!([{ "session": [] }, { "session-token": [] }])
    );
    let schemes = &api["components"]["securitySchemes"];
    assert_eq!(
        schemes["session-token"],
        json!({ "type": "http", "scheme": "bearer" })
    );
}

#[utoipa::path(get, path = "/elsewhere", responses((status = OK)))]
async fn elsewhere() {}

#[utoipa::path(delete, path = "/pets/{id}", responses((status = OK)))]
async fn not_mounted() {}

#[test]
fn what_does_not_agree_is_said_at_once_and_changes_nothing() {
    let (routes, api) = service();
    let (_, others) = OpenApiRouter::<()>::new()
        .routes(routes!(elsewhere))
        .routes(routes!(not_mounted))
        .split_for_parts();
    let mut api = api.merge_from(others);
    let before = json_of(&api);
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", Tokens)
        .verifier("postmark", Hmac::github("1fd8b9f0c7a14a0f1fd8b9f0c7a14a0f"))
        .build()
        .unwrap();
    let error = openapi::secure(&mut api, &routes, &auth)
        .unwrap_err()
        .to_string();
    for line in [
        "GET /elsewhere is answered by no route",
        "DELETE /pets/{id} is answered by no route",
        "no security scheme \"postmark\"",
    ] {
        assert!(error.contains(line), "{error}");
    }
    assert_eq!(error.lines().count(), 4, "{error}");
    assert_eq!(json_of(&api), before);

    // A scheme that the document has itself stays as it is.
    let (routes, mut api) = service();
    let own = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-signature")));
    let components = api.components.get_or_insert_with(Default::default);
    components.add_security_scheme("postmark", own);
    openapi::secure(&mut api, &routes, &auth).unwrap();
    let schemes = &json_of(&api)["components"]["securitySchemes"];
    let expected = json!({ "type": "apiKey", "in": "header", "name": "x-signature" });
    assert_eq!(schemes["postmark"], expected);
}

#[tokio::test]
async fn a_route_without_a_class_is_named() {
    let (documented, mut api) = OpenApiRouter::<()>::new()
        .routes(routes!(elsewhere))
        .split_for_parts();
    let routes = Router::<()>::new().merge_axum(documented);
    let error = openapi::secure(&mut api, &routes, &auth())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("GET /elsewhere has no access class"),
        "{error}"
    );
}
