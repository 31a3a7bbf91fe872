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
    let has_http = context.as_ref().is_ok_and(|context| context.get("http").is_some());
    match has_http || envelope.says("version", "2.0") {
        true => Ok(Proxy { envelope, context }),
        false => Err(other(&envelope, &context.unwrap_or_default())),
    }
}

impl Proxy<'_> {
    /// The front door, as the shape tells it. The service sets the domain name, not the client.
    pub(super) fn front_door(&self) -> EventKind {
        let domain = self.context.as_ref().map(|context| context.text("domainName"));
        match domain {
            Ok(Ok(Some(name))) if name.contains(".lambda-url.") => EventKind::Url,
            _ => EventKind::Http,
        }
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
    if context.get("elb").is_some() {
        "an ALB event"
    } else if context.get("connectionId").is_some() {
        "a WebSocket API event"
    } else if envelope.get("httpMethod").is_none() {
        UNKNOWN
    } else if envelope.says("version", "1.0") {
        "an HTTP API event of payload format 1.0 (the integration must say 2.0)"
    } else {
        "a REST API event"
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
