//! The Lambda Invoke API, as `aws lambda invoke --endpoint-url` and the SDKs use it: events go straight to a
//! function, past the front door. For the authorizer it is the only way in.
//!
//! Source: "Invoke" in AWS's Lambda API reference; wording of refusals as the service has it.

mod refusal;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tollgate::clock::{Clock, SystemClock};

use crate::dev::environment::InvokeError;
use crate::dev::environments::Environments;
use crate::dev::event::{ACCOUNT, REGION};
use crate::dev::function_name::{self, FunctionName};
use crate::dev::functions::Functions;
use crate::dev::invoke_api::refusal::Refusal;
use crate::dev::random;
use crate::dev::server::{Answer, json_answer};

/// The largest payload of an invocation that is waited for, in bytes.
const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
/// The largest payload of one that is not, in bytes.
const LARGEST_EVENT: usize = 1024 * 1024;
/// As much of a body is read, in bytes: a client that is still sending would not see the answer.
const MOST_READ: usize = 64 * 1024 * 1024;
/// The only version of a function that there is here.
const VERSION: &str = "$LATEST";
const PREFIX: &str = "/2015-03-31/functions/";

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The Invoke API.
#[derive(Debug)]
pub(crate) struct InvokeApi {
    /// The functions of the config that is served now.
    functions: watch::Receiver<Functions>,
    /// Invocations that nobody waits for. They end with this.
    unattended: Mutex<JoinSet<()>>,
}

/// How a caller wants its event handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvocationType {
    /// The caller waits for the answer.
    RequestResponse,
    /// The caller only hears that the event was taken.
    Event,
    /// Nothing is run.
    DryRun,
}

impl InvokeApi {
    pub(crate) fn new(functions: watch::Receiver<Functions>) -> Self {
        Self {
            functions,
            unattended: Mutex::default(),
        }
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let request_id = random::uuid();
        let answer = self.serve(request, &request_id).await;
        let mut answer = answer.unwrap_or_else(|refusal| refusal.answer());
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            answer.headers_mut().insert(REQUEST_ID, value);
        }
        answer
    }

    async fn serve(&self, request: Request<Incoming>, request_id: &str) -> Result<Answer, Refusal> {
        let (parts, body) = request.into_parts();
        // First of all, and whatever comes of it: an answer to a client that is still sending may get lost.
        let payload = read(body).await;
        let environments = self.find(&parts)?;
        let invocation_type = InvocationType::of(&parts.headers)?;
        let payload = checked(payload?, invocation_type)?;
        Ok(match invocation_type {
            InvocationType::RequestResponse => invoke(&environments, request_id.to_owned(), payload).await,
            InvocationType::Event => {
                self.start(environments, request_id.to_owned(), payload);
                without_body(StatusCode::ACCEPTED)
            }
            InvocationType::DryRun => without_body(StatusCode::NO_CONTENT),
        })
    }

    /// The environments of the function that a request names.
    fn find(&self, parts: &Parts) -> Result<Environments, Refusal> {
        let named = parts.uri.path().strip_prefix(PREFIX);
        let segment = named
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .filter(|_| parts.method == Method::POST)
            .ok_or_else(Refusal::unknown_operation)?;
        let text = percent_decode_str(segment).decode_utf8_lossy();
        let name = FunctionName::parse(&text)
            .ok_or_else(|| Refusal::pattern("functionName", &text, function_name::PATTERN))?;
        let asked = qualifier(parts.uri.query().unwrap_or_default())?;
        if let (Some(derived), Some(asked)) = (name.qualifier, &asked)
            && derived != asked
        {
            return Err(Refusal::invalid_parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        let qualifier = name.qualifier.or(asked.as_deref());
        let here = name.region.is_none_or(|region| region == REGION)
            && name.account.is_none_or(|account| account == ACCOUNT)
            && qualifier.is_none_or(|qualifier| qualifier == VERSION);
        match name.name.parse() {
            Ok(kind) if here => Ok(self.functions.borrow().of(kind)),
            _ => Err(Refusal::not_found(&name, qualifier)),
        }
    }

    /// Runs a function for a caller that does not wait.
    fn start(&self, environments: Environments, request_id: String, payload: Bytes) {
        let mut unattended = self.unattended.lock().unwrap_or_else(PoisonError::into_inner);
        // Finished ones are forgotten as new ones come, so the set stays as large as what is under way.
        while unattended.try_join_next().is_some() {}
        unattended.spawn(async move {
            // A failure is said on the console, and its answer is nobody's.
            let _ = environments.invoke(request_id, trace_id(), payload).await;
        });
    }
}

async fn invoke(environments: &Environments, request_id: String, payload: Bytes) -> Answer {
    let result = environments.invoke(request_id.clone(), trace_id(), payload).await;
    let (body, failed) = match result {
        Ok(body) => (body, false),
        Err(error) => (error_value(&request_id, error).to_string().into(), true),
    };
    let mut answer = json_answer(StatusCode::OK, &Value::Null);
    *answer.body_mut() = Full::new(body);
    let headers = answer.headers_mut();
    headers.insert(EXECUTED_VERSION, HeaderValue::from_static(VERSION));
    if failed {
        headers.insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
    }
    answer
}

impl InvocationType {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut given = headers.get_all(INVOCATION_TYPE).iter();
        let value = match (given.next(), given.next()) {
            (None, _) => return Ok(Self::RequestResponse),
            (Some(value), None) => value.as_bytes(),
            (Some(_), Some(_)) => b"several values",
        };
        match value {
            b"RequestResponse" => Ok(Self::RequestResponse),
            b"Event" => Ok(Self::Event),
            b"DryRun" => Ok(Self::DryRun),
            other => Err(Refusal::constraint(
                "invocationType",
                &String::from_utf8_lossy(other),
                "enum value set: [Event, RequestResponse, DryRun]",
            )),
        }
    }

    fn largest_payload(self) -> usize {
        match self {
            Self::RequestResponse | Self::DryRun => LARGEST_PAYLOAD,
            Self::Event => LARGEST_EVENT,
        }
    }
}

/// `?Qualifier=`, if there is one.
fn qualifier(query: &str) -> Result<Option<String>, Refusal> {
    let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "Qualifier");
    let Some((_, value)) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Refusal::invalid_parameter("Qualifier is given more than once."));
    }
    if !function_name::is_qualifier(&value) {
        return Err(Refusal::pattern("qualifier", &value, function_name::QUALIFIER_PATTERN));
    }
    Ok(Some(value.into_owned()))
}

/// Reads a body to its end, and keeps as much of it as any invocation may carry.
async fn read(mut body: Incoming) -> Result<Bytes, Refusal> {
    let mut payload = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Refusal::no_json)?.into_data() else {
            continue;
        };
        length += data.len();
        if length > MOST_READ {
            break;
        }
        if length <= LARGEST_PAYLOAD {
            payload.extend_from_slice(&data);
        }
    }
    if length > LARGEST_PAYLOAD {
        return Err(Refusal::too_large(LARGEST_PAYLOAD));
    }
    Ok(payload.into())
}

/// The event that a payload stands for: none at all is an empty object.
fn checked(payload: Bytes, invocation_type: InvocationType) -> Result<Bytes, Refusal> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let largest = invocation_type.largest_payload();
    if payload.len() > largest {
        return Err(Refusal::too_large(largest));
    }
    serde_json::from_slice::<&RawValue>(&payload).map_err(Refusal::no_json)?;
    Ok(payload)
}

fn without_body(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}

fn trace_id() -> String {
    random::trace_id(SystemClock.now().secs())
}

/// What Lambda gives a caller whose function failed.
pub(crate) fn error_value(request_id: &str, error: InvokeError) -> Value {
    let (error_type, error_message) = match error {
        InvokeError::Function(error) => (error.error_type, error.error_message),
        InvokeError::Crashed(how) => (
            "Runtime.ExitError".to_owned(),
            format!("RequestId: {request_id} Error: Runtime exited with error: {how}"),
        ),
        InvokeError::TimedOut(limit) => (
            "Sandbox.Timedout".to_owned(),
            format!(
                "RequestId: {request_id} Error: Task timed out after {:.2} seconds",
                limit.as_secs_f64()
            ),
        ),
    };
    json!({ "errorType": error_type, "errorMessage": error_message })
}

#[cfg(test)]
mod tests;
