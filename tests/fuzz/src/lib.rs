//! What the targets share: an `Authenticator` with an issuer beside it that answers what it is told, and tokens of that
//! issuer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tollgate::auth::Authenticator;
use tollgate::clock::{Clock, Timestamp};
use tollgate::config::{self, Config, Route};
use tollgate::error::GatewayError;
use tollgate::event::Event;
use tollgate::gateway::Seams;
use tollgate::request::Request;
use tollgate::store::model::CountersOnly;
use tollgate::store::{Charge, ChargeOutcome, CounterKey, StoreError};
use tollgate::upstream::client::{CallError, CallLimits, HttpClient};

/// Header and payload of the one token that is let in. The seeds have the same.
pub const HEADER: &str = r#"{"alg":"EdDSA","kid":"ed"}"#;
pub const PAYLOAD: &str = r#"{"iss":"https://issuer.test","aud":"api","sub":"user-1","exp":4102444800}"#;

/// A gateway's authentication, in an environment in which nothing else happens.
pub struct World {
    authenticator: Authenticator,
    route: Arc<Route>,
    request: Request,
    runtime: Runtime,
}

impl World {
    /// Whose issuer answers this when it is asked for its keys.
    pub fn new(key_set: Bytes) -> Self {
        let issuer = Arc::new(Issuer(key_set));
        let seams = Seams {
            clock: Arc::new(StandingClock),
            upstreams: Arc::clone(&issuer) as _,
            issuers: issuer,
            store: Arc::new(NoTables),
        };
        let config = config();
        let event = r#"{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET","path":"/",
                        "sourceIp":"192.0.2.1"},"domainName":"api.test"},"headers":{"host":"api.test"}}"#;
        let event = Event::read(event, None).expect("an event of an HTTP API");
        Self {
            authenticator: Authenticator::new(config.auth, &seams),
            route: Arc::clone(&config.routes[0]),
            request: event.request(&[]).expect("a request"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime"),
        }
    }

    /// Presents an `Authorization` field; whether it lets its sender in. Panics at every refusal but those that a bad
    /// token and a bad key set may lead to.
    pub fn lets_in(&mut self, authorization: HeaderValue) -> bool {
        self.request.headers.insert(AUTHORIZATION, authorization);
        let proven = self
            .authenticator
            .authenticate(&self.route, &self.request, Duration::from_secs(9));
        match self.runtime.block_on(proven) {
            Ok(identity) => identity.is_some(),
            Err(GatewayError::InvalidCredential { .. } | GatewayError::AuthUnavailable { .. }) => false,
            Err(other) => panic!("refused as {other:?}"),
        }
    }
}

/// The issuer's signing key. Nobody can guess what it signs, though everybody can read it here.
pub fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed")
}

/// A field with the token that is let in.
pub fn good_field() -> HeaderValue {
    let signed = format!("{}.{}", encode(HEADER), encode(PAYLOAD));
    let signature = key().sign(signed.as_bytes());
    field(&format!("{signed}.{}", encode(signature)))
}

/// A field with this token, which has no characters that a field may not have.
pub fn field(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).expect("a token is visible ASCII")
}

/// The member `x` of the key.
pub fn x() -> String {
    encode(key().public_key())
}

/// A key for each kind of signature, under the names `ed`, `ec`, and `rsa`. Whoever looks for them finds the private
/// ones of the others as well.
pub fn key_set() -> Value {
    let rsa: Value = serde_json::from_str(include_str!("../../../events/keys/test-only.jwks.json")).expect("JSON");
    // The generator of P-256 (SEC 2 section 2.4.2): a public key like any other.
    let (x_of_ec, y_of_ec) = (
        "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    );
    json!({ "keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": x()},
        {"kty": "EC", "crv": "P-256", "kid": "ec", "x": x_of_ec, "y": y_of_ec},
        {"kty": "RSA", "kid": "rsa", "n": rsa["keys"][0]["n"], "e": "AQAB"},
    ]})
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn config() -> Config {
    let document = json!({
        "auth": {
            "type": "jwt",
            "jwks_uri": "https://issuer.test/keys",
            "issuer": "https://issuer.test",
            "audiences": ["api"],
            "algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"],
        },
        "upstreams": { "any": { "url": "http://127.0.0.1" } },
        "routes": [{ "path": "/**", "upstream": "any" }],
    });
    let checked = config::parse("fuzz.json", &document.to_string(), &|_| None);
    let mut config = checked.expect("a config").config;
    // Nobody is held back, however often refused.
    config.auth.failures_per_minute = 0;
    config
}

/// Answers with one text.
#[derive(Debug)]
struct Issuer(Bytes);

#[async_trait]
impl HttpClient for Issuer {
    async fn send(&self, _: http::Request<Bytes>, _: CallLimits) -> Result<http::Response<Bytes>, CallError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

/// Shows the same time always, so that a run can be repeated.
#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(2_000_000_000)
    }
}

/// What a function has that was deployed without tables.
#[derive(Debug)]
struct NoTables;

#[async_trait]
impl CountersOnly for NoTables {
    async fn charge(&self, _: &CounterKey, _: &Charge) -> Result<ChargeOutcome, StoreError> {
        Err(StoreError::NoTable("QUOTA_TABLE"))
    }
}
