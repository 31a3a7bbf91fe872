//! What rules do to a request.

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
    rules.headers.apply(&mut request.headers, values, STAGE, edits);
    Ok(())
}

/// Makes the request one whose answer rules can read. `at`: the rules that will.
pub(super) fn prepare(request: &mut Request, at: &Pointer, edits: &mut Edits) {
    let method = &request.method;
    edits.headers(STAGE, Some(at), &mut request.headers, |headers| {
        response::prepare_request(method, headers);
    });
}
