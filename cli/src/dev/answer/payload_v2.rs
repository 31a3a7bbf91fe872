//! Answers of payload format 2.0: HTTP APIs and Function URLs.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use serde_json::{Map, Value};

use super::{body, is_framing, object, scalar, status};
use crate::dev::server::Answer;

/// JSON without a `statusCode` is itself the body of a 200: "Format 2.0 ... API Gateway makes assumptions".
pub(super) fn read(answer: &[u8]) -> Option<Answer> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    match value.as_object() {
        Some(members) if members.contains_key("statusCode") => shaped(members),
        _ => Some(inferred(&value)),
    }
}

fn inferred(value: &Value) -> Answer {
    let body = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn shaped(members: &Map<String, Value>) -> Option<Answer> {
    let mut answer = Response::new(Full::new(body(members).ok()?));
    *answer.status_mut() = status(members.get("statusCode")?)?;
    let headers = answer.headers_mut();
    if let Some(given) = object(members, "headers")? {
        for (name, value) in given {
            insert(headers, name, value)?;
        }
    }
    for cookie in list(members, "cookies")? {
        headers.append(SET_COOKIE, HeaderValue::from_bytes(cookie.as_str()?.as_bytes()).ok()?);
    }
    Some(answer)
}

fn list<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
    match members.get(name) {
        None | Some(Value::Null) => Some(&[]),
        Some(Value::Array(list)) => Some(list),
        Some(_) => None,
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let value = scalar(value)?;
    if !is_framing(&name) {
        headers.append(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// Status, headers and body on one line each.
    async fn shown(answer: &str) -> String {
        let Some(answer) = read(answer.as_bytes()) else {
            return "502".to_owned();
        };
        let (parts, body) = answer.into_parts();
        let mut lines = vec![parts.status.as_u16().to_string()];
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        lines.extend(headers);
        lines.push(format!("{:?}", body.collect().await.unwrap().to_bytes()));
        lines.join(" | ")
    }

    #[tokio::test]
    async fn what_functions_return() {
        for (returned, expected) in [
            (r#"{"statusCode":200}"#, r#"200 | b"""#),
            (r#"{"statusCode":"404","body":"x"}"#, r#"404 | b"x""#),
            (
                r#"{"statusCode":201,"headers":{"Content-Type":"text/plain","X-A":"1, 2"},"cookies":["a=1","b=2"],"body":"ok"}"#,
                r#"201 | content-type: text/plain | x-a: 1, 2 | set-cookie: a=1 | set-cookie: b=2 | b"ok""#,
            ),
            (
                r#"{"statusCode":200,"headers":{"content-type":"image/png"},"body":"AP8=","isBase64Encoded":true}"#,
                r#"200 | content-type: image/png | b"\0\xff""#,
            ),
            (
                r#"{"statusCode":200,"headers":null,"cookies":null,"body":null}"#,
                r#"200 | b"""#,
            ),
            (
                r#"{"statusCode":200,"headers":{"x-n":5,"Connection":"close"}}"#,
                r#"200 | x-n: 5 | b"""#,
            ),
            (
                r#"{"hello":"world"}"#,
                r#"200 | content-type: application/json | b"{\"hello\":\"world\"}""#,
            ),
            (r#"[1,2]"#, r#"200 | content-type: application/json | b"[1,2]""#),
            (r#""text""#, r#"200 | content-type: application/json | b"text""#),
        ] {
            assert_eq!(shown(returned).await, expected, "{returned}");
        }
    }

    #[tokio::test]
    async fn what_no_front_door_could_send() {
        for returned in [
            "",
            "{",
            r#"{"statusCode":99}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":600}"#,
            r#"{"statusCode":-1}"#,
            r#"{"statusCode":null}"#,
            r#"{"statusCode":200.5}"#,
            r#"{"statusCode":200,"body":{"a":1}}"#,
            r#"{"statusCode":200,"body":"***","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\r\nc: d"}}"#,
            r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
            r#"{"statusCode":200,"cookies":"a=1"}"#,
            r#"{"statusCode":200,"cookies":["a=1\nb"]}"#,
        ] {
            assert_eq!(shown(returned).await, "502", "{returned}");
        }
    }
}
