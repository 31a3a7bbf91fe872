use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::testing::base64;

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
}
