//! `aggregate` of a route: its parts, and that none waits for itself.

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};

use crate::aggregate::{Aggregate, ERRORS_MEMBER, MAX_PARTS, Merge, Need, PARTIAL_STATUSES, Part, is_own_header};
use crate::config::UpstreamCall;
use crate::config::check::services::Services;
use crate::config::check::templates::Scope;
use crate::config::check::{header_name, timeout};
use crate::config::decode::{Field, Named, Placed as _, Slot as _, Text};
use crate::config::raw;
use crate::config::raw::aggregate::{AggregatePart, Composition, MergeWord};
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::path::RESERVED_NAMES;
use crate::template::{HeaderTemplate, Source, TargetTemplate};

pub(super) fn of(
    raw: &raw::Route,
    scope: &Scope<'_>,
    services: &Services<'_>,
    report: &mut Report,
) -> Option<Aggregate> {
    let composition = &raw.composition;
    let Some(map) = composition.aggregate.given() else {
        refuse_settings(composition, report);
        return None;
    };
    if map.entries.is_empty() {
        report.mistake(map.place(), "at least one part is needed: there is nothing to ask for");
    } else if map.entries.len() > MAX_PARTS {
        let reason = format!("more than {MAX_PARTS} parts: one request would take as many connections at once");
        report.mistake(map.place(), reason);
        // Parts are compared with each other: thousands of them would take their time.
        return None;
    }
    let names: Vec<&str> = map.entries.iter().map(|entry| &*entry.name).collect();
    let scope = Scope {
        parts: &names,
        ..*scope
    };
    let merge = merge(composition, report);
    let parts: Vec<Option<Part>> = map
        .entries
        .iter()
        .map(|entry| part(entry, merge, &scope, services, report))
        .collect();
    refuse_circles(&map.entries, &parts, report);
    Some(Aggregate {
        merge,
        on_partial: on_partial(composition, report),
        partial_errors: partial_errors(composition, merge, report),
        timeout: raw.timeout.given().and_then(|given| timeout(given, report)),
        parts: parts.into_iter().collect::<Option<_>>()?,
    })
}

/// What means nothing on a route without parts.
fn refuse_settings(composition: &Composition, report: &mut Report) {
    if !composition.aggregate.is_absent() {
        return;
    }
    let places = [
        composition.merge.given().map(|given| given.place),
        composition.on_conflict.given().map(|given| given.place),
        composition.on_partial.given().map(|given| given.place),
        composition.partial_errors.given().map(|given| given.place),
    ];
    for place in places.into_iter().flatten() {
        report.mistake(place, "is about the parts of an aggregate, and this route has none");
    }
}

fn merge(composition: &Composition, report: &mut Report) -> Merge {
    let word = composition.merge.given().map_or(MergeWord::Name, |given| given.value);
    let on_conflict = composition.on_conflict.given();
    // Where `merge` is wrong itself, what it would have allowed is not refused as well.
    if let Some(given) = on_conflict
        && word != MergeWord::Spread
        && !matches!(composition.merge, Field::Bad)
    {
        let reason = "goes with merge: spread: otherwise no part can take another's place";
        report.mistake(given.place, reason);
    }
    let on_conflict = on_conflict.map(|given| given.value);
    match word {
        MergeWord::Name => Merge::Name,
        MergeWord::List => Merge::List,
        MergeWord::Spread => Merge::Spread(on_conflict.unwrap_or_default()),
    }
}

fn on_partial(composition: &Composition, report: &mut Report) -> StatusCode {
    let Some(given) = composition.on_partial.given() else {
        return StatusCode::OK;
    };
    let status = given.value.as_u16();
    if status == 206 {
        let reason = "206 answers a request for a range of bytes (RFC 9110 section 15.3.7): caches and clients would take \
                      it for that; X-Partial says that parts are missing";
        report.mistake(given.place, reason);
    } else if !PARTIAL_STATUSES.contains(&given.value) {
        report.mistake(
            given.place,
            format!("{status} is not for an answer that lacks parts: take 200, 203, 207, 502, 503 or 504"),
        );
    }
    given.value
}

fn partial_errors(composition: &Composition, merge: Merge, report: &mut Report) -> bool {
    let Some(given) = composition.partial_errors.given() else {
        return false;
    };
    if given.value && merge == Merge::List {
        report.mistake(given.place, "a list has no place for _errors: merge by name, or spread");
    }
    given.value
}

fn part(
    entry: &Named<AggregatePart>,
    merge: Merge,
    scope: &Scope<'_>,
    services: &Services<'_>,
    report: &mut Report,
) -> Option<Part> {
    check_name(entry, report);
    let raw = entry.value.given()?;
    let service = raw.upstream.given().and_then(|text| services.resolve(text, report));
    let target = raw
        .path
        .given()
        .and_then(|text| scope.template(text, "a path with placeholders", TargetTemplate::parse, report));
    let method = method(&raw.method, report);
    let headers = headers(raw, scope, report);
    let need = need(raw, merge, report);
    let own_timeout = raw.timeout.given().and_then(|given| timeout(given, report));
    let (service, target) = (service?, target?);
    Some(Part {
        name: entry.name.as_str().into(),
        pointer: report.pointer(entry.place),
        call: UpstreamCall {
            timeout: own_timeout.unwrap_or(service.timeout),
            upstream: service.upstream,
            strip_prefix: None,
            // A part has its own, which says what is missing.
            fallback: None,
        },
        method: method?,
        inputs: inputs(&target, &headers),
        target,
        headers,
        need,
    })
}

/// Names stand in placeholders, in X-Partial and as members, everywhere without an escape.
fn check_name(entry: &Named<AggregatePart>, report: &mut Report) {
    let name = &*entry.name;
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let shown = quote(name);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(stands) {
        let reason = format!("{shown} is not a name of a part: 1 to 64 of A-Z a-z 0-9 _ -");
        report.mistake(entry.place, reason);
    } else if RESERVED_NAMES.contains(&name) {
        let reason = format!("{shown} is reserved for placeholders such as `{{{name}.x}}`: choose another name");
        report.mistake(entry.place, reason);
    } else if name == ERRORS_MEMBER {
        let reason = format!("{shown} says why parts are missing (partial_errors): choose another name");
        report.mistake(entry.place, reason);
    }
}

fn method(given: &Field<Text>, report: &mut Report) -> Option<Method> {
    let text = match given {
        Field::Absent => return Some(Method::GET),
        Field::Bad => return None,
        Field::Given(text) => text,
    };
    let method = text.parse("a method", report, super::method)?;
    if method == Method::HEAD {
        report.mistake(text.place, "an answer to HEAD has no body to make a part of");
    }
    Some(method)
}

fn need(raw: &AggregatePart, merge: Merge, report: &mut Report) -> Need {
    let required = raw.required.given().is_some_and(|given| given.value);
    match raw.fallback.given() {
        Some(fallback) if required => {
            let reason = "is never used: a part that is required fails the whole answer";
            report.mistake(fallback.place, reason);
            Need::Required
        }
        Some(fallback) => {
            if matches!(merge, Merge::Spread(_)) && !fallback.text.starts_with('{') {
                report.mistake(fallback.place, "is no object, whose members could be spread");
            }
            Need::Fallback(Bytes::copy_from_slice(fallback.text.as_bytes()))
        }
        None if required => Need::Required,
        None => Need::Optional,
    }
}

fn headers(raw: &AggregatePart, scope: &Scope<'_>, report: &mut Report) -> Vec<(HeaderName, HeaderTemplate)> {
    let mut headers: Vec<(HeaderName, HeaderTemplate)> = Vec::new();
    for entry in raw.headers.given().map_or(&[][..], |map| &map.entries) {
        let name = match header_name(&entry.name).and_then(|name| tellable(name, &entry.name, scope)) {
            Ok(name) => name,
            Err(reason) => {
                report.mistake(entry.place, reason);
                continue;
            }
        };
        if headers.iter().any(|(taken, _)| *taken == name) {
            let reason = format!("{} is here twice: case makes no difference", quote(&entry.name));
            report.mistake(entry.place, reason);
        }
        let value = entry.value.given();
        let template = value.and_then(|text| scope.template(text, "a header value", HeaderTemplate::parse, report));
        headers.extend(template.map(|template| (name, template)));
    }
    headers
}

/// Refuses a header by which a service believes who calls, or by which the gateway reads what it answers.
fn tellable(name: HeaderName, written: &str, scope: &Scope<'_>) -> Result<HeaderName, String> {
    let why = if scope.identity.client_headers.removes(&name) {
        "services believe it, so that the gateway alone sets it or takes it out (sealed, forwarding and connection headers)"
    } else if is_own_header(&name) {
        "the gateway sets it itself, or asks every part without it"
    } else {
        return Ok(name);
    };
    Err(format!("{} cannot be set here: {why}", quote(written)))
}

/// The parts that these texts name, each once.
fn inputs(target: &TargetTemplate, headers: &[(HeaderName, HeaderTemplate)]) -> Vec<usize> {
    let of_headers = headers.iter().flat_map(|(_, template)| template.sources());
    let parts = target.sources().chain(of_headers).filter_map(|source| match source {
        Source::Part { part, .. } => Some(*part),
        _ => None,
    });
    let mut inputs: Vec<usize> = parts.collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

/// Refuses parts that wait for each other, or for themselves: each circle once, at the first of its parts.
fn refuse_circles(entries: &[Named<AggregatePart>], parts: &[Option<Part>], report: &mut Report) {
    for (start, entry) in entries.iter().enumerate() {
        let mut seen = vec![false; parts.len()];
        let Some(circle) = way(start, start, parts, &mut seen) else {
            continue;
        };
        let names: Vec<&str> = circle
            .iter()
            .filter_map(|&index| entries.get(index))
            .map(|entry| &*entry.name)
            .collect();
        let reason = format!("waits for itself: {} -> {}", entry.name, names.join(" -> "));
        report.mistake(entry.place, reason);
    }
}

/// What `from` waits for on the way to `goal`, over parts declared behind `goal` alone; a mark in `seen` says that there is
/// no way from there.
fn way(from: usize, goal: usize, parts: &[Option<Part>], seen: &mut [bool]) -> Option<Vec<usize>> {
    let inputs = parts.get(from)?.as_ref().map_or(&[][..], |part| &part.inputs);
    for &input in inputs {
        if input == goal {
            return Some(vec![goal]);
        }
        if input > goal
            && !std::mem::replace(&mut seen[input], true)
            && let Some(rest) = way(input, goal, parts, seen)
        {
            return Some(std::iter::once(input).chain(rest).collect());
        }
    }
    None
}
