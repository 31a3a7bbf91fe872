//! How long an answer of several parts may be kept: no longer than any of them (RFC 9111).

use http::HeaderMap;
use http::header::{CACHE_CONTROL, EXPIRES, HeaderName, HeaderValue, SET_COOKIE, VARY};

use crate::cache::{Directives, stated_age};
use crate::headers::text_of;

/// What one part says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Freshness {
    no_store: bool,
    no_cache: bool,
    private: bool,
    must_revalidate: bool,
    /// What is left of it, in seconds.
    max_age: Option<u64>,
    /// Names of request headers, lower case.
    vary: Vec<String>,
}

impl Freshness {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let said = Directives::of(headers);
        let has = |name| said.has(name);
        let stated = ["max-age", "s-maxage"]
            .into_iter()
            .filter_map(|name| said.seconds(name));
        let age = stated_age(headers).map_or(0, |age| age.as_secs());
        let max_age = stated.min().map(|seconds| seconds.saturating_sub(age));
        let mut vary = elements(headers, &VARY);
        // What varies by `*`, or by what is no name, fits no other request.
        let varies_by_all = vary
            .iter()
            .any(|name| name == "*" || HeaderName::from_bytes(name.as_bytes()).is_err());
        if varies_by_all {
            vary = vec!["*".to_owned()];
        }
        Self {
            // A cookie is made for one caller, like the answer around it.
            no_store: has("no-store") || varies_by_all || headers.contains_key(SET_COOKIE),
            // A date says nothing without a clock of its own; asking again is always right.
            no_cache: has("no-cache") || (max_age.is_none() && headers.contains_key(EXPIRES)),
            private: has("private"),
            must_revalidate: has("must-revalidate") || has("proxy-revalidate"),
            max_age,
            vary,
        }
    }

    /// Says on the whole answer what holds for all its parts. Where some say how long and others do not, none of it may be
    /// kept unasked: whichever time were stated, a part has not said it.
    pub(super) fn stamp<'a>(parts: impl Iterator<Item = &'a Self>, headers: &mut HeaderMap) {
        let parts: Vec<&Self> = parts.collect();
        let any = |fact: fn(&Self) -> bool| parts.iter().any(|part| fact(part));
        let stated = parts.iter().filter_map(|part| part.max_age).min();
        let is_mixed = stated.is_some() && parts.iter().any(|part| part.max_age.is_none());
        let mut said: Vec<String> = Vec::new();
        if any(|part| part.no_store) {
            said.push("no-store".into());
        } else {
            let flags = [
                ("private", any(|part| part.private)),
                ("no-cache", any(|part| part.no_cache) || is_mixed),
                ("must-revalidate", any(|part| part.must_revalidate)),
            ];
            said.extend(
                flags
                    .into_iter()
                    .filter(|(_, holds)| *holds)
                    .map(|(name, _)| name.to_owned()),
            );
            said.extend(stated.filter(|_| !is_mixed).map(|seconds| format!("max-age={seconds}")));
        }
        let mut vary: Vec<&str> = Vec::new();
        for name in parts.iter().flat_map(|part| &part.vary) {
            if !vary.contains(&name.as_str()) {
                vary.push(name);
            }
        }
        insert(headers, CACHE_CONTROL, &said.join(", "));
        insert(headers, VARY, &vary.join(", "));
    }
}

/// The elements of a list header, in lower case.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(text_of);
    let elements = lines.flat_map(|line| {
        let elements = line.split(',').map(|element| element.trim().to_ascii_lowercase());
        elements.collect::<Vec<_>>()
    });
    elements.filter(|element| !element.is_empty()).collect()
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text)
        && !text.is_empty()
    {
        headers.insert(name, value);
    }
}
