//! Answers to a REST API with a Lambda proxy integration (payload format 1.0).
//!
//! Source: "Lambda proxy integrations in API Gateway" and "Amazon API Gateway important notes" in AWS's developer
//! guide; what they leave open is as captured from the service.

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, EXPECT, HOST, HeaderName, MAX_FORWARDS,
    PROXY_AUTHENTICATE, SERVER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT, VIA, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value};

use super::{Unusable, body, object, scalar, status};
use crate::dev::front::refusal::Refusal;
use crate::dev::server::Answer;

/// An `API_CONFIGURATION_ERROR`: "when base64 decoding fails for binary data when binary support is enabled".
pub(super) const BAD_ENCODING: Refusal = Refusal::message(500, "Internal server error");

/// No other member may be there; each of these may be missing.
const MEMBERS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// What the client gets under another name: "Remapped" in the important notes, in the column of Lambda.
const REMAPPED: [HeaderName; 8] = [
    AUTHORIZATION,
    CONNECTION,
    HeaderName::from_static("content-md5"),
    DATE,
    MAX_FORWARDS,
    SERVER,
    USER_AGENT,
    WWW_AUTHENTICATE,
];

/// What the client does not get: "Dropped" there; and the length, which the front door sets anew.
const DROPPED: [HeaderName; 9] = [
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    PROXY_AUTHENTICATE,
    TE,
    TRANSFER_ENCODING,
    TRAILER,
    UPGRADE,
    VIA,
];

pub(super) fn read(answer: &[u8]) -> Result<Answer, Unusable> {
    let members: Map<String, Value> = serde_json::from_slice(answer).map_err(|_| Unusable::Malformed)?;
    let (status, headers) = head(&members).ok_or(Unusable::Malformed)?;
    let mut answer = Response::new(Full::<Bytes>::new(body(&members)?));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn head(members: &Map<String, Value>) -> Option<(StatusCode, HeaderMap)> {
    if !members.keys().all(|name| MEMBERS.contains(&name.as_str())) {
        return None;
    }
    let status = match members.get("statusCode") {
        None | Some(Value::Null) => StatusCode::OK,
        Some(value) => status(value)?,
    };
    let mut headers = remapped(&merged(members)?);
    // "API Gateway includes a Content-Type header for all integration responses."
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    Some((status, headers))
}

/// "API Gateway merges them into a single list. If the same key-value pair is specified in both, only the values from
/// `multiValueHeaders` will appear in the merged list."
fn merged(members: &Map<String, Value>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, values) in object(members, "multiValueHeaders")?.into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        for value in values.as_array()? {
            headers.append(name.clone(), scalar(value)?);
        }
    }
    for (name, value) in object(members, "headers")?.into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = scalar(value)?;
        if !headers.get_all(&name).iter().any(|there| *there == value) {
            headers.append(name, value);
        }
    }
    Some(headers)
}

fn remapped(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| !DROPPED.contains(name));
    let renamed = kept.map(|(name, value)| match REMAPPED.contains(name) {
        true => (remapped_name(name), value.clone()),
        false => (name.clone(), value.clone()),
    });
    let mut all = HeaderMap::new();
    for (name, value) in renamed {
        all.append(name, value);
    }
    all
}

/// A prefix of name characters before a name is a name.
fn remapped_name(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(format!("x-amzn-remapped-{name}").as_bytes()).unwrap_or_else(|_| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::answer::shown;
    use crate::dev::door::Door;

    async fn answered(returned: &str) -> String {
        shown(Door::Rest, returned).await
    }

    #[tokio::test]
    async fn what_functions_return() {
        let json = "content-type: application/json";
        for (returned, expected) in [
            (r#"{"statusCode":200}"#, format!(r#"200 | {json} | b"""#)),
            (r#"{"statusCode":"201","body":"x"}"#, format!(r#"201 | {json} | b"x""#)),
            (
                r#"{"headers":{"test-header":"value"}}"#,
                format!(r#"200 | test-header: value | {json} | b"""#),
            ),
            ("{}", format!(r#"200 | {json} | b"""#)),
            (
                r#"{"statusCode":null,"headers":null,"multiValueHeaders":null,"body":null,"isBase64Encoded":null}"#,
                format!(r#"200 | {json} | b"""#),
            ),
            (
                r#"{"statusCode":200,"headers":{"Content-Type":"text/plain","header-bool":true,"n":5}}"#,
                r#"200 | content-type: text/plain | header-bool: true | n: 5 | b"""#.to_owned(),
            ),
            (
                r#"{"statusCode":200,"multiValueHeaders":{"set-cookie":["a=1","b=2"],"content-type":["a/b"],"none":[]}}"#,
                r#"200 | content-type: a/b | set-cookie: a=1 | set-cookie: b=2 | b"""#.to_owned(),
            ),
            (
                r#"{"statusCode":200,"headers":{"content-type":"image/png"},"body":"AP8=","isBase64Encoded":true}"#,
                r#"200 | content-type: image/png | b"\0\xff""#.to_owned(),
            ),
            (
                r#"{"statusCode":200,"body":"AP8=","isBase64Encoded":false}"#,
                format!(r#"200 | {json} | b"AP8=""#),
            ),
        ] {
            assert_eq!(answered(returned).await, expected, "{returned}");
        }
    }

    #[tokio::test]
    async fn both_forms_of_headers_are_one_list() {
        for (both, expected) in [
            (
                r#""multiValueHeaders":{"x":["multi"]},"headers":{"x":"solo"}"#,
                "x: multi | x: solo",
            ),
            (
                r#""multiValueHeaders":{"tesT-X":["multi"]},"headers":{"Test-x":"solo"}"#,
                "test-x: multi | test-x: solo",
            ),
            (
                r#""multiValueHeaders":{"x":["a","b"]},"headers":{"X":"b"}"#,
                "x: a | x: b",
            ),
        ] {
            let returned = format!(r#"{{"statusCode":200,{both}}}"#);
            let expected = format!(r#"200 | {expected} | content-type: application/json | b"""#);
            assert_eq!(answered(&returned).await, expected, "{returned}");
        }
    }

    #[tokio::test]
    async fn what_the_service_keeps_for_itself() {
        for name in REMAPPED {
            let returned = format!(r#"{{"headers":{{"{name}":"1","content-type":"a/b"}}}}"#);
            let answer = answered(&returned).await;
            assert!(answer.contains(&format!("x-amzn-remapped-{name}: 1")), "{answer}");
            assert!(!answer.contains(&format!("| {name}: ")), "{answer}");
        }
        for name in DROPPED {
            let returned = format!(r#"{{"headers":{{"{name}":"1","content-type":"a/b"}}}}"#);
            assert_eq!(answered(&returned).await, r#"200 | content-type: a/b | b"""#);
        }
    }

    #[tokio::test]
    async fn what_no_rest_api_could_send() {
        for returned in [
            "",
            "{",
            "[1,2]",
            r#""text""#,
            "null",
            r#"{"hello":"world"}"#,
            r#"{"statusCode":200,"wrongValue":"value"}"#,
            r#"{"statusCode":200,"cookies":["a=1"]}"#,
            r#"{"errorMessage":"oops","errorType":"Error"}"#,
            r#"{"statusCode":"test"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":600}"#,
            r#"{"statusCode":200,"body":{"a":1}}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\r\nc: d"}}"#,
            r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
            r#"{"statusCode":200,"multiValueHeaders":{"a":"b"}}"#,
            r#"{"statusCode":200,"multiValueHeaders":{"a":[["b"]]}}"#,
            r#"{"statusCode":200,"multiValueHeaders":{"a":["b\n"]}}"#,
        ] {
            let refused = r#"502 | content-type: application/json | b"{\"message\":\"Internal server error\"}""#;
            assert_eq!(answered(returned).await, refused, "{returned}");
        }
        let not_base64 = answered(r#"{"statusCode":200,"body":"***","isBase64Encoded":true}"#).await;
        assert!(not_base64.starts_with("500 |"), "{not_base64}");
    }
}
