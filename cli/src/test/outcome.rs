//! What came out of an event, in one form for all front doors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};
use tollgate::authorizer::Decision;
use tollgate::event::NotHttp;
use tollgate::event::authorizer::NotAuthorizer;
use tollgate::gateway::Answer;

use super::seams::Call;

/// What stands in place of a request id that the gateway made up.
pub(super) const REQUEST_ID: &str = "<request id>";

/// What a function made of an event.
#[derive(Debug)]
pub(super) struct Handled {
    result: Result<Output, LambdaError>,
    detail: Option<String>,
    /// Whether it is an event of the kind that the function is for.
    is_for_it: bool,
}

/// An answer or a Lambda error, and the calls that were made for it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) result: Result<Output, LambdaError>,
    pub(super) calls: Vec<Call>,
    /// What the record says of an error: for whoever reads a failure.
    pub(super) detail: Option<String>,
    /// Why an event that was sent before is not for the function, and so moved no counter.
    pub(super) refused_before: Option<String>,
    /// The request id that the gateway made up, if it did.
    request_id: Option<String>,
}

/// What a function answers.
#[derive(Debug)]
pub(super) enum Output {
    /// The gateway's response event.
    Response(Response),
    /// The authorizer's answer.
    Decision(Value),
}

/// A response event, read back.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u64,
    pub(super) headers: Vec<(String, Vec<String>)>,
    pub(super) body: Bytes,
    /// The response event itself.
    pub(super) event: Map<String, Value>,
}

/// How Lambda shows that a function failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LambdaError {
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl From<Result<Answer, NotHttp>> for Handled {
    fn from(answered: Result<Answer, NotHttp>) -> Self {
        match answered {
            Ok(answer) => Self {
                result: Ok(Output::Response(Response::read(answer.event.get()))),
                detail: detail(&answer.log),
                is_for_it: true,
            },
            Err(event) => Self::refused("NotHttp", event.to_string()),
        }
    }
}

impl From<Result<Decision, NotAuthorizer>> for Handled {
    fn from(decided: Result<Decision, NotAuthorizer>) -> Self {
        match decided {
            Ok(decision) => Self {
                detail: detail(&decision.log),
                result: match decision.outcome {
                    Ok(answer) => Ok(Output::Decision(serde_json::from_str(answer.get()).unwrap_or_default())),
                    Err(failure) => Err(LambdaError {
                        error_type: failure.error_type,
                        message: failure.message,
                    }),
                },
                is_for_it: true,
            },
            Err(event) => Self::refused("NotAuthorizer", event.to_string()),
        }
    }
}

impl Handled {
    /// As `tollgate::lambda` reports it.
    fn refused(error_type: &'static str, message: String) -> Self {
        Self {
            result: Err(LambdaError { error_type, message }),
            detail: None,
            is_for_it: false,
        }
    }

    /// Why the event is not for the function, where it is not.
    pub(super) fn refusal(self) -> Option<String> {
        let refused = self.result.err().filter(|_| !self.is_for_it);
        refused.map(|error| error.message)
    }
}

impl Outcome {
    /// From what a function made of the event, its calls, and why an event that was sent before is not for it.
    pub(super) fn new(handled: Handled, calls: Vec<Call>, refused_before: Option<String>) -> Self {
        let request_id = match &handled.result {
            Ok(Output::Response(response)) => response.made_up_id(),
            Ok(Output::Decision(_)) | Err(_) => None,
        };
        Self {
            result: handled.result,
            calls,
            detail: handled.detail,
            refused_before,
            request_id,
        }
    }

    /// A text without what differs from run to run.
    pub(super) fn stable(&self, text: &str) -> String {
        match &self.request_id {
            Some(id) => text.replace(id.as_str(), REQUEST_ID),
            None => text.to_owned(),
        }
    }

    /// The values of a header of the answer, repeats apart where the response event keeps them apart.
    pub(super) fn header(&self, response: &Response, name: &str) -> Vec<String> {
        let named = response.headers.iter().filter(|(other, _)| other == name);
        named
            .flat_map(|(_, values)| values)
            .map(|value| self.stable(value))
            .collect()
    }

    /// The values of a header of a call.
    pub(super) fn sent(&self, headers: &HeaderMap, name: &str) -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| self.stable(&String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }
}

impl Response {
    fn read(json: &str) -> Self {
        let event: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        let body = event.get("body").and_then(Value::as_str).unwrap_or_default();
        let body = match event.get("isBase64Encoded") {
            // What is no base64 stays as it is, for the comparison to show.
            Some(Value::Bool(true)) => STANDARD.decode(body).unwrap_or_else(|_| body.into()),
            _ => body.into(),
        };
        Self {
            status: event.get("statusCode").and_then(Value::as_u64).unwrap_or_default(),
            headers: headers(&event),
            body: body.into(),
            event,
        }
    }

    fn made_up_id(&self) -> Option<String> {
        let (_, values) = self.headers.iter().find(|(name, _)| name == "x-request-id")?;
        let id = values.first()?;
        let digits = id.strip_prefix("req_")?;
        let made_up = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        made_up.then(|| id.clone())
    }
}

/// `headers` has one value a name, `multiValueHeaders` all of them, `cookies` the values of `Set-Cookie`.
fn headers(event: &Map<String, Value>) -> Vec<(String, Vec<String>)> {
    let members = |name| event.get(name).and_then(Value::as_object).into_iter().flatten();
    let named = members("headers").chain(members("multiValueHeaders"));
    let mut headers: Vec<(String, Vec<String>)> = named
        .map(|(name, value)| (name.to_ascii_lowercase(), texts(value)))
        .collect();
    if let Some(cookies) = event.get("cookies") {
        headers.push(("set-cookie".to_owned(), texts(cookies)));
    }
    headers
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    }
}

fn detail(log: &str) -> Option<String> {
    let record: Value = serde_json::from_str(log).ok()?;
    Some(record.get("detail")?.as_str()?.to_owned())
}
