//! Events of an Application Load Balancer with a Lambda target.
//!
//! Source of the format: "Lambda functions as targets" in the user guide for Application Load Balancers; what it
//! leaves open is as captured from the service.

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value, json};

use super::{ACCOUNT, REGION, Request, all_values, encoded, is_text, last_values};
use crate::dev::decode::{grouped, raw_pairs};

/// The event: every value, or without `multi_value` the last of each name, headers and query parameters alike.
pub(super) fn build(request: &Request<'_>, headers: &HeaderMap, multi_value: bool) -> Value {
    let name = |name: &HeaderName| name.as_str().to_owned();
    let query = grouped(raw_pairs(request.parts.uri.query().unwrap_or_default()));
    let (body, is_base64) = body(request, headers);
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn": target_group() } },
        "httpMethod": request.parts.method.as_str(),
        "path": request.parts.uri.path(),
        "body": body,
        "isBase64Encoded": is_base64,
    });
    if multi_value {
        event["multiValueQueryStringParameters"] = json!(query);
        event["multiValueHeaders"] = all_values(headers, name);
    } else {
        let last = |(name, values): (String, Vec<String>)| (name, values.last().cloned().into());
        event["queryStringParameters"] = Value::Object(query.into_iter().map(last).collect::<Map<_, _>>());
        event["headers"] = last_values(headers, name);
    }
    event
}

/// A body with a `Content-Encoding` is base64, any other is by its type.
fn body(request: &Request<'_>, headers: &HeaderMap) -> (String, bool) {
    if request.body.is_empty() {
        return (String::new(), false);
    }
    let as_text = is_text(headers) && !headers.contains_key(CONTENT_ENCODING);
    encoded(request.body, as_text)
}

fn target_group() -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/tollgate/6d0ecf831eec9f09")
}
