//! Calls to issuers: as to upstreams, but no connection outlives its call.

use async_trait::async_trait;
use bytes::Bytes;

use crate::upstream::client::{CallError, CallLimits, HttpClient};
use crate::upstream::hyper_client::HyperClient;

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
        // Its pool ends with it.
        HyperClient::new(self.tls.clone()).send(request, limits).await
    }
}
