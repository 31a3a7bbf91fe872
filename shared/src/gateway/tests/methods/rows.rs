//! The rows: each method with requests that it lets in, and with those that it does not.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::{NOW, ok};
use super::SERVICE;
use super::sent::{Sent, event};
use crate::api_key::{ApiKey, ApiKeyRecord, KeyStatus};
use crate::auth::testing::MemoryStore;
use crate::clock::Timestamp;
use crate::store::{SessionHash, SessionRecord};
use crate::upstream::client::CallError;

const KEY_SET: &[u8] = include_bytes!("../../../../../events/keys/test-only.jwks.json");
/// Of another subject; its serial number is 7.
const OTHER_CERTIFICATE: &str = include_str!("../../../auth/certificate/testdata/odd-names.test-only.pem");
/// Its serial number is 1.
const REVOKED_CERTIFICATE: &str = include_str!("../../../auth/certificate/testdata/v1.test-only.pem");

const SESSION: &str = "tgs_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const UNUSED_SESSION: &str = "tgs_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ENDED_SESSION: &str = "tgs_ccccccccccccccccccccccccccccccccccccccccccc";
const NO_SESSION: &str = "tgs_ddddddddddddddddddddddddddddddddddddddddddd";

static KEY: LazyLock<ApiKey> = LazyLock::new(|| ApiKey::generate().expect("randomness"));
static REVOKED_KEY: LazyLock<ApiKey> = LazyLock::new(|| ApiKey::generate().expect("randomness"));
static EXPIRED_KEY: LazyLock<ApiKey> = LazyLock::new(|| ApiKey::generate().expect("randomness"));

/// One row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) method: Value,
    /// What the config has besides, because the method needs it.
    pub(super) others: Value,
    /// What is let in, and the words for the place where its credential stands.
    pub(super) good: Vec<(&'static str, Sent)>,
    /// What shows nothing to this method; among it good credentials in places that are not read.
    pub(super) not_read: Vec<Sent>,
    /// What shows a credential that does not hold.
    pub(super) wrong: Vec<Sent>,
}

pub(super) fn all() -> Vec<Row> {
    vec![
        jwt(false),
        jwt(true),
        api_key(),
        api_key_in_the_query(),
        api_key_as_bearer_token(),
        introspection(),
        kept_session(),
        token_in_a_cookie(),
        certificate_of_api_gateway(),
        certificate_of_a_load_balancer(),
        iam(),
        platform_jwt(),
        platform_lambda(),
        cognito(),
    ]
}

/// What is not the service: the issuer and the introspection endpoint.
pub(super) fn services(request: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    match request.uri().host() {
        Some(SERVICE) => ok(request),
        Some("auth.example.com") => Ok(Response::new(Bytes::from_static(KEY_SET))),
        Some("idp.example.com") => Ok(Response::new(introspected(request.body()))),
        _ => Err(CallError::Connect("there is nobody".into())),
    }
}

fn introspected(question: &[u8]) -> Bytes {
    let about = |token: &str| question.starts_with(format!("token={token}&").as_bytes());
    let answer = match () {
        () if about("good") => json!({ "active": true, "sub": "usr_42", "role": "customer", "aud": "store" }),
        () if about("for-others") => json!({ "active": true, "sub": "usr_42", "aud": "another-service" }),
        () => json!({ "active": false }),
    };
    Bytes::from(answer.to_string())
}

/// With the keys and sessions that there are.
pub(super) fn store() -> Arc<MemoryStore> {
    let store = MemoryStore::default();
    let keys = [
        key_record(&KEY),
        ApiKeyRecord {
            status: KeyStatus::Revoked,
            ..key_record(&REVOKED_KEY)
        },
        ApiKeyRecord {
            expires_at: Some(NOW),
            ..key_record(&EXPIRED_KEY)
        },
    ];
    let keys = keys.map(|record| (record.id.clone(), record));
    store.api_keys.lock().expect("unpoisoned").extend(keys);
    let session = |id, hours_ago: u64| (SessionHash::of(id), session_record(NOW.secs() - hours_ago * 60 * 60));
    let sessions = [
        session(SESSION, 0),
        session(UNUSED_SESSION, 1),
        session(ENDED_SESSION, 12),
    ];
    store.sessions.lock().expect("unpoisoned").extend(sessions);
    Arc::new(store)
}

fn key_record(key: &ApiKey) -> ApiKeyRecord {
    ApiKeyRecord {
        id: key.id().to_owned(),
        hash: key.hash(),
        previous: None,
        status: KeyStatus::Active,
        owner: "usr_42".into(),
        plan: None,
        plan_expires_at: None,
        limits: None,
        scopes: vec!["orders:read".into()],
        expires_at: None,
        created_at: Timestamp::from_secs(1),
        name: None,
    }
}

/// Begun then, and not used since.
fn session_record(begun: u64) -> SessionRecord {
    let claims = json!({ "sub": "usr_42", "role": "customer" });
    SessionRecord {
        claims: claims.as_object().cloned().unwrap_or_default(),
        created_at: Timestamp::from_secs(begun),
        seen_at: Timestamp::from_secs(begun),
        expires_at: Timestamp::from_secs(begun + 30 * 24 * 60 * 60),
    }
}

/// The token of one of these events.
fn token_of(event: &Sent) -> String {
    let header = event.0["headers"]["authorization"].as_str();
    header
        .and_then(|header| header.strip_prefix("Bearer "))
        .expect("a token")
        .to_owned()
}

fn good_token() -> String {
    token_of(&event!("http-jwt"))
}

/// With another signature than its own.
fn tampered_token() -> String {
    let token = good_token();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

fn wrong_tokens() -> Vec<String> {
    vec![
        token_of(&event!("http-jwt-expired")),
        token_of(&event!("http-jwt-wrong-audience")),
        tampered_token(),
        "no-token".into(),
        REVOKED_KEY.secret_text().into(),
    ]
}

/// What every method refuses that reads `Authorization`.
fn no_bearer_tokens() -> [Sent; 3] {
    let basic = Sent::http().header("authorization", "Basic YTpi");
    let bare = Sent::rest().header("authorization", "Bearer");
    let two = Sent::http().header("authorization", "Bearer a.b.c,Bearer a.b.c");
    [basic, bare, two]
}

/// Clients that show nothing.
fn nothing() -> Vec<Sent> {
    vec![Sent::http(), Sent::url(), Sent::rest(), Sent::alb(), Sent::alb_multi()]
}

/// Those, and these.
fn nothing_or(others: impl IntoIterator<Item = Sent>) -> Vec<Sent> {
    let mut all = nothing();
    all.extend(others);
    all
}

fn jwt_method() -> Value {
    json!({
        "type": "jwt", "issuer": "https://auth.example.com", "audiences": ["store"],
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
    })
}

fn jwt(forward_token: bool) -> Row {
    let mut method = jwt_method();
    if forward_token {
        method["forward_token"] = json!(true);
    }
    let bearer = |sent: Sent| ("`Authorization: Bearer`", sent.bearer(&good_token()));
    let wrong = wrong_tokens().into_iter().map(|token| Sent::http().bearer(&token));
    Row {
        name: "jwt",
        method,
        others: json!({}),
        good: nothing().into_iter().map(bearer).collect(),
        not_read: nothing_or([
            Sent::http().parameter("access_token", &good_token()),
            Sent::http().cookies(&[&format!("access_token={}", good_token())]),
            Sent::rest().header("x-access-token", &good_token()),
            event!("http-jwt-authorizer").without("/headers/authorization"),
        ]),
        wrong: wrong.chain(no_bearer_tokens()).collect(),
    }
}

fn wrong_keys() -> Vec<String> {
    let (good, unknown) = (KEY.secret_text(), ApiKey::generate().expect("randomness"));
    let another_secret = ApiKey::of_id(KEY.id()).expect("randomness");
    vec![
        good[..good.len() - 1].to_owned(),
        format!("{good} "),
        good.to_ascii_lowercase(),
        unknown.secret_text().to_owned(),
        another_secret.secret_text().to_owned(),
        REVOKED_KEY.secret_text().to_owned(),
        EXPIRED_KEY.secret_text().to_owned(),
    ]
}

fn api_key() -> Row {
    let key = KEY.secret_text();
    let header = |sent: Sent| ("`X-Api-Key`", sent.header("x-api-key", key));
    let wrong = wrong_keys()
        .into_iter()
        .map(|key| Sent::http().header("x-api-key", &key));
    Row {
        name: "api_key",
        method: json!({ "type": "api_key" }),
        others: json!({}),
        good: nothing().into_iter().map(header).collect(),
        not_read: nothing_or([
            Sent::http().parameter("api_key", key),
            Sent::http().bearer(key),
            Sent::rest().cookies(&[&format!("x-api-key={key}")]),
        ]),
        wrong: wrong.collect(),
    }
}

fn api_key_in_the_query() -> Row {
    let key = KEY.secret_text();
    let header = |sent: Sent| ("`X-Api-Key`", sent.header("x-api-key", key));
    let query = |sent: Sent| ("or `?api_key=`", sent.parameter("api_key", key));
    let wrong = wrong_keys().into_iter();
    let wrong = wrong.map(|key| Sent::http().parameter("api_key", &key.replace(' ', "%20")));
    let both = Sent::http().header("x-api-key", key).parameter("api_key", key);
    let two = Sent::http().parameter("api_key", key).parameter("api%5Fkey", key);
    Row {
        name: "api_key",
        method: json!({ "type": "api_key", "query": "api_key" }),
        others: json!({}),
        good: nothing()
            .into_iter()
            .map(header)
            .chain(nothing().into_iter().map(query))
            .collect(),
        not_read: nothing_or([Sent::http().parameter("apikey", key), Sent::http().bearer(key)]),
        wrong: wrong.chain([both, two]).collect(),
    }
}

fn api_key_as_bearer_token() -> Row {
    let key = KEY.secret_text();
    let bearer = |sent: Sent| ("`Authorization: Bearer`", sent.bearer(key));
    let wrong = wrong_keys().into_iter().map(|key| Sent::http().bearer(&key));
    Row {
        name: "api_key",
        method: json!({ "type": "api_key", "header": "Authorization" }),
        others: json!({}),
        good: nothing().into_iter().map(bearer).collect(),
        not_read: nothing_or([
            Sent::http().header("x-api-key", key),
            Sent::http().parameter("api_key", key),
        ]),
        wrong: wrong.chain(no_bearer_tokens()).collect(),
    }
}

fn introspection() -> Row {
    let bearer = |sent: Sent| ("`Authorization: Bearer`", sent.bearer("good"));
    let wrong = ["bad", "for-others"].map(|token| Sent::http().bearer(token));
    Row {
        name: "introspection",
        method: json!({
            "type": "introspection", "url": "https://idp.example.com/introspect", "client_id": "gateway",
            "client_secret": "secret", "audiences": ["store"],
        }),
        others: json!({}),
        good: nothing().into_iter().map(bearer).collect(),
        not_read: nothing_or([
            Sent::http().parameter("access_token", "good"),
            Sent::http().parameter("token", "good"),
            Sent::http().cookies(&["access_token=good"]),
        ]),
        wrong: wrong.into_iter().chain(no_bearer_tokens()).collect(),
    }
}

/// As cookies, beside another.
fn with_cookie(sent: Sent, value: &str) -> Sent {
    sent.cookies(&["theme=dark", &format!("__Host-sid={value}")])
}

fn kept_session() -> Row {
    let cookie = |sent: Sent| ("the cookie `__Host-sid`", with_cookie(sent, SESSION));
    let wrong = [NO_SESSION, UNUSED_SESSION, ENDED_SESSION, "short", "", &"x".repeat(257)];
    let wrong = wrong.map(|id| with_cookie(Sent::http(), id));
    let two = Sent::http().cookies(&[&format!("__Host-sid={SESSION}"), &format!("__Host-sid={SESSION}")]);
    Row {
        name: "session_cookie",
        method: json!({ "type": "session_cookie", "cookie": "__Host-sid" }),
        others: json!({}),
        good: nothing().into_iter().map(cookie).collect(),
        not_read: nothing_or([
            Sent::http().cookies(&[&format!("__host-sid={SESSION}")]),
            Sent::http().parameter("__Host-sid", SESSION),
            Sent::http().bearer(SESSION),
        ]),
        wrong: wrong.into_iter().chain([two]).collect(),
    }
}

fn token_in_a_cookie() -> Row {
    let cookie = |sent: Sent| ("the cookie `__Host-sid`", with_cookie(sent, &good_token()));
    let wrong = wrong_tokens()
        .into_iter()
        .map(|token| with_cookie(Sent::http(), &token));
    Row {
        name: "session_cookie",
        method: json!({ "type": "session_cookie", "cookie": "__Host-sid", "jwt": "main" }),
        others: json!({ "main": jwt_method() }),
        good: nothing().into_iter().map(cookie).collect(),
        not_read: nothing_or([
            Sent::http().bearer(&good_token()),
            Sent::http().parameter("__Host-sid", &good_token()),
        ]),
        wrong: wrong.collect(),
    }
}

fn certificate_of_api_gateway() -> Row {
    let (http, rest) = (event!("http-client-certificate"), event!("rest-client-certificate"));
    let of_http = "/requestContext/authentication/clientCert";
    let other = |pem: &str| http.clone().with(of_http, json!({ "clientCertPem": pem }));
    let serial = format!("{of_http}/serialNumber");
    let rest_pem = "/requestContext/identity/clientCert/clientCertPem";
    Row {
        name: "client_certificate",
        method: json!({
            "type": "client_certificate", "from": "api_gateway", "revoked_serials": ["01"],
            "subject": ["CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE"],
        }),
        others: json!({}),
        good: vec![
            ("HTTP API: `requestContext.authentication.clientCert`", http.clone()),
            ("REST API: `requestContext.identity.clientCert`", rest.clone()),
        ],
        not_read: nothing_or([
            event!("http-forged-certificate"),
            event!("alb-client-certificate"),
            event!("alb-multi-client-certificate"),
            event!("alb-certificate-passed-through"),
        ]),
        wrong: vec![
            other(REVOKED_CERTIFICATE),
            other(OTHER_CERTIFICATE),
            other("no certificate"),
            http.clone().with(&serial, json!("01")),
            http.with(of_http, json!("no object")),
            rest.with(rest_pem, json!("no certificate")),
        ],
    }
}

fn certificate_of_a_load_balancer() -> Row {
    let (alb, multi) = (event!("alb-client-certificate"), event!("alb-multi-client-certificate"));
    let leaf = "x-amzn-mtls-clientcert-leaf";
    let words = "ALB: `X-Amzn-Mtls-Clientcert-Leaf`, of a listener in mode `verify`";
    let serial = "/headers/x-amzn-mtls-clientcert-serial-number";
    let other = utf8_percent_encode(OTHER_CERTIFICATE, NON_ALPHANUMERIC).to_string();
    let twice = multi.0["multiValueHeaders"][leaf][0].clone();
    Row {
        name: "client_certificate",
        method: json!({
            "type": "client_certificate", "from": "alb_verify",
            "subject": ["CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE"],
        }),
        others: json!({}),
        good: vec![(words, alb.clone()), (words, multi.clone())],
        not_read: nothing_or([
            event!("http-forged-certificate"),
            event!("http-client-certificate"),
            event!("rest-client-certificate"),
        ]),
        wrong: vec![
            event!("alb-certificate-passed-through"),
            alb.clone().header("x-forwarded-proto", "http"),
            alb.clone().header("x-amzn-mtls-clientcert-serial-number", "01"),
            alb.clone().without(serial).header(leaf, &other),
            alb.clone().header(leaf, "no certificate"),
            alb.without(&format!("/headers/{leaf}")),
            multi.with(&format!("/multiValueHeaders/{leaf}"), json!([twice, twice])),
        ],
    }
}

/// What each of the four methods leaves to the others, but for those of `its_own`.
fn other_authorizers(its_own: &[&str]) -> Vec<Sent> {
    let without_token = |sent: Sent| sent.without("/headers/authorization");
    let all = [
        ("iam", event!("http-iam-authorizer")),
        ("iam", event!("rest-iam-authorizer")),
        ("jwt", without_token(event!("http-jwt-authorizer"))),
        ("lambda", event!("http-lambda-authorizer")),
        ("lambda", event!("rest-lambda-authorizer")),
        ("cognito", event!("rest-cognito-authorizer")),
        // The client's own words, and a load balancer's.
        (
            "",
            Sent::alb().header("x-amzn-request-context", r#"{"authorizer":{"iam":{"userArn":"a"}}}"#),
        ),
        (
            "",
            Sent::alb().authorizer(
                json!({ "iam": { "userArn": "a" }, "jwt": { "claims": { "sub": "a" } }, "lambda": { "sub": "a" } }),
            ),
        ),
        (
            "",
            Sent::alb_multi().authorizer(json!({ "claims": { "sub": "a" }, "principalId": "a" })),
        ),
    ];
    let others = all.into_iter().filter(|(from, _)| !its_own.contains(from));
    nothing_or(others.map(|(_, sent)| sent))
}

fn platform(from: &str, good: Vec<(&'static str, Sent)>, wrong: Vec<Sent>) -> Row {
    Row {
        name: "platform",
        method: json!({ "type": "platform", "from": from }),
        others: json!({}),
        good,
        not_read: other_authorizers(&[from]),
        wrong,
    }
}

fn iam() -> Row {
    let payload_v2 = "HTTP API, Function URL: `requestContext.authorizer.iam`";
    let (http, rest) = (event!("http-iam-authorizer"), event!("rest-iam-authorizer"));
    platform(
        "iam",
        vec![
            (payload_v2, http.clone()),
            (payload_v2, event!("url-iam-authorizer")),
            ("REST API: `requestContext.identity`", rest.clone()),
        ],
        vec![
            http.clone().without("/requestContext/authorizer/iam/userArn"),
            http.clone().with("/requestContext/authorizer/iam/userArn", json!({})),
            http.authorizer(json!({ "iam": "text" })),
            rest.with("/requestContext/identity/userArn", json!(7)),
        ],
    )
}

fn platform_jwt() -> Row {
    let good = event!("http-jwt-authorizer");
    let wrong = [
        json!({ "jwt": "text" }),
        json!({ "jwt": { "claims": "text", "scopes": null } }),
        json!({ "jwt": { "claims": { "sub": "a" }, "scopes": "orders:read" } }),
    ];
    let wrong = wrong.map(|said| good.clone().authorizer(said));
    platform(
        "jwt",
        vec![("HTTP API: `requestContext.authorizer.jwt`", good.clone())],
        wrong.into(),
    )
}

fn platform_lambda() -> Row {
    let (http, rest) = (event!("http-lambda-authorizer"), event!("rest-lambda-authorizer"));
    let mut row = platform(
        "lambda",
        vec![
            (
                "HTTP API: `requestContext.authorizer.lambda`",
                http.clone()
                    .authorizer(json!({ "lambda": { "sub": "usr_1", "role": "admin" } })),
            ),
            ("REST API: `requestContext.authorizer`", rest.clone()),
        ],
        vec![
            http.clone().authorizer(json!({ "lambda": "text" })),
            rest.authorizer(json!("text")),
        ],
    );
    // It let the request in and said nothing of who that is.
    row.not_read
        .extend([Value::Null, json!({})].map(|said| http.clone().authorizer(json!({ "lambda": said }))));
    row
}

fn cognito() -> Row {
    let good = event!("rest-cognito-authorizer");
    let wrong = [
        json!("text"),
        json!({ "claims": { "sub": "a" }, "scopes": "orders:read" }),
    ];
    let wrong = wrong.map(|said| good.clone().authorizer(said));
    platform(
        "cognito",
        vec![("REST API: `requestContext.authorizer.claims`", good.clone())],
        wrong.into(),
    )
}
