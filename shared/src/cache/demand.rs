//! What a request says of the answers that it takes (RFC 9111 section 5.2.1).

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PRAGMA, RANGE};

use super::directives::Directives;
use super::entry::Entry;
use super::rules::CacheRules;
use crate::clock::Timestamp;

/// Headers of requests that no kept answer is given to: they are about a part, or about what stands there now.
pub(super) fn is_about_now(headers: &HeaderMap) -> bool {
    [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// What the request asks for that the config lets it ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    /// Only what is kept, else nothing: that saves the service work, so that everybody may ask for it.
    pub(super) only_if_cached: bool,
    /// Nothing unasked.
    asks: bool,
    max_age: Option<Duration>,
    min_fresh: Duration,
    max_stale: Duration,
}

impl Demand {
    pub(super) fn of(rules: &CacheRules, headers: &HeaderMap) -> Self {
        let said = Directives::of(headers);
        let only_if_cached = said.has("only-if-cached");
        if !rules.client_control {
            return Self {
                only_if_cached,
                ..Self::default()
            };
        }
        let seconds = |name: &str| said.seconds(name).map(Duration::from_secs);
        let pragma = || {
            let mut lines = headers.get_all(PRAGMA).iter();
            !headers.contains_key(CACHE_CONTROL) && lines.any(|line| line.as_bytes().eq_ignore_ascii_case(b"no-cache"))
        };
        Self {
            only_if_cached,
            asks: said.has("no-cache") || pragma(),
            max_age: seconds("max-age"),
            min_fresh: seconds("min-fresh").unwrap_or_default(),
            // Without a value it is not taken: how stale, nobody has said.
            max_stale: seconds("max-stale").unwrap_or_default(),
        }
    }

    /// Whether it takes this answer as it is kept.
    pub(super) fn takes(&self, entry: &Entry, now: Timestamp) -> bool {
        let is_young = self.max_age.is_none_or(|most| entry.age(now) <= most);
        let is_fresh = entry.is_fresh(now) && entry.fresh_for(now) >= self.min_fresh;
        let is_near = entry.freshness.may_be_stale && entry.stale_for(now) < self.max_stale;
        !self.asks && is_young && (is_fresh || is_near)
    }

    /// Whether it waits for no other's answer.
    pub(super) fn asks_for_itself(&self) -> bool {
        self.only_if_cached || self.is_particular()
    }

    /// Whether it asks for more than the answer's own freshness.
    pub(super) fn is_particular(&self) -> bool {
        self.asks || self.max_age.is_some() || !self.min_fresh.is_zero()
    }
}
