//! The outcome of one check, and the headers that tell the client about all of them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::charged::Charged;
use super::check::Check;
use crate::clock::Timestamp;
use crate::config::Pointer;
use crate::error::GatewayError;
use crate::store::CounterState;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// What a structured-field string (RFC 9651 section 3.3.3) cannot hold, or only behind a backslash that not every
/// client reads; and `%`, so that two names never look alike.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'"').add(b'\\').add(b'%');

/// How one limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its name in `RateLimit` headers.
    pub(super) name: Arc<str>,
    /// The number in the config, and the time it is for.
    pub(super) requests: u64,
    pub(super) per: Duration,
    /// What would be let through now.
    pub(super) remaining: u64,
    /// The most that ever is: the burst of a rate, a quota's number.
    pub(super) most: u64,
    /// How long until the bucket is full again, or the window is over.
    pub(super) reset: Duration,
    /// How long until the request fits; zero when it does.
    pub(super) wait: Duration,
}

/// The outcome of one check, and all that the client is told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule set's name, and where it stands.
    rule: Arc<str>,
    at: Pointer,
    /// When the check was made.
    now: Timestamp,
    /// Its limits; never none.
    standings: Vec<Standing>,
    /// `None`: allowed. Else how long until the request fits.
    retry_after: Option<Duration>,
    /// Whether it refuses nobody.
    shadow: bool,
    /// What is given back if the upstream fails.
    pub(super) charged: Option<Charged>,
}

impl Decision {
    /// Reads everything the client is told from the item's state after the check.
    pub(super) fn new(check: &Check<'_>, state: &CounterState, allowed: bool) -> Self {
        let standings = check.standings(state);
        // Until the last of those that hold it back lets it through.
        let wait = standings.iter().map(|standing| standing.wait).max().unwrap_or_default();
        Self {
            rule: check.set.name.clone(),
            at: check.set.pointer.clone(),
            now: check.now,
            standings,
            retry_after: (!allowed).then_some(wait),
            shadow: check.set.manner.shadow,
            charged: None,
        }
    }

    /// Of a request that was counted ahead: so many are left of that, which the item does not show.
    pub(super) fn spent(mut self, left: u32) -> Self {
        for standing in &mut self.standings {
            standing.remaining = standing.remaining.saturating_add(left.into()).min(standing.most);
        }
        self
    }

    /// Whether it only tells what it would do.
    pub fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// The rule set's name.
    pub fn rule(&self) -> &Arc<str> {
        &self.rule
    }

    /// How long until the request fits; `None`: it was let through.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the request may go on.
    pub fn allowed(&self) -> bool {
        self.retry_after.is_none()
    }

    /// How many more would be let through now.
    pub fn remaining(&self) -> u64 {
        self.standings
            .iter()
            .map(|standing| standing.remaining)
            .min()
            .unwrap_or(0)
    }

    /// `RateLimited` when it may not, unless this is a shadow.
    pub fn require(&self) -> Result<(), GatewayError> {
        match self.retry_after.filter(|_| !self.shadow) {
            None => Ok(()),
            Some(retry_after) => Err(GatewayError::RateLimited {
                retry_after,
                at: self.at.clone(),
            }),
        }
    }

    /// The limit that the client runs into first: of one that refused, the one that lasts; else the one with the least
    /// left.
    fn tightest(&self) -> Option<&Standing> {
        let standings = self.standings.iter();
        match self.retry_after {
            Some(wait) => standings.rev().find(|standing| standing.wait == wait),
            None => standings.min_by_key(|standing| standing.remaining),
        }
    }
}

/// Sets `X-RateLimit-*` by the tightest limit of all checks, and `RateLimit-Policy` and `RateLimit` with all of them
/// (draft-ietf-httpapi-ratelimit-headers-11); every answer after a check carries them, in place of an upstream's own.
pub fn stamp(decisions: &[Decision], headers: &mut HeaderMap) {
    // Of a limit that refuses nobody nobody is told.
    let decisions = || decisions.iter().filter(|decision| !decision.shadow);
    let refused = decisions().find(|decision| !decision.allowed());
    let with_least = || decisions().min_by_key(|decision| decision.remaining());
    let Some(decision) = refused.or_else(with_least) else {
        return;
    };
    if let Some(tightest) = decision.tightest() {
        let reset = decision.now.plus(tightest.reset);
        headers.insert(LIMIT, HeaderValue::from(tightest.requests));
        headers.insert(REMAINING, HeaderValue::from(tightest.remaining));
        headers.insert(RESET, HeaderValue::from(reset.micros().div_ceil(1_000_000)));
    }
    let (mut policies, mut states) = (String::new(), String::new());
    for standing in decisions().flat_map(|decision| &decision.standings) {
        let name = utf8_percent_encode(&standing.name, UNSAFE);
        let separator = if policies.is_empty() { "" } else { ", " };
        let reset = standing.reset.as_micros().div_ceil(1_000_000);
        // Writing to a `String` cannot fail.
        let _ = write!(
            policies,
            r#"{separator}"{name}";q={};w={}"#,
            standing.requests,
            standing.per.as_secs()
        );
        let _ = write!(states, r#"{separator}"{name}";r={};t={reset}"#, standing.remaining);
    }
    for (name, text) in [(POLICY, policies), (STATE, states)] {
        // Always a value: the limits' names are the only free text, and are encoded to visible ASCII and spaces.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
