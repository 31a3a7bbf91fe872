use http::Method;
use proptest::prelude::*;

use super::*;
use crate::testing::{headers, request};

fn carriers() -> Carriers {
    Carriers {
        headers: vec![HeaderName::from_static("x-api-key")],
        parameters: vec!["api_key".to_owned()],
        cookies: vec!["sid".to_owned()],
        bearer_keys: true,
    }
}

fn emptied(query: &str, lines: &[(&str, &str)]) -> (String, HeaderMap) {
    let mut request = request(Method::GET, "/");
    request.query = query.to_owned();
    request.headers = headers(lines);
    carriers().empty(&mut request);
    (request.query, request.headers)
}

#[test]
fn parameters_go_in_every_spelling_and_the_rest_stays_byte_for_byte() {
    for (before, after) in [
        ("", ""),
        ("a=1&b=%20&c", "a=1&b=%20&c"),
        ("api_key=x", ""),
        ("a=1&api_key=x&b=2", "a=1&b=2"),
        ("api_key=x&api_key=y&a=+", "a=+"),
        ("api%5Fkey=x&a", "a"),
        ("%61pi_key=x&a", "a"),
        ("api_key&a", "a"),
        ("api_key=&a", "a"),
        (
            "API_KEY=x&api_keys=y&xapi_key=z&a=api_key",
            "API_KEY=x&api_keys=y&xapi_key=z&a=api_key",
        ),
        ("&&a=1&&", "&&a=1&&"),
        ("&api_key=x&", "&"),
        ("api_key=a=b&c", "c"),
        ("a=%zz&api_key=%zz", "a=%zz"),
    ] {
        assert_eq!(emptied(before, &[]).0, after, "{before}");
    }
}

#[test]
fn cookies_go_by_their_names_and_the_rest_stays() {
    for (before, after) in [
        ("a=1; b=2", Some("a=1; b=2")),
        ("a=1;b=2;", Some("a=1;b=2;")),
        ("sid=x", None),
        ("sid=", None),
        ("a=1; sid=x; b=2", Some("a=1; b=2")),
        ("sid=x; sid=y; a=1", Some("a=1")),
        ("sid=x;a=1;;b=2", Some("a=1; b=2")),
        ("\tsid=x ; a=1", Some("a=1")),
        ("SID=x; sids=y; xsid=z; a=sid=q", Some("SID=x; sids=y; xsid=z; a=sid=q")),
        ("sid", Some("sid")),
    ] {
        let (_, headers) = emptied("", &[("cookie", before)]);
        let left = headers.get(COOKIE).map(|value| value.to_str().unwrap());
        assert_eq!(left, after, "{before}");
    }
}

/// One odd byte must not carry a session past its end.
#[test]
fn cookies_beside_odd_bytes_go_too() {
    let mut request = request(Method::GET, "/");
    request
        .headers
        .insert(COOKIE, HeaderValue::from_bytes(b"a=\xff; sid=x").unwrap());
    carriers().empty(&mut request);
    assert_eq!(request.headers[COOKIE].as_bytes(), b"a=\xff");
}

#[test]
fn headers_go_with_all_their_copies() {
    let (_, left) = emptied("", &[("x-api-key", "a"), ("x-api-key", "b"), ("x-api-keys", "c")]);
    assert_eq!(left, headers(&[("x-api-keys", "c")]));
}

/// Keys go wherever they stand in it, also where nobody would take them; what is another service's stays.
#[test]
fn keys_go_from_authorization_in_every_form() {
    let key = crate::api_key::ApiKey::generate().unwrap();
    let key = key.secret_text();
    for field in [
        format!("Bearer {key}"),
        format!("bearer  {key}"),
        format!("ApiKey {key}"),
        key.to_owned(),
        format!("Basic dTpw, Bearer {key}"),
        format!("Bearer \"{key}\""),
        format!("Bearer {}", &key[..key.len() - 1]),
    ] {
        let (_, left) = emptied("", &[("authorization", &field)]);
        assert!(left.is_empty(), "{field}");
    }
    let (_, left) = emptied(
        "",
        &[
            ("authorization", "Basic dTpw"),
            ("authorization", &format!("Bearer {key}")),
        ],
    );
    assert!(left.is_empty());
    for field in [
        "Basic dTpw",
        "Bearer a.b.c",
        "Bearer xtg_a",
        "AWS4-HMAC-SHA256 Credential=x/tg_/y",
    ] {
        let (_, left) = emptied("", &[("authorization", field)]);
        assert_eq!(left.len(), 1, "{field}");
    }
}

proptest! {
    #[test]
    fn nothing_is_left_that_would_be_read(query in "[a&=_+%5Fpikey]{0,40}", cookie in "[ sid=;a]{0,30}") {
        let (query, headers) = emptied(&query, &[("cookie", &cookie)]);
        prop_assert_eq!(parameters(&query, "api_key").count(), 0);
        prop_assert_eq!(cookies(&headers, "sid").count(), 0);
    }
}
