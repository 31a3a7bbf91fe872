//! What rules do to an answer: its body first, by the media type that the upstream gave, then its headers.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, RANGE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::ResponseRules;
use super::content::{self, Media, Unreadable};
use crate::edits::{Edits, Stage};
use crate::error::GatewayError;
use crate::template::Values;

const STAGE: Stage = Stage::TransformResponse;

/// Headers that describe the bytes the upstream sent (RFC 9530; RFC 3230 and RFC 1864 before it) or offer ranges
/// of them.
const ABOUT_ORIGINAL_BYTES: [&str; 6] = [
    "content-encoding",
    "accept-ranges",
    "content-digest",
    "repr-digest",
    "digest",
    "content-md5",
];

/// Applies header rules, block after block.
pub(super) fn change_headers(
    rules: &[&ResponseRules],
    answer: &mut http::Response<Bytes>,
    values: &Values<'_>,
    edits: &mut Edits,
) {
    for block in rules {
        block.headers.apply(answer.headers_mut(), values, STAGE, edits);
    }
}

/// Applies body rules, in order, to an answer: on JSON media types only (gzip is decoded first), `Content-Length` anew,
/// `ETag` weak, digests dropped. The error is `UpstreamInvalid`.
///
/// Each block of rules sees what the one before it left, new names included. A body without a media type is
/// transformed if it is JSON, unparsable if it only begins like JSON, and passed untouched if not. An empty body (HEAD, 204, 304)
/// passes; its headers are treated like those of the body it stands for. One block that refuses an unparsable body
/// outweighs all that pass it.
pub(super) fn change_body(
    rules: &[&ResponseRules],
    response: http::Response<Bytes>,
    values: &Values<'_>,
    edits: &mut Edits,
) -> Result<http::Response<Bytes>, GatewayError> {
    let rules: Vec<&ResponseRules> = rules.iter().copied().filter(|rules| !rules.body.is_empty()).collect();
    if rules.is_empty() {
        return Ok(response);
    }
    let (mut answer, body) = response.into_parts();
    let media = Media::of(&answer.headers, is_part(&answer));
    if media == Media::Other {
        return Ok(http::Response::from_parts(answer, body));
    }
    if body.is_empty() {
        // 0 is true of a body that is empty by itself. Another length is that of the body that a HEAD stands for,
        // before the rules.
        edits.headers(STAGE, None, &mut answer.headers, |headers| {
            if headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
                headers.remove(CONTENT_LENGTH);
            }
            restate(headers);
        });
        return Ok(http::Response::from_parts(answer, body));
    }
    match transform(&rules, &answer, &body, values, edits) {
        Ok(new) => {
            edits.headers(STAGE, None, &mut answer.headers, |headers| {
                headers.insert(CONTENT_LENGTH, new.len().into());
                restate(headers);
            });
            Ok(http::Response::from_parts(answer, new))
        }
        Err(unreadable) => match rules
            .iter()
            .find(|block| unreadable.is_refused(media, &body, block.on_unparsable))
        {
            None => Ok(http::Response::from_parts(answer, body)),
            Some(block) => Err(GatewayError::UpstreamInvalid {
                why: format!(
                    "{} cannot be applied: the answer's body {unreadable}",
                    block.pointer.as_str()
                ),
            }),
        },
    }
}

fn is_part(answer: &Parts) -> bool {
    answer.status == StatusCode::PARTIAL_CONTENT
}

/// The body after all rules.
fn transform(
    rules: &[&ResponseRules],
    answer: &Parts,
    body: &Bytes,
    values: &Values<'_>,
    edits: &mut Edits,
) -> Result<Bytes, Unreadable> {
    let mut text = content::json_text(&answer.headers, is_part(answer), body)?;
    for block in rules {
        let settings = block.body.fill_what_is_there(values);
        text = block.body.apply(&text, &settings, STAGE, edits)?;
    }
    Ok(text)
}

/// Makes headers true again for a body that rules went over.
pub(crate) fn restate(headers: &mut HeaderMap) {
    drop_digests(headers);
    // The bytes differ from the upstream's, the meaning is the same for every client of this route: what a weak
    // validator says (RFC 9110 section 8.8.1). What is no entity tag cannot be made a weak one.
    if let Some(tag) = headers.remove(ETAG)
        && let Some(weak) = weak(tag)
    {
        headers.insert(ETAG, weak);
    }
}

/// Takes out what is said of other bytes than these.
pub(super) fn drop_digests(headers: &mut HeaderMap) {
    for name in ABOUT_ORIGINAL_BYTES {
        headers.remove(name);
    }
}

/// The same tag, weak; `None` for what is no entity tag (RFC 9110 section 8.8.3).
fn weak(tag: HeaderValue) -> Option<HeaderValue> {
    match tag.as_bytes() {
        [b'W', b'/', b'"', .., b'"'] => Some(tag),
        strong @ [b'"', .., b'"'] => HeaderValue::from_bytes(&[b"W/", strong].concat()).ok(),
        _ => None,
    }
}

/// What a request to an upstream must not ask for when body rules wait for the answer: sets
/// `Accept-Encoding: identity`, and on reads removes `Range` and `If-*`.
///
/// Validators in `If-*` are the weak ones of transformed bodies, and a 304 or a part cannot be transformed. On a
/// write they guard against lost updates, so there they stay: a weak `If-Match` fails there rather than being ignored.
pub(crate) fn prepare_request(method: &Method, headers: &mut HeaderMap) {
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if !matches!(*method, Method::GET | Method::HEAD) {
        return;
    }
    headers.remove(RANGE);
    let conditions: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("if-"))
        .cloned()
        .collect();
    for name in conditions {
        headers.remove(name);
    }
}
