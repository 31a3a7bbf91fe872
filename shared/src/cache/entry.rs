//! An answer that is kept: how old it is, whom it fits, and what is given of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::freshness::{Exchange, Freshness};
use super::selection::Selection;
use super::times::written;
use crate::clock::Timestamp;

/// Headers that are about one exchange, not about the answer. Those about one connection are gone already.
const OF_ONE_EXCHANGE: [&str; 10] = [
    "age",
    "proxy-authentication-info",
    "ratelimit",
    "ratelimit-policy",
    "server-timing",
    "traceparent",
    "tracestate",
    "x-amzn-trace-id",
    "x-request-id",
    "x-response-time",
];

/// Headers that a 304 does not replace: the body that they are about is the one that was kept.
const OF_THE_BODY: [&str; 7] = [
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-range",
    "digest",
    "repr-digest",
];

/// What an entry takes beside its texts.
const OVERHEAD: usize = 512;

/// An answer and all that is needed to use it again.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) exchange: Exchange,
    pub(super) freshness: Freshness,
    /// By what its own `Vary` tells requests apart, and what the one had that it answers.
    pub(super) selection: Selection,
    /// Whether it was given once although it was stale.
    given_stale: AtomicBool,
}

impl Entry {
    /// Keeps what is worth keeping of an answer.
    pub(super) fn new(
        (status, mut headers, body): (StatusCode, HeaderMap, Bytes),
        exchange: Exchange,
        freshness: Freshness,
        selection: Selection,
    ) -> Self {
        let doomed: Vec<HeaderName> = headers
            .keys()
            .filter(|name| is_of_one_exchange(name))
            .cloned()
            .collect();
        for name in doomed {
            headers.remove(name);
        }
        // Copies: a value as it was read of a connection holds on to all that was read with it.
        for value in headers.values_mut() {
            *value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
        }
        // RFC 9110 section 6.6.1.
        if !headers.contains_key(DATE) {
            headers.insert(DATE, written(exchange.received_at));
        }
        Self {
            status,
            headers,
            body,
            exchange,
            freshness,
            selection,
            given_stale: AtomicBool::new(false),
        }
    }

    /// How old it is (RFC 9111 section 4.2.3). A clock that was set back makes nothing younger.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        let resident = now.apart(self.exchange.received_at);
        self.freshness.age_on_arrival.saturating_add(resident)
    }

    /// How long it is still fresh; zero when it is not.
    pub(super) fn fresh_for(&self, now: Timestamp) -> Duration {
        self.freshness.lifetime.saturating_sub(self.age(now))
    }

    /// How long it is stale; zero while it is fresh, and in the moment it stops being so.
    pub(super) fn stale_for(&self, now: Timestamp) -> Duration {
        self.age(now).saturating_sub(self.freshness.lifetime)
    }

    /// How long it may still be given at all, without asking.
    pub(super) fn of_use_for(&self, now: Timestamp) -> Duration {
        let Freshness {
            lifetime,
            stale_while_revalidate,
            stale_if_error,
            ..
        } = self.freshness;
        let all = lifetime.saturating_add(stale_while_revalidate.max(stale_if_error));
        all.saturating_sub(self.age(now))
    }

    /// Whether it may be given without asking.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        !self.freshness.always_asked && !self.fresh_for(now).is_zero()
    }

    /// Whether it may be given although it is stale, because it will be asked for anew.
    pub(super) fn may_be_shown_once_more(&self, now: Timestamp) -> bool {
        self.stale_for(now) < self.freshness.stale_while_revalidate
    }

    /// The same because the service fails.
    pub(super) fn may_stand_in(&self, now: Timestamp) -> bool {
        self.stale_for(now) < self.freshness.stale_if_error
    }

    /// Whether this is the first time that it is given stale.
    pub(super) fn gives_stale_first(&self) -> bool {
        !self.given_stale.swap(true, Ordering::Relaxed)
    }

    /// Asks whether it has changed (RFC 9111 section 4.3.1).
    pub(crate) fn ask_whether_changed(&self, headers: &mut HeaderMap) {
        for (validator, condition) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
            headers.remove(&condition);
            if let Some(value) = self.headers.get(&validator) {
                headers.insert(condition, value.clone());
            }
        }
    }

    /// Whether there is something to ask by.
    pub(super) fn has_validator(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    /// Whether a 304 with these headers is about it (RFC 9111 section 4.3.4).
    pub(super) fn is_confirmed_by(&self, not_modified: &HeaderMap) -> bool {
        let tag = |headers: &HeaderMap| headers.get(ETAG).map(|tag| opaque(tag.as_bytes()).to_vec());
        match (tag(&self.headers), tag(not_modified)) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        }
    }

    /// Its headers after a 304: those that it names replace all of their name (RFC 9111 section 3.2). What says how
    /// the body is written stays: the body does, too.
    pub(super) fn freshened(&self, not_modified: &HeaderMap) -> HeaderMap {
        let mut headers = self.headers.clone();
        // Without a date it is of now (RFC 9110 section 6.6.1).
        headers.remove(DATE);
        for name in not_modified.keys().filter(|name| !OF_THE_BODY.contains(&name.as_str())) {
            headers.remove(name);
            for value in not_modified.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        headers
    }

    /// The answer as it is given now. That to a HEAD says how long the body would be.
    pub(super) fn response(&self, method: &Method, now: Timestamp) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response.headers_mut().insert(AGE, self.age(now).as_secs().into());
        if *method == Method::HEAD {
            let length = self.body.len();
            *response.body_mut() = Bytes::new();
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        response
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let lines = self.headers.iter();
        let headers: usize = lines.map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let selection: usize = self
            .selection
            .pairs()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.as_ref().map_or(0, Vec::len) + 64)
            .sum();
        self.body.len() + headers + selection + OVERHEAD
    }
}

/// An entity tag without the mark of a weak one.
pub(super) fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn is_of_one_exchange(name: &HeaderName) -> bool {
    OF_ONE_EXCHANGE.contains(&name.as_str()) || name.as_str().starts_with("x-ratelimit-")
}

#[cfg(test)]
mod tests;
