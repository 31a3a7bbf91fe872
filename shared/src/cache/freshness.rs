//! Whether an answer may be kept for others (RFC 9111 section 3) and how long it is fresh (section 4.2).

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, ETAG, EXPIRES, LAST_MODIFIED, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::directives::Directives;
use super::rules::CacheRules;
use super::times::{age_on_arrival, date};
use crate::clock::Timestamp;

/// A second cookie header that some servers sent once (RFC 2965).
const SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");

/// When an answer was asked for and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) requested_at: Timestamp,
    pub(super) received_at: Timestamp,
}

/// How long an answer may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    /// How long it is fresh.
    pub(super) lifetime: Duration,
    /// How old it was when it came.
    pub(super) age_on_arrival: Duration,
    /// `no-cache`: it is asked for anew each time, fresh or not.
    pub(super) always_asked: bool,
    /// How much longer than its lifetime it may be given once more.
    pub(super) stale_while_revalidate: Duration,
    /// How much longer while the service fails.
    pub(super) stale_if_error: Duration,
    /// Whether a client that takes stale answers may have it.
    pub(super) may_be_stale: bool,
}

impl Freshness {
    /// Of an answer with this head to a request with these headers, as it came and as the service got it; `None` where it
    /// may not be kept for others. `keyed`: by which request headers it is kept apart.
    pub(super) fn of(
        rules: &CacheRules,
        (request, sent): (&HeaderMap, &HeaderMap),
        keyed: impl Fn(&HeaderName) -> bool,
        (status, headers): (StatusCode, &HeaderMap),
        exchange: Exchange,
    ) -> Option<Self> {
        let said = Directives::of(headers);
        if is_forbidden(status, headers, &said) || Directives::of(request).has("no-store") {
            return None;
        }
        // RFC 9111 section 3.5: a credential that tells no answers apart.
        let authorized = sent.contains_key(AUTHORIZATION) && !keyed(&AUTHORIZATION);
        if authorized
            && !["public", "s-maxage", "must-revalidate"]
                .iter()
                .any(|word| said.has(word))
        {
            return None;
        }
        let (lifetime, age_on_arrival) = match stated(&said, headers, exchange) {
            Some(lifetime) => {
                let Exchange {
                    requested_at,
                    received_at,
                } = exchange;
                (lifetime, age_on_arrival(headers, requested_at, received_at))
            }
            // The config's word counts from when the answer came.
            None => (unstated(rules, status, &said)?, Duration::ZERO),
        };
        let freshness = Self::with_stale(rules, &said, lifetime, age_on_arrival);
        freshness.is_of_use(headers).then_some(freshness)
    }

    fn with_stale(rules: &CacheRules, said: &Directives, lifetime: Duration, age_on_arrival: Duration) -> Self {
        let stated = |name: &str| said.seconds(name).map(Duration::from_secs);
        let never = ["must-revalidate", "proxy-revalidate", "no-cache"]
            .iter()
            .any(|word| said.has(word));
        // `s-maxage` forbids stale answers, too (RFC 9111 section 5.2.2.10), but not against the answer's own word.
        let by_config = |given: Duration| if said.has("s-maxage") { Duration::ZERO } else { given };
        let stale = |name: &str, given: Duration| match never {
            true => Duration::ZERO,
            false => stated(name).unwrap_or_else(|| by_config(given)),
        };
        Self {
            lifetime,
            age_on_arrival,
            always_asked: said.has("no-cache"),
            stale_while_revalidate: stale("stale-while-revalidate", rules.stale_while_revalidate),
            stale_if_error: stale("stale-if-error", rules.stale_if_error),
            may_be_stale: !never && !said.has("s-maxage"),
        }
    }

    /// Whether there is anything to be gained by keeping it.
    fn is_of_use(&self, headers: &HeaderMap) -> bool {
        let is_fresh = self.lifetime > self.age_on_arrival && !self.always_asked;
        is_fresh
            || headers.contains_key(ETAG)
            || headers.contains_key(LAST_MODIFIED)
            || !self.stale_while_revalidate.is_zero()
            || !self.stale_if_error.is_zero()
    }
}

/// Among an answer's extensions: its service has kept it to one caller, whatever rules have made of its headers since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForOne;

impl ForOne {
    /// Marks an answer as it came, before any rule.
    pub(crate) fn mark(answer: &mut Response<Bytes>) {
        if is_for_one(answer.headers(), &Directives::of(answer.headers())) {
            answer.extensions_mut().insert(Self);
        }
    }
}

/// What no word of the config allows.
fn is_forbidden(status: StatusCode, headers: &HeaderMap, said: &Directives) -> bool {
    // A part is no answer to those who ask for the whole, and a 304 none by itself.
    matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
        || is_for_one(headers, said)
        || (said.has("must-understand") && !is_understood(status))
}

/// Whether an answer says that nobody else may have it.
fn is_for_one(headers: &HeaderMap, said: &Directives) -> bool {
    let varies_by_all = headers.get_all(VARY).iter().any(|line| {
        line.as_bytes()
            .split(|byte| *byte == b',')
            .any(|name| name.trim_ascii() == b"*")
    });
    said.has("no-store")
        || said.has("private")
        || headers.contains_key(SET_COOKIE)
        || headers.contains_key(SET_COOKIE2)
        || varies_by_all
}

/// The lifetime that an answer states; `None`: it states none.
fn stated(said: &Directives, headers: &HeaderMap, exchange: Exchange) -> Option<Duration> {
    let seconds = said.seconds("s-maxage").or_else(|| said.seconds("max-age"));
    if let Some(seconds) = seconds {
        return Some(Duration::from_secs(seconds));
    }
    if !headers.contains_key(EXPIRES) {
        return None;
    }
    // What is no date has passed (RFC 9111 section 5.3).
    let Some(expires) = date(headers, &EXPIRES) else {
        return Some(Duration::ZERO);
    };
    let dated = date(headers, &http::header::DATE).unwrap_or(exchange.received_at);
    Some(expires.since(dated))
}

/// The lifetime that the config gives to an answer that states none; `None` where it gives none, and nothing keeps the
/// answer.
fn unstated(rules: &CacheRules, status: StatusCode, said: &Directives) -> Option<Duration> {
    let given = match status.as_u16() {
        200 | 203 | 204 | 300 | 301 | 308 => rules.ttl,
        404 | 410 => rules.negative_ttl,
        _ => return None,
    };
    // An answer to be asked for anew each time needs no lifetime.
    given.or_else(|| said.has("no-cache").then_some(Duration::ZERO))
}

/// The statuses whose rules for caches are kept here: those of RFC 9110 section 15 that end an exchange.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505
    )
}

#[cfg(test)]
mod tests;
