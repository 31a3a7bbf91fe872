//! What the Invoke API says itself, in the form of AWS's JSON services: type in a header, text in the body.

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::dev::event::{ACCOUNT, REGION};
use crate::dev::function_name::FunctionName;
use crate::dev::invoke_api::PREFIX;
use crate::dev::server::{Answer, json_answer};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What Lambda itself says, instead of a function.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error_type,
            message: message.into(),
        }
    }

    pub(super) fn unknown_operation() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            format!("Of the Lambda API, only POST {PREFIX}{{name}}/invocations is here."),
        )
    }

    pub(super) fn not_found(name: &FunctionName<'_>, qualifier: Option<&str>) -> Self {
        let (region, account) = (name.region.unwrap_or(REGION), name.account.unwrap_or(ACCOUNT));
        let mut arn = format!("arn:aws:lambda:{region}:{account}:function:{}", name.name);
        if let Some(qualifier) = qualifier {
            arn = format!("{arn}:{qualifier}");
        }
        Self::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            format!("Function not found: {arn}"),
        )
    }

    /// A value that is none of its kind.
    pub(super) fn pattern(member: &str, value: &str, pattern: &str) -> Self {
        Self::constraint(member, value, &format!("regular expression pattern: {pattern}"))
    }

    pub(super) fn constraint(member: &str, value: &str, constraint: &str) -> Self {
        let shown: String = value.chars().take(100).collect();
        Self::new(
            StatusCode::BAD_REQUEST,
            "ValidationException",
            format!(
                "1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: Member \
                 must satisfy {constraint}"
            ),
        )
    }

    pub(super) fn invalid_parameter(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    pub(super) fn too_large(largest: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            format!("Request must be smaller than {largest} bytes for the InvokeFunction operation"),
        )
    }

    pub(super) fn no_json(why: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {why}"),
        )
    }

    pub(super) fn answer(self) -> Answer {
        // The one error whose member is capitalised, in the API's definition.
        let member = match self.error_type {
            "ResourceNotFoundException" => "Message",
            _ => "message",
        };
        let mut answer = json_answer(self.status, &json!({ "Type": "User", member: self.message }));
        answer
            .headers_mut()
            .insert(ERROR_TYPE, HeaderValue::from_static(self.error_type));
        answer
    }
}
