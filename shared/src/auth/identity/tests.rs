use http::HeaderName;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::json;

use super::super::testing::method;
use super::*;
use crate::config::ClaimHeader;

const HEADER: &str = "x-claim";

fn identity(claims: Value, forward_token: bool) -> Identity {
    let mapping = ClaimHeader {
        claim: "c".into(),
        header: HeaderName::from_static(HEADER),
    };
    let method = JwtMethod {
        claims_to_headers: vec![mapping],
        forward_token,
        ..method()
    };
    let Value::Object(claims) = claims else {
        panic!("claims are an object")
    };
    Identity {
        claims: Arc::new(claims),
        method: Arc::new(method),
    }
}

fn header(claim: Value) -> Option<String> {
    let mut headers = HeaderMap::new();
    identity(json!({ "c": claim }), false).stamp(&mut headers);
    headers.get(HEADER).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn scalars_and_lists_become_text() {
    for (claim, expected) in [
        (json!("user-1"), "user-1"),
        (json!("auth0|5f7c/a@b,c"), "auth0|5f7c/a@b,c"),
        (json!(42), "42"),
        (json!(-7), "-7"),
        (json!(1.5), "1.5"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(true), "true"),
        (json!(false), "false"),
        (json!(["a", "b"]), "a,b"),
        (json!(["a,b", "c"]), "a%2Cb,c"),
        (json!(["a", 1, true]), "a,1,true"),
        (json!(["a", ""]), "a,"),
        (json!("two words"), "two%20words"),
        (json!("100%"), "100%25"),
        (json!("J\u{fc}rgen \u{1f600}"), "J%C3%BCrgen%20%F0%9F%98%80"),
        (json!("a\r\nX-User-Role: admin"), "a%0D%0AX-User-Role:%20admin"),
        (json!("\u{0}\u{7f}\t"), "%00%7F%09"),
        (json!(["a\nb", "%2C"]), "a%0Ab,%252C"),
    ] {
        assert_eq!(header(claim.clone()).as_deref(), Some(expected), "{claim}");
    }
}

#[test]
fn what_has_no_text_sets_nothing() {
    for claim in [
        json!(null),
        json!({}),
        json!({"a": "b"}),
        json!([]),
        json!([""]),
        json!(""),
        json!([["a"]]),
        json!(["a", null]),
        json!(["a", {}]),
        json!(1e30),
        json!(9_007_199_254_740_992.0),
    ] {
        assert_eq!(header(claim.clone()), None, "{claim}");
    }
}

/// Two numbers that only differ beyond what a float can hold must not become one caller.
#[test]
fn integers_too_large_to_tell_apart_are_nobody() {
    for text in [
        r#"{"c":123456789012345678901234567890}"#,
        r#"{"c":123456789012345678901234567891}"#,
    ] {
        let identity = identity(serde_json::from_str(text).unwrap(), false);
        assert_eq!(claim_text(&identity.claims["c"]), None);
    }
}

#[test]
fn a_header_that_was_there_is_replaced_or_removed() {
    for (claims, expected) in [
        (json!({"c": "me"}), vec!["me"]),
        (json!({"c": null}), vec![]),
        (json!({}), vec![]),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(HEADER, "someone".parse().unwrap());
        headers.append(HEADER, "else".parse().unwrap());
        identity(claims, false).stamp(&mut headers);
        assert_eq!(headers.get_all(HEADER).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_token_goes_upstream_only_when_asked_to() {
    for forward_token in [false, true] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer a.b.c".parse().unwrap());
        headers.insert("x-other", "kept".parse().unwrap());
        identity(json!({}), forward_token).stamp(&mut headers);
        assert_eq!(headers.contains_key(AUTHORIZATION), forward_token);
        assert_eq!(headers["x-other"], "kept");
    }
}

#[test]
fn the_first_claim_of_two_for_a_header_is_not_lost_when_the_second_is_absent() {
    let mut identity = identity(json!({"a": "1"}), false);
    let to = |claim: &str| ClaimHeader {
        claim: claim.into(),
        header: HeaderName::from_static(HEADER),
    };
    identity.method = Arc::new(JwtMethod {
        claims_to_headers: vec![to("a"), to("b")],
        ..method()
    });
    let mut headers = HeaderMap::new();
    identity.stamp(&mut headers);
    assert_eq!(headers[HEADER], "1");
}

#[test]
fn claim_text_is_plain() {
    for (claim, text) in [
        (json!("J\u{fc}rgen 100%"), "J\u{fc}rgen 100%"),
        (json!(1), "1"),
        (json!(true), "true"),
    ] {
        assert_eq!(claim_text(&claim).as_deref(), Some(text));
    }
    for claim in [json!(["a"]), json!({}), json!(""), json!(null)] {
        assert_eq!(claim_text(&claim), None, "{claim}");
    }
}

proptest! {
    #[test]
    fn every_text_is_safe_and_comes_back(text in any::<String>().prop_filter("empty", |text| !text.is_empty())) {
        let value = header(json!(text)).unwrap();
        prop_assert!(value.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        prop_assert_eq!(percent_decode_str(&value).decode_utf8().unwrap(), text);
    }

    #[test]
    fn every_list_comes_back_by_its_commas(list in prop::collection::vec(any::<String>(), 1..5)) {
        if let Some(value) = header(json!(list)) {
            prop_assert!(value.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
            let back: Vec<_> = value.split(',').map(|part| percent_decode_str(part).decode_utf8().unwrap()).collect();
            prop_assert_eq!(back, list);
        }
    }
}
