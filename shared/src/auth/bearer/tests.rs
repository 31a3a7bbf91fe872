use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::auth::testing::request;

fn credential(fields: &[&str]) -> Result<Option<String>, &'static str> {
    token(&request(fields).headers).map(|token| token.map(str::to_owned))
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

/// Tokens that are no JWT have other characters (RFC 6750 section 2.1), and introspection takes them.
#[test]
fn opaque_tokens_are_tokens() {
    for opaque in ["a", "a-._~+/b", "YWJj+/==", "a="] {
        assert_eq!(credential(&[&format!("Bearer {opaque}")]), Ok(Some(opaque.to_owned())));
    }
}

#[test]
fn every_other_way_to_present_one_is_refused() {
    let ways: [&[&str]; 34] = [
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
        &["Bearer =="],
        &["Bearer a=b"],
        &["Bearer a==b"],
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
    assert!(token(&headers).is_err(), "not ASCII");
}

proptest! {
    #[test]
    fn no_header_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b'\t'), 32..=255_u8], 0..80)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            headers.insert(AUTHORIZATION, value);
        }
        if let Ok(Some(token)) = super::token(&headers) {
            prop_assert!(!token.contains([' ', ',', '"']));
        }
    }
}
