//! Certificates that are wrong, each in one way.

use std::slice::from_ref;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::testing::*;
use super::proven;
use crate::auth::certificate::{Leaf, der_of_pem};
use crate::auth::refusal::Refusal;
use crate::event::EventKind;
use crate::request::{PlatformFacts, PresentedCertificate};

fn why(facts: &PlatformFacts) -> String {
    match proven(facts) {
        Err(Refusal::Invalid { key: "", why }) => why.into_owned(),
        Err(Refusal::Invalid { key, why }) => format!("{key}: {why}"),
        other => format!("not refused: {other:?}"),
    }
}

#[test]
fn armour() {
    let block = CLIENT.trim_end();
    let body = block
        .trim_start_matches("-----BEGIN CERTIFICATE-----\n")
        .trim_end_matches("\n-----END CERTIFICATE-----");
    let (none, two, base64) = (
        "the certificate is not one PEM block",
        "there is more than one certificate",
        "the certificate's PEM is not base64",
    );
    let cases = [
        ("nothing", String::new(), none),
        ("no armour", body.to_owned(), none),
        ("a key", CLIENT.replace("CERTIFICATE", "PRIVATE KEY"), none),
        ("an old label", CLIENT.replace("CERTIFICATE", "X509 CERTIFICATE"), none),
        ("text in front", format!("subject=x\n{CLIENT}"), none),
        ("a line in front", format!("\n{CLIENT}"), none),
        ("text behind", format!("{CLIENT}x"), none),
        ("a blank behind", format!("{block} "), none),
        (
            "no end",
            block.trim_end_matches("-----END CERTIFICATE-----").to_owned(),
            none,
        ),
        (
            "no beginning",
            block.trim_start_matches("-----BEGIN CERTIFICATE-----").to_owned(),
            none,
        ),
        ("four dashes", block.replace("-----", "----"), none),
        ("a chain", format!("{CLIENT}{V1}"), two),
        ("the same twice", format!("{CLIENT}{CLIENT}"), two),
        ("a comma between two", format!("{block},{block}"), two),
        (
            "a header in it",
            CLIENT.replacen('\n', "\nProc-Type: 4,ENCRYPTED\n", 1),
            base64,
        ),
        ("blanks in lines", CLIENT.replacen("\nMII", "\n MII", 1), base64),
        ("a tab in a line", CLIENT.replacen("\nMII", "\n\tMII", 1), base64),
        ("base64 of URLs", pem(&[0xfb, 0xff]).replace("+/8=", "-_8="), base64),
        ("loose bits", pem(&[1, 2]).replace("AQI=", "AQJ="), base64),
        ("no padding", pem(&[1, 2]).replace("AQI=", "AQI"), base64),
        ("NUL", CLIENT.replacen("\nMII", "\n\0MII", 1), base64),
        ("still encoded", url_encoded(CLIENT), none),
        ("huge", pem(&vec![0; 13_000]), "the certificate is longer than 16 KiB"),
        (
            "huge and nothing",
            " ".repeat(1 << 20),
            "the certificate is longer than 16 KiB",
        ),
    ];
    for (what, text, expected) in cases {
        assert_eq!(why(&http(&text)), expected, "{what}");
        let encoded = alb(&[("-leaf", &url_encoded(&text))]);
        if what != "still encoded" {
            assert_eq!(why(&encoded), expected, "{what}, in a header");
        }
    }
}

#[test]
fn a_client_cert_that_is_none() {
    let of = |value: Value| why(&api_gateway(EventKind::Rest, &value));
    assert_eq!(of(json!(7)), "clientCert is not an object");
    assert_eq!(of(json!([])), "clientCert is not an object");
    assert_eq!(of(json!({})), "clientCertPem is not a string");
    assert_eq!(of(json!({ "clientCertPem": null })), "clientCertPem is not a string");
    assert_eq!(
        of(json!({ "clientCertPem": [CLIENT] })),
        "clientCertPem is not a string"
    );
    assert_eq!(of(json!({ "clientcertpem": CLIENT })), "clientCertPem is not a string");
    // AWS's own examples have this where a certificate would stand.
    assert_eq!(
        of(json!({ "clientCertPem": "CERT_CONTENT" })),
        "the certificate is not one PEM block"
    );
    let twice = format!(r#"{{"clientCertPem":{0},"clientCertPem":{0}}}"#, json!(CLIENT));
    let facts = PlatformFacts {
        certificate: Some(Box::new(PresentedCertificate::ApiGateway(twice.into()))),
        ..PlatformFacts::none(EventKind::Http)
    };
    assert_eq!(why(&facts), "clientCert is not an object");
}

#[test]
fn headers_of_a_load_balancer_that_does_not_verify() {
    let leaf = url_encoded(CLIENT);
    let of = |headers: &[(&str, &str)]| why(&alb(headers));
    let unverified =
        "from: the load balancer passes certificates through unverified: its listener must be in verify mode";
    let twice = "from: a header about the certificate is there twice";
    assert_eq!(of(&[("", &leaf)]), unverified);
    assert_eq!(of(&[("", ""), ("-leaf", &leaf)]), unverified);
    assert_eq!(
        of(&[("", &leaf), ("-leaf", &leaf), ("-serial-number", CLIENT_SERIAL)]),
        unverified
    );
    assert_eq!(of(&[("-leaf", &leaf), ("-leaf", &leaf)]), twice);
    assert_eq!(of(&[("-leaf", &leaf), ("-leaf", "")]), twice);
    assert_eq!(
        of(&[("-leaf", &leaf), ("-subject", "CN=a"), ("-subject", "CN=b")]),
        twice
    );
    assert_eq!(
        of(&[
            ("-leaf", &leaf),
            ("-serial-number", CLIENT_SERIAL),
            ("-serial-number", "1")
        ]),
        twice
    );
    let no_leaf = "from: there is no header x-amzn-mtls-clientcert-leaf";
    assert_eq!(of(&[("-subject", "CN=a"), ("-serial-number", "1")]), no_leaf);
    assert_eq!(of(&[("-leaf2", &leaf)]), no_leaf);
    let joined = format!("{leaf},{leaf}");
    assert_eq!(of(&[("-leaf", &joined)]), "there is more than one certificate");
    assert_eq!(of(&[("-leaf", "")]), "the certificate is not one PEM block");
    assert_eq!(of(&[("-leaf", "%ff")]), "the certificate is not text");
    assert_eq!(
        of(&[("-leaf", &leaf.replacen("%0A", "%zz", 1))]),
        "the certificate's PEM is not base64"
    );
    assert_eq!(
        of(&[("-leaf", &leaf.replacen("%0A", "%250A", 1))]),
        "the certificate's PEM is not base64"
    );
    assert_eq!(
        of(&[("-leaf", &"a".repeat(50_000))]),
        "the certificate is longer than 16 KiB"
    );
    // `+` decoded as a blank would not be the certificate any more.
    assert!(leaf.contains('+'));
}

#[test]
fn without_tls_the_headers_are_the_clients_own() {
    let mut facts = alb(&[("-leaf", &url_encoded(CLIENT))]);
    match facts.certificate.as_deref_mut() {
        Some(PresentedCertificate::LoadBalancer(said)) => said.https = false,
        other => panic!("{other:?}"),
    }
    let why = why(&facts);
    assert!(why.starts_with("from: the client did not speak TLS"), "{why}");
}

fn unreadable(der: &[u8]) -> &'static str {
    match Leaf::read(der) {
        Ok(leaf) => panic!("read: {leaf:?}"),
        Err(unreadable) => unreadable.why(),
    }
}

const NOT_DER: &str = "the certificate is not DER as X.509 has it";

fn changed(change: impl FnOnce(&mut Draft)) -> Vec<u8> {
    Draft::new().with(change).der()
}

fn with_names(names: &[Vec<u8>]) -> Vec<u8> {
    changed(|draft| draft.rest = extensions(&[san(names)]))
}

#[test]
fn encodings_that_are_not_der() {
    let good = Draft::new().der();
    assert!(Leaf::read(&good).is_ok());
    let trailing = [&good[..], &[0]].concat();
    let two = [&good[..], &good[..]].concat();
    let indefinite = [&[0x30, 0x80], &good[2..], &[0, 0]].concat();
    // A length in more bytes than it needs.
    assert!(good[1] < 0x80);
    let overlong = [&[0x30, 0x81], &good[1..]].concat();
    let mut as_set = good.clone();
    as_set[0] = 0x31;
    for (what, der) in [
        ("nothing", vec![]),
        ("one byte", vec![0x30]),
        ("an empty sequence", vec![0x30, 0]),
        ("a byte behind", trailing),
        ("two of them", two),
        ("an indefinite length", indefinite),
        ("an overlong length", overlong),
        ("a set", as_set),
        ("four gigabytes", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("a field too many", sequence(&[good[2..].to_vec(), tlv(5, b"")])),
        ("no serial number", changed(|draft| draft.serial = vec![])),
        (
            "a negative serial number",
            changed(|draft| draft.serial = tlv(2, &[0x80])),
        ),
        (
            "a serial number with zeros in front",
            changed(|draft| draft.serial = tlv(2, &[0, 1])),
        ),
        ("an empty serial number", changed(|draft| draft.serial = tlv(2, &[]))),
        (
            "a serial number in text",
            changed(|draft| draft.serial = tlv(UTF8, b"5")),
        ),
        (
            "a date without seconds",
            changed(|draft| draft.not_after = tlv(0x17, b"3501010000Z")),
        ),
        (
            "a date with a zone",
            changed(|draft| draft.not_after = tlv(0x17, b"350101000000+0100")),
        ),
        (
            "a date with a fraction",
            changed(|draft| draft.not_after = tlv(0x18, b"20350101000000.5Z")),
        ),
        (
            "a 30 February",
            changed(|draft| draft.not_after = tlv(0x17, b"350230000000Z")),
        ),
        (
            "a 25th hour",
            changed(|draft| draft.not_after = tlv(0x17, b"350101250000Z")),
        ),
        (
            "a date before 1970",
            changed(|draft| draft.not_before = tlv(0x17, b"690101000000Z")),
        ),
        ("no date", changed(|draft| draft.not_before = vec![])),
        (
            "three dates",
            changed(|draft| draft.not_before = tlv(0x17, b"250101000000Z").repeat(2)),
        ),
        ("a name that is a set", changed(|draft| draft.subject = tlv(0x31, b""))),
        (
            "a name of sequences",
            changed(|draft| draft.subject = sequence(&[sequence(&[])])),
        ),
        (
            "an attribute without a value",
            changed(|draft| draft.subject = name(&[sequence(&[tlv(6, CN)])])),
        ),
        (
            "an attribute with two values",
            changed(|draft| {
                draft.subject = name(&[sequence(&[tlv(6, CN), tlv(UTF8, b"a"), tlv(UTF8, b"b")])]);
            }),
        ),
        (
            "an attribute of no type",
            changed(|draft| draft.subject = name(&[attribute(&[], UTF8, b"a")])),
        ),
        (
            "a type cut off",
            changed(|draft| draft.subject = name(&[attribute(&[0x55, 0x84], UTF8, b"a")])),
        ),
        (
            "a tail in the extensions",
            changed(|draft| draft.rest = tlv(0xa3, &[sequence(&[]), vec![5, 0]].concat())),
        ),
        (
            "alternative names that are none",
            changed(|draft| draft.rest = extensions(&[extension(&[0x55, 29, 17], b"a")])),
        ),
        (
            "a tail behind alternative names",
            changed(|draft| {
                draft.rest = extensions(&[extension(&[0x55, 29, 17], &[sequence(&[]), vec![5, 0]].concat())]);
            }),
        ),
    ] {
        assert_eq!(unreadable(&der), NOT_DER, "{what}");
    }
}

#[test]
fn fields_that_a_certificate_does_not_have() {
    let version = |number: u8| tlv(0xa0, &tlv(2, &[number]));
    let no_version = "the certificate's version is none that there is";
    let no_field = "the certificate holds a field that its version does not have";
    let names = || extensions(&[san(&[tlv(0x82, b"a")])]);
    for (what, der, expected) in [
        ("version 4", changed(|draft| draft.version = version(3)), no_version),
        (
            "version 1, said",
            changed(|draft| draft.version = version(0)),
            no_version,
        ),
        (
            "version 1 with extensions",
            changed(|draft| {
                draft.version = vec![];
                draft.rest = names();
            }),
            no_field,
        ),
        (
            "version 2 with extensions",
            changed(|draft| {
                draft.version = version(1);
                draft.rest = names();
            }),
            no_field,
        ),
        (
            "extensions twice",
            changed(|draft| draft.rest = [names(), names()].concat()),
            no_field,
        ),
        (
            "an id behind extensions",
            changed(|draft| draft.rest = [names(), tlv(0x81, &[0])].concat()),
            no_field,
        ),
        (
            "ids in the wrong order",
            changed(|draft| draft.rest = [tlv(0x82, &[0]), tlv(0x81, &[0])].concat()),
            no_field,
        ),
        ("a fourth", changed(|draft| draft.rest = tlv(0xa4, b"")), no_field),
        ("NULL", changed(|draft| draft.rest = tlv(5, b"")), no_field),
        (
            "21 bytes of serial number",
            changed(|draft| draft.serial = tlv(2, &[1; 21])),
            "the certificate's serial number is too long",
        ),
        (
            "alternative names twice",
            changed(|draft| {
                draft.rest = extensions(&[san(&[tlv(0x82, b"a")]), san(&[tlv(0x82, b"b")])]);
            }),
            "the certificate has its alternative names twice",
        ),
    ] {
        assert_eq!(unreadable(&der), expected, "{what}");
    }
    // The same twice, one of them empty, is twice as well.
    let empty_first = changed(|draft| draft.rest = extensions(&[san(&[]), san(&[tlv(0x82, b"a")])]));
    assert_eq!(
        unreadable(&empty_first),
        "the certificate has its alternative names twice"
    );
}

#[test]
fn names_that_are_read_in_two_ways() {
    let of = |tag, bytes: &[u8]| unreadable(&changed(|draft| draft.subject = name(&[attribute(CN, tag, bytes)])));
    let control = "a name in the certificate holds a control character";
    let characters = "a name in the certificate is not in the characters that its type has";
    for text in [
        "a\0b",
        "\0",
        "a\n",
        "\r\nX-User-Id: root",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        "a\tb",
    ] {
        assert_eq!(of(UTF8, text.as_bytes()), control, "{text:?}");
    }
    assert_eq!(of(BMP, &[0, b'a', 0, 0]), control);
    assert_eq!(of(PRINTABLE, b"a\0"), control);
    for (tag, bytes) in [
        (UTF8, &b"\xff"[..]),
        (UTF8, b"\xc0\x80"),
        (UTF8, b"\xed\xa0\x80"),
        (PRINTABLE, "é".as_bytes()),
        (IA5, b"\xe9"),
        (BMP, &[0]),
        (BMP, &[0xd8, 0]),
        (BMP, &[0xdc, 0, 0xd8, 0]),
    ] {
        assert_eq!(of(tag, bytes), characters, "{tag} {bytes:?}");
    }
    let in_issuer = changed(|draft| draft.issuer = common_name("a\0"));
    assert_eq!(unreadable(&in_issuer), control);
    let empty = changed(|draft| draft.subject = sequence(&[tlv(0x31, b"")]));
    assert_eq!(unreadable(&empty), "a name in the certificate has an empty part");
}

#[test]
fn alternative_names_that_are_none() {
    let (invisible, no_kind, no_address) = (
        "an alternative name is empty or not visible ASCII",
        "an alternative name is of no kind that there is",
        "an alternative name is no IP address",
    );
    for (name, expected) in [
        (tlv(0x82, b""), invisible),
        (tlv(0x82, b"a\0.example"), invisible),
        (tlv(0x82, b"a b"), invisible),
        (tlv(0x82, "ä.example".as_bytes()), invisible),
        (tlv(0x86, b"spiffe://a\n"), invisible),
        (tlv(0x81, b"\xffa@b"), invisible),
        (tlv(0x87, b""), no_address),
        (tlv(0x87, &[1, 2, 3]), no_address),
        (tlv(0x87, &[1; 8]), no_address),
        (tlv(0xa2, &tlv(IA5, b"a")), no_kind),
        (tlv(0x89, b"a"), no_kind),
        (tlv(IA5, b"a"), no_kind),
    ] {
        assert_eq!(unreadable(&with_names(from_ref(&name))), expected, "{name:?}");
    }
    // A comma does not make two names of one.
    let leaf = Leaf::read(&with_names(&[tlv(0x86, b"a,DNS:b"), tlv(0xa4, b""), tlv(0x88, &[1])])).unwrap();
    assert_eq!(leaf.san, ["URI:a,DNS:b"]);
}

#[test]
fn a_caller_without_a_name_is_nobody() {
    let nobody = changed(|draft| draft.subject = sequence(&[]));
    assert_eq!(
        why(&http(&pem(&nobody))),
        "the certificate has no subject, and not one alternative name"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = Leaf::read(&bytes);
        let _ = proven(&http(&text));
        let _ = proven(&http(&pem(&bytes)));
    }

    #[test]
    fn a_part_of_a_certificate_is_none(at in any::<proptest::sample::Index>()) {
        let der = der_of_pem(CLIENT).unwrap();
        prop_assert!(Leaf::read(&der[..at.index(der.len())]).is_err());
    }

    #[test]
    fn no_change_of_a_byte_brings_a_control_character_in(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let der = der_of_pem(CLIENT).unwrap();
        let mut changed = der.clone();
        changed[at.index(der.len())] = to;
        if let Ok(leaf) = Leaf::read(&changed) {
            let mut texts = [&leaf.subject, &leaf.issuer].into_iter().chain(&leaf.san);
            prop_assert!(texts.all(|text| !text.contains(char::is_control)));
        }
    }
}
