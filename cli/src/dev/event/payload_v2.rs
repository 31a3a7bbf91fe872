//! Events of payload format 2.0: HTTP APIs and Function URLs.
//!
//! Source of the format: "Create AWS Lambda proxy integrations for HTTP APIs" and "Invoking Lambda function
//! URLs" in AWS's developer guides; what they leave open is as captured from the services.

use http::HeaderMap;
use http::header::{COOKIE, USER_AGENT};
use serde_json::{Map, Value, json};

use super::{ACCOUNT, API_ID, REGION, Request, encoded, is_text, text, without_port};
use crate::dev::calendar;
use crate::dev::decode::{query_parameters, raw_path};

/// What the two say differently.
struct Place<'a> {
    path: String,
    domain: &'a str,
    account: &'static str,
}

/// As an HTTP API sends it.
pub(super) fn http_api(request: &Request<'_>, headers: &HeaderMap) -> Value {
    let place = Place {
        path: raw_path(request.parts.uri.path()),
        domain: without_port(request.host),
        account: ACCOUNT,
    };
    event(request, headers, &place)
}

/// As a Function URL without IAM sends it.
pub(super) fn function_url(request: &Request<'_>, headers: &HeaderMap) -> Value {
    let place = Place {
        path: request.parts.uri.path().to_owned(),
        domain: &format!("{API_ID}.lambda-url.{REGION}.on.aws"),
        account: "anonymous",
    };
    event(request, headers, &place)
}

fn event(request: &Request<'_>, headers: &HeaderMap, place: &Place<'_>) -> Value {
    let query = request.parts.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": place.path,
        "rawQueryString": query,
        "headers": joined(headers),
        "requestContext": context(request, headers, place),
        "isBase64Encoded": false,
    });
    let cookies = cookies(&request.parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query_parameters(query));
    }
    if !request.body.is_empty() {
        let (body, is_base64) = encoded(request.body, is_text(&request.parts.headers));
        event["body"] = body.into();
        event["isBase64Encoded"] = is_base64.into();
    }
    event
}

fn context(request: &Request<'_>, headers: &HeaderMap, place: &Place<'_>) -> Value {
    json!({
        "accountId": place.account,
        "apiId": API_ID,
        "domainName": place.domain,
        "domainPrefix": place.domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": request.parts.method.as_str(),
            "path": place.path,
            "protocol": format!("{:?}", request.parts.version),
            "sourceIp": request.source_ip(),
            "userAgent": headers.get(USER_AGENT).map(text).unwrap_or_default(),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": calendar::access_log(request.now),
        "timeEpoch": request.now.micros() / 1000,
    })
}

/// Names in lower case, repeats joined by `, `. Cookies have a list of their own.
fn joined(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys().filter(|name| *name != COOKIE);
    names
        .map(|name| {
            let values: Vec<String> = headers.get_all(name).iter().map(text).collect();
            (name.as_str().to_owned(), values.join(", ").into())
        })
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(text);
    let pairs = lines.flat_map(|line| line.split(';').map(|pair| pair.trim().to_owned()).collect::<Vec<_>>());
    pairs.filter(|pair| !pair.is_empty()).collect()
}
