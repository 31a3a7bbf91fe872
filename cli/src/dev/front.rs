//! The front door: real HTTP in, a Lambda event to a function environment, its answer back as HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::timeout;
use tollgate::clock::{Clock, SystemClock};
use tollgate::event::EventKind;

use crate::dev::environment::InvokeError;
use crate::dev::environments::Environments;
use crate::dev::guard::only_host;
use crate::dev::server::{Answer, message};
use crate::dev::{answer, event, random};

/// API Gateway: "total combined size of request line and header values", in bytes.
const LARGEST_HEAD: usize = 10_240;
/// What an HTTP API takes as a body, in bytes.
const LARGEST_HTTP_BODY: usize = 10 * 1024 * 1024;
/// What Lambda takes as an event, in bytes; so what a Function URL takes as a body.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;
/// An HTTP API waits no longer for an integration.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// What a front door says itself: status and `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal(StatusCode, &'static str);

const BAD_REQUEST: Refusal = Refusal(StatusCode::BAD_REQUEST, "Bad Request");
const TOO_LARGE: Refusal = Refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
const HEAD_TOO_LARGE: Refusal = Refusal(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "Request Header Fields Too Large",
);
const BAD_GATEWAY: Refusal = Refusal(StatusCode::BAD_GATEWAY, "Internal Server Error");
const TIMED_OUT: Refusal = Refusal(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out");

/// A front door of one kind.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) kind: EventKind,
    /// Its own port.
    pub(crate) port: u16,
    /// The environments of the config that is served now.
    pub(crate) environments: watch::Receiver<Environments>,
}

impl Front {
    /// Answers one request, whatever it is.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> Answer {
        let served = self.serve(request, client).await;
        served.unwrap_or_else(|Refusal(status, text)| message(status, text))
    }

    async fn serve(&self, request: Request<Incoming>, client: SocketAddr) -> Result<Answer, Refusal> {
        let (parts, body) = request.into_parts();
        let host = check_head(&parts)?;
        let body = read_body(&parts, body, self.largest_body()).await?;
        let request_id = event::request_id(self.kind);
        let now = SystemClock.now();
        let trace_id = random::trace_id(now.secs());
        let request = event::Request {
            parts: &parts,
            host,
            body: &body,
            client,
            port: self.port,
            now,
            request_id: &request_id,
            trace_id: &trace_id,
        };
        let event = event::build(self.kind, &request).to_string();
        if event.len() > LARGEST_EVENT {
            return Err(TOO_LARGE);
        }
        self.invoke(trace_id, event.into()).await
    }

    async fn invoke(&self, trace_id: String, event: Bytes) -> Result<Answer, Refusal> {
        let environments = self.environments.borrow().clone();
        let invocation = environments.invoke(random::uuid(), trace_id, event);
        let result = match self.kind {
            EventKind::Http | EventKind::Rest => timeout(INTEGRATION_TIMEOUT, invocation).await,
            EventKind::Url | EventKind::Alb => Ok(invocation.await),
        };
        match result {
            Ok(Ok(answer)) => answer::read(&answer).ok_or(BAD_GATEWAY),
            Ok(Err(InvokeError::Function(_) | InvokeError::Crashed(_))) => Err(BAD_GATEWAY),
            Ok(Err(InvokeError::TimedOut(_))) | Err(_) => Err(TIMED_OUT),
        }
    }

    fn largest_body(&self) -> usize {
        match self.kind {
            EventKind::Http | EventKind::Rest => LARGEST_HTTP_BODY,
            EventKind::Url | EventKind::Alb => LARGEST_EVENT,
        }
    }
}

/// What the services refuse before any function hears of it; gives the one `Host` back.
fn check_head(parts: &Parts) -> Result<&str, Refusal> {
    if head_size(parts) > LARGEST_HEAD {
        return Err(HEAD_TOO_LARGE);
    }
    let host = only_host(&parts.headers)
        .filter(|host| !host.is_empty())
        .ok_or(BAD_REQUEST)?;
    // `OPTIONS *` and `CONNECT host:port` ask something of a proxy; a full URL must not contradict `Host`.
    let own = parts
        .uri
        .authority()
        .is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host));
    if !own || !parts.uri.path().starts_with('/') {
        return Err(BAD_REQUEST);
    }
    Ok(host)
}

fn head_size(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    parts.method.as_str().len() + target + headers.sum::<usize>()
}

async fn read_body(parts: &Parts, body: Incoming, largest: usize) -> Result<Bytes, Refusal> {
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > largest)) {
        return Err(TOO_LARGE);
    }
    match Limited::new(body, largest).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(TOO_LARGE),
        // The client broke off or its chunks are malformed.
        Err(_) => Err(BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests;
