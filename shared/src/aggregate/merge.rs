//! One JSON text out of several. Values go over byte for byte: numbers keep their digits, objects their order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::value::RawValue;

use super::freshness::Freshness;
use super::run::Outcome;
use super::{Aggregate, ERRORS_MEMBER, MAX_BYTES, Merge, Need, OnConflict, Part, X_PARTIAL};
use crate::error::GatewayError;
use crate::template::members;

/// What a part comes to in the answer: its JSON text if there is one, and why it failed if it did.
struct Given<'a> {
    part: &'a Part,
    json: Option<&'a [u8]>,
    error: Option<&'a GatewayError>,
}

/// Makes the answer. Every part has ended, and every required one well.
pub(super) fn merge(aggregate: &Aggregate, outcomes: &[Option<Outcome>]) -> Result<Response<Bytes>, GatewayError> {
    let given: Vec<Given<'_>> = aggregate
        .parts
        .iter()
        .zip(outcomes)
        .filter_map(|(part, outcome)| given(part, outcome.as_ref()?))
        .collect();
    let bytes: usize = given.iter().filter_map(|given| given.json).map(<[u8]>::len).sum();
    if bytes > MAX_BYTES {
        return Err(GatewayError::ResponseTooLarge {
            why: format!("The parts of this answer have more than {MAX_BYTES} bytes together."),
        });
    }
    let mut body = Vec::with_capacity(bytes + 64 * given.len());
    match aggregate.merge {
        Merge::Name => by_name(&given, aggregate.partial_errors, &mut body),
        Merge::Spread(on_conflict) => spread(&given, on_conflict, aggregate.partial_errors, &mut body)?,
        Merge::List => list(&given, &mut body),
    }
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let failed: Vec<&str> = given
        .iter()
        .filter(|given| given.error.is_some())
        .map(|given| &*given.part.name)
        .collect();
    if failed.is_empty() {
        let answers = outcomes
            .iter()
            .flatten()
            .filter_map(|outcome| outcome.answer.as_ref().ok());
        Freshness::stamp(answers.map(|answer| &answer.freshness), headers);
        return Ok(response);
    }
    // Names are tokens, and tokens with commas between are a header value.
    headers.insert(
        X_PARTIAL,
        HeaderValue::try_from(failed.join(", ")).unwrap_or(HeaderValue::from_static("?")),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.status_mut() = aggregate.on_partial;
    Ok(response)
}

fn given<'a>(part: &'a Part, outcome: &'a Outcome) -> Option<Given<'a>> {
    let (json, error) = match (&outcome.answer, &part.need) {
        (Ok(answer), _) => (Some(&*answer.json), None),
        (Err(error), Need::Fallback(json)) => (Some(&**json), Some(error)),
        (Err(error), Need::Optional) => (None, Some(error)),
        (Err(_), Need::Required) => return None,
    };
    Some(Given { part, json, error })
}

fn by_name(given: &[Given<'_>], errors: bool, body: &mut Vec<u8>) {
    body.push(b'{');
    for one in given {
        if let Some(json) = one.json {
            member(&quoted(&one.part.name), json, body);
        }
    }
    if errors {
        error_member(given, body);
    }
    body.push(b'}');
}

fn list(given: &[Given<'_>], body: &mut Vec<u8>) {
    body.push(b'[');
    for one in given {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(one.json.unwrap_or(b"null"));
    }
    body.push(b']');
}

/// A member of the answer, with the part that it comes from.
struct Spread<'a> {
    part: &'a Part,
    name: &'a RawValue,
    value: &'a RawValue,
}

fn spread(given: &[Given<'_>], on_conflict: OnConflict, errors: bool, body: &mut Vec<u8>) -> Result<(), GatewayError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<Spread<'_>> = Vec::new();
    for one in given {
        for (name, value) in one.json.and_then(members).unwrap_or_default() {
            // A name that is no Unicode text can only be the same in the same spelling.
            let read = serde_json::from_str(name.get()).unwrap_or_else(|_| name.get().to_owned());
            if errors && read == ERRORS_MEMBER {
                continue;
            }
            let next = Spread {
                part: one.part,
                name,
                value,
            };
            match places.entry(read) {
                Entry::Vacant(free) => {
                    free.insert(merged.len());
                    merged.push(next);
                }
                Entry::Occupied(taken) => merged[*taken.get()].meet(next, on_conflict, taken.key())?,
            }
        }
    }
    body.push(b'{');
    for one in &merged {
        member(one.name.get(), one.value.get().as_bytes(), body);
    }
    if errors {
        error_member(given, body);
    }
    body.push(b'}');
    Ok(())
}

impl Spread<'_> {
    /// Another member has the same name. Of two of one part the last counts, as in most readers (RFC 8259 section 4).
    fn meet(&mut self, next: Self, on_conflict: OnConflict, name: &str) -> Result<(), GatewayError> {
        match on_conflict {
            _ if std::ptr::eq(self.part, next.part) => self.value = next.value,
            OnConflict::First => {}
            OnConflict::Last => *self = next,
            OnConflict::Error => return Err(conflict(self.part, next.part, name)),
        }
        Ok(())
    }
}

fn conflict(one: &Part, other: &Part, name: &str) -> GatewayError {
    GatewayError::UpstreamInvalid {
        why: format!(
            "the parts {} and {} both have a member {name:?}, and on_conflict does not say which counts",
            one.name, other.name
        ),
    }
}

/// `_errors`, where there is something to say: each failed part by its name, in the words of the gateway's errors.
fn error_member(given: &[Given<'_>], body: &mut Vec<u8>) {
    let mut errors = vec![b'{'];
    for one in given {
        let Some(error) = one.error else { continue };
        let said = serde_json::json!({ "error": error.code(), "message": error.message() });
        member(&quoted(&one.part.name), said.to_string().as_bytes(), &mut errors);
    }
    errors.push(b'}');
    if errors.len() > 2 {
        member(&quoted(ERRORS_MEMBER), &errors, body);
    }
}

/// Writes a member behind those that are there, in an object that was just begun or has some.
fn member(name: &str, value: &[u8], object: &mut Vec<u8>) {
    if object.last() != Some(&b'{') {
        object.push(b',');
    }
    object.extend_from_slice(name.as_bytes());
    object.push(b':');
    object.extend_from_slice(value);
}

/// Names need no escape.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
