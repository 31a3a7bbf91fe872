//! From a message's headers and bytes to its JSON text, or why there is none.

use std::fmt;
use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::value::RawValue;

use super::OnUnparsable;
use super::rewrite::{Failure, MAX_DEPTH};

/// How many bytes a gzip body may decode to, and any body become by what rules put into it, 16 MiB: far over the 6 MB
/// that Lambda can answer with, and little enough for its smallest memory size (128 MB).
pub(super) const MAX_DECODED: usize = 16 * 1024 * 1024;

/// What a message says its body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// JSON, by any of its `Content-Type` values.
    Json,
    /// Nothing: no `Content-Type`. Clients guess then, so the gateway has to.
    Unnamed,
    /// Something else, which body rules leave alone.
    Other,
}

/// Why there is no JSON text.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Not JSON, at this place.
    NotJson(serde_json::Error),
    /// Begins like JSON, in another encoding than UTF-8.
    Encoding,
    /// Part of a document: 206.
    Partial,
    /// A `Content-Encoding` other than gzip alone.
    Coding,
    /// Not the gzip it says it is.
    Gzip,
    /// More than [`MAX_DECODED`], decoded or with what rules put into it.
    TooLarge,
    /// Nested too deep where rules look.
    TooDeep,
    /// Valid, and yet the gateway lost its way in it.
    Defect,
}

impl From<Failure> for Unreadable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooDeep => Self::TooDeep,
            Failure::TooLarge => Self::TooLarge,
            Failure::Malformed => Self::Defect,
        }
    }
}

impl Unreadable {
    /// Whether the body may be JSON for all that, out of the gateway's reach but not out of a client's: compressed in
    /// another way, in another encoding, a part, too large, too deep. `on_unparsable: pass` is about bodies that are not JSON: it does not
    /// let these through, or an upstream that compresses with brotli would show all that rules hide.
    fn may_be_json(&self) -> bool {
        !matches!(self, Self::NotJson(_))
    }

    /// Whether rules that say so do not let this body through.
    pub(super) fn is_refused(&self, media: Media, body: &[u8], on_unparsable: OnUnparsable) -> bool {
        self.may_be_json()
            || on_unparsable == OnUnparsable::Refuse && (media != Media::Unnamed || begins_like_json(body))
    }
}

/// For the log. It names places, never the body's content.
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "is not JSON: {error}"),
            Self::Encoding => f.write_str("begins like JSON, and is not the UTF-8 that JSON is written in"),
            Self::Partial => f.write_str("is only a part (206), though no range was asked for"),
            Self::Coding => f.write_str("has a Content-Encoding other than gzip, though identity was asked for"),
            Self::Gzip => f.write_str("is not the gzip its Content-Encoding says"),
            Self::TooLarge => write!(
                f,
                "has more than {MAX_DECODED} bytes, decoded or with what is set in it"
            ),
            Self::TooDeep => write!(f, "nests deeper than {MAX_DEPTH} levels"),
            Self::Defect => f.write_str("is valid JSON that the gateway could not follow: a defect of the gateway"),
        }
    }
}

impl Media {
    /// What these headers say. `multipart/byteranges` of a part (206) counts as JSON: its parts may be parts of JSON.
    pub(super) fn of(headers: &HeaderMap, is_part: bool) -> Self {
        let mut media = Self::Unnamed;
        // Several types, in one value or in several, are malformed, and clients differ in which one they believe.
        let values = headers.get_all(CONTENT_TYPE).iter();
        for one in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
            let essence = one.split(|byte| *byte == b';').next().unwrap_or_default();
            let essence = essence.trim_ascii().to_ascii_lowercase();
            let ranges = is_part && essence == b"multipart/byteranges";
            if ranges || is_json(&essence) {
                return Self::Json;
            }
            if is_media_type(&essence) {
                media = Self::Other;
            }
        }
        media
    }
}

/// Every type with `json` in its subtype: `application/json`, the suffix `+json` (RFC 6839 section 3.1), and also
/// sequences such as `application/x-ndjson` and `application/json-seq`. Those are not one JSON text and end as
/// unparsable, but a client could ask for them by `Accept`, and rules must not be passed by asking in another way.
fn is_json(essence: &[u8]) -> bool {
    let subtype = essence.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
    subtype.windows(4).any(|window| window == b"json")
}

/// Two tokens around a slash (RFC 9110 section 8.3.1). What is not names no type: clients guess.
fn is_media_type(essence: &[u8]) -> bool {
    let is_token = |part: &[u8]| {
        let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        !part.is_empty() && part.iter().all(in_token)
    };
    let mut parts = essence.splitn(2, |byte| *byte == b'/');
    parts.next().is_some_and(is_token) && parts.next().is_some_and(is_token)
}

/// The JSON text of a body, decoded and found valid (RFC 8259), without the byte order mark that some writers put
/// in front and without white space around it.
pub(super) fn json_text(headers: &HeaderMap, is_part: bool, body: &Bytes) -> Result<Bytes, Unreadable> {
    if is_part {
        return Err(Unreadable::Partial);
    }
    let body = decode(headers, body)?;
    let unmarked = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body);
    let text: &RawValue = serde_json::from_slice(unmarked).map_err(|error| not_json(unmarked, error))?;
    Ok(body.slice_ref(text.get().as_bytes()))
}

/// Whether it is only the encoding that is not JSON's (RFC 8259 section 8.1): clients find UTF-16 by its NULs, go by a
/// `charset`, or read each broken byte as U+FFFD and the rest as it stands.
fn not_json(body: &[u8], error: serde_json::Error) -> Unreadable {
    let is_utf8 = !body.contains(&0) && std::str::from_utf8(body).is_ok();
    match is_utf8 || !begins_like_json(body) {
        true => Unreadable::NotJson(error),
        false => Unreadable::Encoding,
    }
}

/// Whether a body of no type begins like JSON, as clients that guess would see it: with a bracket, after white space,
/// a byte order mark or the NULs of a wider encoding.
fn begins_like_json(body: &[u8]) -> bool {
    let begun = body.iter().find(|byte| {
        !matches!(
            byte,
            b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF
        )
    });
    matches!(begun, Some(b'{' | b'['))
}

/// What a body is encoded in, outermost last.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = Vec<u8>> {
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    codings
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|coding| coding.trim_ascii().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != b"identity")
}

/// Whether a body is encoded in any way.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    codings(headers).next().is_some()
}

fn decode(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Unreadable> {
    let mut codings = codings(headers);
    match (codings.next().as_deref(), codings.next()) {
        (None, _) => Ok(body.clone()),
        (Some(b"gzip" | b"x-gzip"), None) => gunzip(body).map(Bytes::from),
        _ => Err(Unreadable::Coding),
    }
}

/// Decodes every gzip member of the body (RFC 1952 section 2.2 allows several).
fn gunzip(body: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut decoded = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(MAX_DECODED as u64 + 1);
    decoder.read_to_end(&mut decoded).map_err(|_| Unreadable::Gzip)?;
    if decoded.len() > MAX_DECODED {
        return Err(Unreadable::TooLarge);
    }
    Ok(decoded)
}
