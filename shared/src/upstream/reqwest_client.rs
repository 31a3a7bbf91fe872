//! The HTTP client seam on reqwest.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::{redirect, retry};
use url::Url;

use super::client::{CallError, CallLimits, HttpClient};
use repeat::{Connection, NoticeConnect};

mod repeat;
#[cfg(test)]
mod tests;

/// Real HTTP. reqwest fixes the connect time-out for a whole client, so there is one client, with its own pool,
/// per connect time-out that the config names; usually that is one.
#[derive(Debug)]
pub struct ReqwestClient {
    tls: rustls::ClientConfig,
    by_connect_timeout: RwLock<HashMap<Duration, reqwest::Client>>,
}

impl ReqwestClient {
    /// With the Mozilla root certificates, compiled in: reading the machine's would cost more than the rest of
    /// the start.
    pub fn new() -> Result<Self, rustls::Error> {
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls,
            by_connect_timeout: RwLock::default(),
        })
    }

    fn client(&self, connect_timeout: Duration) -> Result<reqwest::Client, CallError> {
        let known = self.by_connect_timeout.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&connect_timeout) {
            return Ok(client.clone());
        }
        drop(known);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connector_layer(NoticeConnect)
            // Its own policy knows nothing of HTTP/1, and would copy each request; `repeat` is ours.
            .retry(retry::never().max_retries_per_request(0))
            // A frozen environment thaws with connections that died meanwhile; short-lived ones are mostly gone.
            .pool_idle_timeout(Duration::from_secs(20))
            .connect_timeout(connect_timeout)
            .build()
            .map_err(|error| CallError::Connect(chain(&error)))?;
        let mut known = self.by_connect_timeout.write().unwrap_or_else(PoisonError::into_inner);
        Ok(known.entry(connect_timeout).or_insert(client).clone())
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: CallLimits,
    ) -> Result<http::Response<Bytes>, CallError> {
        let client = self.client(limits.connect_timeout)?;
        tokio::time::timeout(limits.timeout, exchange(&client, request, limits.max_body))
            .await
            .unwrap_or(Err(CallError::Timeout(limits.timeout)))
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: http::Request<Bytes>,
    max_body: usize,
) -> Result<http::Response<Bytes>, CallError> {
    let (parts, body) = request.into_parts();
    // The URL type leaves path and query as they are but for `'` in the query, which it writes as `%27`.
    let url = Url::parse(&parts.uri.to_string()).map_err(|error| CallError::Connect(format!("not a URL: {error}")))?;
    let mut outgoing = reqwest::Request::new(parts.method, url);
    *outgoing.headers_mut() = parts.headers;
    if !body.is_empty() {
        *outgoing.body_mut() = Some(body.into());
    }
    let mut incoming = answered(client, outgoing).await.map_err(classify)?;
    // What the HTTP crates let through and no front door takes: a 101 to an upgrade that nobody asked for, and
    // numbers beyond the five classes (RFC 9110 section 15).
    if !(200..600).contains(&incoming.status().as_u16()) {
        return Err(CallError::Broken(format!(
            "status {} ends no exchange",
            incoming.status().as_u16()
        )));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = incoming.chunk().await.map_err(classify)? {
        if body.len() + chunk.len() > max_body {
            return Err(CallError::TooLarge(max_body));
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = http::Response::new(body.freeze());
    *response.status_mut() = incoming.status();
    *response.headers_mut() = std::mem::take(incoming.headers_mut());
    Ok(response)
}

/// Sends a request, and once more where a kept connection turned out to be dead and nobody could notice that the
/// request came twice.
async fn answered(client: &reqwest::Client, request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
    let spare = repeat::is_harmless(request.method())
        .then(|| request.try_clone())
        .flatten();
    match (attempt(client, request).await, spare) {
        ((Err(error), Connection::Kept), Some(spare)) if repeat::ended_unanswered(&error) => {
            attempt(client, spare).await.0
        }
        ((result, _), _) => result,
    }
}

async fn attempt(
    client: &reqwest::Client,
    request: reqwest::Request,
) -> (reqwest::Result<reqwest::Response>, Connection) {
    // Lets the runtime notice first which pooled connections were closed while the environment was frozen; see
    // docs/decisions/0006-frozen-connections.md.
    tokio::task::yield_now().await;
    repeat::noticing(client.execute(request)).await
}

fn classify(error: reqwest::Error) -> CallError {
    // The URL holds the client's query, and a query may hold a secret: it stays out of the log.
    let error = error.without_url();
    let why = chain(&error);
    // A connect time-out is a time-out of a connection that never was.
    if error.is_connect() {
        CallError::Connect(why)
    } else {
        CallError::Broken(why)
    }
}

/// The whole chain of causes in one line; reqwest's own message leaves the cause out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
