use http::HeaderName;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::method::ClaimHeader;
use crate::auth::method::MethodKind;
use crate::auth::testing::{jwt, method_of};

const HEADER: &str = "x-claim";

fn to(header: &'static str, claim: &str) -> ClaimHeader {
    ClaimHeader {
        claim: ClaimPath::parse(claim).unwrap(),
        header: HeaderName::from_static(header),
    }
}

fn proof(name: Option<&str>, claims_to_headers: Vec<ClaimHeader>, claims: Value) -> Proof {
    let method = Method {
        name: name.map(Arc::from),
        claims_to_headers,
        ..method_of(MethodKind::Jwt(Arc::new(jwt())))
    };
    let Value::Object(claims) = claims else {
        panic!("claims are an object")
    };
    Proof {
        claims: Arc::new(claims),
        method: Arc::new(method),
        api_key: None,
    }
}

fn identity(claims: Value) -> Identity {
    Identity::of(vec![proof(None, vec![to(HEADER, "c")], claims)]).unwrap()
}

fn header(claim: Value) -> Option<String> {
    let mut headers = HeaderMap::new();
    identity(json!({ "c": claim })).stamp(&mut headers);
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
        let identity = identity(serde_json::from_str(text).unwrap());
        assert_eq!(claim_text(identity.claim(&ClaimPath::of_name("c")).unwrap()), None);
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
        identity(claims).stamp(&mut headers);
        assert_eq!(headers.get_all(HEADER).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_first_claim_of_two_for_a_header_is_not_lost_when_the_second_is_absent() {
    let both = vec![to(HEADER, "a"), to(HEADER, "b")];
    for (claims, expected) in [
        (json!({"a": "1"}), "1"),
        (json!({"b": "2"}), "2"),
        (json!({"a": "1", "b": "2"}), "1"),
    ] {
        let identity = Identity::of(vec![proof(None, both.clone(), claims)]).unwrap();
        let mut headers = HeaderMap::new();
        identity.stamp(&mut headers);
        assert_eq!(headers[HEADER], expected);
    }
}

#[test]
fn claims_are_found_at_any_depth() {
    let deep = vec![to("x-team", "org.team"), to("x-role", "https://example.com/role")];
    let claims = json!({"org": {"team": "blue"}, "https://example.com/role": "admin"});
    let mut headers = HeaderMap::new();
    Identity::of(vec![proof(None, deep, claims)])
        .unwrap()
        .stamp(&mut headers);
    assert_eq!(
        (&headers["x-team"], &headers["x-role"]),
        (&HeaderValue::from_static("blue"), &HeaderValue::from_static("admin"))
    );
}

#[test]
fn several_proofs_speak_in_their_order() {
    let device = proof(
        Some("device"),
        vec![to("x-device", "sub")],
        json!({"sub": "d-1", "tenant": "t"}),
    );
    let user = proof(
        Some("user"),
        vec![to(HEADER, "sub"), to("x-device", "dev")],
        json!({"sub": "u-1", "dev": "forged"}),
    );
    let identity = Identity::of(vec![device, user]).unwrap();
    let mut headers = HeaderMap::new();
    identity.stamp(&mut headers);
    assert_eq!(headers["x-device"], "d-1");
    assert_eq!(headers[HEADER], "u-1");
    assert_eq!(headers["x-auth-method"], "device,user");
    assert_eq!(identity.claim(&ClaimPath::of_name("sub")), Some(&json!("d-1")));
    assert_eq!(identity.claim(&ClaimPath::of_name("dev")), Some(&json!("forged")));
    assert!(Identity::of(vec![]).is_none());
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
