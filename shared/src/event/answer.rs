//! A response, written as an event's answer in payload format 2.0.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, SET_COOKIE};
use http::{HeaderMap, HeaderName};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::EventKind;
use crate::error::GatewayError;
use crate::headers::text_of;

/// The largest answer that Lambda takes from a function, in bytes of JSON. The documented 6 MB is this; a larger one
/// is refused by the Runtime API with 413, and the client sees a 502 that nobody wrote.
const MAX_ANSWER: usize = 6_291_556;

/// The most bytes of headers that API Gateway carries
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_HEADERS: usize = 10_240;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status_code: u16,
    #[serde(serialize_with = "joined")]
    headers: &'a HeaderMap,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

/// Writes the answer as the event's kind wants it: repeated headers joined by `, `, except `Set-Cookie`, which has a
/// list of its own; a body as text where it is text, else as base64.
///
/// A header value that is not UTF-8 is read as ISO-8859-1 (`text_of`): JSON cannot carry the bytes, and so at least
/// every character arrives.
///
/// # Errors
/// `ResponseTooLarge` when its serialised form is over what Lambda (6,291,556 bytes) or the front door (API Gateway:
/// 10,240 bytes of headers, counted as `name: value` lines) carries.
pub fn write(kind: EventKind, response: http::Response<Bytes>) -> Result<Box<RawValue>, GatewayError> {
    let (head, body) = response.into_parts();
    if kind == EventKind::Http {
        check_headers(&head.headers)?;
    }
    let text = match is_encoded(&head.headers) {
        true => None,
        false => std::str::from_utf8(&body).ok(),
    };
    let answer = Answer {
        status_code: head.status.as_u16(),
        headers: &head.headers,
        cookies: head.headers.get_all(SET_COOKIE).iter().map(text_of).collect(),
        is_base64_encoded: text.is_none(),
        body: text.map_or_else(|| STANDARD.encode(&body).into(), Cow::Borrowed),
    };
    let json = to_raw_value(&answer).map_err(|error| GatewayError::Internal {
        why: format!("the answer cannot be written as JSON: {error}"),
    })?;
    match json.get().len() {
        0..=MAX_ANSWER => Ok(json),
        size => Err(too_large(format!(
            "The answer takes {size} bytes as Lambda carries it; it carries {MAX_ANSWER}."
        ))),
    }
}

/// Counts header lines as they go over the wire, `name: value` and CR LF, before repeats are joined.
fn check_headers(headers: &HeaderMap) -> Result<(), GatewayError> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    match size {
        0..=MAX_HEADERS => Ok(()),
        _ => Err(too_large(format!(
            "The answer's headers take {size} bytes; API Gateway carries {MAX_HEADERS}."
        ))),
    }
}

fn too_large(why: String) -> GatewayError {
    GatewayError::ResponseTooLarge { why }
}

/// Whether the body is compressed or the like: what looks like text then is chance.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| {
        let coding = coding.trim_ascii();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

fn joined<S: Serializer>(headers: &&HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    let names = headers.keys().filter(|name| *name != SET_COOKIE);
    serializer.collect_map(names.map(|name| (name.as_str(), join(headers, name))))
}

fn join<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter().map(text_of);
    let first = values.next().unwrap_or_default();
    values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}")))
}
