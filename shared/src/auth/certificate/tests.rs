use std::slice::from_ref;

use serde_json::{Value, json};

use super::testing::*;
use super::*;
use crate::auth::testing::split;

mod hostile;
mod texts;

/// What a method without rules makes of it.
fn proven(facts: &PlatformFacts) -> Result<Option<Value>, Refusal> {
    let from = match facts.door {
        EventKind::Alb => CertificateSource::AlbVerify,
        _ => CertificateSource::ApiGateway,
    };
    verified(&rules(from), facts)
}

fn verified(rules: &CertificateRules, facts: &PlatformFacts) -> Result<Option<Value>, Refusal> {
    rules.verify(facts, now()).map(|claims| claims.map(Value::Object))
}

fn client_claims() -> Value {
    json!({
        "sub": "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE",
        "subject": "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE",
        "issuer": "CN=Example Devices CA,O=Example Devices,C=DE",
        "serial": CLIENT_SERIAL,
        "san": [
            "DNS:sensor-17.devices.example.com",
            "URI:spiffe://devices.example.com/sensor/17",
            "email:ops@example.com",
            "IP:192.0.2.17",
            "IP:2001:db8::17",
        ],
        "not_before": NOT_BEFORE,
        "not_after": NOT_AFTER,
        // As `openssl x509 -fingerprint -sha256` has it.
        "fingerprint": "d3a620397176c2154b748a2e81ac4ecb65cc0ebdd44ae2af19798927067ae48a",
    })
}

#[test]
fn the_claims_are_the_same_behind_every_front_door() {
    let said = json!({
        "clientCertPem": CLIENT,
        "subjectDN": "C=DE,ST=Berlin,L=Berlin,O=Example Devices,OU=Sensors,CN=sensor-17",
        "issuerDN": "C=DE,O=Example Devices,CN=Example Devices CA",
        "serialNumber": "a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f:90:12:34:aa",
        "validity": { "notBefore": "Jan  1 00:00:00 2025 GMT", "notAfter": "Jan  1 00:00:00 2035 GMT" },
    });
    let in_headers = alb(&[
        ("-leaf", &url_encoded(CLIENT)),
        ("-serial-number", "A1B2C3D4E5F60718293A4B5C6D7E8F901234AA"),
        (
            "-subject",
            "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE",
        ),
        ("-issuer", "CN=Example Devices CA,O=Example Devices,C=DE"),
        (
            "-validity",
            "NotBefore=2025-01-01T00:00:00Z;NotAfter=2035-01-01T00:00:00Z",
        ),
    ]);
    for facts in [
        api_gateway(EventKind::Http, &said),
        api_gateway(EventKind::Rest, &said),
        http(CLIENT),
        http(CLIENT.trim_end()),
        http(&CLIENT.replace('\n', "\r\n")),
        in_headers,
        alb(&[("-leaf", &url_encoded(CLIENT))]),
    ] {
        assert_eq!(proven(&facts), Ok(Some(client_claims())), "{facts:?}");
    }
}

#[test]
fn only_the_front_door_that_is_named_is_believed() {
    let of_balancer = alb(&[("-leaf", &url_encoded(CLIENT))]);
    let of_api_gateway = http(CLIENT);
    let (api, verify) = (CertificateSource::ApiGateway, CertificateSource::AlbVerify);
    for door in [EventKind::Http, EventKind::Rest, EventKind::Url, EventKind::Alb] {
        for (from, facts, believed) in [
            (api, &of_api_gateway, matches!(door, EventKind::Http | EventKind::Rest)),
            (verify, &of_balancer, door == EventKind::Alb),
            (api, &PlatformFacts::none(door), false),
            (verify, &PlatformFacts::none(door), false),
        ] {
            let facts = PlatformFacts { door, ..facts.clone() };
            assert_eq!(rules(from).is_presented(&facts), believed, "{from:?} {door:?}");
            let claims = verified(&rules(from), &facts).unwrap();
            assert_eq!(claims, believed.then(client_claims), "{from:?} {door:?}");
        }
    }
}

#[test]
fn a_certificate_holds_from_its_first_second_to_its_last() {
    let at = |micros| {
        let claims = rules(CertificateSource::ApiGateway).verify(&http(CLIENT), Timestamp::from_micros(micros));
        claims.map(|claims| claims.is_some()).map_err(split)
    };
    let micros = 1_000_000;
    assert_eq!(
        at(NOT_BEFORE * micros - 1),
        Err(("", "the certificate holds only in 1 s".into()))
    );
    assert_eq!(at(NOT_BEFORE * micros), Ok(true));
    assert_eq!(at(NOT_AFTER * micros + micros - 1), Ok(true));
    assert_eq!(
        at((NOT_AFTER + 1) * micros),
        Err(("", "the certificate expired 1 s ago".into()))
    );
}

/// Whether a rule is kept, and the key that refuses where it is not.
fn kept(change: impl FnOnce(&mut CertificateRules)) -> Result<(), &'static str> {
    let mut rules = rules(CertificateSource::ApiGateway);
    change(&mut rules);
    verified(&rules, &http(CLIENT))
        .map(drop)
        .map_err(|refused| split(refused).0)
}

fn list(entries: &[&str]) -> Option<Vec<String>> {
    Some(entries.iter().map(ToString::to_string).collect())
}

#[test]
fn every_rule_that_is_given_must_hold() {
    let subject = "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE";
    let issuer = "CN=Example Devices CA,O=Example Devices,C=DE";
    let spiffe = "URI:spiffe://devices.example.com/sensor/17";
    assert_eq!(kept(|_| {}), Ok(()));
    assert_eq!(kept(|rules| rules.subject = list(&["CN=other", subject])), Ok(()));
    assert_eq!(kept(|rules| rules.issuer = list(&[issuer])), Ok(()));
    assert_eq!(kept(|rules| rules.san = list(&["DNS:other", spiffe])), Ok(()));
    assert_eq!(kept(|rules| rules.serial = list(&[CLIENT_SERIAL])), Ok(()));
    assert_eq!(kept(|rules| rules.revoked_serials = vec!["a1".into()]), Ok(()));
    // None of them is a pattern, a prefix, or read in another case.
    for wrong in [
        "CN=sensor-17",
        "cn=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE",
        "*",
        "",
    ] {
        assert_eq!(kept(|rules| rules.subject = list(&[wrong])), Err("subject"), "{wrong}");
    }
    assert_eq!(kept(|rules| rules.issuer = list(&[subject])), Err("issuer"));
    assert_eq!(kept(|rules| rules.serial = list(&["1"])), Err("serial"));
    for wrong in [
        "sensor-17.devices.example.com",
        "URI:spiffe://devices.example.com/sensor/170",
        "DNS:ops@example.com",
    ] {
        assert_eq!(kept(|rules| rules.san = list(&[wrong])), Err("san"), "{wrong}");
    }
    assert_eq!(
        kept(|rules| rules.revoked_serials = vec![CLIENT_SERIAL.into()]),
        Err("revoked_serials")
    );
    // An empty list lets nobody in.
    assert_eq!(kept(|rules| rules.san = list(&[])), Err("san"));
    let both = |rules: &mut CertificateRules| {
        rules.subject = list(&[subject]);
        rules.issuer = list(&["CN=other"]);
    };
    assert_eq!(kept(both), Err("issuer"));
}

#[test]
fn a_refusal_quotes_the_config_and_not_the_certificate() {
    let mut rules = rules(CertificateSource::ApiGateway);
    rules.subject = list(&["CN=a"]);
    let refused = verified(&rules, &http(CLIENT)).unwrap_err();
    assert_eq!(split(refused).1, "the certificate's subject is none of [\"CN=a\"]");
}

#[test]
fn a_certificate_of_version_1_is_one() {
    let claims = proven(&api_gateway(
        EventKind::Rest,
        &json!({ "clientCertPem": V1, "serialNumber": "1" }),
    ));
    let claims = claims.unwrap().unwrap();
    assert_eq!(
        claims["sub"],
        "CN=My Client,OU=Security,O=Amazon Web Services,L=Seattle,ST=Washington,C=US"
    );
    assert_eq!(claims["serial"], "1");
    assert_eq!(claims.get("san"), None);
}

#[test]
fn without_a_subject_the_only_alternative_name_is_who_it_is() {
    let claims = |names: &[Vec<u8>]| {
        let draft = Draft::new().with(|draft| {
            draft.subject = sequence(&[]);
            draft.rest = extensions(&[san(names)]);
        });
        proven(&http(&pem(&draft.der()))).map(Option::unwrap)
    };
    let (spiffe, dns) = (tlv(0x86, b"spiffe://a/b"), tlv(0x82, b"a.example"));
    let one = claims(from_ref(&spiffe)).unwrap();
    assert_eq!((&one["sub"], one.get("subject")), (&json!("URI:spiffe://a/b"), None));
    assert!(claims(&[spiffe, dns]).is_err());
}

#[test]
fn serial_numbers_are_read_in_every_spelling() {
    for (text, number) in [
        ("03A5B1", "3a5b1"),
        ("03:a5:B1", "3a5b1"),
        ("0", "0"),
        ("00:00", "0"),
        ("a1a1a1a1a1a1a1a1a1a1", "a1a1a1a1a1a1a1a1a1a1"),
    ] {
        assert_eq!(serial_number(text).as_deref(), Some(number), "{text}");
    }
    for text in ["", ":", "0x1", "1 2", "g", "-1", "1,2", "１"] {
        assert_eq!(serial_number(text), None, "{text}");
    }
}

#[test]
fn a_stated_serial_number_must_be_the_certificates() {
    let draft = Draft::new().with(|draft| draft.serial = tlv(2, &[0x12, 0x34]));
    let pem = pem(&draft.der());
    let of_api_gateway = |serial: Value| {
        let facts = api_gateway(
            EventKind::Http,
            &json!({ "clientCertPem": pem, "serialNumber": serial }),
        );
        proven(&facts).map(|claims| claims.is_some())
    };
    // 0x1234 is 4660.
    for same in [
        json!(null),
        json!("1234"),
        json!("12:34"),
        json!("0012:34"),
        json!("4660"),
        json!("04660"),
    ] {
        assert_eq!(of_api_gateway(same.clone()), Ok(true), "{same}");
    }
    let huge = "9".repeat(80);
    for other in [
        json!("1235"),
        json!(""),
        json!("4661"),
        json!("1234, 1234"),
        json!(4660),
        json!([]),
        json!(huge),
    ] {
        assert_eq!(
            of_api_gateway(other.clone()).map_err(|refused| split(refused).0),
            Err(""),
            "{other}"
        );
    }
    // A load balancer's is hexadecimal.
    let of_balancer = |serial: &str| {
        let facts = alb(&[("-leaf", &url_encoded(&pem)), ("-serial-number", serial)]);
        proven(&facts).map(|claims| claims.is_some())
    };
    assert_eq!(of_balancer("1234"), Ok(true));
    assert!(of_balancer("4660").is_err() && of_balancer("1235").is_err() && of_balancer("").is_err());
}
