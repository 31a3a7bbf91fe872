//! One check with the store: the step that is likely to fit, and those that follow from its answers.

use std::time::Duration;

use ring::rand::SystemRandom;

use super::bucket::Guess;
use super::charged::Charged;
use super::check::{Check, Refusal};
use super::seen::Contact;
use super::{ChargeOn, Limiter, Patience};
use crate::store::{ChargeOutcome, CounterKey, CounterState, Leftovers, StoreError};

/// The most calls that one check makes: busy, idle, busy; a retry counts.
const MAX_CALLS: u32 = 3;

/// How many windows and buckets that can go an item may hold before they are taken away by a call of their own. Each call takes
/// along those that the last one of the same environment showed; only a subject that every environment meets
/// once at most comes to so many.
pub(super) const MOST_OVER: usize = 24;

/// How a check with the store ended: what the item says now, and whether this request was counted in it.
pub(super) struct Settled<'r> {
    /// As it was made: what its last step took.
    pub(super) check: Check<'r>,
    pub(super) state: CounterState,
    pub(super) allowed: bool,
    /// What is given back if the upstream fails.
    pub(super) charged: Option<Charged>,
    /// Whether the bucket was in use before.
    pub(super) busy: bool,
}

impl Limiter {
    /// Asks the store.
    pub(super) async fn ask<'r>(
        &self,
        check: Check<'r>,
        key: &CounterKey,
        last: Option<Contact>,
        patience: &mut Patience,
    ) -> Result<Settled<'r>, StoreError> {
        let settled = self.within(patience, self.settle(check, key, last)).await?;
        let mut settled = settled.ok_or_else(|| {
            StoreError::NotApplied(format!(
                "no decision in {MAX_CALLS} calls: others changed the item between them"
            ))
        })?;
        let over = settled.check.over(&settled.state);
        if settled.allowed && over.len() >= MOST_OVER {
            // The request is counted by now: whatever comes of this changes nothing for it.
            let removal = settled.check.removal(over);
            if let Ok(ChargeOutcome::Applied(state)) = self.within(patience, self.store.charge(key, &removal)).await {
                settled.state = state;
            }
        }
        Ok(settled)
    }

    /// Steps until the store has counted the request or shown that it does not fit; `None`: neither in [`MAX_CALLS`].
    async fn settle<'r>(
        &self,
        mut check: Check<'r>,
        key: &CounterKey,
        last: Option<Contact>,
    ) -> Result<Option<Settled<'r>>, StoreError> {
        let mut over = last
            .as_ref()
            .map_or_else(Leftovers::default, |last| check.over(&last.state));
        let mut guess = check.guess(last.as_ref());
        let mut may_retry = true;
        for call in 1..=MAX_CALLS {
            match self.store.charge(key, &check.charge(guess, &over)).await {
                Ok(ChargeOutcome::Applied(state)) => {
                    let refundable = check.set.manner.charge_on == ChargeOn::Success;
                    return Ok(Some(Settled {
                        charged: refundable.then(|| check.charged(key.clone(), &state)),
                        check,
                        state,
                        allowed: true,
                        busy: guess == Guess::Busy,
                    }));
                }
                Ok(ChargeOutcome::Refused(state)) => match check.after_refusal(&state) {
                    Refusal::Try { guess: next, units } => {
                        guess = next;
                        // The last call takes nothing ahead: others may have taken of the room meanwhile.
                        let last = call + 1 == MAX_CALLS;
                        let cost = check.cost;
                        check = check.taking(if last { cost } else { units });
                        // One of them may be in use again. That they stay harms nobody.
                        over.buckets.clear();
                    }
                    Refusal::Denied => {
                        return Ok(Some(Settled {
                            busy: check.is_busy(&state),
                            check,
                            state,
                            allowed: false,
                            charged: None,
                        }));
                    }
                },
                Err(StoreError::NotApplied(_) | StoreError::Throttled { .. }) if may_retry && call < MAX_CALLS => {
                    may_retry = false;
                    tokio::time::sleep(jitter()).await;
                }
                Err(error) => return Err(error),
            }
        }
        // Others changed the item between the steps, and one of the calls was not taken or took too much ahead; or it was
        // reset, or given back to.
        Ok(None)
    }
}

/// 5 to 20 ms before the one retry: environments that were throttled together do not come back together.
pub(super) fn jitter() -> Duration {
    // Without randomness the retry still works, only less spread out.
    let byte = ring::rand::generate::<[u8; 1]>(&SystemRandom::new()).map_or(0, |random| random.expose()[0]);
    Duration::from_micros(5_000 + u64::from(byte) * 15_000 / 255)
}
