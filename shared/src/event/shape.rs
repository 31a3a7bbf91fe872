//! What kind of event a payload is.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::EventKind;
use super::json::{Object, text};

/// What is sent when nothing known fits.
const UNKNOWN: &str = "an event of unknown shape";

/// A proxy event, down to where something in it may be broken.
#[derive(Debug)]
pub(super) struct Proxy<'a> {
    /// The front door, as the shape tells it.
    pub(super) kind: EventKind,
    pub(super) envelope: Object<'a>,
    /// `requestContext`, or the sentence for a 400.
    pub(super) context: Result<Object<'a>, String>,
}

/// Reads a proxy event; for any other event tells what it is, with its article.
pub(super) fn read(payload: &str) -> Result<Proxy<'_>, &'static str> {
    let envelope = Object::outermost(payload).ok_or(UNKNOWN)?;
    // The one event that looks like a request and must not be answered like one: an authorizer's answer is a policy.
    if envelope.get("methodArn").is_some() || envelope.get("routeArn").is_some() {
        return Err("an authorizer event");
    }
    let context = envelope.object("requestContext", "requestContext.");
    match kind_of(&envelope, context.as_ref().ok()) {
        Some(kind) => Ok(Proxy {
            kind,
            envelope,
            context,
        }),
        None => Err(other(&envelope, &context.unwrap_or_default())),
    }
}

/// The kind of a proxy event; nothing for any other event.
fn kind_of(envelope: &Object<'_>, context: Option<&Object<'_>>) -> Option<EventKind> {
    let holds = |name: &str| context.is_some_and(|context| context.get(name).is_some());
    if holds("http") || envelope.says("version", "2.0") {
        return Some(of_payload_v2(context));
    }
    if holds("elb") {
        return Some(EventKind::Alb);
    }
    // A Bedrock agent names a method, too, but neither of the others; a WebSocket message no method. What names its
    // version is no REST API's: the path of payload format 1.0 is decoded already.
    let names_method = envelope.get("httpMethod").is_some() || holds("httpMethod");
    let is_request = envelope.get("path").is_some() || envelope.get("requestContext").is_some();
    let is_other = holds("connectionId") || envelope.says("version", "1.0");
    (names_method && is_request && !is_other).then_some(EventKind::Rest)
}

/// HTTP API or Function URL: the service sets the domain name, not the client.
fn of_payload_v2(context: Option<&Object<'_>>) -> EventKind {
    match context.map(|context| context.text("domainName")) {
        Some(Ok(Some(name))) if name.contains(".lambda-url.") => EventKind::Url,
        _ => EventKind::Http,
    }
}

fn other(envelope: &Object<'_>, context: &Object<'_>) -> &'static str {
    if let Some(kind) = record_source(envelope).and_then(|source| of_records(&source)) {
        return kind;
    }
    if envelope.get("detail-type").is_some() && envelope.get("source").is_some() {
        return match envelope.says("detail-type", "Scheduled Event") {
            true => "a scheduled event",
            false => "an EventBridge event",
        };
    }
    if context.get("connectionId").is_some() {
        "a WebSocket API event"
    } else if envelope.get("httpMethod").is_some() && envelope.says("version", "1.0") {
        "an HTTP API event of payload format 1.0 (the integration must say 2.0)"
    } else {
        UNKNOWN
    }
}

/// What the first record says it comes from; SNS alone writes the member's name with a capital letter.
fn record_source<'a>(envelope: &Object<'a>) -> Option<Cow<'a, str>> {
    let records: Vec<&RawValue> = serde_json::from_str(envelope.get("Records")?.get()).ok()?;
    let first = Object::outermost(records.first()?.get())?;
    text(first.get("eventSource").or_else(|| first.get("EventSource"))?)
}

fn of_records(source: &str) -> Option<&'static str> {
    Some(match source {
        "aws:sqs" => "an SQS event",
        "aws:sns" => "an SNS event",
        "aws:s3" => "an S3 event",
        "aws:dynamodb" => "a DynamoDB stream event",
        "aws:kinesis" => "a Kinesis event",
        _ => return None,
    })
}
