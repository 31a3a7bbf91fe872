//! By what is counted: `key`.

use crate::auth::ClaimPath;
use crate::auth::method::MethodKind;
use crate::config::check::auth::{Identity, needs_auth};
use crate::config::check::header_name;
use crate::config::decode::{Field, Text};
use crate::config::raw;
use crate::config::report::Report;
use crate::limit::KeyPart;

/// The parts of a key; `None` where one is wrong.
pub(super) fn key(given: &raw::Counting, identity: &Identity, report: &mut Report) -> Option<Vec<KeyPart>> {
    let list = match &given.key {
        Field::Absent => return Some(vec![KeyPart::ClientIp]),
        Field::Bad => return None,
        Field::Given(list) => &list.0,
    };
    list.refuse_empty("nothing to count by: leave the key out to count by client_ip", report);
    let trusted = given.trust_client_key.given().is_some_and(|given| given.value);
    // When `trust_client_key` itself is wrong, what it would have allowed is not refused as well.
    let trusted = trusted || matches!(given.trust_client_key, Field::Bad);
    let parts: Vec<KeyPart> = list
        .items
        .iter()
        .filter_map(|text| part(text, trusted, identity, report))
        .collect();
    (parts.len() == list.items.len()).then_some(parts)
}

fn part(text: &Text, trusted: bool, identity: &Identity, report: &mut Report) -> Option<KeyPart> {
    match text.value.split_once(':') {
        None if text.value == "client_ip" => Some(KeyPart::ClientIp),
        None if text.value == "route" => Some(KeyPart::Route),
        None if matches!(&*text.value, "user" | "api_key") => caller_part(text, identity, report),
        Some(("header", _)) => header_part(text, trusted, identity, report),
        Some(("claim", name)) if !name.is_empty() => {
            if !identity.exists {
                needs_auth(text.place, &text.quoted(), report);
                return None;
            }
            let parse = |text: &str| ClaimPath::parse(text.strip_prefix("claim:").unwrap_or_default());
            text.parse("a path to a claim", report, parse).map(KeyPart::Claim)
        }
        _ => {
            unknown_part(text, report);
            None
        }
    }
}

/// What only a verified caller has.
fn caller_part(text: &Text, identity: &Identity, report: &mut Report) -> Option<KeyPart> {
    if !identity.exists {
        needs_auth(text.place, &text.quoted(), report);
        return None;
    }
    let methods = &identity.rules.methods;
    let keys = methods
        .iter()
        .any(|method| matches!(method.kind, MethodKind::ApiKey(_)));
    match &*text.value {
        "user" => Some(KeyPart::User),
        _ if keys || !identity.headers_known => Some(KeyPart::ApiKey),
        _ => {
            report.mistake(text.place, "api_key: there is no method of type api_key");
            None
        }
    }
}

fn header_part(text: &Text, trusted: bool, identity: &Identity, report: &mut Report) -> Option<KeyPart> {
    let parse = |text: &str| header_name(text.strip_prefix("header:").unwrap_or_default());
    let header = text.parse("a header of a request", report, parse)?;
    if identity.key_headers.iter().any(|(name, _)| *name == header) {
        let reason = format!(
            "{} holds the callers' keys, which are not counted by: take header:X-User-Id",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    let verified = identity.headers.iter().any(|given| given.header == header);
    if !verified && identity.headers_known && identity.client_headers.removes(&header) {
        let reason = format!(
            "{} is taken out of every request before it is counted, and no verified token sets it: count by another key",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    if !trusted && !verified && identity.headers_known {
        let reason = format!(
            "{} is what a client says about itself, no verified token sets it: count by another key, or say trust_client_key: true",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    Some(KeyPart::Header(header))
}

fn unknown_part(text: &Text, report: &mut Report) {
    const WORDS: [&str; 4] = ["client_ip", "route", "api_key", "user"];
    let shown = text.quoted();
    let near = if text.is_filled() {
        None
    } else {
        report.nearest(&text.value, WORDS)
    };
    let reason = match near {
        Some(near) => format!("{shown} is not something to count by (did you mean {near:?}?)"),
        None => {
            format!("{shown} is not something to count by: client_ip, route, api_key, user, header:Name or claim:name")
        }
    };
    report.mistake(text.place, reason);
}
