//! What requests bring: JSON bodies, query parameters, ids in paths. Each is read strictly, and what is wrong with it is
//! said in the API's own shape.

use std::borrow::Cow;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use tollgate::api_key::ApiKey;
use tollgate::record::bounded;
use tollgate::store::dynamodb::{LARGEST_PAGE, Patch};

use crate::error::ApiError;

/// The most bytes of a body.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// The longest reason that repeats what a client sent, in bytes.
pub(crate) const LONGEST_REASON: usize = 300;

/// The media types of a JSON body (RFC 8259 section 11).
const JSON: &[&str] = &["application/json"];

/// Those of a merge patch (RFC 7396 section 4 has the first).
const PATCHES: &[&str] = &["application/merge-patch+json", "application/json"];

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON merge patch (RFC 7396), under its own media type or as plain JSON.
pub(crate) struct MergePatch<T>(pub(crate) T);

/// A JSON body that may be left out, or be null: then it says nothing special.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Body::of(request, state).await?.parse(JSON).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MergePatch<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Body::of(request, state).await?.parse(PATCHES).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Body::of(request, state).await?;
        if body.bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let given: Option<T> = body.parse(JSON)?;
        Ok(Self(given.unwrap_or_default()))
    }
}

/// A member of a merge patch, with `#[serde(default)]`: left out, it stays; null takes it away.
pub(crate) fn member<'de, D: Deserializer<'de>, T: Deserialize<'de>>(given: D) -> Result<Patch<T>, D::Error> {
    Option::deserialize(given).map(|given| given.map_or(Patch::Remove, Patch::Set))
}

/// A body, and what the request says that it is.
struct Body {
    headers: HeaderMap,
    bytes: Bytes,
}

impl Body {
    /// The bytes, as many as the router's bound allows.
    async fn of<S: Send + Sync>(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let read = Bytes::from_request(request, state).await;
        let bytes = read.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
            _ => ApiError::BadRequest {
                why: "The body cannot be read.".into(),
            },
        })?;
        Ok(Self { headers, bytes })
    }

    /// What it says, if it is of one of these media types.
    fn parse<T: DeserializeOwned>(&self, takes: &'static [&'static str]) -> Result<T, ApiError> {
        match is(takes, &self.headers) {
            true => parse(&self.bytes),
            false => Err(ApiError::UnsupportedMediaType { takes }),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    match Json::from_bytes(bytes) {
        // Serde reads a struct from an array too, member by member; no path takes one.
        Ok(Json(_)) if bytes.trim_ascii_start().starts_with(b"[") => Err(ApiError::Invalid {
            why: reason("The body", "an array stands in the place of an object"),
        }),
        Ok(Json(value)) => Ok(value),
        Err(rejection) => {
            let why = reason("The body", &rejection.body_text());
            Err(match rejection {
                JsonRejection::JsonDataError(_) => ApiError::Invalid { why },
                _ => ApiError::BadRequest { why },
            })
        }
    }
}

/// What is wrong with a part of a request, in few words: `axum` says first what it tried, and then repeats of the request
/// as much as the client liked to write.
fn reason(part: &str, said: &str) -> String {
    let why = said.split_once(": ").map_or(said, |(_, why)| why);
    format!("{part} is not what this path takes: {}", bounded(why, LONGEST_REASON))
}

/// Whether the one `Content-Type` is among these, with parameters or without.
fn is(takes: &[&str], headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(given), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    takes.iter().any(|one| essence.trim().eq_ignore_ascii_case(one))
}

/// Query parameters. Those that are not asked for are left alone: a presigned request has its signature among them.
pub(crate) struct QueryParameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        query_text(parts)?;
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                let why = reason("The query", &rejection.body_text());
                Err(ApiError::BadRequest { why })
            }
        }
    }
}

/// All values of a query parameter that may be given more than once, in their order.
pub(crate) fn query_values<'p>(parts: &'p Parts, wanted: &str) -> Result<Vec<Cow<'p, str>>, ApiError> {
    let all = form_urlencoded::parse(query_text(parts)?.as_bytes());
    Ok(all.filter(|(name, _)| name == wanted).map(|(_, value)| value).collect())
}

/// The query as it stands. The form reader would put U+FFFD in the place of what is no text, and so ask for something else.
fn query_text(parts: &Parts) -> Result<&str, ApiError> {
    let query = parts.uri.query().unwrap_or_default();
    match percent_decode_str(query).decode_utf8() {
        Ok(_) => Ok(query),
        Err(_) => Err(ApiError::BadRequest {
            why: "The query is not valid UTF-8 once decoded.".into(),
        }),
    }
}

/// Entries on a page whose size is not said.
const USUAL_PAGE: u8 = 50;

/// How many entries a page of a listing has at most.
pub(crate) fn page_size(limit: Option<u64>) -> Result<u8, ApiError> {
    match limit.map_or(Ok(USUAL_PAGE), u8::try_from) {
        Ok(limit @ 1..=LARGEST_PAGE) => Ok(limit),
        _ => Err(ApiError::BadRequest {
            why: format!("`limit` is 1 to {LARGEST_PAGE}."),
        }),
    }
}

/// The name of a plan, from the path.
pub(crate) struct PlanName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PlanName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) if is_plan_name(&name) => Ok(Self(name)),
            _ => Err(ApiError::BadRequest {
                why: "This API takes names of plans of 1 to 250 letters, digits, `.`, `_` and `-`, that do not begin with a dot."
                    .into(),
            }),
        }
    }
}

/// Whether a path can name a plan so.
pub(crate) fn is_plan_name(text: &str) -> bool {
    let takes = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=250).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(takes)
}

/// The id of an API key, from the path. Anything else is not repeated: it may be a whole key.
pub(crate) struct KeyId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for KeyId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) if ApiKey::is_id(&id) => Ok(Self(id)),
            _ => Err(ApiError::BadRequest {
                why: "That is no id of an API key: the 12 letters and digits between `tg_` and the next `_`.".into(),
            }),
        }
    }
}
