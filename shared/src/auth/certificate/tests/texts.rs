//! Names as text: as OpenSSL writes them, and never two names in one text.

use std::slice::from_ref;

use proptest::prelude::*;

use super::super::testing::*;
use crate::auth::certificate::{Leaf, der_of_pem};

fn subject(name: Vec<u8>) -> String {
    let draft = Draft::new().with(|draft| draft.subject = name);
    Leaf::read(&draft.der()).unwrap().subject
}

#[test]
fn names_are_written_as_openssl_writes_them() {
    let leaf = Leaf::read(&der_of_pem(ODD_NAMES).unwrap()).unwrap();
    // openssl x509 -noout -subject -nameopt RFC2253,-esc_msb,utf8
    assert_eq!(
        leaf.subject,
        r#"UID=u 1,DC=example,DC=com,serialNumber=0042,emailAddress=a@example.com,CN=\ #\"\<x\>\;\\y=\ ,OU=a,O=Ünïcode\, Inc."#
    );
    assert_eq!(leaf.not_after, 2_840_140_800);
}

#[test]
fn every_kind_of_value() {
    let of = |id: &[u8], tag, bytes: &[u8]| subject(name(&[attribute(id, tag, bytes)]));
    assert_eq!(of(CN, UTF8, "Zoë".as_bytes()), "CN=Zoë");
    assert_eq!(of(CN, PRINTABLE, b"ann@home"), "CN=ann@home");
    assert_eq!(of(CN, IA5, b"a"), "CN=a");
    assert_eq!(of(CN, BMP, &[0, b'Z', 0, 0xeb, 0xd8, 0x3e, 0xdd, 0x80]), "CN=Zë🦀");
    assert_eq!(of(CN, UTF8, b""), "CN=");
    assert_eq!(of(CN, UTF8, b"#a#"), r"CN=\#a#");
    assert_eq!(of(CN, UTF8, b" "), r"CN=\ ");
    assert_eq!(of(CN, UTF8, b"  a  "), r"CN=\  a \ ");
    // What has no name or is no text stands in hexadecimal, which no text can look like.
    assert_eq!(of(GIVEN_NAME, UTF8, b"ann"), "2.5.4.42=#0c03616e6e");
    assert_eq!(of(CN, TELETEX, b"ann"), "CN=#1403616e6e");
    assert_eq!(of(CN, UTF8, b"#1403616e6e"), r"CN=\#1403616e6e");
}

#[test]
fn parts_come_last_first_and_attributes_of_one_part_together() {
    let (a, b, c) = (
        attribute(CN, UTF8, b"a"),
        attribute(O, UTF8, b"b"),
        attribute(O, UTF8, b"c"),
    );
    assert_eq!(subject(name(&[a.clone(), b.clone(), c.clone()])), "O=c,O=b,CN=a");
    let joined = sequence(&[tlv(0x31, &[a.clone(), b].concat()), tlv(0x31, &c)]);
    assert_eq!(subject(joined), "O=c,CN=a+O=b");
    // Text that looks like more of them does not become more.
    assert_eq!(subject(name(&[attribute(CN, UTF8, b"a,O=b+CN=c")])), r"CN=a\,O=b\+CN=c");
    assert_eq!(subject(name(from_ref(&a))), "CN=a");
}

/// Takes a text apart again: parts, each of attributes (RFC 4514 section 3). All values are texts.
fn taken_apart(text: &str) -> Vec<Vec<String>> {
    let mut parts = vec![vec![String::new()]];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => parts.push(vec![String::new()]),
            '+' => parts.last_mut().unwrap().push(String::new()),
            character => {
                let character = if character == '\\' {
                    characters.next().unwrap()
                } else {
                    character
                };
                parts.last_mut().unwrap().last_mut().unwrap().push(character);
            }
        }
    }
    parts.reverse();
    parts
}

proptest! {
    #[test]
    fn no_two_names_have_one_text(
        given in proptest::collection::vec(proptest::collection::vec("[ -~é🦀]{0,6}", 1..3), 1..4),
    ) {
        let parts: Vec<Vec<u8>> = given
            .iter()
            .map(|values| {
                let attributes: Vec<Vec<u8>> = values.iter().map(|text| attribute(CN, UTF8, text.as_bytes())).collect();
                tlv(0x31, &attributes.concat())
            })
            .collect();
        let expected: Vec<Vec<String>> = given
            .iter()
            .map(|values| values.iter().map(|text| format!("CN={text}")).collect())
            .collect();
        prop_assert_eq!(taken_apart(&subject(sequence(&parts))), expected);
    }
}
