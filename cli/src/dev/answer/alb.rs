//! Answers to an Application Load Balancer with a Lambda target.
//!
//! Source: "Lambda functions as targets" in the user guide for Application Load Balancers.

use http::header::{HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use serde_json::{Map, Value};

use super::{body, is_framing, object, status};
use crate::dev::server::Answer;

/// "The maximum size of the response JSON that the Lambda function can send is 1 MB", in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// "Entire response header", in bytes.
const LARGEST_HEAD: usize = 32 * 1024;

/// "The load balancer does not honor hop-by-hop headers".
const HOP_BY_HOP: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    UPGRADE,
];

/// `multi_value`: "You must use `multiValueHeaders` if you have enabled multi-value headers and `headers` otherwise." The
/// other member is not looked at.
pub(super) fn read(answer: &[u8], multi_value: bool) -> Option<Answer> {
    if answer.len() > LARGEST_ANSWER {
        return None;
    }
    let members: Map<String, Value> = serde_json::from_slice(answer).ok()?;
    let mut answer = Response::new(Full::new(body(&members).ok()?));
    *answer.status_mut() = status(members.get("statusCode")?)?;
    if let Some(reason) = reason(&members, answer.status().as_str())? {
        answer.extensions_mut().insert(reason);
    }
    let headers = answer.headers_mut();
    if multi_value {
        for (name, values) in object(&members, "multiValueHeaders")?.into_iter().flatten() {
            for value in values.as_array()? {
                insert(headers, name, value)?;
            }
        }
    } else {
        for (name, value) in object(&members, "headers")?.into_iter().flatten() {
            insert(headers, name, value)?;
        }
    }
    (size(headers) <= LARGEST_HEAD).then_some(answer)
}

/// `statusDescription` "must contain the status code and reason phrase, separated by a single space".
fn reason(members: &Map<String, Value>, status: &str) -> Option<Option<ReasonPhrase>> {
    match members.get("statusDescription") {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => {
            let reason = text.strip_prefix(status)?.strip_prefix(' ')?;
            ReasonPhrase::try_from(reason.as_bytes()).ok().map(Some)
        }
        Some(_) => None,
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &Value) -> Option<()> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let value = HeaderValue::from_bytes(value.as_str()?.as_bytes()).ok()?;
    if !is_framing(&name) && !HOP_BY_HOP.contains(&name) {
        headers.append(name, value);
    }
    Some(())
}

fn size(headers: &HeaderMap) -> usize {
    let lines = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    lines.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::answer::shown;
    use crate::dev::door::Door;

    const SINGLE: Door = Door::Alb { multi_value: false };
    const MULTI: Door = Door::Alb { multi_value: true };

    #[tokio::test]
    async fn what_functions_return() {
        for (door, returned, expected) in [
            (SINGLE, r#"{"statusCode":200}"#, r#"200 | b"""#),
            (
                SINGLE,
                r#"{"isBase64Encoded":false,"statusCode":200,"statusDescription":"200 OK","headers":{"Set-cookie":"cookies"},"body":"Hello"}"#,
                r#"200 | set-cookie: cookies | b"Hello""#,
            ),
            (
                MULTI,
                r#"{"statusCode":200,"multiValueHeaders":{"Set-cookie":["a=1","b=2"],"Content-Type":["application/json"]}}"#,
                r#"200 | content-type: application/json | set-cookie: a=1 | set-cookie: b=2 | b"""#,
            ),
            (
                SINGLE,
                r#"{"statusCode":200,"headers":{"a":"1"},"multiValueHeaders":{"a":["2"],"b":5}}"#,
                r#"200 | a: 1 | b"""#,
            ),
            (
                MULTI,
                r#"{"statusCode":200,"headers":{"a":1,"b":"2"},"multiValueHeaders":{"a":["2"]}}"#,
                r#"200 | a: 2 | b"""#,
            ),
            (MULTI, r#"{"statusCode":200,"headers":{"a":"1"}}"#, r#"200 | b"""#),
            (
                SINGLE,
                r#"{"statusCode":200,"headers":{"Connection":"close","Transfer-Encoding":"chunked","Keep-Alive":"1","Content-Length":"99"}}"#,
                r#"200 | b"""#,
            ),
            (
                SINGLE,
                r#"{"statusCode":200,"body":"AP8=","isBase64Encoded":true}"#,
                r#"200 | b"\0\xff""#,
            ),
            (
                SINGLE,
                r#"{"statusCode":200,"headers":{"WWW-Authenticate":"Bearer","Server":"mine"},"more":1}"#,
                r#"200 | server: mine | www-authenticate: Bearer | b"""#,
            ),
        ] {
            assert_eq!(shown(door, returned).await, expected, "{door:?} {returned}");
        }
    }

    #[test]
    fn the_description_has_the_reason() {
        let returned = br#"{"statusCode":200,"statusDescription":"200 Quite Fine"}"#;
        let answer = read(returned, false).unwrap();
        assert_eq!(
            answer.extensions().get::<ReasonPhrase>().unwrap().as_bytes(),
            b"Quite Fine"
        );
    }

    #[tokio::test]
    async fn what_no_load_balancer_could_send() {
        let long = format!(
            r#"{{"statusCode":200,"headers":{{"a":"{}"}}}}"#,
            "x".repeat(LARGEST_HEAD)
        );
        let large = format!(r#"{{"statusCode":200,"body":"{}"}}"#, "x".repeat(LARGEST_ANSWER));
        for returned in [
            "",
            "{}",
            "[1,2]",
            r#""text""#,
            r#"{"hello":"world"}"#,
            r#"{"statusCode":"many"}"#,
            r#"{"statusCode":100}"#,
            r#"{"statusCode":200,"statusDescription":200}"#,
            r#"{"statusCode":200,"statusDescription":"OK"}"#,
            r#"{"statusCode":200,"statusDescription":"404 Not Found"}"#,
            r#"{"statusCode":200,"statusDescription":"200 OK\r\nX: 1"}"#,
            r#"{"statusCode":200,"body":5}"#,
            r#"{"statusCode":200,"body":"***","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"a":5}}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            &long,
            &large,
        ] {
            let answer = shown(SINGLE, returned).await;
            let start: String = returned.chars().take(60).collect();
            assert!(answer.starts_with("502 | content-type: text/html"), "{start}: {answer}");
        }
        for returned in [
            r#"{"statusCode":200,"multiValueHeaders":{"a":"b"}}"#,
            r#"{"statusCode":200,"multiValueHeaders":{"a":[5]}}"#,
        ] {
            assert!(shown(MULTI, returned).await.starts_with("502 |"), "{returned}");
        }
    }

    #[tokio::test]
    async fn an_answer_may_have_one_mebibyte() {
        let around = r#"{"statusCode":200,"body":""}"#.len();
        let fits = format!(
            r#"{{"statusCode":200,"body":"{}"}}"#,
            "x".repeat(LARGEST_ANSWER - around)
        );
        assert!(shown(SINGLE, &fits).await.starts_with("200 |"));
    }
}
