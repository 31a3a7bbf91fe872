use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A request's offers, in a form that is easy to write down.
#[derive(Clone, Debug, PartialEq)]
struct Offer {
    headers: Vec<(&'static str, Vec<u8>)>,
    ip: IpAddr,
    claims: Option<Value>,
    route: String,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            ip: Ipv4Addr::new(192, 0, 2, 1).into(),
            claims: None,
            route: "GET /orders".into(),
        }
    }
}

impl Offer {
    fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    fn ip(mut self, text: &str) -> Self {
        self.ip = text.parse().unwrap();
        self
    }

    fn claims(mut self, claims: Value) -> Self {
        self.claims = Some(claims);
        self
    }

    fn subject(&self, key: &[KeyPart]) -> Subject {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let identity = self.claims.clone().map(crate::auth::testing::proven);
        Subject::new(
            key,
            &Source {
                route_id: &self.route,
                headers: &headers,
                client_ip: self.ip,
                identity: identity.as_ref(),
            },
        )
    }
}

fn user() -> KeyPart {
    KeyPart::Header(HeaderName::from_static("x-user-id"))
}

fn claim(name: &str) -> KeyPart {
    KeyPart::Claim(ClaimPath::of_name(name))
}

#[test]
fn a_subject_is_22_characters_that_show_nothing_of_the_value() {
    let subject = Offer::default().header("x-user-id", "usr_alice").subject(&[user()]);
    assert_eq!(subject.as_str().len(), 22);
    assert!(
        subject
            .as_str()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    );
    // Fixed for ever: another hash would give everybody a fresh bucket at the next deployment.
    insta::assert_snapshot!(subject.as_str(), @"KHJFkkZPXriZIhs4bBqnnQ");
}

#[test]
fn the_same_values_are_the_same_subject_and_others_are_not() {
    let alice = Offer::default().header("x-user-id", "alice");
    let key = [user()];
    assert_eq!(
        alice.subject(&key),
        alice.clone().ip("203.0.113.9").subject(&key),
        "the address does not count"
    );
    assert_ne!(
        alice.subject(&key),
        Offer::default().header("x-user-id", "bob").subject(&key)
    );
    assert_ne!(
        alice.subject(&key),
        Offer::default().header("x-user-id", "Alice").subject(&key)
    );
}

#[test]
fn ipv6_counts_by_its_64_and_mapped_ipv4_as_ipv4() {
    let of = |text| Offer::default().ip(text).subject(&[KeyPart::ClientIp]);
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    // The first 8 bytes of one family are no address of the other.
    assert_ne!(of("c000:207::"), of("192.0.2.7"));
}

#[test]
fn a_part_without_a_value_falls_back_to_the_address() {
    let absent = [
        Offer::default(),
        Offer::default().header("x-user-id", ""),
        Offer::default().header("x-user-id", "").header("x-user-id", ""),
        Offer::default().header("x-user-name", "alice"),
    ];
    for offer in &absent {
        assert_eq!(offer.subject(&[user()]), absent[0].subject(&[user()]));
        assert_ne!(
            offer.subject(&[user()]),
            offer.clone().ip("192.0.2.2").subject(&[user()])
        );
    }
    for claims in [
        json!({}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": []}),
        json!({"sub": {"a": 1}}),
    ] {
        let offer = Offer::default().claims(claims);
        assert_eq!(
            offer.subject(&[claim("sub")]),
            Offer::default().subject(&[claim("sub")])
        );
        assert_ne!(
            offer.subject(&[claim("sub")]),
            offer.clone().ip("192.0.2.2").subject(&[claim("sub")])
        );
    }
}

#[test]
fn no_value_can_imitate_the_address_that_stands_in_for_an_absent_one() {
    let absent = Offer::default().subject(&[user()]);
    for imitation in ["192.0.2.1", "4", "client_ip", "\u{fffd}"] {
        assert_ne!(
            Offer::default().header("x-user-id", imitation).subject(&[user()]),
            absent
        );
    }
    // An address whose bytes can stand in a header.
    let at = |ip| Offer::default().ip(ip);
    assert_ne!(
        at("192.0.2.1").header("x-user-id", "abcd").subject(&[user()]),
        at("97.98.99.100").subject(&[user()])
    );
    assert_ne!(
        at("192.0.2.1").header("x-user-id", "abcdefgh").subject(&[user()]),
        at("6162:6364:6566:6768::1").subject(&[user()])
    );
}

#[test]
fn claims_count_by_their_text() {
    let of = |claims| Offer::default().claims(claims).subject(&[claim("tenant")]);
    assert_eq!(of(json!({"tenant": 7})), of(json!({"tenant": "7"})));
    assert_eq!(of(json!({"tenant": true})), of(json!({"tenant": "true", "other": 1})));
    assert_ne!(of(json!({"tenant": 7})), of(json!({"tenant": 8})));
    assert_ne!(of(json!({"tenant": false})), of(json!({"tenant": true})));
    // An integer that cannot be read exactly would put several tenants into one bucket: it is as good as absent.
    let absent = of(json!({}));
    for inexact in ["100000000000000000001", "1e20"] {
        let claims: Value = serde_json::from_str(&format!(r#"{{"tenant":{inexact}}}"#)).unwrap();
        assert_eq!(of(claims), absent, "{inexact}");
    }
}

#[test]
fn parts_do_not_flow_into_each_other() {
    let key = [user(), claim("tenant"), KeyPart::Route];
    let one = Offer::default()
        .header("x-user-id", "a#b")
        .claims(json!({"tenant": "c"}));
    let other = Offer::default()
        .header("x-user-id", "a")
        .claims(json!({"tenant": "b#c"}));
    assert_ne!(one.subject(&key), other.subject(&key));

    let route = |id: &str| Offer {
        route: id.into(),
        ..Offer::default()
    };
    assert_ne!(
        route("a").subject(&[KeyPart::Route]),
        route("b").subject(&[KeyPart::Route])
    );
    // The same value under another name is another subject.
    let both = Offer::default().claims(json!({"a": "x", "b": "x"}));
    assert_ne!(both.subject(&[claim("a")]), both.subject(&[claim("b")]));
    assert_ne!(
        both.subject(&[claim("a"), claim("b")]),
        both.subject(&[claim("b"), claim("a")])
    );
}

#[test]
fn repeated_headers_count_all_their_values() {
    let key = [user()];
    let two = Offer::default().header("x-user-id", "a").header("x-user-id", "b");
    assert_ne!(
        two.subject(&key),
        Offer::default().header("x-user-id", "a").subject(&key)
    );
    assert_ne!(
        two.subject(&key),
        Offer::default()
            .header("x-user-id", "b")
            .header("x-user-id", "a")
            .subject(&key)
    );
    assert_ne!(
        two.subject(&key),
        Offer::default().header("x-user-id", "ab").subject(&key)
    );
}

#[test]
fn ten_kilobytes_are_as_good_as_one() {
    let long = Offer::default().header("x-user-id", "x".repeat(10_240));
    assert_eq!(long.subject(&[user()]).as_str().len(), 22);
    assert_ne!(
        long.subject(&[user()]),
        Offer::default()
            .header("x-user-id", "x".repeat(10_239))
            .subject(&[user()])
    );
}

#[test]
fn the_partition_key_names_the_key_and_the_subject() {
    let subject = Subject("SUBJECT".into());
    let of = |key: &[KeyPart]| partition_key(key, &subject);
    assert_eq!(of(&[KeyPart::ClientIp]), "Q#client_ip#SUBJECT");
    assert_eq!(of(&[user(), KeyPart::Route]), "Q#header:x-user-id,route#SUBJECT");
    assert_eq!(
        of(&[claim("https://example.com/tenant")]),
        "Q#claim:https://example.com/tenant#SUBJECT"
    );
    assert_eq!(of(&[claim("a,route#%")]), "Q#claim:a%2Croute%23%25#SUBJECT");
}

fn any_offer() -> impl Strategy<Value = Offer> {
    let text = prop::collection::vec(prop::sample::select(b"ab#,\"4\x80\xff".to_vec()), 0..4);
    let claims = prop::option::of("[ab#,\"4]{0,3}");
    (text, claims, 0..3_u8, any::<bool>()).prop_map(|(header, tenant, ip, v6)| Offer {
        headers: vec![("x-user-id", header)],
        ip: if v6 {
            Ipv6Addr::from([ip; 16]).into()
        } else {
            Ipv4Addr::from([ip; 4]).into()
        },
        claims: tenant.map(|tenant| json!({ "tenant": tenant })),
        route: "r".into(),
    })
}

/// A value, or the address that stands in for it.
type Part = Result<Vec<u8>, Vec<u8>>;

/// What a subject is made of, spelt out.
fn meaning(offer: &Offer) -> (Part, Part) {
    let ip = match offer.ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets()[..8].to_vec(),
    };
    let header = offer.headers[0].1.clone();
    let claim = offer
        .claims
        .as_ref()
        .map(|claims| claims["tenant"].as_str().unwrap().as_bytes().to_vec());
    (
        Some(header).filter(|header| !header.is_empty()).ok_or(ip.clone()),
        claim.filter(|claim| !claim.is_empty()).ok_or(ip),
    )
}

proptest! {
    #[test]
    fn subjects_are_equal_exactly_when_every_part_is(one in any_offer(), other in any_offer()) {
        let key = [user(), claim("tenant")];
        prop_assert_eq!(one.subject(&key) == other.subject(&key), meaning(&one) == meaning(&other));
    }
}

/// What a request offers, written by hand.
fn by_hand(texts: &[&str]) -> Subject {
    crate::limit::KeyValues::parse(texts.iter().copied()).unwrap().subject()
}

#[test]
fn who_is_named_by_hand_is_who_is_counted() {
    let offer = Offer::default()
        .header("x-user-id", "usr=1")
        .claims(json!({ "tenant": 7, "sub": "ann", "iss": "https://issuer.example" }));
    assert_eq!(
        offer.subject(&[user(), claim("tenant"), KeyPart::Route, KeyPart::ClientIp]),
        by_hand(&[
            "header:X-User-Id=usr=1",
            "claim:tenant=7",
            "route=GET /orders",
            "client_ip=192.0.2.1"
        ])
    );
    for holder in [KeyPart::User, KeyPart::PlanHolder] {
        assert_eq!(offer.subject(&[holder]), by_hand(&["user=https://issuer.example ann"]));
    }
    let without_issuer = Offer::default().claims(json!({ "sub": "ann" }));
    assert_eq!(without_issuer.subject(&[KeyPart::User]), by_hand(&["user=jwt ann"]));
    let v6 = Offer::default().ip("2001:db8:1:2::1");
    assert_eq!(
        v6.subject(&[KeyPart::ClientIp]),
        by_hand(&["client_ip=2001:db8:1:2::ffff"])
    );
}
