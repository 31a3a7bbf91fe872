//! Events of a REST API with a Lambda proxy integration (payload format 1.0).
//!
//! Source of the format: "Lambda proxy integrations in API Gateway" and "Amazon API Gateway important notes" in AWS's
//! developer guide; what they leave open is as captured from the service.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, MAX_FORWARDS, PROXY_AUTHENTICATE, SERVER, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

use super::{
    ACCOUNT, API_ID, Request, X_AMZN_TRACE_ID, X_FORWARDED_FOR, X_FORWARDED_PORT, X_FORWARDED_PROTO, all_values,
    encoded, last_values, text, without_port,
};
use crate::dev::calendar;
use crate::dev::decode::{decoded_pairs, grouped};

/// The stage that is served.
const STAGE: &str = "prod";

/// What a REST API takes off a request: "Dropped" in the important notes, in the column of Lambda.
const DROPPED: [HeaderName; 12] = [
    CONNECTION,
    CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    EXPECT,
    MAX_FORWARDS,
    PROXY_AUTHENTICATE,
    SERVER,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    WWW_AUTHENTICATE,
];

/// The path that the API sees: an `execute-api` host shows its stage as the first segment, any other host is a custom
/// domain that maps to the stage without showing it. `None` where the stage is not there.
pub(crate) fn path_of<'a>(host: &str, path: &'a str) -> Option<&'a str> {
    if !without_port(host).contains(".execute-api.") {
        return Some(path);
    }
    let rest = path.strip_prefix('/')?.strip_prefix(STAGE)?;
    match rest {
        "" => Some("/"),
        _ => rest.starts_with('/').then_some(rest),
    }
}

/// The event. Every body is base64: the API has `*/*` among its `binaryMediaTypes`.
pub(super) fn build(request: &Request<'_>, headers: &HeaderMap) -> Value {
    let raw = request.parts.uri.path();
    let shown = path_of(request.host, raw).unwrap_or(raw);
    // Slashes in front of the first segment count as one, the last one is no part of `{proxy+}`.
    let proxy = shown.trim_start_matches('/');
    let (resource, parameters) = match proxy.strip_suffix('/').unwrap_or(proxy) {
        "" => ("/", Value::Null),
        proxy => ("/{proxy+}", json!({ "proxy": proxy })),
    };
    let headers = passed(headers);
    let (single, multi) = query_parameters(request.parts.uri.query().unwrap_or_default());
    let body = (!request.body.is_empty()).then(|| encoded(request.body, false).0);
    json!({
        "resource": resource,
        "path": format!("/{proxy}"),
        "httpMethod": request.parts.method.as_str(),
        "headers": last_values(&headers, name),
        "multiValueHeaders": all_values(&headers, name),
        "queryStringParameters": single,
        "multiValueQueryStringParameters": multi,
        "pathParameters": parameters,
        "stageVariables": null,
        "requestContext": context(request, &headers, resource),
        "body": body,
        "isBase64Encoded": body.is_some(),
    })
}

fn context(request: &Request<'_>, headers: &HeaderMap, resource: &str) -> Value {
    let domain = without_port(request.host);
    json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "deploymentId": "local1",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "extendedRequestId": request.extended_request_id,
        "httpMethod": request.parts.method.as_str(),
        "identity": {
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": request.source_ip(),
            "user": null,
            "userAgent": headers.get(USER_AGENT).map(text),
            "userArn": null,
        },
        "path": request.parts.uri.path(),
        "protocol": format!("{:?}", request.parts.version),
        "requestId": request.request_id,
        "requestTime": calendar::access_log(request.now),
        "requestTimeEpoch": request.now.micros() / 1000,
        "resourceId": if resource == "/" { "root00" } else { "proxy0" },
        "resourcePath": resource,
        "stage": STAGE,
    })
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in DROPPED {
        headers.remove(name);
    }
    // "The Authorization header is dropped if it contains a Signature Version 4 signature".
    let signed = |value: &HeaderValue| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256");
    if headers.get_all(AUTHORIZATION).iter().any(signed) {
        headers.remove(AUTHORIZATION);
    }
    headers
}

/// Names that the service writes itself, and lower case for all others, as from a client that speaks HTTP/2.
fn name(name: &HeaderName) -> String {
    let capitalised = [
        (HOST, "Host"),
        (USER_AGENT, "User-Agent"),
        (AUTHORIZATION, "Authorization"),
        (X_AMZN_TRACE_ID, "X-Amzn-Trace-Id"),
        (X_FORWARDED_FOR, "X-Forwarded-For"),
        (X_FORWARDED_PORT, "X-Forwarded-Port"),
        (X_FORWARDED_PROTO, "X-Forwarded-Proto"),
    ];
    let own = capitalised.into_iter().find(|(own, _)| own == name);
    own.map_or_else(|| name.as_str().to_owned(), |(_, written)| written.to_owned())
}

/// The last value of each name, and all of them; null for a query without parameters.
fn query_parameters(query: &str) -> (Value, Value) {
    let multi = grouped(decoded_pairs(query));
    if multi.is_empty() {
        return (Value::Null, Value::Null);
    }
    let last = |(name, values): (&String, &Vec<String>)| (name.clone(), values.last().cloned().into());
    let single: Map<String, Value> = multi.iter().map(last).collect();
    (Value::Object(single), json!(multi))
}
