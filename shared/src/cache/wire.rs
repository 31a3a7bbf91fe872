//! An answer as bytes, for the second tier: what it is read from was written by another environment, and may be
//! anything.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::freshness::{Exchange, Freshness};
use super::rules::CacheRules;
use super::selection::Selection;
use crate::clock::Timestamp;

/// Another one is not read. The config's edition is a part of the key, the gateway's own is here.
const FORM: &str = concat!("2 ", env!("CARGO_PKG_VERSION"));

/// All but the body. Values are bytes, each one a character (ISO 8859-1).
#[derive(Serialize, Deserialize)]
struct Head {
    form: String,
    status: u16,
    headers: Vec<(String, String)>,
    /// In microseconds since the Unix epoch.
    requested_at: u64,
    received_at: u64,
    /// How old it was when it came, in microseconds: `Age` is not among the headers.
    age: u64,
    selection: Vec<(String, Option<String>)>,
}

/// The bytes: the head's length in four bytes, the head as JSON, the body.
pub(super) fn written(entry: &Entry) -> Bytes {
    let headers = entry.headers.iter();
    let selection = entry.selection.pairs().iter();
    let head = Head {
        form: FORM.to_owned(),
        status: entry.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        requested_at: entry.exchange.requested_at.micros(),
        received_at: entry.exchange.received_at.micros(),
        age: u64::try_from(entry.freshness.age_on_arrival.as_micros()).unwrap_or(u64::MAX),
        selection: selection
            .map(|(name, value)| (name.to_string(), value.as_deref().map(text)))
            .collect(),
    };
    // Strings and numbers: writing them to memory has no way to fail.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &head, &entry.body].concat().into()
}

/// What was written; `None` where it is anything else, or may not be used by these rules.
pub(super) fn read(rules: &CacheRules, bytes: &Bytes) -> Option<Entry> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let head: Head = serde_json::from_slice(rest.get(..length)?).ok()?;
    if head.form != FORM {
        return None;
    }
    let status = StatusCode::from_u16(head.status).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &head.headers {
        headers.append(self::name(name)?, HeaderValue::from_bytes(&self::bytes(value)?).ok()?);
    }
    let mut pairs = Vec::with_capacity(head.selection.len());
    for (name, value) in &head.selection {
        let value = match value {
            Some(value) => Some(self::bytes(value)?),
            None => None,
        };
        pairs.push((self::name(name)?, value));
    }
    let exchange = Exchange {
        requested_at: Timestamp::from_micros(head.requested_at),
        received_at: Timestamp::from_micros(head.received_at),
    };
    // What the request said was heard when it was written.
    let request = HeaderMap::new();
    let mut freshness = Freshness::of(rules, (&request, &request), |_| false, (status, &headers), exchange)?;
    freshness.age_on_arrival = freshness.age_on_arrival.max(Duration::from_micros(head.age));
    let body = bytes.slice(4 + length..);
    Some(Entry::new(
        (status, headers, body),
        exchange,
        freshness,
        Selection::from_pairs(pairs),
    ))
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

fn name(text: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
