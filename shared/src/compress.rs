//! Compressing answers for clients that take it.
//!
//! Only gzip: what brotli and zstd would cost the function is in `docs/decisions/0026-gzip-alone.md`.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH,
};
use http::{Method, Response, StatusCode};

use crate::headers::add_vary;
use crate::transform;

mod accept;
mod media_types;
#[cfg(test)]
mod tests;

pub use media_types::MediaTypes;

/// `compress`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressRules {
    /// What is worth it: what is compressed already only grows.
    pub types: MediaTypes,
    /// Smaller bodies, in bytes, stay as they are: they would fill the same packet.
    pub min_size: usize,
}

/// What a request says of how its answer may be compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    gzip: bool,
    /// Whether an answer may be one without its body.
    head: bool,
    /// The tags of what the client has (`If-None-Match`).
    known: Vec<HeaderValue>,
}

impl Wish {
    /// Of a request of this method with these headers, before a stage that asks the upstream for another coding.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            gzip: accept::takes_gzip(headers) && !says_no_transform(headers),
            head: *method == Method::HEAD,
            known: headers.get_all(IF_NONE_MATCH).iter().cloned().collect(),
        }
    }
}

impl CompressRules {
    /// The answer as it goes to the client; `in_time` tells while there is time left to compress it, for a small function
    /// may need seconds for the largest. One that may be compressed for some clients says so to all (`Vary`), and once
    /// compressed its `ETag` is a weak one: it names the same content in two forms (RFC 9110 section 8.8.3.3).
    pub fn apply(&self, wish: &Wish, answer: Response<Bytes>, in_time: impl Fn() -> bool) -> Response<Bytes> {
        let (mut head, body) = answer.into_parts();
        if !self.concern(head.status, &head.headers) {
            return Response::from_parts(head, body);
        }
        // A 304 and the answer to HEAD are about a body that is not here: they say what the answer with it would have said.
        let not_modified = head.status == StatusCode::NOT_MODIFIED;
        let bodiless = wish.head || not_modified;
        let size = if bodiless {
            stated_length(&head.headers)
        } else {
            Some(body.len())
        };
        if !not_modified && size.is_some_and(|size| size < self.min_size) {
            return Response::from_parts(head, body);
        }
        add_vary(&mut head.headers, "Accept-Encoding");
        if !wish.gzip || not_modified && wish.has_as_it_is(&head.headers) {
            return Response::from_parts(head, body);
        }
        if bodiless {
            restate(&mut head.headers);
            return Response::from_parts(head, body);
        }
        match gzip(&body, in_time).filter(|smaller| is_worth(smaller.len(), body.len())) {
            Some(compressed) => {
                restate(&mut head.headers);
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Response::from_parts(head, compressed.into())
            }
            None => Response::from_parts(head, body),
        }
    }

    /// Whether an answer with this head may be compressed for whoever takes it.
    fn concern(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let no_content = matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT
        );
        let taken = [CONTENT_ENCODING, CONTENT_RANGE]
            .iter()
            .any(|name| headers.contains_key(name));
        // A 304 need not say of what type the body is that the client has.
        let of_type = match headers.get(CONTENT_TYPE) {
            Some(media_type) => self.types.contain(media_type.as_bytes()),
            None => status == StatusCode::NOT_MODIFIED,
        };
        of_type && !no_content && !taken && !says_no_transform(headers)
    }
}

impl Wish {
    /// Whether the client has the body under the very tag that a 304 names: the tag of the body as it is, not compressed. A 304
    /// with another tag would not renew what it has (RFC 9111 section 4.3.4).
    fn has_as_it_is(&self, headers: &HeaderMap) -> bool {
        let Some(tag) = headers.get(ETAG).map(HeaderValue::as_bytes) else {
            return false;
        };
        let holds = |line: &HeaderValue| {
            let line = line.as_bytes();
            let mut places = line.windows(tag.len()).enumerate().filter(|(_, part)| *part == tag);
            places.any(|(at, _)| !line[..at].ends_with(b"W/"))
        };
        tag.starts_with(b"\"") && self.known.iter().any(holds)
    }
}

/// `Content-Length`, where it is a number.
fn stated_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// An event carries bytes as base64, four letters for three; text as it is. What does not gain even so would only make
/// answers too large that were not.
fn is_worth(compressed: usize, plain: usize) -> bool {
    compressed.div_ceil(3) * 4 < plain
}

/// `None` when time ran out.
fn gzip(body: &[u8], in_time: impl Fn() -> bool) -> Option<Vec<u8>> {
    // Most text shrinks to a quarter or less.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(LEVEL));
    for piece in body.chunks(PIECE) {
        if !in_time() {
            return None;
        }
        encoder.write_all(piece).ok()?;
    }
    encoder.finish().ok()
}

/// Of 1 to 9. On JSON, 6 takes some six times as long for the last 5 %, and 1 leaves a third more in a third of the time.
const LEVEL: u32 = 4;

/// How many bytes are compressed between two looks at the time: a few milliseconds' worth.
const PIECE: usize = 64 * 1024;

/// Takes away and weakens what is true of the bytes before compression alone.
fn restate(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    transform::restate(headers);
}

/// `no-transform` (RFC 9111 sections 5.2.1.6 and 5.2.2.6).
fn says_no_transform(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}
