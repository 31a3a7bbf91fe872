//! The Lambda Runtime API, for one function environment: the function asks for its next event, and posts what
//! came of it.
//!
//! Source: "Using the Lambda runtime API" in AWS's developer guide; wording of refusals as the service has it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::dev::event::{ACCOUNT, REGION};
use crate::dev::guard::Access;
use crate::dev::server::{self, Answer, json_answer};
use crate::function_kind::FunctionKind;

/// The largest answer Lambda takes, in bytes.
const LARGEST_RESPONSE: usize = 6_291_556;
const PREFIX: &str = "/2018-06-01/runtime/";

/// One event on its way to a function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    /// When the function must have answered, in milliseconds since the Unix epoch.
    pub(crate) deadline_ms: u64,
    /// The X-Ray trace id.
    pub(crate) trace_id: String,
}

/// An error that a function reported, or that Lambda reports in its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {error_message}")]
pub(crate) struct FunctionError {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
}

/// What a function made of an event.
pub(crate) type Outcome = Result<Bytes, FunctionError>;

/// A function that asked for work, waiting for it.
#[derive(Debug)]
pub(crate) struct Asking(oneshot::Sender<Invocation>);

#[cfg(test)]
impl Asking {
    /// Returns when it is known that the function does not wait on this connection any more.
    pub(crate) async fn given_up(&mut self) {
        self.0.closed().await;
    }
}

/// One environment's Runtime API. Closed when dropped.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    asking: mpsc::Receiver<Asking>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    function: FunctionKind,
    asking: mpsc::Sender<Asking>,
    current: Mutex<Option<Current>>,
}

/// The event that the function works on.
#[derive(Debug)]
struct Current {
    request_id: String,
    outcome: oneshot::Sender<Outcome>,
}

impl RuntimeApi {
    /// Opens it on a free loopback port, for an environment of this function.
    pub(crate) async fn open(function: FunctionKind) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, asking) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            function,
            asking: sender,
            current: Mutex::new(None),
        });
        let handler_shared = Arc::clone(&shared);
        let handler = move |request, _| {
            let shared = Arc::clone(&handler_shared);
            async move { shared.answer(request).await }
        };
        let server = tokio::spawn(server::serve(listener, Access::guarded(address), handler));
        Ok(Self {
            address,
            shared,
            asking,
            server,
        })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the function asks for work: the first time, it has initialised.
    pub(crate) async fn asked(&mut self) -> Option<Asking> {
        self.asking.recv().await
    }

    /// Gives an event to the function; what comes of it arrives later. `None` when this question was given up:
    /// the function went away, or it asks again.
    pub(crate) fn give(&self, to: Asking, work: Invocation) -> Option<oneshot::Receiver<Outcome>> {
        let (sender, outcome) = oneshot::channel();
        let request_id = work.request_id.clone();
        // Held until the event is noted, so that its answer cannot come before; noted only when it went out, so
        // that a function which asks anew is not told that it has work already.
        let mut current = self.shared.lock();
        to.0.send(work).ok()?;
        *current = Some(Current {
            request_id,
            outcome: sender,
        });
        Some(outcome)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let Some(operation) = path.strip_prefix(PREFIX) else {
            return not_found();
        };
        let segments: Vec<&str> = operation.split('/').collect();
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request).await,
            (&Method::POST, ["invocation", id, "error"]) => self.error(id, request).await,
            // Why it failed stands in what the function printed; its exit is what counts.
            (&Method::POST, ["init", "error"]) => accepted(),
            _ => not_found(),
        }
    }

    async fn next(&self) -> Answer {
        if self.lock().is_some() {
            return refusal(
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "The last event was not answered.",
            );
        }
        let (sender, work) = oneshot::channel();
        if self.asking.send(Asking(sender)).await.is_err() {
            return gone();
        }
        match work.await {
            Ok(work) => next_answer(self.function, work),
            Err(_) => gone(),
        }
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Answer {
        let body = Limited::new(request.into_body(), LARGEST_RESPONSE).collect().await;
        let Some(outcome) = self.finish(id) else {
            return wrong_id();
        };
        match body {
            Ok(body) => {
                // Nobody waits any more when the time was up.
                let _ = outcome.send(Ok(body.to_bytes()));
                accepted()
            }
            Err(_) => {
                let error = FunctionError {
                    error_type: "Function.ResponseSizeTooLarge".to_owned(),
                    error_message: format!(
                        "Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
                    ),
                };
                let answer = refusal(StatusCode::PAYLOAD_TOO_LARGE, &error.error_type, &error.error_message);
                let _ = outcome.send(Err(error));
                answer
            }
        }
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Answer {
        let body = Limited::new(request.into_body(), LARGEST_RESPONSE).collect().await;
        let Some(outcome) = self.finish(id) else {
            return wrong_id();
        };
        let error = FunctionError::read(&body.map(|body| body.to_bytes()).unwrap_or_default());
        let _ = outcome.send(Err(error));
        accepted()
    }

    /// Ends the work on this event; `None` when it is not the one that the function works on.
    fn finish(&self, id: &str) -> Option<oneshot::Sender<Outcome>> {
        let finished = self.lock().take_if(|current| current.request_id == id);
        finished.map(|current| current.outcome)
    }
}

impl FunctionError {
    /// From the body of an `/error` post; lenient, because the function is in trouble already.
    fn read(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            error_type: member("errorType").unwrap_or_else(|| "Unhandled".to_owned()),
            error_message: member("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
        }
    }
}

fn next_answer(function: FunctionKind, work: Invocation) -> Answer {
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", work.request_id)
        .header("lambda-runtime-deadline-ms", work.deadline_ms)
        .header("lambda-runtime-invoked-function-arn", function_arn(function))
        .header("lambda-runtime-trace-id", format!("Root={};Sampled=0", work.trace_id))
        .body(Full::new(work.payload));
    // It cannot fail: every value above is our own ASCII text.
    answer.unwrap_or_else(|_| gone())
}

fn function_arn(function: FunctionKind) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", function.name())
}

fn accepted() -> Answer {
    json_answer(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn wrong_id() -> Answer {
    refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn not_found() -> Answer {
    refusal(
        StatusCode::NOT_FOUND,
        "NotFound",
        "No such operation of the Runtime API.",
    )
}

fn gone() -> Answer {
    refusal(StatusCode::GONE, "Gone", "This environment is shutting down.")
}

fn refusal(status: StatusCode, error_type: &str, error_message: &str) -> Answer {
    json_answer(
        status,
        &json!({ "errorType": error_type, "errorMessage": error_message }),
    )
}

#[cfg(test)]
mod tests;
