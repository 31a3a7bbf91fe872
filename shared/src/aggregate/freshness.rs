//! How long an answer of several parts may be kept: no longer than any of them (RFC 9111).

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderName, HeaderValue, SET_COOKIE, VARY};

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
        let mut freshness = Self {
            // Made for one caller, like the answer around it.
            no_store: headers.contains_key(SET_COOKIE),
            vary: elements(headers, &VARY),
            ..Self::default()
        };
        // A response that varies by `*` fits no other request.
        freshness.no_store |= freshness.vary.iter().any(|name| name == "*");
        let directives = elements(headers, &CACHE_CONTROL);
        for directive in &directives {
            freshness.read(directive);
        }
        let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
        freshness.max_age = freshness
            .max_age
            .map(|seconds| seconds.saturating_sub(age.unwrap_or(0)));
        // A date says nothing without a clock of its own; asking again is always right.
        freshness.no_cache |= freshness.max_age.is_none() && headers.contains_key(EXPIRES);
        freshness
    }

    fn read(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "max-age" | "s-maxage" => match value.trim().trim_matches('"').parse() {
                Ok(seconds) => self.max_age = Some(self.max_age.map_or(seconds, |before| before.min(seconds))),
                // What cannot be read is taken for stale (section 4.2.1).
                Err(_) => self.max_age = Some(0),
            },
            _ => {}
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
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|element| element.trim().to_ascii_lowercase())
        .filter(|element| !element.is_empty())
        .collect()
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text)
        && !text.is_empty()
    {
        headers.insert(name, value);
    }
}
