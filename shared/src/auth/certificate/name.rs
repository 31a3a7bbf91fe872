//! Distinguished names as text (RFC 4514), written in one way only, so that two names have one text only if they are one.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, Tagged};

use super::x509::Unreadable;
use crate::hex;

/// Attribute types with a name: those of RFC 4514 section 3, and two more that certificates often have, as OpenSSL writes
/// them. A list of our own: a new name in a library's would change the text that a config must match.
const TYPES: [(ObjectIdentifier, &str); 11] = [
    (ObjectIdentifier::new_unwrap("2.5.4.3"), "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"), "DC"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "UID"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
];

/// The text of a `Name`: its last part first (RFC 4514 section 2.1); empty for an empty one.
pub(super) fn read(name: AnyRef<'_>) -> Result<String, Unreadable> {
    let mut parts = name.sequence(|list| {
        let mut parts = Vec::new();
        while !list.is_finished() {
            parts.push(read_part(list.decode()?)?);
        }
        Ok::<_, Unreadable>(parts)
    })?;
    parts.reverse();
    Ok(parts.join(","))
}

/// One `RelativeDistinguishedName`: a set of attributes, almost always of one.
fn read_part(set: AnyRef<'_>) -> Result<String, Unreadable> {
    set.tag().assert_eq(Tag::Set)?;
    let mut attributes = SliceReader::new(set.value())?;
    let mut texts = Vec::new();
    while !attributes.is_finished() {
        let attribute: AnyRef<'_> = attributes.decode()?;
        texts.push(attribute.sequence(read_attribute)?);
    }
    match texts.is_empty() {
        true => Err(Unreadable::new("a name in the certificate has an empty part")),
        false => Ok(texts.join("+")),
    }
}

fn read_attribute(fields: &mut SliceReader<'_>) -> Result<String, Unreadable> {
    let id: ObjectIdentifier = fields.decode()?;
    let encoded = fields.tlv_bytes()?;
    let name = TYPES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name);
    let text = text_of(AnyRef::from_der(encoded)?)?;
    Ok(match (name, text) {
        (Some(name), Some(text)) => format!("{name}={}", escaped(&text)),
        (Some(name), None) => format!("{name}=#{}", hex::of(encoded)),
        // "If the AttributeType is of the dotted-decimal form, the AttributeValue is [...] the hexadecimal" (section 2.4).
        (None, _) => format!("{id}=#{}", hex::of(encoded)),
    })
}

/// The text of a string; `None` for what is no string of Unicode. Teletex strings are none: nobody agrees on what they say.
fn text_of(value: AnyRef<'_>) -> Result<Option<String>, Unreadable> {
    let bytes = value.value();
    let wrong = || Unreadable::new("a name in the certificate is not in the characters that its type has");
    let text = match value.tag() {
        Tag::Utf8String => std::str::from_utf8(bytes).map_err(|_| wrong())?.to_owned(),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString if !bytes.is_ascii() => return Err(wrong()),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
        Tag::BmpString => from_utf16(bytes).ok_or_else(wrong)?,
        _ => return Ok(None),
    };
    // They end a C string, a line or a terminal's patience, and no name needs one.
    match text.chars().any(char::is_control) {
        true => Err(Unreadable::new("a name in the certificate holds a control character")),
        false => Ok(Some(text)),
    }
}

fn from_utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok()
}

/// A value with what has a meaning in names escaped (section 2.4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, character) in text.chars().enumerate() {
        let at_edge = character == ' ' && (at == 0 || at == last) || character == '#' && at == 0;
        if at_edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
