//! Lambda events in and out; nothing else sees one.
//!
//! Read and written here, on `lambda_runtime` alone, because `lambda_http` loses repeated headers and panics on
//! malformed hosts and queries before a handler runs.
//!
//! Two front doors share one shape, payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>):
//! HTTP APIs and Function URLs (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>).

mod answer;
mod client;
mod host;
mod json;
mod proxy;
mod shape;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::error::GatewayError;
use crate::request::Request;

pub use answer::write;

/// Which front door an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// API Gateway HTTP API, payload 2.0: `rawPath` comes decoded.
    Http,
    /// Lambda Function URL: the same shape, `rawPath` still encoded.
    Url,
}

impl FromStr for EventKind {
    type Err = String;

    /// Reads `GATEWAY_EVENT`. The error is ready to be shown.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "http" => Ok(Self::Http),
            "url" => Ok(Self::Url),
            other => Err(format!(
                "GATEWAY_EVENT: \"{other}\" is no kind of event; it is http or url"
            )),
        }
    }
}

/// An event with a proxy shape, however broken inside: it can be answered.
#[derive(Debug)]
pub struct Event {
    kind: EventKind,
    headers: HeaderMap,
    /// All of the request but its headers and what trusted proxies say, or the sentence for a 400.
    request: Result<Request, String>,
}

/// An event that is no HTTP request (a queue message, a schedule...). It must fail as a Lambda error, so that
/// its source does not take it for handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this function answers HTTP requests, but was sent {kind}")]
pub struct NotHttp {
    /// What it is as far as can be told, with its article: `an SQS event`, `a scheduled event`, `a REST API event`.
    pub kind: String,
}

impl Event {
    /// Reads the envelope. `kind` comes from `GATEWAY_EVENT`; unset, the shape tells.
    ///
    /// # Errors
    /// An event of any other kind. One with `version: "2.0"` or `requestContext.http` never is, however broken inside.
    pub fn read(payload: &str, kind: Option<EventKind>) -> Result<Self, NotHttp> {
        let proxy = shape::read(payload).map_err(|kind| NotHttp { kind: kind.to_owned() })?;
        let kind = kind.unwrap_or_else(|| proxy.front_door());
        let (headers, request) = proxy::read(&proxy, kind);
        Ok(Self { kind, headers, request })
    }

    /// The front door it came through.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The request headers that are well-formed; enough to answer even a broken event in the right shape.
    /// `host` and `content-length` are not among them: the upstream's own are set later.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The canonical request.
    ///
    /// # Errors
    /// `BadRequest`, which names the member of the event that is wrong.
    pub fn request(self, trusted_proxies: &[IpNet]) -> Result<Request, GatewayError> {
        let mut request = self.request.map_err(|why| GatewayError::BadRequest { why })?;
        request.client_ip = client::address(request.client_ip, &self.headers, trusted_proxies);
        request.headers = self.headers;
        Ok(request)
    }
}
