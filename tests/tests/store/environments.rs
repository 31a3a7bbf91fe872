//! Function environments as the limiter sees them, on a real engine: each has a client of its own, and time passes only
//! when nobody waits for the engine, or when the test says so.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tollgate::api_key::ApiKeyRecord;
use tollgate::cache::CacheKey;
use tollgate::clock::{Clock, Timestamp};
use tollgate::config::{self, PathLimits, Route};
use tollgate::error::GatewayError;
use tollgate::event::EventKind;
use tollgate::limit::{Admission, Limiter, Patience, PlanRecord, RuleSet, Subject, Usage};
use tollgate::path::CanonicalPath;
use tollgate::request::{PlatformFacts, Request};
use tollgate::store::dynamodb::DynamoDbStore;
use tollgate::store::{
    Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord, Store, StoreError,
    StoredKeySet,
};

use crate::engine::patient_store;

/// A wall clock that stands still until it is told otherwise.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(time.micros())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.store(self.now().plus(by).micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Holds tokio's paused clock while something real takes its time: as long as a blocking task runs, it does not move by
/// itself. So the limiter's 150 ms are not this machine's.
pub(crate) async fn unhurried<F: Future>(work: F) -> F::Output {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let _held = tokio::task::spawn_blocking(move || ended.recv());
    let output = work.await;
    drop(end);
    output
}

/// A store with a client of its own.
pub(crate) fn own_store(endpoint: &str, table: &str) -> Arc<dyn Store> {
    Arc::new(Unhurried(patient_store(endpoint, table)))
}

/// One environment's limiter.
pub(crate) fn limiter(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Limiter {
    Limiter::new(PathLimits::default(), store, clock.clone())
}

/// What a route limits, and somebody who uses it.
pub(crate) struct Limited {
    pub(crate) set: Arc<RuleSet>,
    subject: Subject,
}

impl Limited {
    /// A route `r` that states these members, as a config has them.
    pub(crate) fn by(members: &serde_json::Value) -> Self {
        let mut route =
            serde_json::json!({ "id": "r", "path": "/r", "upstream": "http://127.0.0.1:9", "auth": "none" });
        let given = members.as_object().unwrap().clone();
        route.as_object_mut().unwrap().extend(given);
        let document = serde_json::json!({ "routes": [route] }).to_string();
        let checked = config::parse("test.json", &document, &|_| None).unwrap();
        let route: &Route = &checked.config.routes[0];
        let [set] = &route.limits[..] else {
            panic!("counted in {} items", route.limits.len())
        };
        let subject = Subject::of(set, route, &request(), None);
        Self {
            set: set.clone(),
            subject,
        }
    }

    /// One request.
    pub(crate) async fn ask(&self, limiter: &Limiter, cost: u32) -> Admission {
        limiter
            .admit(&self.set, &self.subject, cost, &mut Patience::default())
            .await
    }

    /// What somebody has left.
    pub(crate) async fn usage(&self, limiter: &Limiter) -> Result<Vec<Usage>, GatewayError> {
        limiter.usage(&self.set, &self.subject, &mut Patience::default()).await
    }
}

fn request() -> Request {
    Request {
        method: http::Method::GET,
        host: "api.example.com".into(),
        authority: "api.example.com".into(),
        path: CanonicalPath::from_decoded("/r").unwrap(),
        upstream_path: None,
        mount: String::new(),
        query: String::new(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        client_ip: [192, 0, 2, 7].into(),
        https: true,
        platform: PlatformFacts::none(EventKind::Http),
    }
}

/// The real store, which takes no time.
#[derive(Debug)]
struct Unhurried(DynamoDbStore);

#[async_trait]
impl Store for Unhurried {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        unhurried(self.0.charge(key, charge)).await
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        unhurried(self.0.counter(key)).await
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        unhurried(self.0.refund(key, refund)).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        unhurried(self.0.api_key(id)).await
    }

    async fn plan(&self, name: &str) -> Result<Option<PlanRecord>, StoreError> {
        unhurried(self.0.plan(name)).await
    }

    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError> {
        unhurried(self.0.key_set(name)).await
    }

    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, expires_at: Timestamp) -> Result<(), StoreError> {
        unhurried(self.0.keep_key_set(name, set, expires_at)).await
    }

    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        unhurried(self.0.session(hash)).await
    }

    async fn touch_session(
        &self,
        hash: &SessionHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        unhurried(self.0.touch_session(hash, seen_at, expires_at)).await
    }

    async fn cached(&self, key: &CacheKey) -> Result<Option<bytes::Bytes>, StoreError> {
        unhurried(self.0.cached(key)).await
    }

    async fn keep_cached(&self, key: &CacheKey, bytes: &bytes::Bytes, expires_at: Timestamp) -> Result<(), StoreError> {
        unhurried(self.0.keep_cached(key, bytes, expires_at)).await
    }

    async fn warm(&self) {
        unhurried(self.0.warm()).await;
    }
}
