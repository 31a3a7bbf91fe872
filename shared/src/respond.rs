//! Answers of the gateway's own: what a route with `respond` serves without calling anybody.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::limit::Usage;

/// `respond: usage`: `plan`, and every limit with what is left of it. For whoever asks alone, so that no cache may keep it.
pub fn usage(plan: Option<&str>, limits: &[Usage]) -> Response<Bytes> {
    let body = json!({ "plan": plan, "limits": limits });
    let mut response = Response::new(Bytes::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer that is the same for every request: made when the gateway starts, and shared by all that it answers.
#[derive(Clone, Debug)]
pub struct FixedAnswer {
    /// From 200 to 599.
    pub status: StatusCode,
    /// All but what every answer carries.
    pub headers: HeaderMap,
    /// Empty where the status allows no content (RFC 9110 section 6.4.1).
    pub body: Bytes,
}

impl FixedAnswer {
    /// `respond: health`: says that an environment serves. It says so of nothing behind the gateway, and no cache
    /// may say so in its place.
    pub fn health() -> Self {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Self {
            status: StatusCode::OK,
            headers: headers.into_iter().collect(),
            body: Bytes::from_static(br#"{"status":"ok"}"#),
        }
    }

    /// One copy; the body's bytes are shared.
    pub fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}
