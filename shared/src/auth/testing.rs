//! What the tests of this module share: keys, tokens, an issuer that does as told, and a clock that stands still.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonwebtoken::{Algorithm, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};
use url::Url;

use super::method::{Method as AuthMethod, MethodKind};
use super::{Ask, AuthPolicy, Authenticator, ClaimPath, Identity, JwtRules, KeySource, MethodId, Methods, crypto};
use crate::api_key::ApiKeyRecord;
use crate::auth::AuthRules;
use crate::auth::RouteAuth;
use crate::auth::method::ClaimHeader;
use crate::clock::{Clock, Timestamp};
use crate::config::{Pointer, Route, Target};
use crate::error::GatewayError;
use crate::event::EventKind;
use crate::gateway::Seams;
use crate::path::{CanonicalPath, PathPattern};
use crate::request::{PlatformFacts, Request};
use crate::router::Conditions;
use crate::store::{CounterKey, SessionHash, SessionRecord, Step, StepOutcome, Store, StoreError, StoredKeySet};
use crate::upstream::client::{CallError, CallLimits, HttpClient};

pub(super) const NOW: u64 = 2_000_000_000;
pub(super) const ISSUER: &str = "https://issuer.test";
pub(super) const BUDGET: Duration = Duration::from_secs(9);

pub(super) const RSA_2048: &[u8] = include_bytes!("testdata/rsa-2048.test-only.pem");
/// One that no issuer publishes.
const RSA_2048_OTHER: &[u8] = include_bytes!("testdata/rsa-2048-other.test-only.pem");

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[derive(Debug)]
pub(super) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(Timestamp::from_secs(NOW).micros())))
    }

    pub(super) fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    pub(super) fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// One of an issuer's signing keys.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) kid: &'static str,
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
    pub(super) jwk: Value,
}

impl Signer {
    pub(super) fn ed25519(kid: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA",
                         "x": base64(pair.public_key())});
        Self {
            kid,
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
            jwk,
        }
    }

    pub(super) fn es256(kid: &'static str) -> Self {
        Self::ecdsa(kid, Algorithm::ES256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub(super) fn es384(kid: &'static str) -> Self {
        Self::ecdsa(kid, Algorithm::ES384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn ecdsa(kid: &'static str, algorithm: Algorithm, crv: &str, scheme: &'static EcdsaSigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, pkcs8.as_ref(), &random).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let jwk = json!({"kty": "EC", "crv": crv, "kid": kid, "x": base64(x), "y": base64(y)});
        Self {
            kid,
            algorithm,
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwk,
        }
    }

    /// A key for this algorithm: for RSA always the same one.
    pub(super) fn of(kid: &'static str, algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDSA => Self::ed25519(kid),
            Algorithm::ES256 => Self::es256(kid),
            Algorithm::ES384 => Self::es384(kid),
            rsa => Self::rsa(kid, rsa),
        }
    }

    /// Another key for the same algorithm that bears the same name.
    pub(super) fn impostor(&self) -> Self {
        match self.algorithm {
            Algorithm::EdDSA | Algorithm::ES256 | Algorithm::ES384 => Self::of(self.kid, self.algorithm),
            rsa => Self::rsa_from(RSA_2048_OTHER, self.kid, rsa),
        }
    }

    pub(super) fn rsa(kid: &'static str, algorithm: Algorithm) -> Self {
        Self::rsa_from(RSA_2048, kid, algorithm)
    }

    fn rsa_from(pem: &[u8], kid: &'static str, algorithm: Algorithm) -> Self {
        crypto::install();
        let key = EncodingKey::from_rsa_pem(pem).unwrap();
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = kid.into();
        jwk.as_object_mut().unwrap().remove("alg");
        Self {
            kid,
            algorithm,
            key,
            jwk,
        }
    }

    pub(super) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": format!("{:?}", self.algorithm), "kid": self.kid})
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs whatever it is given.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_text(&format!("{}.{}", base64(header), base64(payload)))
    }

    pub(super) fn sign_text(&self, signed: &str) -> String {
        crypto::install();
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

pub(super) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "api", "sub": "user-1", "role": "admin", "exp": NOW + 300})
}

/// The default claims with this one set, or removed by `None`.
pub(super) fn claims_with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}

/// What the issuer answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Keys(Vec<Value>),
    Status(u16, Vec<u8>),
    Fails(CallError),
    /// After so long.
    Slowly(Duration, Box<Answer>),
    Never,
}

#[derive(Debug)]
pub(super) struct Issuer {
    answer: Mutex<Answer>,
    calls: AtomicUsize,
    pub(super) last: Mutex<Option<(http::Request<Bytes>, CallLimits)>>,
}

impl Issuer {
    pub(super) fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(answer),
            calls: AtomicUsize::new(0),
            last: Mutex::default(),
        })
    }

    pub(super) fn with_keys<'a>(keys: impl IntoIterator<Item = &'a Signer>) -> Arc<Self> {
        Self::new(keys_of(keys))
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(super) fn keys_of<'a>(keys: impl IntoIterator<Item = &'a Signer>) -> Answer {
    Answer::Keys(keys.into_iter().map(|key| key.jwk.clone()).collect())
}

pub(super) fn down() -> Answer {
    Answer::Fails(CallError::Connect("refused".into()))
}

#[async_trait]
impl HttpClient for Issuer {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: CallLimits,
    ) -> Result<http::Response<Bytes>, CallError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap() = Some((request, limits));
        let mut answer = self.answer.lock().unwrap().clone();
        loop {
            let (status, body) = match answer {
                Answer::Keys(keys) => (200, json!({ "keys": keys }).to_string().into_bytes()),
                Answer::Status(status, body) => (status, body),
                Answer::Fails(error) => return Err(error),
                Answer::Slowly(after, then) => {
                    tokio::time::sleep(after).await;
                    answer = *then;
                    continue;
                }
                Answer::Never => std::future::pending().await,
            };
            return Ok(http::Response::builder().status(status).body(body.into()).unwrap());
        }
    }
}

/// A method as the config has it in its short form.
pub(super) fn method_of(kind: MethodKind) -> AuthMethod {
    let to = |claim: &str, header: &'static str| ClaimHeader {
        claim: ClaimPath::of_name(claim),
        header: HeaderName::from_static(header),
    };
    AuthMethod {
        name: None,
        pointer: Pointer::new("/auth"),
        claims_to_headers: vec![to("sub", "x-user-id"), to("role", "x-user-role")],
        kind,
    }
}

pub(super) fn jwt() -> JwtRules {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    JwtRules {
        keys: KeySource::Jwks(Url::parse("https://issuer.test/keys?v=1").unwrap()),
        issuer: ISSUER.to_owned(),
        audiences: vec!["api".to_owned(), "other-api".to_owned()],
        algorithms: vec![RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA],
        clock_skew: Duration::from_secs(60),
        typ: None,
        max_stale: Duration::from_secs(24 * 60 * 60),
        token_cache: true,
        forward_token: false,
    }
}

pub(super) fn rules(jwt: JwtRules) -> AuthRules {
    AuthRules {
        methods: vec![Arc::new(method_of(MethodKind::Jwt(Arc::new(jwt))))],
        exclude_paths: vec![PathPattern::parse("/public/**").unwrap()],
        failures_per_minute: 20,
    }
}

/// The tables of credentials, in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pub(crate) key_sets: Mutex<HashMap<String, StoredKeySet>>,
    pub(crate) api_keys: Mutex<HashMap<String, ApiKeyRecord>>,
    pub(crate) sessions: Mutex<HashMap<SessionHash, SessionRecord>>,
    /// What every call answers while the store is down.
    pub(crate) down: Mutex<Option<StoreError>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
}

impl MemoryStore {
    pub(crate) fn goes_down(&self) {
        *self.down.lock().unwrap() = Some(StoreError::Ambiguous("stalled".into()));
    }

    pub(crate) fn comes_back(&self) {
        *self.down.lock().unwrap() = None;
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    fn called(&self, counter: &AtomicUsize) -> Result<(), StoreError> {
        counter.fetch_add(1, Ordering::SeqCst);
        self.down.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn step(&self, _: &CounterKey, _: Step, _: u64) -> Result<StepOutcome, StoreError> {
        panic!("authentication counts nothing")
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.called(&self.reads)?;
        Ok(self.api_keys.lock().unwrap().get(id).cloned())
    }

    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError> {
        self.called(&self.reads)?;
        Ok(self.key_sets.lock().unwrap().get(name).cloned())
    }

    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, _: Timestamp) -> Result<(), StoreError> {
        self.called(&self.writes)?;
        self.key_sets.lock().unwrap().insert(name.to_owned(), set.clone());
        Ok(())
    }

    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        self.called(&self.reads)?;
        Ok(self.sessions.lock().unwrap().get(hash).cloned())
    }

    async fn touch_session(&self, hash: &SessionHash, seen: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        self.called(&self.writes)?;
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(hash);
        Ok(session.map(|session| session.seen_at = seen).is_some())
    }

    async fn warm(&self) {}
}

pub(super) fn seams(issuer: &Arc<Issuer>, clock: &Arc<ManualClock>, store: &Arc<MemoryStore>) -> Seams {
    Seams {
        clock: Arc::clone(clock) as _,
        upstreams: Arc::clone(issuer) as _,
        issuers: Arc::clone(issuer) as _,
        store: Arc::clone(store) as _,
    }
}

/// An authenticator with an issuer behind it and a clock before it.
pub(super) struct World {
    pub(super) auth: Arc<Authenticator>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<MemoryStore>,
}

impl World {
    pub(super) fn new(issuer: Arc<Issuer>) -> Self {
        Self::with(issuer, rules(jwt()))
    }

    /// In which refused credentials are not counted.
    pub(super) fn lenient(issuer: Arc<Issuer>) -> Self {
        Self::with(
            issuer,
            AuthRules {
                failures_per_minute: 0,
                ..rules(jwt())
            },
        )
    }

    pub(super) fn with(issuer: Arc<Issuer>, rules: AuthRules) -> Self {
        let clock = ManualClock::new();
        let store = Arc::new(MemoryStore::default());
        Self::restarted(issuer, rules, clock, store)
    }

    /// A new environment beside what outlives environments.
    pub(super) fn restarted(
        issuer: Arc<Issuer>,
        rules: AuthRules,
        clock: Arc<ManualClock>,
        store: Arc<MemoryStore>,
    ) -> Self {
        let auth = Arc::new(Authenticator::new(rules, &seams(&issuer, &clock, &store)));
        Self {
            auth,
            issuer,
            clock,
            store,
        }
    }

    pub(super) async fn present(&self, token: &str) -> Result<Option<Identity>, GatewayError> {
        self.send(&request(&[&format!("Bearer {token}")])).await
    }

    pub(super) async fn send(&self, request: &Request) -> Result<Option<Identity>, GatewayError> {
        self.auth.authenticate(&route(required()), request, BUDGET).await
    }

    /// As many requests at once as there are tokens, each in a task of its own.
    pub(super) async fn present_all(&self, tokens: Vec<String>) -> Vec<Result<Option<Identity>, GatewayError>> {
        let mut tasks = tokio::task::JoinSet::new();
        for token in tokens {
            let auth = Arc::clone(&self.auth);
            tasks.spawn(async move {
                let request = request(&[&format!("Bearer {token}")]);
                auth.authenticate(&route(required()), &request, BUDGET).await
            });
        }
        tasks.join_all().await
    }
}

/// What a route asks for that says nothing.
pub(crate) fn policy() -> AuthPolicy {
    AuthPolicy {
        pointer: Pointer::new("/auth"),
        methods: Methods::AnyOf(vec![MethodId(0)]),
        optional: false,
        scopes: None,
        claims: Vec::new(),
        ask: Arc::new(Ask {
            message: "This path needs a bearer token in the Authorization header.".to_owned(),
            challenge: HeaderValue::from_static("Bearer"),
        }),
        keeps_authorization: true,
    }
}

pub(super) fn required() -> RouteAuth {
    RouteAuth::Policy(Arc::new(policy()))
}

pub(super) fn optional() -> RouteAuth {
    RouteAuth::Policy(Arc::new(AuthPolicy {
        optional: true,
        ..policy()
    }))
}

pub(super) fn route(auth: RouteAuth) -> Route {
    Route {
        id: "any".into(),
        pointer: Pointer::new("/routes/0"),
        pattern: PathPattern::parse("/**").unwrap(),
        conditions: Conditions::default(),
        target: Target::Call(crate::testing::call("http://service.test", None)),
        auth,
        rate_limit: None,
    }
}

/// A request with these `Authorization` fields.
pub(super) fn request(authorization: &[&str]) -> Request {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    Request {
        method: Method::GET,
        host: "api.test".into(),
        authority: "api.test".into(),
        path: CanonicalPath::from_decoded("/private").unwrap(),
        query: String::new(),
        headers,
        body: Bytes::new(),
        client_ip: "192.0.2.1".parse().unwrap(),
        mount: String::new(),
        https: true,
        platform: PlatformFacts::none(EventKind::Http),
    }
}

/// Why a credential was refused; panics when it was not.
pub(super) fn refusal<T: std::fmt::Debug>(outcome: Result<T, GatewayError>) -> String {
    match outcome {
        Err(GatewayError::InvalidCredential { why, .. }) => why,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

/// Somebody of whom a token proved this.
pub(crate) fn proven(claims: Value) -> Identity {
    let Value::Object(claims) = claims else {
        panic!("claims are an object")
    };
    let proof = super::Proof {
        claims: Arc::new(claims),
        method: Arc::new(method_of(MethodKind::Jwt(Arc::new(jwt())))),
    };
    Identity::of(vec![proof]).unwrap()
}

/// What a credential fails by, and why; panics at every other refusal.
pub(super) fn split(refusal: super::Refusal) -> (&'static str, String) {
    match refusal {
        super::Refusal::Invalid { key, why } => (key, why.into_owned()),
        other => panic!("{other:?}"),
    }
}
