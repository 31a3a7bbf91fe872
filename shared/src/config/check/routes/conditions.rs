//! What a route asks for besides its path: methods, hosts, headers, query.

use std::collections::HashSet;

use http::{HeaderName, Method};

use crate::accept::MediaType;
use crate::config::HeaderRules;
use crate::config::check::header_name;
use crate::config::decode::{Field, Map, Text};
use crate::config::raw;
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::request::goes_through;
use crate::router::Conditions;

/// The methods that nearly every route names.
pub(super) const USUAL: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::HEAD,
    Method::OPTIONS,
];

pub(super) fn of(raw: &raw::Route, client_headers: &HeaderRules, report: &mut Report) -> Conditions {
    Conditions {
        methods: methods(raw, report),
        hosts: hosts(raw, report),
        headers: headers(raw, client_headers, report),
        query: pairs(&raw.query)
            .map(|(_, name, value)| (name.to_owned(), value.value.clone()))
            .collect(),
        accept: accept(raw, report),
    }
}

fn accept(raw: &raw::Route, report: &mut Report) -> Vec<MediaType> {
    let Some(list) = raw.accept.given() else {
        return Vec::new();
    };
    list.refuse_empty(
        "no media type at all: leave the key out to let Accept have no say",
        report,
    );
    let mut types = Vec::new();
    for text in &list.items {
        let read = |text: &str| MediaType::parse(text).map_err(|why| format!("{} {why}", quote(text)));
        let Some(media) = text.parse("a media type", report, read) else {
            continue;
        };
        match types.contains(&media) {
            true => report.mistake(text.place, format!("{} is here twice", text.quoted())),
            false => types.push(media),
        }
    }
    types
}

fn methods(raw: &raw::Route, report: &mut Report) -> Vec<Method> {
    let Some(list) = raw.methods.given() else {
        return Vec::new();
    };
    list.refuse_empty("no method at all: leave the key out to take every method", report);
    // A list of a few is sooner looked through than a table is made.
    let few = list.items.len() <= USUAL.len();
    let mut seen = HashSet::new();
    let mut methods = Vec::with_capacity(list.items.len());
    for text in &list.items {
        let Some(method) = text.parse("a method", report, method) else {
            continue;
        };
        let twice = match few {
            true => methods.contains(&method),
            false => !seen.insert(method.clone()),
        };
        if twice {
            report.mistake(text.place, format!("{} is here twice", text.quoted()));
        } else {
            methods.push(method);
        }
    }
    methods
}

/// A method (RFC 9110 section 9.1: case-sensitive). All that are registered are upper-case; `get` is a slip.
pub(in crate::config::check) fn method(text: &str) -> Result<Method, String> {
    if let Some(usual) = USUAL.iter().find(|usual| usual.as_str() == text) {
        return Ok(usual.clone());
    }
    let shown = quote(text);
    if matches!(text.to_ascii_uppercase().as_str(), "*" | "ANY" | "ALL") {
        return Err(format!(
            "{shown} is not a method: leave methods out to take every method"
        ));
    }
    let upper = text.to_ascii_uppercase();
    match Method::from_bytes(upper.as_bytes()) {
        Ok(method) if !goes_through(&method) => Err(format!("{shown} goes through no gateway: it is refused with 400")),
        Ok(method) if upper == text => Ok(method),
        Ok(_) => Err(format!(
            "{shown} is not a method: methods are upper-case (did you mean {upper:?}?)"
        )),
        Err(_) => Err(format!("{shown} is not a method such as GET or POST")),
    }
}

fn hosts(raw: &raw::Route, report: &mut Report) -> Vec<String> {
    let Some(list) = raw.hosts.given() else {
        return Vec::new();
    };
    list.refuse_empty("no host at all: leave the key out to take every host", report);
    list.items
        .iter()
        .filter_map(|text| text.parse("a host", report, host))
        .collect()
}

/// A host as requests are compared to it: lower case, no port, `*.` in front for any name below.
fn host(text: &str) -> Result<String, String> {
    let host = text.to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    let name = host.strip_prefix("*.").unwrap_or(&host);
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(host);
    }
    let without_port = name
        .rsplit_once(':')
        .filter(|(name, port)| name.split('.').all(label) && port.bytes().all(|byte| byte.is_ascii_digit()));
    Err(match without_port {
        Some(_) => format!("{} has a port: hosts are compared without", quote(text)),
        None => format!(
            "{} is not a host, such as api.example.com or *.example.com",
            quote(text)
        ),
    })
}

fn headers(raw: &raw::Route, client_headers: &HeaderRules, report: &mut Report) -> Vec<(HeaderName, String)> {
    let mut headers = Vec::new();
    let mut seen = HashSet::new();
    for (place, name, value) in pairs(&raw.headers) {
        match header_name(name) {
            Err(reason) => report.mistake(place, reason),
            Ok(header) if client_headers.removes(&header) => report.mistake(
                place,
                format!(
                    "{} is taken out of every request before routes are compared: this route would never match",
                    quote(name)
                ),
            ),
            Ok(header) if seen.insert(header.clone()) => headers.push((header, value.value.clone())),
            Ok(_) => report.mistake(
                place,
                format!("{} is here twice: case makes no difference", quote(name)),
            ),
        }
    }
    headers
}

fn pairs(map: &Field<Map<Text>>) -> impl Iterator<Item = (crate::config::tree::Place, &str, &Text)> {
    let entries = map.given().into_iter().flat_map(|map| &map.entries);
    entries.filter_map(|entry| Some((entry.place, &*entry.name, entry.value.given()?)))
}
