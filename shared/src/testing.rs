//! Doubles for unit tests.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::api_key::ApiKeyRecord;
use crate::clock::Timestamp;
use crate::config::UpstreamCall;
use crate::event::EventKind;
use crate::limit::PlanRecord;
use crate::path::{CanonicalPath, PathPrefix};
use crate::request::{PlatformFacts, Request};
use crate::store::{
    Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord, Store, StoreError,
    StoredKeySet,
};
use crate::upstream::Upstream;

/// A plain request of the given method and path.
pub(crate) fn request(method: Method, path: &str) -> Request {
    Request {
        method,
        host: "api.example.com".into(),
        authority: "api.example.com".into(),
        path: CanonicalPath::from_decoded(path).expect("a canonical path"),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        client_ip: [192, 0, 2, 7].into(),
        mount: String::new(),
        https: true,
        platform: PlatformFacts::none(EventKind::Http),
    }
}

/// A call of this URL within a second.
pub(crate) fn call(url: &str, strip_prefix: Option<&str>) -> UpstreamCall {
    UpstreamCall {
        upstream: Arc::new(Upstream {
            name: "u".into(),
            url: url.parse().expect("a URL"),
            connect_timeout: Duration::from_secs(1),
        }),
        strip_prefix: strip_prefix.map(|prefix| PathPrefix::parse(prefix).expect("a prefix")),
        timeout: Duration::from_secs(1),
    }
}

/// Headers from text; a repeated name is appended.
pub(crate) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |&(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().expect("a header name");
        (name, HeaderValue::from_str(value).expect("a header value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(line) {
        headers.append(name, value);
    }
    headers
}

/// A store where only the quota table is set.
#[async_trait]
pub(crate) trait CountersOnly: Debug + Send + Sync {
    /// See [`Store::charge`].
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError>;

    /// See [`Store::counter`].
    async fn counter(&self, _: &CounterKey) -> Result<CounterState, StoreError> {
        Ok(CounterState::default())
    }

    /// See [`Store::refund`].
    async fn refund(&self, _: &CounterKey, _: &Refund) -> Result<Option<CounterState>, StoreError> {
        Ok(None)
    }

    /// See [`Store::warm`].
    async fn warm(&self) {}
}

#[async_trait]
impl<T: CountersOnly> Store for T {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        CountersOnly::charge(self, key, charge).await
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        CountersOnly::counter(self, key).await
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        CountersOnly::refund(self, key, refund).await
    }

    async fn warm(&self) {
        CountersOnly::warm(self).await;
    }

    async fn api_key(&self, _: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        Err(StoreError::NoTable("CONFIG_TABLE"))
    }

    async fn plan(&self, _: &str) -> Result<Option<PlanRecord>, StoreError> {
        Err(StoreError::NoTable("CONFIG_TABLE"))
    }

    async fn key_set(&self, _: &str) -> Result<Option<StoredKeySet>, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn keep_key_set(&self, _: &str, _: &StoredKeySet, _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn session(&self, _: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn touch_session(&self, _: &SessionHash, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }
}
