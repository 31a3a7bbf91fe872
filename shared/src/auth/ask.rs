//! Questions to the servers that vouch for callers: an issuer about its keys, an authorization server about a token.

use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::json;
use crate::upstream::client::{CallError, CallLimits, HttpClient};

/// How long a connection may take to open; as for upstreams where the config says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends a question, and waits for its answer until the deadline.
pub(super) async fn ask(
    client: &dyn HttpClient,
    mut question: http::Request<Bytes>,
    max_body: usize,
    deadline: Instant,
) -> Result<http::Response<Bytes>, CallError> {
    let user_agent = HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION")));
    question.headers_mut().insert(USER_AGENT, user_agent);
    let timeout = deadline.saturating_duration_since(Instant::now());
    let limits = CallLimits {
        connect_timeout: CONNECT_TIMEOUT,
        timeout,
        max_body,
    };
    // The client keeps the time too, but a budget is not left to others.
    let answer = timeout_at(deadline, client.send(question, limits)).await;
    answer.unwrap_or(Err(CallError::Timeout(timeout)))
}

/// The body of a good answer: status 200, and no longer than was asked for. The error is for the log.
pub(super) fn body(answer: http::Response<Bytes>, max_body: usize) -> Result<Bytes, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("status {}", answer.status().as_u16()));
    }
    if answer.body().len() > max_body {
        return Err(format!("the answer is larger than {max_body} bytes"));
    }
    Ok(answer.into_body())
}

/// The document that is the body of an answer. The error is for the log.
pub(super) fn document(body: &[u8]) -> Result<Map<String, Value>, &'static str> {
    json::object(body).ok_or("the answer is not one JSON object without duplicate members")
}
