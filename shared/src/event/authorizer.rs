//! Events of API Gateway's Lambda authorizers: a request to decide on, without its body, and the ARN that names it.
//!
//! REST APIs ask in two ways
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>), HTTP APIs
//! in two more
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>). What is in a
//! request is read by the code that reads the same of a proxy event.

mod answer;
mod arn;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use ipnet::IpNet;

use super::headers::Headers;
use super::json::Object;
use super::proxy::{self, Particulars};
use super::query::{self, Parameters};
use super::{EventKind, client, complete, payload_v2, platform, rest, shape};
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::request::{PlatformFacts, Request};

pub use answer::{ResponseForm, Ruling, write};
pub use arn::MethodArn;

/// What nothing known fits, of those that carry a method's ARN.
const UNKNOWN: &str = "an authorizer event of unknown type";

/// How an API asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizerKind {
    /// REST API, `TOKEN`: one header's value. Method and path stand in the ARN alone; who calls is not told.
    RestToken,
    /// REST API, `REQUEST`: `path` still encoded.
    Rest,
    /// HTTP API, payload 1.0: `path` comes decoded, with the stage in front.
    Http1,
    /// HTTP API, payload 2.0: `rawPath` comes decoded, with the stage in front.
    Http2,
}

/// An authorizer's event, however broken the request in it: it can be answered.
#[derive(Debug)]
pub struct AuthorizerEvent {
    kind: AuthorizerKind,
    arn: MethodArn,
    headers: HeaderMap,
    /// All of the request but its headers and what trusted proxies say, or what is wrong with it, as a sentence.
    request: Result<Request, String>,
}

/// An event that asks for no decision. It must fail as a Lambda error: any answer would be taken for something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this function authorizes requests of API Gateway, but was sent {kind}")]
pub struct NotAuthorizer {
    /// What it is as far as can be told, with its article.
    pub kind: String,
}

impl AuthorizerEvent {
    /// Reads the envelope.
    ///
    /// # Errors
    /// An event that is none of an authorizer of a REST or HTTP API, or whose ARN is none, so that no answer could name
    /// what it is about.
    pub fn read(payload: &str) -> Result<Self, NotAuthorizer> {
        let not = |kind: &str| NotAuthorizer { kind: kind.to_owned() };
        let envelope = Object::outermost(payload).filter(names_method);
        let envelope = envelope.ok_or_else(|| NotAuthorizer { kind: other(payload) })?;
        let context = envelope.object("requestContext", "requestContext.");
        let kind = kind_of(&envelope, context.as_ref().ok()).map_err(not)?;
        let arn = read_arn(&envelope, kind).map_err(not)?;
        let mut headers = Headers::default();
        let in_headers = match kind {
            AuthorizerKind::RestToken => headers.read_token(&envelope),
            AuthorizerKind::Rest | AuthorizerKind::Http1 => headers.read_repeated(&envelope),
            AuthorizerKind::Http2 => headers.read_joined(&envelope),
        };
        let request = in_headers
            .and(context)
            .and_then(|context| read_request(kind, &arn, &envelope, &context, &headers));
        Ok(Self {
            kind,
            arn,
            headers: headers.map,
            request,
        })
    }

    /// How the API asks.
    pub fn kind(&self) -> AuthorizerKind {
        self.kind
    }

    /// The name of the method that is asked for.
    pub fn arn(&self) -> &MethodArn {
        &self.arn
    }

    /// The request headers that are well-formed, also of a broken event.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The canonical request, without a body.
    ///
    /// # Errors
    /// `BadRequest`, which names the member of the event that is wrong.
    pub fn request(self, trusted_proxies: &[IpNet]) -> Result<Request, GatewayError> {
        complete(self.request, self.headers, trusted_proxies)
    }
}

/// Whether an event has what all events of authorizers have, and no others.
fn names_method(envelope: &Object<'_>) -> bool {
    envelope.get("methodArn").is_some() || envelope.get("routeArn").is_some()
}

/// What an event is that names no method.
fn other(payload: &str) -> String {
    match shape::read(payload) {
        Ok(proxy) => format!("a request itself (`{}`), which is for the gateway", proxy.kind.name()),
        Err(kind) => kind.to_owned(),
    }
}

fn kind_of(envelope: &Object<'_>, context: Option<&Object<'_>>) -> Result<AuthorizerKind, &'static str> {
    if context.is_some_and(|context| context.get("connectionId").is_some()) {
        return Err("an authorizer event of a WebSocket API");
    }
    let Ok(version) = envelope.text("version") else {
        return Err(UNKNOWN);
    };
    match (envelope.text("type").ok().flatten().as_deref(), version.as_deref()) {
        (Some("TOKEN"), None) => Ok(AuthorizerKind::RestToken),
        (Some("REQUEST"), None) => Ok(AuthorizerKind::Rest),
        (Some("REQUEST"), Some("1.0")) => Ok(AuthorizerKind::Http1),
        (Some("REQUEST"), Some("2.0")) => Ok(AuthorizerKind::Http2),
        _ => Err(UNKNOWN),
    }
}

fn read_arn(envelope: &Object<'_>, kind: AuthorizerKind) -> Result<MethodArn, &'static str> {
    let (member, wrong) = match kind {
        AuthorizerKind::Http2 => ("routeArn", "an authorizer event whose `routeArn` names no route"),
        _ => ("methodArn", "an authorizer event whose `methodArn` names no method"),
    };
    let text = envelope.text(member).ok().flatten();
    text.and_then(|text| MethodArn::parse(&text)).ok_or(wrong)
}

fn read_request(
    kind: AuthorizerKind,
    arn: &MethodArn,
    envelope: &Object<'_>,
    context: &Object<'_>,
    headers: &Headers,
) -> Result<Request, String> {
    let particulars = match kind {
        AuthorizerKind::RestToken => of_arn(arn)?,
        AuthorizerKind::Rest => rest::read(envelope, context)?,
        AuthorizerKind::Http1 => of_payload_v1(envelope, context)?,
        AuthorizerKind::Http2 => payload_v2::read(envelope, context, EventKind::Http)?,
    };
    proxy::assemble(particulars, envelope, context, headers)
}

/// Without a query and without a client: the ARN is all there is.
fn of_arn(arn: &MethodArn) -> Result<Particulars, String> {
    let wrong = |what| format!("The method in the event's `methodArn` {what}.");
    Ok(Particulars {
        method: proxy::method_of(arn.method()).map_err(wrong)?,
        path: CanonicalPath::from_encoded(&format!("/{}", arn.path()))?,
        mount: String::new(),
        query: String::new(),
        source: client::NOBODY,
        platform: PlatformFacts::none(EventKind::Rest),
    })
}

/// An HTTP API's payload 1.0 has the members of a REST API's, but `path` is decoded, and begins with the stage.
fn of_payload_v1(envelope: &Object<'_>, context: &Object<'_>) -> Result<Particulars, String> {
    let path = CanonicalPath::from_decoded(&envelope.required("path")?)?;
    let (path, mount) = payload_v2::without_stage(path, context)?;
    let identity = context.object("identity", "requestContext.identity.")?;
    Ok(Particulars {
        method: proxy::read_method(envelope, "httpMethod")?,
        path,
        mount,
        query: query::of_maps(envelope, Parameters::Decoded)?,
        source: client::source(&identity, "sourceIp")?,
        // A client certificate stands where a REST API has it.
        platform: platform::of_rest(context, &identity),
    })
}
