//! What the front door says of the caller, as text: a request whose route does not ask pays for no more than a look.

use http::HeaderMap;
use serde_json::value::RawValue;

use super::EventKind;
use super::headers::Headers;
use super::json::Object;
use crate::request::{BalancerHeaders, PlatformFacts, PresentedCertificate};

/// How all headers begin that a load balancer writes about a client certificate
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html>).
const MTLS_HEADERS: &str = "x-amzn-mtls-clientcert";

/// Of an HTTP API or a Function URL. Only the former ends mutual TLS.
pub(super) fn of_payload_v2(context: &Object<'_>, kind: EventKind) -> PlatformFacts {
    PlatformFacts {
        authorizer: authorizer(context),
        certificate: (kind == EventKind::Http).then(|| authentication(context)).flatten(),
        ..PlatformFacts::none(kind)
    }
}

/// Of a REST API. `identity` is the context's member of that name.
pub(super) fn of_rest(context: &Object<'_>, identity: &Object<'_>) -> PlatformFacts {
    let is_iam = identity.get("userArn").is_some();
    PlatformFacts {
        authorizer: authorizer(context),
        iam_identity: is_iam.then(|| context.get("identity").map(text)).flatten(),
        certificate: identity.get("clientCert").map(api_gateway),
        ..PlatformFacts::none(EventKind::Rest)
    }
}

/// Of a load balancer, whose word is in headers. It writes their names in this one spelling; others are a client's.
pub(super) fn of_load_balancer(headers: &Headers) -> PlatformFacts {
    let mut found = HeaderMap::new();
    for (name, value) in headers
        .map
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(MTLS_HEADERS))
    {
        found.append(name, value.clone());
    }
    let certificate = (!found.is_empty()).then(|| BalancerHeaders {
        headers: found,
        https: headers.https(),
    });
    PlatformFacts {
        certificate: certificate.map(PresentedCertificate::LoadBalancer).map(Box::new),
        ..PlatformFacts::none(EventKind::Alb)
    }
}

fn authorizer(context: &Object<'_>) -> Option<Box<str>> {
    context.get("authorizer").map(text).filter(|text| &**text != "{}")
}

/// `requestContext.authentication` is null without mutual TLS. One that is no object is kept as it is: whoever asks for
/// a certificate must not be told that there was none.
fn authentication(context: &Object<'_>) -> Option<Box<PresentedCertificate>> {
    let given = context.get("authentication")?;
    match context.object("authentication", "requestContext.authentication.") {
        Ok(members) => members.get("clientCert").map(api_gateway),
        Err(_) => Some(api_gateway(given)),
    }
}

fn api_gateway(value: &RawValue) -> Box<PresentedCertificate> {
    Box::new(PresentedCertificate::ApiGateway(text(value)))
}

fn text(value: &RawValue) -> Box<str> {
    value.get().into()
}

#[cfg(test)]
mod tests;
