//! Rate limits: which bucket a request falls into, whether it fits, and what the client is told.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ring::rand::SystemRandom;

use self::bucket::{Bucket, Guess, Refusal};
pub use self::decision::Decision;
use self::seen::{Contact, Seen};
pub use self::subject::Subject;
use crate::auth::ClaimPath;
use crate::clock::{Clock, Timestamp};
use crate::config::{PathLimits, Pointer, Route};
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::store::{CounterKey, CounterState, StepOutcome, Store, StoreError};

mod bucket;
mod decision;
mod seen;
mod subject;

/// How long one check may take, every call and retry included.
const BUDGET: Duration = Duration::from_millis(150);

/// The most calls that one check makes: busy, idle, busy; a retry counts.
const MAX_CALLS: u32 = 3;

/// How long a remembered state may refuse without asking the store again: an administrator may have raised the
/// limit or reset the counter meanwhile.
const TRUST: Duration = Duration::from_secs(30);

/// A rate: a token bucket. Any interval t lets at most `burst + rate x t` through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number in the config, per `per`.
    pub requests: NonZeroU32,
    /// 1 s, 1 min, 1 h or 1 day.
    pub per: Duration,
    /// How many fit at once; the number of the rate when left out.
    pub burst: NonZeroU32,
}

/// One part of what a limit counts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// `header:Name`, read after the identity headers were set.
    Header(HeaderName),
    /// `client_ip`; IPv6 by /64.
    ClientIp,
    /// `claim:name`, what a verified credential proves.
    Claim(ClaimPath),
    /// `route`: the route's id.
    Route,
}

/// A checked limit.
#[derive(Clone, Debug)]
pub struct LimitRule {
    /// `default`, the override's path, or the route's id: the policy name in `RateLimit` headers and logs.
    pub name: Arc<str>,
    /// The sort key of its items: `L#shared`, `L#<override path>`, `L#<route id>`.
    pub sort_key: Arc<str>,
    /// How much.
    pub rate: Rate,
    /// By what; never empty. A list combines.
    pub key: Vec<KeyPart>,
    /// Where it stands.
    pub pointer: Pointer,
}

impl LimitRule {
    /// Whether it can be checked before anybody is authenticated: keyed by address and route only.
    pub fn needs_no_identity(&self) -> bool {
        self.key
            .iter()
            .all(|part| matches!(part, KeyPart::ClientIp | KeyPart::Route))
    }
}

/// Checks and counts. One per function environment.
#[derive(Debug)]
pub struct Limiter {
    limits: PathLimits,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    seen: Seen,
}

/// How a check ended: what the item says now, and whether this request was counted in it.
struct Settled {
    tat: u64,
    allowed: bool,
    /// Whether the bucket was in use before.
    busy: bool,
}

impl Settled {
    fn counted(tat: u64, step: Guess) -> Self {
        let busy = step == Guess::Busy;
        Self {
            tat,
            allowed: true,
            busy,
        }
    }

    fn refused(tat: u64) -> Self {
        Self {
            tat,
            allowed: false,
            busy: true,
        }
    }
}

impl Limiter {
    /// On this store.
    pub fn new(limits: PathLimits, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            store,
            clock,
            seen: Seen::default(),
        }
    }

    /// The one rule that holds for a request: the route's own, else the most specific override, else the default.
    pub fn rule<'a>(&'a self, route: &'a Route, path: &CanonicalPath) -> Option<&'a LimitRule> {
        let overrides = || {
            self.limits
                .overrides
                .iter()
                .find(|section| section.pattern.matches(path))
        };
        route
            .rate_limit
            .as_deref()
            .or_else(|| overrides().map(|section| &*section.rule))
            .or(self.limits.default.as_deref())
    }

    /// Checks and counts one request, in at most 150 ms. The error is `LimitStoreUnavailable`.
    ///
    /// After an unclear answer of the store the request may have been counted although it is refused: one too many
    /// is possible in the count, never in what is let through.
    pub async fn admit(&self, rule: &LimitRule, subject: &Subject) -> Result<Decision, GatewayError> {
        let bucket = Bucket::new(rule.rate);
        let key = CounterKey {
            pk: subject::partition_key(&rule.key, subject),
            sk: rule.sort_key.to_string(),
        };
        // Fixed for the whole check, so that a second step cannot undo what the first one learned.
        let now = self.clock.now();
        let last = self.seen.last(&key);
        if let Some(contact) = last.filter(|contact| proves_denial(contact, &bucket, now)) {
            return Ok(Decision::new(rule, &bucket, now, contact.tat, false));
        }
        let settled = match tokio::time::timeout(BUDGET, self.settle(&bucket, &key, now, last)).await {
            Ok(Ok(settled)) => settled,
            Ok(Err(error)) => return Err(GatewayError::LimitStoreUnavailable { why: error.to_string() }),
            Err(_) => {
                let why = format!("the counter store took more than {BUDGET:?}");
                return Err(GatewayError::LimitStoreUnavailable { why });
            }
        };
        self.seen.record(key, settled.tat, now, settled.busy);
        Ok(Decision::new(rule, &bucket, now, settled.tat, settled.allowed))
    }

    /// Opens the store's connection ahead of the first request (at most 300 ms, never fatal).
    pub async fn warm(&self) {
        self.store.warm().await;
    }

    /// Steps until the store has counted the request or shown that it does not fit.
    async fn settle(
        &self,
        bucket: &Bucket,
        key: &CounterKey,
        now: Timestamp,
        last: Option<Contact>,
    ) -> Result<Settled, StoreError> {
        let now = now.micros();
        let expires_at = bucket.expires_at(now);
        let mut guess = last.map_or(Guess::Idle, |last| bucket.guess(now, last.tat, last.busy_share));
        let mut may_retry = true;
        for call in 1..=MAX_CALLS {
            match self.store.step(key, bucket.step(guess, now), expires_at).await {
                Ok(StepOutcome::Applied(CounterState { tat: Some(tat) })) => return Ok(Settled::counted(tat, guess)),
                Ok(StepOutcome::Applied(_)) => return Err(StoreError::Ambiguous("applied, but no `tat`".into())),
                Ok(StepOutcome::Refused(state)) => match bucket.after_refusal(now, state) {
                    Refusal::OverRate(tat) => return Ok(Settled::refused(tat)),
                    Refusal::Try(next) => guess = next,
                },
                Err(StoreError::NotApplied(_)) if may_retry && call < MAX_CALLS => {
                    may_retry = false;
                    tokio::time::sleep(jitter()).await;
                }
                Err(error) => return Err(error),
            }
        }
        // Only an item that was reset or deleted between two steps leads here.
        Err(StoreError::NotApplied(format!(
            "no decision after {MAX_CALLS} calls: the item went back"
        )))
    }
}

/// Whether what was seen last is proof enough: `tat` only grows, so a state that refused at a time refuses until
/// enough time has passed. The age counts in both directions, because a clock may jump back.
fn proves_denial(contact: &Contact, bucket: &Bucket, now: Timestamp) -> bool {
    let age = now.since(contact.at).max(contact.at.since(now));
    age <= TRUST && !bucket.fits(now.micros(), contact.tat)
}

/// 5 to 20 ms before the one retry: environments that were throttled together do not come back together.
fn jitter() -> Duration {
    // Without randomness the retry still works, only less spread out.
    let byte = ring::rand::generate::<[u8; 1]>(&SystemRandom::new()).map_or(0, |random| random.expose()[0]);
    Duration::from_micros(5_000 + u64::from(byte) * 15_000 / 255)
}

#[cfg(test)]
mod tests;
