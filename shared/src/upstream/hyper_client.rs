//! Calls to upstreams, on hyper. docs/decisions/0021-hyper-calls-upstreams.md says why not through reqwest.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::client::{CallError, CallLimits, HttpClient, causes, read_answer};
use connect::Connector;
use repeat::Connection;

mod connect;
mod repeat;
#[cfg(test)]
mod tests;

type Client = legacy::Client<Connector, Full<Bytes>>;

/// Real HTTP/1.1. A connector is fixed for a whole client, so there is one client, with its own pool, per connect
/// time-out that the config names; usually that is one.
#[derive(Debug)]
pub struct HyperClient {
    tls: rustls::ClientConfig,
    idle: Duration,
    by_connect_timeout: RwLock<HashMap<Duration, Arc<Client>>>,
}

impl HyperClient {
    /// With this TLS; opens no connection yet. HTTP/1.1 is spoken and nothing negotiated, whatever protocols the
    /// config names.
    pub fn new(tls: rustls::ClientConfig) -> Self {
        // A frozen environment thaws with connections that died meanwhile; short-lived ones are mostly gone.
        Self::keeping(tls, Duration::from_secs(20))
    }

    /// The same, with connections kept so long that nobody uses.
    pub fn keeping(mut tls: rustls::ClientConfig, idle: Duration) -> Self {
        tls.alpn_protocols.clear();
        Self {
            tls,
            idle,
            by_connect_timeout: RwLock::default(),
        }
    }

    fn client(&self, connect_timeout: Duration) -> Arc<Client> {
        let known = self.by_connect_timeout.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&connect_timeout) {
            return Arc::clone(client);
        }
        drop(known);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(self.idle)
            .pool_timer(TokioTimer::new())
            .build(Connector::new(self.tls.clone(), connect_timeout));
        let mut known = self.by_connect_timeout.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(connect_timeout).or_insert(Arc::new(client)))
    }
}

#[async_trait]
impl HttpClient for HyperClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: CallLimits,
    ) -> Result<http::Response<Bytes>, CallError> {
        let client = self.client(limits.connect_timeout);
        limits
            .keep(exchange(&client, request.map(Full::new), limits.max_body))
            .await
    }
}

async fn exchange(
    client: &Client,
    request: http::Request<Full<Bytes>>,
    max_body: usize,
) -> Result<http::Response<Bytes>, CallError> {
    let answer = answered(client, request).await.map_err(classify)?;
    read_answer(answer, max_body, |error| CallError::Broken(causes(&error))).await
}

/// Sends a request, and once more where a kept connection turned out to be dead and nobody could notice that the
/// request came twice.
async fn answered(
    client: &Client,
    request: http::Request<Full<Bytes>>,
) -> Result<http::Response<Incoming>, legacy::Error> {
    let spare = repeat::is_harmless(request.method()).then(|| request.clone());
    match (attempt(client, request).await, spare) {
        ((Err(error), Connection::Kept), Some(spare)) if repeat::ended_unanswered(&error) => {
            attempt(client, spare).await.0
        }
        ((result, _), _) => result,
    }
}

async fn attempt(
    client: &Client,
    request: http::Request<Full<Bytes>>,
) -> (Result<http::Response<Incoming>, legacy::Error>, Connection) {
    // Lets the runtime notice first which pooled connections were closed while the environment was frozen; see
    // docs/decisions/0006-frozen-connections.md.
    tokio::task::yield_now().await;
    repeat::noticing(client.request(request)).await
}

/// No error of hyper's names the request's target: a query may hold a secret, and these texts go into the log.
fn classify(error: legacy::Error) -> CallError {
    let why = causes(&error);
    // A connect time-out is a time-out of a connection that never was.
    if error.is_connect() {
        CallError::Connect(why)
    } else {
        CallError::Broken(why)
    }
}
