use http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

use super::super::testing::{base64, request};
use super::*;

fn credential(fields: &[&str]) -> Result<Option<String>, &'static str> {
    bearer(&request(fields).headers).map(|token| token.map(str::to_owned))
}

#[test]
fn one_bearer_token_in_one_header_is_a_credential() {
    assert_eq!(credential(&[]), Ok(None));
    for field in [
        "Bearer a.b.c",
        "bearer a.b.c",
        "BEARER a.b.c",
        "bEaReR a.b.c",
        "Bearer    a.b.c",
    ] {
        assert_eq!(credential(&[field]), Ok(Some("a.b.c".to_owned())), "{field}");
    }
}

#[test]
fn every_other_way_to_present_one_is_refused() {
    let ways: [&[&str]; 33] = [
        &[""],
        &[" "],
        &["Bearer"],
        &["Bearer "],
        &["Bearer  "],
        &["Bearera.b.c"],
        &["Bearer:a.b.c"],
        &["Bearer=a.b.c"],
        &["Bearer\ta.b.c"],
        &[" Bearer a.b.c"],
        &["Bearer a.b.c "],
        &["Bearer \ta.b.c"],
        &["Bearer a.b .c"],
        &["Bearer a.b.c x"],
        &["Bearer a.b.c,"],
        &["Bearer a.b.c,Bearer a.b.c"],
        &["Bearer a.b.c, Bearer d.e.f"],
        &["Basic dTpw, Bearer a.b.c"],
        &["Bearer a.b.c, Basic dTpw"],
        &["Basic dTpw"],
        &["Digest a.b.c"],
        &["Token a.b.c"],
        &["JWT a.b.c"],
        &["a.b.c"],
        &["Bearer \"a.b.c\""],
        &["Bearer token=a.b.c"],
        &["Bearer a.b.c=="],
        &["Bearer a+b/c"],
        &["Bearer a.b.c;x"],
        &["Bearer a.b.\u{e9}"],
        &["Bearer a.b.c", "Bearer a.b.c"],
        &["Bearer a.b.c", "Basic dTpw"],
        &["", "Bearer a.b.c"],
    ];
    for way in ways {
        assert!(credential(way).is_err(), "{way:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer a.b.c\xff").unwrap());
    assert!(bearer(&headers).is_err(), "not ASCII");
}

fn text(header: &serde_json::Value, payload: &str) -> String {
    format!("{}.{}.{}", base64(header.to_string()), base64(payload), base64([1; 64]))
}

#[test]
fn a_well_formed_token_is_taken_apart() {
    let text = text(&json!({"alg": "ES256", "kid": "k"}), r#"{"sub":"a"}"#);
    let token = Token::parse(&text).unwrap();
    assert_eq!(
        (token.algorithm, token.kid.as_deref(), token.signature_len),
        (Algorithm::ES256, Some("k"), 64)
    );
    assert_eq!(json!(token.claims), json!({"sub": "a"}));
    assert_eq!(format!("{}.{}", token.signed, token.signature), text);
}

/// RFC 7515 section 4.1.2 and on: where a token says its key is, nobody looks.
#[test]
fn key_sources_in_the_header_change_nothing() {
    let header = json!({"alg": "EdDSA", "jwk": {"kty": "oct", "k": "AA"}, "jku": "https://evil.test/keys",
                        "x5u": 1, "x5c": [null], "typ": "anything", "b64": true});
    let text = text(&header, "{}");
    let token = Token::parse(&text).unwrap();
    assert_eq!((token.algorithm, token.kid), (Algorithm::EdDSA, None));
}

#[test]
fn length_is_bounded_inclusively() {
    let of_length = |length: usize| {
        let head = format!("{}.", base64(r#"{"alg":"EdDSA"}"#));
        let tail = format!(".{}", base64([0; 64]));
        let room = length - head.len() - tail.len();
        let payload = base64(format!("{{}}{}", " ".repeat(room * 3 / 4 - 2)));
        format!("{head}{payload}{tail}")
    };
    let longest = of_length(MAX_TOKEN);
    assert_eq!(longest.len(), MAX_TOKEN);
    assert!(Token::parse(&longest).is_ok());
    // No base64 text has the length in between.
    let longer = of_length(MAX_TOKEN + 2);
    assert!(longer.len() > MAX_TOKEN);
    assert!(Token::parse(&longer).unwrap_err().contains("longer than 16384 bytes"));
}

#[test]
fn base64_has_one_spelling() {
    assert_eq!(decode("AQ").as_deref(), Some([1].as_slice()));
    assert_eq!(decode("-_8").as_deref(), Some([0xfb, 0xff].as_slice()));
    for spelling in ["AR", "AQ=", "AQ==", "A", "A Q", "+/8", "AQ\n", "\u{e9}", "AQA="] {
        assert_eq!(decode(spelling), None, "{spelling:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", header in ".{0,60}", payload in ".{0,60}") {
        let _ = Token::parse(&text);
        let _ = Token::parse(&format!("{}.{}.AA", base64(header), base64(payload)));
    }

    #[test]
    fn no_header_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b'\t'), 32..=255_u8], 0..80)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            headers.insert(AUTHORIZATION, value);
        }
        if let Ok(Some(token)) = bearer(&headers) {
            prop_assert!(!token.contains([' ', ',', '=']));
        }
    }
}
