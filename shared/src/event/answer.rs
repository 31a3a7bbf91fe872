//! A response, written as the answer that its event's front door understands.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::EventKind;
use crate::error::GatewayError;
use crate::headers::text_of;

/// The largest answer that Lambda takes from a function, in bytes of JSON. The documented 6 MB is this; a larger one
/// is refused by the Runtime API with 413, and the client sees a 502 that nobody wrote.
const MAX_ANSWER: usize = 6_291_556;

/// The largest answer that a load balancer takes, in bytes of JSON: 1 MB
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>).
const MAX_ALB_ANSWER: usize = 1_048_576;

/// The most bytes of headers that API Gateway carries
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_HEADERS: usize = 10_240;

/// The most bytes of headers that a load balancer takes: 32 K
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>).
const MAX_ALB_HEADERS: usize = 32_768;

/// What an answer must look like. A load balancer reads headers from one member or from the other, as its target group
/// is set; its events have the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// Payload format 2.0, with API Gateway's limit on headers.
    Http,
    /// Payload format 2.0.
    Url,
    /// `multiValueHeaders`, with API Gateway's limit on headers.
    Rest,
    /// `headers`, one value each, with a load balancer's limit on them.
    Alb,
    /// `multiValueHeaders`, with a load balancer's limit on them.
    AlbMultiValue,
}

impl AnswerForm {
    /// The form for an event of this kind; `multi_value` when it has `multiValueHeaders`.
    pub(super) const fn of(kind: EventKind, multi_value: bool) -> Self {
        match kind {
            EventKind::Http => Self::Http,
            EventKind::Url => Self::Url,
            EventKind::Rest => Self::Rest,
            EventKind::Alb if multi_value => Self::AlbMultiValue,
            EventKind::Alb => Self::Alb,
        }
    }

    const fn is_alb(self) -> bool {
        matches!(self, Self::Alb | Self::AlbMultiValue)
    }

    /// Who bounds the headers of an answer, and to how many bytes. Of Function URLs no bound is documented.
    const fn most_headers(self) -> Option<(&'static str, usize)> {
        match self {
            Self::Http | Self::Rest => Some(("API Gateway", MAX_HEADERS)),
            Self::Alb | Self::AlbMultiValue => Some(("a load balancer", MAX_ALB_HEADERS)),
            Self::Url => None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Joined<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Apart<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

/// Writes the answer in this form. Where a header has one value, repeats are joined by `, `; but `Set-Cookie`, which
/// cannot be, has a list of its own in payload format 2.0, and in a load balancer's single-value form only its last
/// value is kept: the log gets an error about the others, under `request_id`. A body is text where it is text, else
/// base64.
///
/// A header value that is not UTF-8 is read as ISO-8859-1 (`text_of`): JSON cannot carry the bytes, and so at least
/// every character arrives.
///
/// # Errors
/// `ResponseTooLarge` when its serialised form is over what Lambda (6,291,556 bytes) or the front door (a load
/// balancer: 1,048,576 bytes) carries; or its headers, counted as `name: value` lines, are over 10,240 bytes behind API
/// Gateway or 32,768 bytes behind a load balancer.
pub fn write(
    form: AnswerForm,
    response: http::Response<Bytes>,
    request_id: &str,
) -> Result<Box<RawValue>, GatewayError> {
    let (head, body) = response.into_parts();
    check_headers(form, &head.headers)?;
    let text = match is_encoded(&head.headers) {
        true => None,
        false => std::str::from_utf8(&body).ok(),
    };
    let cookies = head.headers.get_all(SET_COOKIE).iter();
    let (headers, multi_value_headers, cookies) = match form {
        AnswerForm::Http | AnswerForm::Url => (
            Some(Joined::but_cookies(&head.headers)),
            None,
            cookies.map(text_of).collect(),
        ),
        AnswerForm::Rest | AnswerForm::AlbMultiValue => (None, Some(Apart(&head.headers)), Vec::new()),
        AnswerForm::Alb => (
            Some(Joined::with_last_cookie(&head.headers, request_id)),
            None,
            Vec::new(),
        ),
    };
    let answer = Answer {
        status_code: head.status.as_u16(),
        status_description: form.is_alb().then(|| describe(head.status)),
        headers,
        multi_value_headers,
        cookies,
        is_base64_encoded: text.is_none(),
        body: text.map_or_else(|| STANDARD.encode(&body).into(), Cow::Borrowed),
    };
    let json = to_raw_value(&answer).map_err(|error| GatewayError::Internal {
        why: format!("the answer cannot be written as JSON: {error}"),
    })?;
    check_size(form, json.get().len())?;
    Ok(json)
}

/// `200 OK`. The word for a status without one is that of IANA's registry.
fn describe(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Unassigned");
    format!("{} {reason}", status.as_str())
}

fn check_size(form: AnswerForm, size: usize) -> Result<(), GatewayError> {
    let (carrier, most) = match form.is_alb() {
        true => ("a load balancer", MAX_ALB_ANSWER),
        false => ("Lambda", MAX_ANSWER),
    };
    match size <= most {
        true => Ok(()),
        false => Err(too_large(format!(
            "The answer takes {size} bytes as {carrier} carries it; it carries {most}."
        ))),
    }
}

/// Counts header lines as they go over the wire, `name: value` and CR LF, before repeats are joined.
fn check_headers(form: AnswerForm, headers: &HeaderMap) -> Result<(), GatewayError> {
    let Some((carrier, most)) = form.most_headers() else {
        return Ok(());
    };
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    match size <= most {
        true => Ok(()),
        false => Err(too_large(format!(
            "The answer's headers take {size} bytes; {carrier} carries {most}."
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

/// One value a name.
struct Joined<'a> {
    headers: &'a HeaderMap,
    /// Stands for all `Set-Cookie`.
    cookie: Option<&'a HeaderValue>,
}

impl<'a> Joined<'a> {
    fn but_cookies(headers: &'a HeaderMap) -> Self {
        Self { headers, cookie: None }
    }

    fn with_last_cookie(headers: &'a HeaderMap, request_id: &str) -> Self {
        let mut cookies = headers.get_all(SET_COOKIE).iter();
        // Of two for one name a client keeps the later (RFC 6265 section 5.3), and of a request's repeats such a load
        // balancer keeps the last as well.
        let cookie = cookies.next_back();
        let lost = cookies.count();
        if lost > 0 {
            tracing::error!(
                request_id,
                lost,
                "only the last of {} Set-Cookie headers was sent: without multi-value headers a load balancer carries one; \
                 set the target group's attribute lambda.multi_value_headers.enabled to true",
                lost + 1,
            );
        }
        Self { headers, cookie }
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.headers.keys().filter(|name| *name != SET_COOKIE);
        let joined = names.map(|name| (name.as_str(), join(self.headers, name)));
        let cookie = self.cookie.map(|cookie| (SET_COOKIE.as_str(), text_of(cookie)));
        serializer.collect_map(joined.chain(cookie))
    }
}

/// A list of values a name.
struct Apart<'a>(&'a HeaderMap);

impl Serialize for Apart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name.as_str(), Values(self.0, name))))
    }
}

struct Values<'a>(&'a HeaderMap, &'a HeaderName);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.get_all(self.1).iter().map(text_of))
    }
}

fn join<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter().map(text_of);
    let first = values.next().unwrap_or_default();
    values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}")))
}
