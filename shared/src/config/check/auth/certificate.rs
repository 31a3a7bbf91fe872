//! `type: client_certificate`.

use super::values::not_empty;
use crate::auth::certificate::{CertificateRules, serial_number};
use crate::config::decode::{Field, List, Text};
use crate::config::raw::auth::methods::ClientCertificate;
use crate::config::report::Report;
use crate::config::tree::quote;

/// What an alternative name begins with.
const KINDS_OF_NAMES: [&str; 4] = ["DNS:", "URI:", "email:", "IP:"];

pub(super) fn rules(section: &ClientCertificate, report: &mut Report) -> Option<CertificateRules> {
    let revoked_serials = section.revoked_serials.given().map_or(&[][..], |list| &list.items);
    let revoked_serials = revoked_serials.iter().filter_map(|text| serial(text, report)).collect();
    let name = |text: &Text, report: &mut Report| not_empty(text, "a distinguished name", report);
    let subject = one_of(&section.subject, name, report);
    let issuer = one_of(&section.issuer, name, report);
    let san = one_of(
        &section.san,
        |text, report| text.parse("an alternative name", report, alternative_name),
        report,
    );
    let serial = one_of(&section.serial, serial, report);
    Some(CertificateRules {
        from: section.from.given()?.value,
        subject,
        issuer,
        san,
        serial,
        revoked_serials,
    })
}

fn one_of(
    field: &Field<List<Text>>,
    read: impl Fn(&Text, &mut Report) -> Option<String>,
    report: &mut Report,
) -> Option<Vec<String>> {
    let list = field.given()?;
    list.refuse_empty("at least one is needed: leave the key out to take any", report);
    Some(list.items.iter().filter_map(|text| read(text, report)).collect())
}

fn alternative_name(text: &str) -> Result<String, String> {
    match KINDS_OF_NAMES
        .iter()
        .any(|kind| text.strip_prefix(kind).is_some_and(|name| !name.is_empty()))
    {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{} is not an alternative name such as DNS:device-1.example.com (kinds: {})",
            quote(text),
            KINDS_OF_NAMES.join(" ")
        )),
    }
}

fn serial(text: &Text, report: &mut Report) -> Option<String> {
    text.parse("a serial number", report, |text| {
        serial_number(text).ok_or_else(|| format!("{} is not a hexadecimal serial number", quote(text)))
    })
}
