//! Rate limits and quotas: which counters a request falls into, whether it fits, and what the client is told.
//!
//! One rule set is one item and one conditional write, which checks and counts everything in it at once. What a state
//! means is pure ([`check`]); who is counted is decided in [`subject`]; this file asks the store, and decides what
//! becomes of a request when the store does not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::bucket::BucketName;
use self::check::Check;
pub use self::counter::{CountedWindow, Counter};
pub use self::decision::{Decision, stamp};
pub use self::key_values::{KeyValues, Partition};
use self::lease::{Lease, Leases};
use self::local::LocalBuckets;
pub(crate) use self::plan::Plans;
pub use self::plan::{PlanDocument, PlanRecord, PlanRules, PlanTrouble};
pub use self::rules::{ChargeOn, KeyPart, LEASE, Manner, Mode, OnError, Quota, Rate, RuleSet};
use self::seen::{Contact, Seen};
use self::settle::Settled;
pub use self::subject::Subject;
pub use self::usage::Usage;
pub use self::window::{Period, Window};
use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::config::{PathLimits, Route, Target};
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::store::{CounterKey, CounterState, Store, StoreError};

mod bucket;
mod charged;
mod check;
mod counter;
mod decision;
mod key_values;
mod lease;
mod local;
mod plan;
mod rules;
mod seen;
mod settle;
mod subject;
#[cfg(test)]
pub(crate) mod testing;
mod usage;
mod window;

/// How long all checks of one request may take, every call and retry included.
const BUDGET: Duration = Duration::from_millis(150);

/// How long a remembered state may refuse without asking the store again: an administrator may have raised the
/// limit or reset the counter meanwhile.
const TRUST: Duration = Duration::from_secs(30);

/// The same of what may be given back again meanwhile.
const TRUST_REFUNDED: Duration = Duration::from_secs(1);

/// Checks and counts. One per function environment.
#[derive(Debug)]
pub struct Limiter {
    limits: PathLimits,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    seen: Seen,
    breaker: Breaker,
    local: LocalBuckets,
    leases: Leases,
}

/// How much of [`BUDGET`] one request has left.
#[derive(Debug)]
pub struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(BUDGET)
    }
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The store has counted the request, or shown that it does not fit.
    Decided(Decision),
    /// The store could not say.
    Uncounted {
        /// The rule set's name.
        rule: Arc<str>,
        /// Whether it refuses nobody.
        shadow: bool,
        /// What happened, for the log.
        why: String,
        /// What the rule set makes of it. Errors: `LimitStoreUnavailable` with `on_error: deny`; `RateLimited` by a bucket
        /// in memory with `local`, and where the table cannot take so many calls for one key.
        verdict: Result<(), GatewayError>,
    },
}

impl Limiter {
    /// On this store.
    pub fn new(limits: PathLimits, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            store,
            clock,
            seen: Seen::default(),
            breaker: Breaker::default(),
            local: LocalBuckets::default(),
            leases: Leases::default(),
        }
    }

    /// The rule sets that hold for a request, narrowest first: the route's own; and unless that states a rate, or the route
    /// tells callers of their usage, the most specific override, else the default.
    pub fn rules<'a>(&'a self, route: &'a Route, path: &CanonicalPath) -> Vec<&'a RuleSet> {
        let own = route.limits.iter().map(|set| &**set);
        let states_rate = route.limits.iter().any(|set| set.rate.is_some());
        let tells_usage = matches!(route.target, Target::Usage);
        let shared = self.shared(path).filter(|_| !states_rate && !tells_usage);
        own.chain(shared).collect()
    }

    /// The most specific override, else the default.
    pub fn shared(&self, path: &CanonicalPath) -> Option<&RuleSet> {
        let narrowest = self
            .limits
            .overrides
            .iter()
            .find(|section| section.pattern.matches(path));
        let shared = narrowest.map(|section| &section.rule);
        shared.or(self.limits.default.as_ref()).map(|set| &**set)
    }

    /// Checks and counts one request, within its patience: 150 ms for all its checks.
    ///
    /// After an unclear answer of the store the request may have been counted although it is refused: one request too many,
    /// or one lease, is possible in the count, never in what is let through.
    pub async fn admit(&self, set: &RuleSet, subject: &Subject, cost: u32, patience: &mut Patience) -> Admission {
        let key = key_of(set, subject);
        let check = Check::new(set, cost, self.clock.now());
        let decided = match set.manner.mode {
            Mode::Exact => self.count(check, &key, patience).await,
            Mode::Lease(most) => self.spend(check, &key, most.get(), patience).await,
        };
        decided.map_or_else(
            |error| Admission::Uncounted {
                rule: set.name.clone(),
                shadow: set.manner.shadow,
                why: error.to_string(),
                verdict: self.without_store(&Check::new(set, cost, self.clock.now()), &key, error),
            },
            Admission::Decided,
        )
    }

    /// Gives back what was charged for a request that its upstream failed, within its patience. What is not given back,
    /// because the store does not answer, stays charged.
    pub async fn give_back(&self, decisions: &mut [Decision], patience: &mut Patience) {
        for charged in decisions.iter_mut().filter_map(|decision| decision.charged.take()) {
            let now = self.clock.now();
            let Some(refund) = charged.refund(now) else { continue };
            match self.within(patience, self.store.refund(&charged.key, &refund)).await {
                Ok(Some(state)) => self.seen.record(charged.key.clone(), state, now, true),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a charge is not given back"),
            }
        }
    }

    /// Counts one request, or refuses it by what is remembered.
    async fn count(&self, check: Check<'_>, key: &CounterKey, patience: &mut Patience) -> Result<Decision, StoreError> {
        let last = self.seen.last(key);
        if let Some(denial) = known_denial(last.as_ref(), &check) {
            return Ok(denial);
        }
        let settled = self.ask(check, key, last, patience).await?;
        Ok(self.decision(settled, key))
    }

    /// Spends what was counted ahead, or counts ahead anew.
    async fn spend(
        &self,
        check: Check<'_>,
        key: &CounterKey,
        most: u32,
        patience: &mut Patience,
    ) -> Result<Decision, StoreError> {
        let slot = self.leases.slot(key);
        let started = Instant::now();
        let held = tokio::time::timeout(patience.0, slot.lock()).await;
        patience.0 = patience.0.saturating_sub(started.elapsed());
        let mut held = held.map_err(|_| StoreError::NotApplied("another request waits for the store".into()))?;
        if let Some(lease) = held.as_mut()
            && lease.spend(&check)
        {
            return Ok(Decision::new(&check, lease.state(), true).spent(lease.left()));
        }
        let last = self.seen.last(key);
        if let Some(denial) = known_denial(last.as_ref(), &check) {
            return Ok(denial);
        }
        // What is not known yet is taken one by one.
        let room = last.as_ref().map_or(0, |last| check.room(&last.state));
        let units = lease::size(held.as_ref(), &check, most, room);
        let asked = self.ask(check.taking(units), key, last, patience).await;
        if asked.is_err() {
            // It may have been taken all the same. What is taken next is one request.
            *held = None;
        }
        let (settled, mut left) = (asked?, 0);
        if settled.allowed {
            let mut lease = Lease::new(&settled.check, settled.state.clone(), started);
            lease.spend(&settled.check);
            left = lease.left();
            *held = Some(lease);
        }
        Ok(self.decision(settled, key).spent(left))
    }

    /// What the store said, remembered.
    fn decision(&self, settled: Settled<'_>, key: &CounterKey) -> Decision {
        let mut decision = Decision::new(&settled.check, &settled.state, settled.allowed);
        decision.charged = settled.charged;
        self.seen
            .record(key.clone(), settled.state, settled.check.now, settled.busy);
        decision
    }

    /// Opens the store's connection ahead of the first request (at most 300 ms, never fatal).
    pub async fn warm(&self) {
        self.store.warm().await;
    }

    /// What the rule set says of a request that cannot be counted.
    fn without_store(&self, check: &Check<'_>, key: &CounterKey, error: StoreError) -> Result<(), GatewayError> {
        let set = check.set;
        let limited = |retry_after| GatewayError::RateLimited {
            retry_after,
            at: set.pointer.clone(),
        };
        if set.manner.shadow {
            return Ok(());
        }
        match (error, set.manner.on_error) {
            // More than its partition takes, about 1,000 writes a second: asking again at once would only prolong it.
            (StoreError::Throttled { one_key: true, .. }, _) => Err(limited(Duration::from_secs(1))),
            (error, OnError::Deny) => Err(GatewayError::LimitStoreUnavailable { why: error.to_string() }),
            (_, OnError::Allow) => Ok(()),
            (_, OnError::Local) => match self.known_wait(check, key) {
                Some(wait) => Err(limited(wait)),
                None => self.local.admit(key, set, check.cost, check.now).map_err(limited),
            },
        }
    }

    /// How long what was seen last refuses this request, however long ago that was: nothing lowers a count while it lasts but
    /// an administrator, or what is given back.
    fn known_wait(&self, check: &Check<'_>, key: &CounterKey) -> Option<Duration> {
        let last = self.seen.last(key)?;
        let refuses = check.set.manner.charge_on == ChargeOn::All && check.denies(&last.state);
        refuses.then(|| Decision::new(check, &last.state, false).retry_after())?
    }

    /// Makes a call of the store in the time that is left, unless the store has not answered others lately.
    async fn within<T>(
        &self,
        patience: &mut Patience,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let left = patience.0;
        if left.is_zero() {
            return Err(StoreError::NotApplied(
                "an earlier check took all the time there is".into(),
            ));
        }
        let Ok(pass) = self.breaker.admit(left) else {
            return Err(StoreError::NotApplied("the store has not answered lately".into()));
        };
        let started = Instant::now();
        let outcome = tokio::time::timeout(left, call).await;
        patience.0 = left.saturating_sub(started.elapsed());
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::TimedOut(format!("no answer within {left:?}"))));
        self.breaker.heard(pass, &outcome);
        outcome
    }

    /// Reads an item as it stands.
    async fn read(&self, key: &CounterKey, patience: &mut Patience) -> Result<CounterState, StoreError> {
        self.within(patience, self.store.counter(key)).await
    }
}

/// The item of a subject under a rule set.
fn key_of(set: &RuleSet, subject: &Subject) -> CounterKey {
    CounterKey {
        pk: subject::partition_key(&set.key, subject),
        sk: set.sort_key.to_string(),
    }
}

/// A refusal that what was seen last is proof enough of: counts only grow within their window, and `tat` always, so a state
/// that refused at a time refuses until enough time has passed. The age counts in both directions, because a clock may
/// jump back.
fn known_denial(last: Option<&Contact>, check: &Check<'_>) -> Option<Decision> {
    let trust = match check.set.manner.charge_on {
        ChargeOn::All => TRUST,
        ChargeOn::Success => TRUST_REFUNDED,
    };
    let contact = last.filter(|contact| check.now.apart(contact.at) <= trust && check.denies(&contact.state))?;
    Some(Decision::new(check, &contact.state, false))
}

#[cfg(test)]
mod tests;
