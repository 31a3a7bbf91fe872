//! The service behind a route, and the one call to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::config::UpstreamCall;
use crate::error::GatewayError;
use crate::request::Request;
use client::{CallError, CallLimits, HttpClient};

pub mod client;
pub mod hyper_client;
mod inbound;
mod outbound;
pub mod tls;
pub mod trace;

/// A larger answer cannot leave through Lambda anyway (6,291,556 bytes as serialised), compressed or not.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// A named service of `upstreams`, or the URL a route gives directly.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the config, or host and port: for logs only, never in an answer.
    pub name: Arc<str>,
    /// http or https, with a host, without user, query or fragment; its path is put in front.
    pub url: Url,
    /// How long a connection may take to open; default 1 s.
    pub connect_timeout: Duration,
}

/// What a request upstream carries besides the client's own words.
#[derive(Clone, Copy, Debug)]
pub struct Stamps<'a> {
    /// `X-Request-Id`.
    pub request_id: &'a str,
    /// `traceparent`.
    pub trace: &'a trace::TraceParent,
    /// Whether it is told the client's address.
    pub tells_address: bool,
}

/// Makes the calls.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<dyn HttpClient>,
}

impl Caller {
    /// On this client.
    pub fn new(client: Arc<dyn HttpClient>) -> Self {
        Self { client }
    }

    /// Makes a route's call within its time-out and what is left of the request's budget. The answer is
    /// already cleaned for the client: no hop-by-hop headers, no internal host.
    /// Errors: `BadRequest` (a target too long), `DeadlineExceeded`, `UpstreamUnreachable`, `UpstreamTimeout`, `UpstreamInvalid`,
    /// `ResponseTooLarge`.
    pub async fn call(
        &self,
        call: &UpstreamCall,
        request: &Request,
        stamps: Stamps<'_>,
        budget: Duration,
    ) -> Result<http::Response<Bytes>, GatewayError> {
        let outbound = outbound::build(call, request, stamps)?;
        let timeout = call.timeout.min(budget);
        if timeout.is_zero() {
            return Err(GatewayError::DeadlineExceeded);
        }
        let limits = CallLimits {
            connect_timeout: call.upstream.connect_timeout,
            timeout,
            max_body: MAX_ANSWER,
        };
        let mut response = self.client.send(outbound, limits).await.map_err(classify)?;
        inbound::clean(call, request, &mut response);
        Ok(response)
    }
}

fn classify(error: CallError) -> GatewayError {
    match error {
        CallError::Connect(why) => GatewayError::UpstreamUnreachable { why },
        CallError::Timeout(after) => GatewayError::UpstreamTimeout { after },
        CallError::Broken(why) => GatewayError::UpstreamInvalid { why },
        CallError::TooLarge(limit) => GatewayError::ResponseTooLarge {
            why: format!("The service behind this path answered with more than {limit} bytes."),
        },
    }
}
