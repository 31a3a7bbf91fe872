//! Calls to issuers, on reqwest. docs/decisions/0021-hyper-calls-upstreams.md says why upstreams are called otherwise.

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::redirect;
use url::Url;

use crate::upstream::client::{CallError, CallLimits, HttpClient, causes, read_answer};

#[cfg(test)]
mod tests;

/// Asks issuers for documents. Minutes lie between two calls, so no connection is kept between them: it would not live
/// so long, least of all in an environment that is frozen meanwhile. A TLS session is, in the config.
#[derive(Debug)]
pub struct IssuerClient {
    tls: rustls::ClientConfig,
}

impl IssuerClient {
    /// With this TLS; opens no connection yet.
    pub fn new(tls: rustls::ClientConfig) -> Self {
        Self { tls }
    }
}

#[async_trait]
impl HttpClient for IssuerClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: CallLimits,
    ) -> Result<http::Response<Bytes>, CallError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect_timeout)
            .build()
            .map_err(classify)?;
        limits.keep(exchange(&client, request, limits.max_body)).await
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: http::Request<Bytes>,
    max_body: usize,
) -> Result<http::Response<Bytes>, CallError> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string()).map_err(|error| CallError::Connect(format!("not a URL: {error}")))?;
    let mut outgoing = reqwest::Request::new(head.method, url);
    *outgoing.headers_mut() = head.headers;
    if !body.is_empty() {
        *outgoing.body_mut() = Some(body.into());
    }
    let answer = client.execute(outgoing).await.map_err(classify)?;
    read_answer(http::Response::<reqwest::Body>::from(answer), max_body, classify).await
}

fn classify(error: reqwest::Error) -> CallError {
    // The URL may hold a secret: it stays out of the log.
    let error = error.without_url();
    let why = causes(&error);
    if error.is_connect() {
        CallError::Connect(why)
    } else {
        CallError::Broken(why)
    }
}
