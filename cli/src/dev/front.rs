//! The front door: real HTTP in, a Lambda event to a function environment, its answer back as HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::timeout;
use tollgate::clock::{Clock, SystemClock};

use crate::dev::caller::Caller;
use crate::dev::door::Door;
use crate::dev::environment::InvokeError;
use crate::dev::front::limits::{LARGEST_EVENT, check_head, read_body};
use crate::dev::front::refusal::Refusal;
use crate::dev::functions::Functions;
use crate::dev::server::Answer;
use crate::dev::{answer, event, random};
use crate::function_kind::FunctionKind;

mod limits;
pub(crate) mod refusal;

/// An HTTP API waits no longer for an integration.
const HTTP_API_TIMEOUT: Duration = Duration::from_secs(30);
/// A REST API's "integration timeout".
const REST_API_TIMEOUT: Duration = Duration::from_secs(29);

/// A front door of one kind.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) door: Door,
    /// Its own port.
    pub(crate) port: u16,
    /// What it says of whoever calls.
    pub(crate) caller: Caller,
    /// Which function answers.
    pub(crate) function: FunctionKind,
    /// The functions of the config that is served now.
    pub(crate) functions: watch::Receiver<Functions>,
}

impl Front {
    /// Answers one request, whatever it is.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> Answer {
        let served = self.serve(request, client).await;
        served.unwrap_or_else(Refusal::answer)
    }

    async fn serve(&self, request: Request<Incoming>, client: SocketAddr) -> Result<Answer, Refusal> {
        let (parts, body) = request.into_parts();
        let host = check_head(self.door, &parts)?;
        let body = read_body(self.door, &parts, body).await?;
        let request_id = event::request_id(self.door);
        let extended_request_id = random::api_request_id();
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
            extended_request_id: &extended_request_id,
            trace_id: &trace_id,
        };
        let mut event = event::build(self.door, &request);
        self.caller.put_into(self.door, &mut event);
        let event = event.to_string();
        if event.len() > LARGEST_EVENT {
            return Err(self.door.refusals().event_too_large);
        }
        self.invoke(trace_id, event.into()).await
    }

    async fn invoke(&self, trace_id: String, event: Bytes) -> Result<Answer, Refusal> {
        let refusals = self.door.refusals();
        let environments = self.functions.borrow().of(self.function);
        let invocation = environments.invoke(random::uuid(), trace_id, event);
        let result = match self.door {
            Door::Http => timeout(HTTP_API_TIMEOUT, invocation).await,
            Door::Rest => timeout(REST_API_TIMEOUT, invocation).await,
            // These wait as long as the function may run.
            Door::Url | Door::Alb { .. } => Ok(invocation.await),
        };
        match result {
            Ok(Ok(answer)) => answer::read(self.door, &answer),
            Ok(Err(InvokeError::Function(_) | InvokeError::Crashed(_))) => Err(refusals.bad_answer),
            Ok(Err(InvokeError::TimedOut(_))) => Err(refusals.function_timed_out),
            Err(_) => Err(refusals.waited_too_long),
        }
    }
}

#[cfg(test)]
mod tests;
