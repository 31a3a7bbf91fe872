//! What the tests of this module share: keys, tokens, an issuer that does as told, a clock that stands still, and the
//! requests that meet them.

mod issuer;
mod manual_clock;
mod memory_store;
mod signer;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use url::Url;

pub(super) use self::issuer::keys_of;
pub(crate) use self::issuer::{Answer, Issuer, down};
pub(crate) use self::manual_clock::ManualClock;
pub(crate) use self::memory_store::MemoryStore;
pub(super) use self::signer::{RSA_2048, Signer, base64};
use super::method::{Method as AuthMethod, MethodKind};
use super::{Ask, AuthPolicy, Authenticator, ClaimPath, Identity, JwtRules, KeySource, MethodId, Methods};
use crate::auth::AuthRules;
use crate::auth::RouteAuth;
use crate::auth::method::ClaimHeader;
use crate::config::{Pointer, Route, Target};
use crate::edge::EdgeRules;
use crate::error::GatewayError;
use crate::event::EventKind;
use crate::gateway::Seams;
use crate::path::{CanonicalPath, PathPattern};
use crate::request::{PlatformFacts, Request};
use crate::router::Conditions;
use crate::transform::TransformRules;

pub(super) const NOW: u64 = 2_000_000_000;
pub(super) const ISSUER: &str = "https://issuer.test";
pub(super) const BUDGET: Duration = Duration::from_secs(9);

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

/// In which nobody is held back: strangers call from the same address as everybody else.
pub(super) fn lenient() -> AuthRules {
    AuthRules {
        failures_per_minute: 0,
        ..rules(jwt())
    }
}

pub(crate) fn seams(issuer: &Arc<Issuer>, clock: &Arc<ManualClock>, store: &Arc<MemoryStore>) -> Seams {
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
        Self::with(issuer, lenient())
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
        limits: Vec::new(),
        cost: NonZeroU32::MIN,
        edge: EdgeRules::default(),
        cache: None,
        transform: TransformRules::default(),
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
        upstream_path: None,
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
        api_key: None,
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
