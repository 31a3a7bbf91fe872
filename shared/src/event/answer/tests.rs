use http::{HeaderValue, Response};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn answer(status: u16, headers: &[(&str, &[u8])], body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response
            .headers_mut()
            .append(name, HeaderValue::from_bytes(value).unwrap());
    }
    response
}

fn written(response: Response<Bytes>) -> Value {
    serde_json::from_str(write(EventKind::Http, response).unwrap().get()).unwrap()
}

fn why(kind: EventKind, response: Response<Bytes>) -> String {
    match write(kind, response) {
        Err(GatewayError::ResponseTooLarge { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_answer() {
    let response = answer(
        200,
        &[
            ("content-type", b"application/json"),
            ("vary", b"accept"),
            ("set-cookie", b"a=1; Path=/"),
            ("vary", b"origin"),
            ("set-cookie", b"b=2; Expires=Thu, 12 Mar 2026 19:03:58 GMT"),
            ("x-name", "Zoë".as_bytes()),
        ],
        "{\"name\":\"Zoë\"}\n",
    );
    let json = write(EventKind::Http, response).unwrap();
    insta::assert_snapshot!(json.get(), @r#"{"statusCode":200,"headers":{"content-type":"application/json","vary":"accept, origin","x-name":"Zoë"},"cookies":["a=1; Path=/","b=2; Expires=Thu, 12 Mar 2026 19:03:58 GMT"],"body":"{\"name\":\"Zoë\"}\n","isBase64Encoded":false}"#);
}

#[test]
fn an_answer_of_nothing() {
    let json = write(EventKind::Url, answer(204, &[], "")).unwrap();
    insta::assert_snapshot!(json.get(), @r#"{"statusCode":204,"headers":{},"body":"","isBase64Encoded":false}"#);
}

#[test]
fn text_stays_text_and_all_else_is_base64() {
    for (coding, body, base64) in [
        (None, "text é".as_bytes(), false),
        (None, b"", false),
        (None, b"\0\x01", false),
        (None, b"\xff\xfe", true),
        (None, b"caf\xe9", true),
        (Some("identity"), b"text", false),
        (Some("Identity "), b"text", false),
        (Some(""), b"text", false),
        (Some("gzip"), b"looks like text", true),
        (Some("identity, br"), b"looks like text", true),
        (Some("unheard-of"), b"looks like text", true),
    ] {
        let headers: Vec<(&str, &[u8])> = coding.iter().map(|c| ("content-encoding", c.as_bytes())).collect();
        let value = written(answer(200, &headers, body.to_vec()));
        assert_eq!(value["isBase64Encoded"], base64, "{coding:?} {body:?}");
        let sent = value["body"].as_str().unwrap();
        let received = if base64 {
            STANDARD.decode(sent).unwrap()
        } else {
            sent.as_bytes().to_vec()
        };
        assert_eq!(received, body, "{coding:?}");
    }
}

#[test]
fn values_that_are_not_utf8_keep_their_characters() {
    let value = written(answer(
        200,
        &[("x-a", b"caf\xe9"), ("x-a", "é".as_bytes()), ("set-cookie", b"n=\xfc")],
        "",
    ));
    assert_eq!(value["headers"]["x-a"], "café, é");
    assert_eq!(value["cookies"][0], "n=ü");
}

#[test]
fn the_largest_answer_fits_and_one_byte_more_does_not() {
    let around = write(EventKind::Url, answer(200, &[], "")).unwrap().get().len();
    let fitting = "a".repeat(MAX_ANSWER - around);
    assert_eq!(
        write(EventKind::Url, answer(200, &[], fitting.clone()))
            .unwrap()
            .get()
            .len(),
        MAX_ANSWER
    );
    insta::assert_snapshot!(
        why(EventKind::Url, answer(200, &[], fitting + "a")),
        @"The answer takes 6291557 bytes as Lambda carries it; it carries 6291556."
    );
}

#[test]
fn size_is_counted_as_serialised() {
    // A quote takes two bytes in JSON, and three bytes take four in base64.
    assert!(write(EventKind::Url, answer(200, &[], "\"".repeat(MAX_ANSWER / 2))).is_err());
    assert!(write(EventKind::Url, answer(200, &[], "'".repeat(MAX_ANSWER / 2))).is_ok());
    assert!(write(EventKind::Url, answer(200, &[], vec![0xff; MAX_ANSWER / 4 * 3])).is_err());
    assert!(write(EventKind::Url, answer(200, &[], vec![0xff; MAX_ANSWER / 4 * 3 - 300])).is_ok());
}

#[test]
fn headers_are_counted_for_api_gateway_only() {
    // "x-a: " and CR LF take 7 bytes, "set-cookie: " and CR LF 14.
    let fitting = vec![b'v'; MAX_HEADERS - 7 - 14 - 3];
    let response = |value: &[u8]| answer(200, &[("x-a", value), ("set-cookie", b"a=1")], "");
    assert!(write(EventKind::Http, response(&fitting)).is_ok());
    let more = [fitting, b"v".to_vec()].concat();
    assert!(write(EventKind::Url, response(&more)).is_ok());
    insta::assert_snapshot!(
        why(EventKind::Http, response(&more)),
        @"The answer's headers take 10241 bytes; API Gateway carries 10240."
    );
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way(
        status in 200u16..600,
        headers in proptest::collection::vec(("[a-z][a-z-]{0,5}", "[ -~é\t]{0,12}"), 0..8),
        cookies in proptest::collection::vec("[a-z]=[ -~]{0,12}", 0..4),
        body in proptest::collection::vec(any::<u8>(), 0..64),
        text: Option<String>,
    ) {
        let body = text.map_or(body, String::into_bytes);
        let given: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
            .chain(cookies.iter().map(|cookie| ("set-cookie", cookie.as_bytes())))
            .collect();
        let value = written(answer(status, &given, body.clone()));

        prop_assert_eq!(&value["statusCode"], status);
        let sent = value["body"].as_str().unwrap();
        let received = match value["isBase64Encoded"].as_bool().unwrap() {
            true => STANDARD.decode(sent).unwrap(),
            false => sent.as_bytes().to_vec(),
        };
        prop_assert_eq!(received, body);
        let received: Vec<&str> = value["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        prop_assert_eq!(received, cookies);
        for (name, joined) in value["headers"].as_object().unwrap() {
            let given = headers.iter().filter(|(given, _)| given == name);
            let values: Vec<&str> = given.map(|(_, value)| value.as_str()).collect();
            prop_assert_eq!(joined, &values.join(", "));
        }
        prop_assert!(headers.iter().all(|(name, _)| value["headers"].get(name).is_some()));
    }
}
