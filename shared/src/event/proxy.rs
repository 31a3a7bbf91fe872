//! A proxy event, read into a request.
//!
//! Nothing in the event is believed to be well-formed. What is wrong is told by the member's name, as a sentence.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method};

use super::headers::Headers;
use super::json::Object;
use super::shape::Proxy;
use super::{EventKind, alb, host, payload_v2, rest};
use crate::path::CanonicalPath;
use crate::request::{PlatformFacts, Request, goes_through};

/// What each kind of event says in its own way.
pub(super) struct Particulars {
    pub(super) method: Method,
    pub(super) path: CanonicalPath,
    /// What the front door put in front of the path and is not in it.
    pub(super) mount: String,
    /// Percent-encoded, so that every request line can carry it.
    pub(super) query: String,
    /// Who connected to the front door.
    pub(super) source: IpAddr,
    /// What the front door says of the caller.
    pub(super) platform: PlatformFacts,
}

/// The headers that are well-formed, and the request without its headers or the sentence for a 400. Its client address
/// is the event's source address.
pub(super) fn read(proxy: &Proxy<'_>, kind: EventKind) -> (HeaderMap, Result<Request, String>) {
    let mut headers = Headers::default();
    let in_headers = match kind {
        EventKind::Http | EventKind::Url => headers.read_joined(&proxy.envelope),
        EventKind::Rest | EventKind::Alb => headers.read_repeated(&proxy.envelope),
    };
    let request = in_headers.and_then(|()| read_request(proxy, kind, &headers));
    (headers.map, request)
}

fn read_request(proxy: &Proxy<'_>, kind: EventKind, headers: &Headers) -> Result<Request, String> {
    let envelope = &proxy.envelope;
    let context = proxy.context.as_ref().map_err(Clone::clone)?;
    let particulars = match kind {
        EventKind::Http | EventKind::Url => payload_v2::read(envelope, context, kind)?,
        EventKind::Rest => rest::read(envelope, context)?,
        EventKind::Alb => alb::read(envelope, headers)?,
    };
    assemble(particulars, envelope, context, headers)
}

/// The request of these particulars, all but its headers.
pub(super) fn assemble(
    particulars: Particulars,
    envelope: &Object<'_>,
    context: &Object<'_>,
    headers: &Headers,
) -> Result<Request, String> {
    let authority = headers.authority(context)?;
    Ok(Request {
        method: particulars.method,
        host: host::of_authority(&authority)?,
        authority,
        path: particulars.path,
        upstream_path: None,
        mount: particulars.mount,
        query: particulars.query,
        headers: HeaderMap::new(),
        body: read_body(envelope)?,
        client_ip: particulars.source,
        https: headers.https(),
        platform: particulars.platform,
    })
}

/// The method that this member names.
pub(super) fn read_method(object: &Object<'_>, name: &str) -> Result<Method, String> {
    method_of(&object.required(name)?).map_err(|what| object.wrong(name, what))
}

/// The method of this name; the error is the end of a sentence.
pub(super) fn method_of(text: &str) -> Result<Method, &'static str> {
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| "is not an HTTP method")?;
    match goes_through(&method) {
        true => Ok(method),
        false => Err("is one that goes through no gateway"),
    }
}

fn read_body(envelope: &Object<'_>) -> Result<Bytes, String> {
    let encoded = envelope.flag("isBase64Encoded")?;
    match envelope.text("body")? {
        None => Ok(Bytes::new()),
        Some(body) if encoded => STANDARD
            .decode(body.as_bytes())
            .map(Bytes::from)
            .map_err(|_| envelope.wrong("body", "is not valid base64")),
        Some(body) => Ok(Bytes::from(body.into_owned())),
    }
}
