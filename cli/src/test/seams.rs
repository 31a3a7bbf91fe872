//! What a gateway under test stands on: a clock that shows what the case says, upstreams that answer as it says, and
//! the real store on an engine of the case's own.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::sync::OnceCell;
use tollgate::api_key::ApiKeyRecord;
use tollgate::cache::CacheKey;
use tollgate::clock::{Clock, Timestamp};
use tollgate::limit::PlanRecord;
use tollgate::store::TableKind;
use tollgate::store::dynamodb::{AdminError, ApiKeys, DynamoDbSettings, DynamoDbStore, Plans, Sessions};
use tollgate::store::{
    Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord, Store, StoreError,
    StoredKeySet,
};
use tollgate::upstream::client::{CallError, CallLimits, HttpClient};

use super::expectation::{Answer, Exchange, Failing, Records};
use crate::dev::dynamodb::{Database, ENDPOINT_VARIABLE};
use crate::dev::event::REGION;
use crate::dev::tables;

/// How long the engine may take. Whether a case passes must not hang on how busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows one time until it is set to another.
#[derive(Debug)]
pub(super) struct SetClock(AtomicU64);

impl SetClock {
    pub(super) fn at(time: Timestamp) -> Self {
        Self(AtomicU64::new(time.micros()))
    }

    pub(super) fn set(&self, time: Timestamp) {
        self.0.store(time.micros(), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A call that the gateway made for the event of the case.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Method and URL.
    pub(super) request: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The place of the exchange that answered it; `None`: nothing in the case does.
    pub(super) exchange: Option<usize>,
}

/// Answers calls as the case says.
#[derive(Debug)]
pub(super) struct Script {
    own: Vec<Exchange>,
    /// Those of the folder: each answers any number of calls, and none of them has to be made.
    shared: Vec<Exchange>,
    /// What a call gets that nothing answers; `None`: no connection.
    otherwise: Option<Response<Bytes>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the step that is sent before: these answer first, each any number of calls.
    step: Vec<Exchange>,
    /// Whether the event of the case itself is being handled, and not one that is sent before it.
    recording: bool,
    calls: Vec<Call>,
}

impl Script {
    pub(super) fn new(own: Vec<Exchange>, shared: Vec<Exchange>, otherwise: Option<Response<Bytes>>) -> Self {
        Self {
            own,
            shared,
            otherwise,
            state: Mutex::default(),
        }
    }

    /// Until the next step, or the event of the case, these answer first.
    pub(super) fn answer_first(&self, exchanges: &[Exchange]) {
        self.state().step = exchanges.to_vec();
    }

    /// From now on calls are those of the event of the case.
    pub(super) fn record(&self) {
        let mut state = self.state();
        state.step.clear();
        state.recording = true;
    }

    /// The calls of the event of the case, in their order.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    fn answer(&self, call: Request<Bytes>) -> Answer {
        let request = format!("{} {}", call.method(), call.uri());
        let mut state = self.state();
        if let Some(step) = state.step.iter().find(|exchange| exchange.request == request) {
            return step.answer.clone();
        }
        let answered = |place: &usize| state.calls.iter().any(|call| call.exchange == Some(*place));
        let places = 0..self.own.len();
        let own = places
            .filter(|place| self.own[*place].request == request)
            .find(|place| !answered(place));
        let shared = self.shared.iter().find(|exchange| exchange.request == request);
        if own.is_none()
            && let Some(shared) = shared
        {
            return shared.answer.clone();
        }
        let answer = own.map(|place| self.own[place].answer.clone());
        if !state.recording {
            // Sent only to move counters: what upstreams say to it is nothing to the case.
            return answer.unwrap_or(Answer::Response(Response::default()));
        }
        state.calls.push(Call {
            request,
            headers: call.headers().clone(),
            body: call.into_body(),
            exchange: own,
        });
        let otherwise = || {
            self.otherwise
                .clone()
                .map_or(Answer::Fails(Failing::Connect), Answer::Response)
        };
        answer.unwrap_or_else(otherwise)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpClient for Script {
    async fn send(&self, request: Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        match self.answer(request) {
            Answer::Response(response) if response.body().len() > limits.max_body => {
                Err(CallError::TooLarge(limits.max_body))
            }
            Answer::Response(response) => Ok(response),
            Answer::Fails(Failing::Connect) => Err(CallError::Connect("the test's upstream refuses".to_owned())),
            Answer::Fails(Failing::Timeout) => Err(CallError::Timeout(limits.timeout)),
            Answer::Fails(Failing::Broken) => Err(CallError::Broken("the test's upstream breaks off".to_owned())),
        }
    }
}

/// The real store on an embedded engine, which is started when it is first asked.
pub(super) struct OwnStore {
    records: Records,
    started: OnceCell<(DynamoDbStore, Database)>,
}

impl OwnStore {
    /// With these in its tables.
    pub(super) fn with(records: Records) -> Self {
        Self {
            records,
            started: OnceCell::new(),
        }
    }

    async fn start(&self) -> Result<(DynamoDbStore, Database), String> {
        let database = Database::embedded().await.map_err(|failure| failure.to_string())?;
        write(&self.records, database.endpoint()).await?;
        let variable = |name: &str| {
            let value = match name {
                "CONFIG_TABLE" => tables::CONFIG,
                "QUOTA_TABLE" => tables::QUOTA,
                "STATE_TABLE" => tables::STATE,
                "AWS_REGION" => REGION,
                "AWS_ACCESS_KEY_ID" => tables::ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY" => tables::SECRET_KEY,
                ENDPOINT_VARIABLE => database.endpoint(),
                _ => return None,
            };
            Some(value.to_owned())
        };
        let settings = DynamoDbSettings::from_environment(&variable, &[TableKind::Quota])?;
        let store = DynamoDbStore::new(settings.with_timeouts(PATIENCE, PATIENCE))?;
        Ok((store, database))
    }

    async fn started(&self) -> Result<&DynamoDbStore, StoreError> {
        let started = self.started.get_or_try_init(|| self.start()).await;
        started.map(|(store, _)| store).map_err(StoreError::NotApplied)
    }

    /// Waits for the engine without giving the thread away, so that the gateway's own bounds on a call (150 ms for a
    /// check) never pass: on a busy machine they would turn an answer into a 503.
    #[expect(clippy::disallowed_methods, reason = "this command starts no function environment")]
    fn wait<T>(&self, call: impl AsyncFnOnce(&DynamoDbStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let called = async { call(self.started().await?).await };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(called))
    }
}

/// By the code of `tollgate keys`, `tollgate plans` and `tollgate sessions`.
async fn write(records: &Records, endpoint: &str) -> Result<(), String> {
    let client = tables::client(endpoint)?;
    let (keys, plans, sessions) = (
        ApiKeys::new(client.clone(), tables::CONFIG),
        Plans::new(client.clone(), tables::CONFIG),
        Sessions::new(client, tables::STATE),
    );
    let failed = |error: AdminError| error.to_string();
    for record in &records.api_keys {
        keys.keep(record).await.map_err(failed)?;
    }
    for (name, limits) in &records.plans {
        let set = plans.set(name, limits.text(), Timestamp::from_secs(0)).await;
        set.map_err(failed)?;
    }
    for (hash, session) in &records.sessions {
        sessions.keep(hash, session).await.map_err(failed)?;
    }
    Ok(())
}

#[async_trait]
impl Store for OwnStore {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        self.wait(async |store| store.charge(key, charge).await)
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        self.wait(async |store| store.counter(key).await)
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        self.wait(async |store| store.refund(key, refund).await)
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.wait(async |store| store.api_key(id).await)
    }

    async fn plan(&self, name: &str) -> Result<Option<PlanRecord>, StoreError> {
        self.wait(async |store| store.plan(name).await)
    }

    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError> {
        self.wait(async |store| store.key_set(name).await)
    }

    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, expires_at: Timestamp) -> Result<(), StoreError> {
        self.wait(async |store| store.keep_key_set(name, set, expires_at).await)
    }

    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        self.wait(async |store| store.session(hash).await)
    }

    async fn touch_session(
        &self,
        hash: &SessionHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.wait(async |store| store.touch_session(hash, seen_at, expires_at).await)
    }

    async fn cached(&self, key: &CacheKey) -> Result<Option<Bytes>, StoreError> {
        self.wait(async |store| store.cached(key).await)
    }

    async fn keep_cached(&self, key: &CacheKey, bytes: &Bytes, expires_at: Timestamp) -> Result<(), StoreError> {
        self.wait(async |store| store.keep_cached(key, bytes, expires_at).await)
    }

    async fn warm(&self) {}
}

impl fmt::Debug for OwnStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnStore").finish_non_exhaustive()
    }
}
