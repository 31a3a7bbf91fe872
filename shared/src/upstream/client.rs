//! The seam to HTTP: one request out, one whole answer back.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Body;

#[cfg(test)]
pub(crate) mod tests;

/// What one call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Opening the connection.
    pub connect_timeout: Duration,
    /// The whole call: connection, request, and the last byte of the answer.
    pub timeout: Duration,
    /// The largest body accepted, in bytes.
    pub max_body: usize,
}

impl CallLimits {
    /// Ends a call that takes longer than `timeout`.
    pub(crate) async fn keep<T>(self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let ended = tokio::time::timeout(self.timeout, call).await;
        ended.unwrap_or(Err(CallError::Timeout(self.timeout)))
    }
}

/// Why a call has no answer. The texts may name internal hosts: for the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection: refused, unknown host, no route, TLS refused, or `connect_timeout` passed.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No whole answer within `timeout`, connected or not.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
    /// Reset, truncated, or not HTTP; or a status that is none of 200 to 599.
    #[error("broken answer: {0}")]
    Broken(String),
    /// The body is over `max_body` bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// Makes one HTTP call. Follows no redirects, uses no proxy, decodes no content coding.
#[async_trait]
pub trait HttpClient: Debug + Send + Sync {
    /// Sends the request and reads the whole answer.
    async fn send(&self, request: http::Request<Bytes>, limits: CallLimits)
    -> Result<http::Response<Bytes>, CallError>;
}

/// Reads an answer to its end, its body of at most `most` bytes. `broken` says what an error of the body is.
pub(crate) async fn read_answer<B>(
    answer: http::Response<B>,
    most: usize,
    broken: impl Fn(B::Error) -> CallError,
) -> Result<http::Response<Bytes>, CallError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = answer.into_parts();
    check_status(head.status)?;
    let body = read_whole(body, most, broken).await?;
    Ok(http::Response::from_parts(head, body))
}

/// Refuses what the HTTP crates let through and no front door takes: a 101 to an upgrade that nobody asked for, and
/// numbers beyond the five classes (RFC 9110 section 15).
fn check_status(status: StatusCode) -> Result<(), CallError> {
    match status.as_u16() {
        200..600 => Ok(()),
        number => Err(CallError::Broken(format!("status {number} ends no exchange"))),
    }
}

/// Reads a body of at most `most` bytes. Each piece is copied out of the buffer that it came in: kept as it is, it would
/// keep the whole buffer, and an answer in small pieces a hundred times its own length.
async fn read_whole<B>(mut body: B, most: usize, broken: impl Fn(B::Error) -> CallError) -> Result<Bytes, CallError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are none of the answer's bytes.
        let Ok(piece) = frame.map_err(&broken)?.into_data() else {
            continue;
        };
        if whole.len() + piece.len() > most {
            return Err(CallError::TooLarge(most));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The whole chain of causes in one line; an error's own message leaves the cause out.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
