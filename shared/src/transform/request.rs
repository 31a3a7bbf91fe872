//! What rules do to a request.

use bytes::Bytes;
use http::header::CONTENT_RANGE;

use super::content::{self, MAX_DECODED, Media, Unreadable};
use super::rewrite::MAX_DEPTH;
use super::{RequestRules, response};
use crate::config::Pointer;
use crate::edits::{Edits, Operation, Stage};
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::request::Request;
use crate::template::Values;

const STAGE: Stage = Stage::TransformRequest;

/// Applies one block. `values` are those of the request before any.
pub(super) fn apply(
    rules: &RequestRules,
    request: &mut Request,
    values: &Values<'_>,
    edits: &mut Edits,
) -> Result<(), GatewayError> {
    if let Some(rule) = &rules.path {
        let path = rule
            .says
            .fill(values)
            .map_err(|unfilled| unfilled.into_error(&rule.at))?;
        // Each segment was looked at: no value makes another path of it.
        let canonical = CanonicalPath::from_encoded(&path).map_err(|why| GatewayError::BadRequest { why })?;
        edits.tell(STAGE, Some(&rule.at), || Operation::SetPath(path));
        request.upstream_path = Some(canonical);
    }
    if !rules.query.is_empty() {
        request.query = rules.query.apply(&request.query, values, edits)?;
    }
    change_headers(rules, request, values, edits);
    Ok(())
}

/// Applies the rules for headers of one block.
pub(super) fn change_headers(rules: &RequestRules, request: &mut Request, values: &Values<'_>, edits: &mut Edits) {
    rules.headers.apply(&mut request.headers, values, STAGE, edits);
}

/// Applies body rules, in order: on JSON media types only, digests dropped. The upstream's `Content-Length` is measured
/// later. An empty body stays empty.
pub(super) fn change_body(
    rules: &[&RequestRules],
    request: &mut Request,
    values: &Values<'_>,
    edits: &mut Edits,
) -> Result<(), GatewayError> {
    let rules: Vec<&RequestRules> = rules.iter().copied().filter(|rules| !rules.body.is_empty()).collect();
    let Some(first) = rules.first() else { return Ok(()) };
    let media = Media::of(&request.headers, is_part(request));
    if request.body.is_empty() || media == Media::Other {
        return Ok(());
    }
    if content::is_coded(&request.headers) {
        let at = first.pointer.clone();
        return Err(GatewayError::CodingRefused { at });
    }
    let text = match content::json_text(&request.headers, is_part(request), &request.body) {
        Ok(text) => text,
        Err(unreadable) => {
            let refuses = |block: &&&RequestRules| unreadable.is_refused(media, &request.body, block.on_unparsable);
            let refusing = rules.iter().find(refuses);
            return refusing.map_or(Ok(()), |block| Err(refused(block, &unreadable)));
        }
    };
    request.body = changed(&rules, text, values, edits)?;
    edits.headers(STAGE, None, &mut request.headers, response::drop_digests);
    Ok(())
}

fn changed(
    rules: &[&RequestRules],
    mut text: Bytes,
    values: &Values<'_>,
    edits: &mut Edits,
) -> Result<Bytes, GatewayError> {
    for block in rules {
        let filled = block.body.fill(values);
        let settings = filled.map_err(|(unfilled, at)| unfilled.into_error(at))?;
        let outcome = block.body.apply(&text, &settings, STAGE, edits);
        text = outcome.map_err(|failure| refused(block, &failure.into()))?;
    }
    Ok(text)
}

/// Whether the body says that it is a part of a document (RFC 9110 section 14.5).
fn is_part(request: &Request) -> bool {
    request.headers.contains_key(CONTENT_RANGE)
}

/// A sentence for the client, and the rules that could not be applied.
fn refused(block: &RequestRules, unreadable: &Unreadable) -> GatewayError {
    let at = block.pointer.clone();
    let why = match unreadable {
        Unreadable::NotJson(error) => format!("The request's body cannot be read as JSON: {error}."),
        Unreadable::Partial => "The request's body is only a part (Content-Range), which is not taken here.".into(),
        Unreadable::TooDeep => format!("The request's body nests deeper than {MAX_DEPTH} levels."),
        Unreadable::Encoding => "The request's body is not the UTF-8 that JSON is written in.".into(),
        Unreadable::TooLarge => {
            let why = format!("The request's body has more than {MAX_DECODED} bytes with what is set in it.");
            return GatewayError::PayloadTooLarge { why, at };
        }
        Unreadable::Coding | Unreadable::Gzip | Unreadable::Defect => {
            let why = format!("a request's body {unreadable}");
            return GatewayError::Internal { why };
        }
    };
    GatewayError::BodyUnreadable { why, at }
}

/// Makes the request one whose answer rules can read. `at`: the rules that will.
pub(super) fn prepare(request: &mut Request, at: &Pointer, edits: &mut Edits) {
    let method = &request.method;
    edits.headers(STAGE, Some(at), &mut request.headers, |headers| {
        response::prepare_request(method, headers);
    });
}
