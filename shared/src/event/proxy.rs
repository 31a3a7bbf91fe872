//! A proxy event of payload format 2.0, read into a request.
//!
//! Nothing in the event is believed to be well-formed. What is wrong is told by the member's name, as a sentence.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::value::RawValue;

use super::json::{self, Object};
use super::shape::Proxy;
use super::{EventKind, host};
use crate::path::CanonicalPath;
use crate::request::{Request, goes_through};

/// What no request line can carry in its query (the WHATWG URL standard's query percent-encode set; `http::Uri` refuses
/// the same). Everything else stays as the client wrote it, whether RFC 3986 knows it or not: upstreams may sign it.
const OUTSIDE_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Headers whose values no `Debug` output shows, wherever it ends up.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// Headers as they are read.
#[derive(Default)]
struct Headers {
    map: HeaderMap,
    /// `host` headers; there should be one.
    hosts: Vec<String>,
}

/// The headers that are well-formed, and the request without its headers or the sentence for a 400. Its client address
/// is the event's source address.
pub(super) fn read(proxy: &Proxy<'_>, kind: EventKind) -> (HeaderMap, Result<Request, String>) {
    let mut headers = Headers::default();
    let in_headers = read_headers(&proxy.envelope, &mut headers);
    let in_cookies = read_cookies(&proxy.envelope, &mut headers.map);
    let request = in_headers
        .and(in_cookies)
        .and_then(|()| read_request(proxy, kind, &headers));
    (headers.map, request)
}

fn read_request(
    Proxy { envelope, context }: &Proxy<'_>,
    kind: EventKind,
    headers: &Headers,
) -> Result<Request, String> {
    let context = context.as_ref().map_err(Clone::clone)?;
    let http = context.object("http", "requestContext.http.")?;
    let method = read_method(&http)?;
    let source = http.required("sourceIp")?;
    let authority = read_authority(&headers.hosts, context)?;
    let (path, mount) = read_path(envelope, kind, context)?;
    let query = envelope.text("rawQueryString")?.unwrap_or_default();
    Ok(Request {
        method,
        host: host::of_authority(&authority)?,
        authority,
        path,
        mount,
        query: Cow::from(utf8_percent_encode(&query, OUTSIDE_QUERY)).into_owned(),
        headers: HeaderMap::new(),
        body: read_body(envelope)?,
        client_ip: source
            .parse::<IpAddr>()
            .map_err(|_| http.wrong("sourceIp", "is not an IP address"))?
            .to_canonical(),
        https: is_https(&headers.map),
    })
}

fn read_method(http: &Object<'_>) -> Result<Method, String> {
    let text = http.required("method")?;
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| http.wrong("method", "is not an HTTP method"))?;
    match goes_through(&method) {
        true => Ok(method),
        false => Err(http.wrong("method", "is one that goes through no gateway")),
    }
}

/// The path, decoded or not as the front door gives it, without the stage that an HTTP API puts in front; and what was
/// taken off.
fn read_path(envelope: &Object<'_>, kind: EventKind, context: &Object<'_>) -> Result<(CanonicalPath, String), String> {
    let raw = envelope.required("rawPath")?;
    let path = match kind {
        EventKind::Http => CanonicalPath::from_decoded(&raw)?,
        EventKind::Url => CanonicalPath::from_encoded(&raw)?,
    };
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

/// What the client asked for, or, when it did not say (HTTP/1.0), the name it reached the front door by.
fn read_authority(hosts: &[String], context: &Object<'_>) -> Result<String, String> {
    match hosts {
        [_, _, ..] => Err("The request has more than one `host` header.".into()),
        [host] if !host.is_empty() => Ok(host.clone()),
        _ => Ok(context.text("domainName")?.unwrap_or_default().into_owned()),
    }
}

/// The front doors speak TLS only and overwrite what the client says here, so that the word is theirs; the local
/// runtime, which can be reached without TLS, says `http`.
fn is_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_none_or(|proto| proto != "http")
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

/// Takes every well-formed header; the error is about the first that is not. The services write names in lower case,
/// but any case is taken: a repeat in another case is a repeat.
fn read_headers(envelope: &Object<'_>, headers: &mut Headers) -> Result<(), String> {
    let given = envelope.object("headers", "headers.")?;
    let mut wrong = None;
    for (name, value) in given.members() {
        if let Err(why) = read_header(name, value, headers) {
            wrong.get_or_insert(why);
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn read_header(name: &str, value: &RawValue, headers: &mut Headers) -> Result<(), String> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "The event's `headers` hold an invalid name.".to_owned())?;
    let text = json::text(value).ok_or_else(|| format!("The event's header `{name}` is not a string."))?;
    if name == HOST {
        headers.hosts.push(text.into_owned());
        return Ok(());
    }
    // The body is measured anew for the upstream.
    if name == CONTENT_LENGTH {
        return Ok(());
    }
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("The event's header `{name}` holds a control character."))?;
    value.set_sensitive(CREDENTIALS.contains(&name));
    let too_many = |_| "The event's `headers` hold too many names.".to_owned();
    headers.map.try_append(name, value).map_err(too_many).map(drop)
}

/// Puts the cookies, which these events list apart, back into one header (RFC 6265 section 5.4). They stand in for a
/// `cookie` header that is there as well.
fn read_cookies(envelope: &Object<'_>, headers: &mut HeaderMap) -> Result<(), String> {
    let cookies = envelope.texts("cookies")?;
    if cookies.is_empty() {
        return Ok(());
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(cookies.join("; ")))
        .map_err(|_| envelope.wrong("cookies", "holds a control character"))?;
    value.set_sensitive(true);
    let too_many = |_| "The event's `headers` hold too many names.".to_owned();
    headers.try_insert(COOKIE, value).map_err(too_many).map(drop)
}
