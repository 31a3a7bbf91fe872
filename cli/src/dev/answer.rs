//! What a function returned, as the HTTP response that the front door makes of it: what all kinds share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::dev::door::Door;
use crate::dev::front::refusal::Refusal;
use crate::dev::server::Answer;

mod alb;
mod payload_v2;
mod rest;

/// Reads a function's answer.
///
/// # Errors
/// What the client gets instead, when this front door can make no response of it.
pub(crate) fn read(door: Door, answer: &[u8]) -> Result<Answer, Refusal> {
    let bad_answer = door.refusals().bad_answer;
    match door {
        Door::Http | Door::Url => payload_v2::read(answer).ok_or(bad_answer),
        Door::Rest => rest::read(answer).map_err(|unusable| match unusable {
            Unusable::Malformed => bad_answer,
            Unusable::NoBase64 => rest::BAD_ENCODING,
        }),
        Door::Alb { multi_value } => alb::read(answer, multi_value).ok_or(bad_answer),
    }
}

/// Why no response can be made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unusable {
    Malformed,
    /// The body is not the base64 that it is said to be.
    NoBase64,
}

/// A number, or text of one. 1xx is no final answer.
fn status(value: &Value) -> Option<StatusCode> {
    let number = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    StatusCode::from_u16(number)
        .ok()
        .filter(|status| !status.is_informational() && number < 600)
}

fn body(members: &Map<String, Value>) -> Result<Bytes, Unusable> {
    let encoded = matches!(members.get("isBase64Encoded"), Some(Value::Bool(true)));
    match members.get("body") {
        None | Some(Value::Null) => Ok(Bytes::new()),
        Some(Value::String(text)) if encoded => {
            let bytes = STANDARD.decode(text).map_err(|_| Unusable::NoBase64)?;
            Ok(Bytes::from(bytes))
        }
        Some(Value::String(text)) => Ok(Bytes::from(text.clone())),
        Some(_) => Err(Unusable::Malformed),
    }
}

fn object<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Option<&'a Map<String, Value>>> {
    match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Object(object)) => Some(Some(object)),
        Some(_) => None,
    }
}

/// A header's value: text, a number or a truth value.
fn scalar(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

/// Headers by which the front door frames its own connection; its own body decides the length.
fn is_framing(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING || *name == CONNECTION
}

/// Status, headers and body on one line.
#[cfg(test)]
async fn shown(door: Door, answer: &str) -> String {
    use http_body_util::BodyExt;

    let answer = read(door, answer.as_bytes()).unwrap_or_else(Refusal::answer);
    let (parts, body) = answer.into_parts();
    let mut lines = vec![parts.status.as_u16().to_string()];
    let mut headers: Vec<String> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.append(&mut headers);
    lines.push(format!("{:?}", body.collect().await.unwrap().to_bytes()));
    lines.join(" | ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Any small JSON.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
            "[ -~\r\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[ -~]{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_function_returns_has_an_answer(
            status in prop_oneof![Just(json!(200)), any_json()],
            headers in any_json(),
            multi in any_json(),
            body in any_json(),
            encoded in any_json(),
            junk in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            let shaped = json!({
                "statusCode": status,
                "headers": headers,
                "multiValueHeaders": multi,
                "body": body,
                "isBase64Encoded": encoded,
            });
            let mut with_more = shaped.clone();
            with_more["statusDescription"] = headers.clone();
            with_more["cookies"] = multi;
            for door in [
                Door::Http,
                Door::Rest,
                Door::Alb { multi_value: false },
                Door::Alb { multi_value: true },
            ] {
                for answer in [shaped.to_string().into(), with_more.to_string().into(), headers.to_string().into(), junk.clone()] {
                    let status = read(door, &answer).unwrap_or_else(Refusal::answer).status();
                    prop_assert!((200..600).contains(&status.as_u16()), "{:?}: {}", door, status);
                }
            }
        }
    }
}
