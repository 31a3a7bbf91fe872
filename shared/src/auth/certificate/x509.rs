//! The fields of an X.509 certificate that say whose it is (RFC 5280 section 4.1), read strictly.
//!
//! The front door verified the signatures up to a root that it trusts; nothing is verified here. So what cannot change
//! who somebody is (keys, algorithms, other extensions) is passed over. `der` takes the encoding apart and accepts one
//! form only (X.690 section 10): two readers cannot see two certificates in the same bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, OctetStringRef, UintRef, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::{name, serial};

/// `id-ce-subjectAltName` (RFC 5280 section 4.2.1.6).
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// "Conforming CAs MUST NOT use serialNumber values longer than 20 octets" (RFC 5280 section 4.1.2.2).
const LONGEST_SERIAL: usize = 20;

/// What a certificate says of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The subject's distinguished name (RFC 4514); empty where it has none.
    pub subject: String,
    /// The issuer's (RFC 4514).
    pub issuer: String,
    /// The serial number: hexadecimal, lower case, without separators or leading zeros.
    pub serial: String,
    /// The subject's alternative names: `DNS:`, `URI:`, `email:` and `IP:`, in their order. Other kinds are left out.
    pub san: Vec<String>,
    /// The first second in which it holds, since the Unix epoch.
    pub not_before: u64,
    /// The last second in which it holds, since the Unix epoch.
    pub not_after: u64,
}

/// A certificate that cannot be read in one way only, as a clause for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(&'static str);

impl Unreadable {
    pub(super) const fn new(why: &'static str) -> Self {
        Self(why)
    }

    /// The clause.
    pub const fn why(self) -> &'static str {
        self.0
    }
}

impl From<der::Error> for Unreadable {
    /// Which byte is wrong is for OpenSSL to tell: `der`'s words for it would be 20 kB of every function.
    fn from(_: der::Error) -> Self {
        Self("the certificate is not DER as X.509 has it")
    }
}

impl Leaf {
    /// Reads one certificate and nothing after it.
    ///
    /// # Errors
    /// Anything that is not DER, not X.509, or a name with characters that no name needs.
    pub fn read(der: &[u8]) -> Result<Self, Unreadable> {
        AnyRef::from_der(der)?.sequence(|certificate| {
            let signed: AnyRef<'_> = certificate.decode()?;
            let leaf = signed.sequence(read_signed)?;
            skip_sequence(certificate)?; // the signature's algorithm
            certificate.decode::<BitStringRef<'_>>()?; // the signature
            Ok(leaf)
        })
    }
}

/// `TBSCertificate`.
fn read_signed(fields: &mut SliceReader<'_>) -> Result<Leaf, Unreadable> {
    let version = read_version(fields)?;
    let serial = read_serial(fields)?;
    skip_sequence(fields)?; // the signature's algorithm
    let issuer = name::read(fields.decode()?)?;
    let validity: AnyRef<'_> = fields.decode()?;
    let (not_before, not_after) =
        validity.sequence(|times| Ok::<_, Unreadable>((read_time(times)?, read_time(times)?)))?;
    let subject = name::read(fields.decode()?)?;
    skip_sequence(fields)?; // the public key
    Ok(Leaf {
        subject,
        issuer,
        serial,
        san: read_optional(fields, version)?,
        not_before,
        not_after,
    })
}

/// 1 to 3. API Gateway takes certificates of version 1, too, load balancers only those of version 3.
fn read_version(fields: &mut SliceReader<'_>) -> Result<u32, Unreadable> {
    let tag = TagNumber(0).context_specific(true);
    if Tag::peek(fields)? != tag {
        return Ok(1);
    }
    let field: AnyRef<'_> = fields.decode()?;
    match u8::from_der(field.value())? {
        // 0, version 1, is the default, and DER has no defaults in it.
        version @ 1..=2 => Ok(u32::from(version) + 1),
        _ => Err(Unreadable::new("the certificate's version is none that there is")),
    }
}

fn read_serial(fields: &mut SliceReader<'_>) -> Result<String, Unreadable> {
    let serial: UintRef<'_> = fields.decode()?;
    match serial.as_bytes() {
        bytes if bytes.len() > LONGEST_SERIAL => Err(Unreadable::new("the certificate's serial number is too long")),
        bytes => Ok(serial::of(bytes)),
    }
}

fn read_time(times: &mut SliceReader<'_>) -> Result<u64, Unreadable> {
    let since_epoch = match Tag::peek(times)? {
        Tag::UtcTime => times.decode::<UtcTime>()?.to_unix_duration(),
        _ => times.decode::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_epoch.as_secs())
}

fn skip_sequence(fields: &mut SliceReader<'_>) -> Result<(), Unreadable> {
    let field: AnyRef<'_> = fields.decode()?;
    Ok(field.tag().assert_eq(Tag::Sequence).map(drop)?)
}

/// What may follow the public key: unique identifiers (\[1\] and \[2\], from version 2 on) and extensions (\[3\], version 3).
/// The alternative names, where they are among the extensions.
fn read_optional(fields: &mut SliceReader<'_>, version: u32) -> Result<Vec<String>, Unreadable> {
    let mut names = Vec::new();
    let mut last = 0;
    while !fields.is_finished() {
        let field: AnyRef<'_> = fields.decode()?;
        last = match field.tag() {
            Tag::ContextSpecific {
                constructed: false,
                number: TagNumber(number @ 1..=2),
            } if number > last && version >= 2 => number,
            Tag::ContextSpecific {
                constructed: true,
                number: TagNumber(3),
            } if last < 3 && version == 3 => {
                names = AnyRef::from_der(field.value())?.sequence(read_extensions)?;
                3
            }
            _ => {
                return Err(Unreadable::new(
                    "the certificate holds a field that its version does not have",
                ));
            }
        };
    }
    Ok(names)
}

fn read_extensions(list: &mut SliceReader<'_>) -> Result<Vec<String>, Unreadable> {
    let mut names = None;
    while !list.is_finished() {
        let extension: AnyRef<'_> = list.decode()?;
        let found = extension.sequence(|fields| {
            let id: ObjectIdentifier = fields.decode()?;
            fields.decode::<Option<bool>>()?; // whether it is critical
            let value: &OctetStringRef = fields.decode()?;
            match id == SUBJECT_ALT_NAME {
                true => AnyRef::from_der(value.as_bytes())?.sequence(read_names).map(Some),
                false => Ok(None),
            }
        })?;
        // "A certificate MUST NOT include more than one instance of a particular extension" (section 4.2).
        if found.is_some() && names.is_some() {
            return Err(Unreadable::new("the certificate has its alternative names twice"));
        }
        names = names.or(found);
    }
    Ok(names.unwrap_or_default())
}

fn read_names(list: &mut SliceReader<'_>) -> Result<Vec<String>, Unreadable> {
    let mut names = Vec::new();
    while !list.is_finished() {
        names.extend(general_name(list.decode()?)?);
    }
    Ok(names)
}

/// `GeneralName`. Those that nobody writes into a config have no text: other names, X.400 addresses, directory names,
/// EDI parties, registered ids.
fn general_name(name: AnyRef<'_>) -> Result<Option<String>, Unreadable> {
    let Tag::ContextSpecific { constructed, number } = name.tag() else {
        return Err(Unreadable::new("an alternative name is of no kind that there is"));
    };
    Ok(Some(match (number.value(), constructed) {
        (1, false) => format!("email:{}", visible(name.value())?),
        (2, false) => format!("DNS:{}", visible(name.value())?),
        (6, false) => format!("URI:{}", visible(name.value())?),
        (7, false) => format!("IP:{}", address(name.value())?),
        (0 | 3..=5 | 8, _) => return Ok(None),
        _ => return Err(Unreadable::new("an alternative name is of no kind that there is")),
    }))
}

/// Addresses, host names and URIs need visible ASCII only. Anything else is there to be read differently by somebody.
fn visible(bytes: &[u8]) -> Result<&str, Unreadable> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(u8::is_ascii_graphic) => Ok(text),
        _ => Err(Unreadable::new("an alternative name is empty or not visible ASCII")),
    }
}

fn address(bytes: &[u8]) -> Result<String, Unreadable> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(v4).to_string());
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(v6) => Ok(Ipv6Addr::from(v6).to_string()),
        Err(_) => Err(Unreadable::new("an alternative name is no IP address")),
    }
}
