use std::sync::{Arc, Mutex};

use http::{HeaderValue, Response};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FORMS: [AnswerForm; 5] = [
    AnswerForm::Http,
    AnswerForm::Url,
    AnswerForm::Rest,
    AnswerForm::Alb,
    AnswerForm::AlbMultiValue,
];

/// What is logged meanwhile, one line an event.
fn logged(what: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, what);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

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
    written_as(AnswerForm::Http, response)
}

fn written_as(form: AnswerForm, response: Response<Bytes>) -> Value {
    serde_json::from_str(write(form, response).unwrap().get()).unwrap()
}

fn write(form: AnswerForm, response: Response<Bytes>) -> Result<Box<RawValue>, GatewayError> {
    super::write(form, response, "r-1")
}

fn why(form: AnswerForm, response: Response<Bytes>) -> String {
    match write(form, response) {
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
    let json = write(AnswerForm::Http, response).unwrap();
    insta::assert_snapshot!(json.get(), @r#"{"statusCode":200,"headers":{"content-type":"application/json","vary":"accept, origin","x-name":"Zoë"},"cookies":["a=1; Path=/","b=2; Expires=Thu, 12 Mar 2026 19:03:58 GMT"],"body":"{\"name\":\"Zoë\"}\n","isBase64Encoded":false}"#);
}

#[test]
fn an_answer_of_nothing() {
    let json = write(AnswerForm::Url, answer(204, &[], "")).unwrap();
    insta::assert_snapshot!(json.get(), @r#"{"statusCode":204,"headers":{},"body":"","isBase64Encoded":false}"#);
}

/// With repeats, cookies, and characters beyond ASCII.
fn rich() -> Response<Bytes> {
    let headers: [(&str, &[u8]); 6] = [
        ("content-type", b"text/plain"),
        ("vary", b"accept"),
        ("set-cookie", b"a=1; Path=/"),
        ("vary", b"origin"),
        ("x-name", b"Zo\xeb"),
        ("set-cookie", b"b=2"),
    ];
    answer(201, &headers, "Zoë")
}

#[test]
fn each_form_has_its_own_members() {
    let json = |form| write(form, rich()).unwrap().get().to_owned();
    insta::assert_snapshot!(json(AnswerForm::Url), @r#"{"statusCode":201,"headers":{"content-type":"text/plain","vary":"accept, origin","x-name":"Zoë"},"cookies":["a=1; Path=/","b=2"],"body":"Zoë","isBase64Encoded":false}"#);
    insta::assert_snapshot!(json(AnswerForm::Rest), @r#"{"statusCode":201,"multiValueHeaders":{"content-type":["text/plain"],"vary":["accept","origin"],"set-cookie":["a=1; Path=/","b=2"],"x-name":["Zoë"]},"body":"Zoë","isBase64Encoded":false}"#);
    insta::assert_snapshot!(json(AnswerForm::AlbMultiValue), @r#"{"statusCode":201,"statusDescription":"201 Created","multiValueHeaders":{"content-type":["text/plain"],"vary":["accept","origin"],"set-cookie":["a=1; Path=/","b=2"],"x-name":["Zoë"]},"body":"Zoë","isBase64Encoded":false}"#);
    insta::assert_snapshot!(json(AnswerForm::Alb), @r#"{"statusCode":201,"statusDescription":"201 Created","headers":{"content-type":"text/plain","vary":"accept, origin","x-name":"Zoë","set-cookie":"b=2"},"body":"Zoë","isBase64Encoded":false}"#);
}

#[test]
fn binary_is_base64_for_every_front_door() {
    for form in FORMS {
        let value = written_as(form, answer(200, &[], &b"\xff\xfe"[..]));
        assert_eq!(
            (&value["isBase64Encoded"], &value["body"]),
            (&true.into(), &"//4=".into()),
            "{form:?}"
        );
        let value = written_as(form, answer(200, &[], "text"));
        assert_eq!(
            (&value["isBase64Encoded"], &value["body"]),
            (&false.into(), &"text".into()),
            "{form:?}"
        );
    }
}

#[test]
fn a_status_without_a_name_is_described_all_the_same() {
    for (status, description) in [
        (200, "200 OK"),
        (404, "404 Not Found"),
        (299, "299 Unassigned"),
        (999, "999 Unassigned"),
    ] {
        for form in [AnswerForm::Alb, AnswerForm::AlbMultiValue] {
            let value = written_as(form, answer(status, &[], ""));
            assert_eq!(value["statusDescription"], description);
        }
        // API Gateway takes a member that it does not know for a malformed answer.
        for form in [AnswerForm::Http, AnswerForm::Url, AnswerForm::Rest] {
            assert!(
                written_as(form, answer(status, &[], ""))
                    .get("statusDescription")
                    .is_none()
            );
        }
    }
}

#[test]
fn one_cookie_is_no_loss_to_a_load_balancer_and_two_are() {
    let logged = |form, cookies: &[&str]| -> (Value, String) {
        let headers: Vec<(&str, &[u8])> = cookies.iter().map(|cookie| ("set-cookie", cookie.as_bytes())).collect();
        let mut sent = Value::Null;
        let lines = logged(|| sent = written_as(form, answer(200, &headers, "")));
        (sent["headers"]["set-cookie"].clone(), lines)
    };
    assert_eq!(logged(AnswerForm::Alb, &[]), (Value::Null, String::new()));
    assert_eq!(logged(AnswerForm::Alb, &["a=1"]), ("a=1".into(), String::new()));
    let (sent, lines) = logged(AnswerForm::Alb, &["a=1", "b=2", "c=s3cret"]);
    assert_eq!(sent, "c=s3cret");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    for part in [
        "ERROR",
        "lambda.multi_value_headers.enabled",
        "last of 3",
        "lost=2",
        "r-1",
    ] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    assert!(!lines.contains("s3cret"), "{lines}");
    for form in [
        AnswerForm::AlbMultiValue,
        AnswerForm::Rest,
        AnswerForm::Http,
        AnswerForm::Url,
    ] {
        assert_eq!(logged(form, &["a=1", "b=2"]).1, "", "{form:?}");
    }
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
    let around = write(AnswerForm::Url, answer(200, &[], "")).unwrap().get().len();
    let fitting = "a".repeat(MAX_ANSWER - around);
    assert_eq!(
        write(AnswerForm::Url, answer(200, &[], fitting.clone()))
            .unwrap()
            .get()
            .len(),
        MAX_ANSWER
    );
    insta::assert_snapshot!(
        why(AnswerForm::Url, answer(200, &[], fitting + "a")),
        @"The answer takes 6291557 bytes as Lambda carries it; it carries 6291556."
    );
}

#[test]
fn a_load_balancer_carries_a_megabyte() {
    for form in [AnswerForm::Alb, AnswerForm::AlbMultiValue] {
        let around = write(form, answer(200, &[], "")).unwrap().get().len();
        let fitting = "a".repeat(MAX_ALB_ANSWER - around);
        assert!(write(form, answer(200, &[], fitting.clone())).is_ok());
        assert_eq!(
            why(form, answer(200, &[], fitting + "a")),
            "The answer takes 1048577 bytes as a load balancer carries it; it carries 1048576."
        );
    }
    for form in [AnswerForm::Http, AnswerForm::Url, AnswerForm::Rest] {
        assert!(write(form, answer(200, &[], "a".repeat(MAX_ALB_ANSWER))).is_ok());
    }
}

#[test]
fn size_is_counted_as_serialised() {
    // A quote takes two bytes in JSON, and three bytes take four in base64.
    assert!(write(AnswerForm::Url, answer(200, &[], "\"".repeat(MAX_ANSWER / 2))).is_err());
    assert!(write(AnswerForm::Url, answer(200, &[], "'".repeat(MAX_ANSWER / 2))).is_ok());
    assert!(write(AnswerForm::Url, answer(200, &[], vec![0xff; MAX_ANSWER / 4 * 3])).is_err());
    assert!(write(AnswerForm::Url, answer(200, &[], vec![0xff; MAX_ANSWER / 4 * 3 - 300])).is_ok());
}

#[test]
fn headers_are_counted_where_the_front_door_bounds_them() {
    // "x-a: " and CR LF take 7 bytes, "set-cookie: " and CR LF 14.
    let response = |size: usize| {
        let value = vec![b'v'; size - 7 - 14 - 3];
        answer(200, &[("x-a", &value), ("set-cookie", b"a=1")], "")
    };
    for (form, most) in [
        (AnswerForm::Http, MAX_HEADERS),
        (AnswerForm::Rest, MAX_HEADERS),
        (AnswerForm::Alb, MAX_ALB_HEADERS),
        (AnswerForm::AlbMultiValue, MAX_ALB_HEADERS),
    ] {
        assert!(write(form, response(most)).is_ok(), "{form:?}");
        assert!(write(form, response(most + 1)).is_err(), "{form:?}");
    }
    assert!(write(AnswerForm::Url, response(MAX_ALB_HEADERS + 1)).is_ok());
    insta::assert_snapshot!(
        why(AnswerForm::Http, response(MAX_HEADERS + 1)),
        @"The answer's headers take 10241 bytes; API Gateway carries 10240."
    );
    insta::assert_snapshot!(
        why(AnswerForm::Alb, response(MAX_ALB_HEADERS + 1)),
        @"The answer's headers take 32769 bytes; a load balancer carries 32768."
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

    #[test]
    fn multi_value_headers_lose_nothing(headers in proptest::collection::vec(("(set-cookie|[a-z][a-z-]{0,2})", "[ -~é\t]{0,12}"), 0..12)) {
        let given: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        for form in [AnswerForm::Rest, AnswerForm::AlbMultiValue] {
            let value = written_as(form, answer(200, &given, ""));
            prop_assert!(value.get("headers").is_none() && value.get("cookies").is_none());
            let mut count = 0;
            for (name, values) in value["multiValueHeaders"].as_object().unwrap() {
                let values: Vec<&str> = values.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                let sent: Vec<&str> = headers.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect();
                count += values.len();
                prop_assert_eq!(values, sent);
            }
            prop_assert_eq!(count, headers.len());
        }
    }
}
