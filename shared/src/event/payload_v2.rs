//! Payload format 2.0: HTTP APIs
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>) and
//! Function URLs (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>).

use super::EventKind;
use super::client;
use super::json::Object;
use super::platform;
use super::proxy::{Particulars, read_method};
use super::query;
use crate::path::CanonicalPath;

pub(super) fn read(envelope: &Object<'_>, context: &Object<'_>, kind: EventKind) -> Result<Particulars, String> {
    let http = context.object("http", "requestContext.http.")?;
    let (path, mount) = read_path(envelope, context, kind)?;
    let raw = envelope.text("rawQueryString")?.unwrap_or_default();
    Ok(Particulars {
        method: read_method(&http, "method")?,
        path,
        mount,
        query: query::as_sent(&raw),
        source: client::source(&http, "sourceIp")?,
        platform: platform::of_payload_v2(context, kind),
    })
}

/// The path, decoded or not as the front door gives it, without the stage that an HTTP API puts in front; and what was
/// taken off.
fn read_path(envelope: &Object<'_>, context: &Object<'_>, kind: EventKind) -> Result<(CanonicalPath, String), String> {
    let raw = envelope.required("rawPath")?;
    let path = match kind {
        EventKind::Http => CanonicalPath::from_decoded(&raw)?,
        _ => CanonicalPath::from_encoded(&raw)?,
    };
    without_stage(path, context)
}

/// The path without the stage that an HTTP API puts in front, and what was taken off.
pub(super) fn without_stage(path: CanonicalPath, context: &Object<'_>) -> Result<(CanonicalPath, String), String> {
    // A custom domain maps to a stage without showing it: there a first segment of that name is the client's own.
    let shows_stage = context
        .text("domainName")?
        .is_none_or(|domain| domain.contains(".execute-api."));
    let stage = context
        .text("stage")?
        .filter(|stage| shows_stage && stage != "$default");
    let Some(stage) = stage else {
        return Ok((path, String::new()));
    };
    Ok(match path.without_stage(&stage) {
        Some(rest) => (rest, format!("/{stage}")),
        None => (path, String::new()),
    })
}
