//! What this environment remembers of the items it has touched: enough to guess the next step's form, and to
//! refuse without a write while the last seen state proves that the request cannot fit.
//!
//! Nothing here is ever needed to be right: a forgotten bucket costs one more call to the store, never a wrong answer.

use std::sync::Mutex;

use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;
use crate::store::{CounterKey, CounterState};

/// Items per generation; both together are about 1 MB, and some 4 MB where all of them hold quotas by the minute.
const GENERATION: usize = 2_048;

/// The newest contact that taught something weighs a fifth of the share of busy ones, the first a half: a cold
/// environment on a busy subject guesses right from its third contact on.
const HEAVIEST: u8 = 2;
const LIGHTEST: u8 = 5;

/// The last contact with one item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contact {
    /// What the store showed.
    pub(super) state: CounterState,
    /// When, by this environment's clock.
    pub(super) at: Timestamp,
    /// Moving average, 0 to 1, of "was busy at a contact", over those before which nothing here said so: how often
    /// others use the bucket.
    pub(super) busy_share: f32,
    /// What the next one of those weighs: one in so many.
    one_in: u8,
}

/// Bounded memory of contacts. Per environment, like all in-process state.
#[derive(Debug)]
pub(super) struct Seen(Mutex<Generations<CounterKey, Contact>>);

impl Default for Seen {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(GENERATION)))
    }
}

impl Seen {
    /// The last contact with this item, if it is still remembered.
    pub(super) fn last(&self, key: &CounterKey) -> Option<Contact> {
        lock(&self.0).get(key)
    }

    /// Remembers a contact, and whether the bucket was busy at it.
    pub(super) fn record(&self, key: CounterKey, state: CounterState, at: Timestamp, busy: bool) {
        let mut seen = lock(&self.0);
        let last = seen.get(&key);
        // Of any rule: where several share the item, a guess may be wrong, and costs a call.
        let is_known = last.as_ref().is_some_and(|last| last.state.is_busy(at));
        let (mut busy_share, mut one_in) = last.map_or((0.0, HEAVIEST), |last| (last.busy_share, last.one_in));
        if !is_known {
            busy_share += (f32::from(u8::from(busy)) - busy_share) / f32::from(one_in);
            one_in = LIGHTEST.min(one_in + 1);
        }
        let contact = Contact {
            state,
            at,
            busy_share,
            one_in,
        };
        seen.insert(key, contact, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::testing::bucket_at;

    fn key(n: usize) -> CounterKey {
        CounterKey {
            pk: format!("Q#client_ip#{n}"),
            sk: "L#shared".into(),
        }
    }

    #[test]
    fn the_newest_contact_is_remembered() {
        let seen = Seen::default();
        assert_eq!(seen.last(&key(1)), None);
        seen.record(key(1), bucket_at(10), Timestamp::from_micros(1), false);
        seen.record(key(1), bucket_at(20), Timestamp::from_micros(2), false);
        let contact = seen.last(&key(1)).unwrap();
        assert_eq!((contact.state, contact.at), (bucket_at(20), Timestamp::from_micros(2)));
        // A reset by an administrator lowers it: the store is right, not the memory.
        seen.record(key(1), bucket_at(5), Timestamp::from_micros(3), false);
        assert_eq!(seen.last(&key(1)).unwrap().state, bucket_at(5));
    }

    #[test]
    fn the_share_of_busy_contacts_is_known_soon_and_then_follows_slowly() {
        let seen = Seen::default();
        let mut shares = Vec::new();
        for busy in [true, true, false, true, false, true] {
            seen.record(key(1), bucket_at(1), Timestamp::from_micros(1), busy);
            shares.push(seen.last(&key(1)).unwrap().busy_share);
        }
        let expected = [0.5, 0.666_667, 0.5, 0.6, 0.48, 0.584];
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share - expected).abs() < 1e-4, "{shares:?}");
        }
    }

    /// That the bucket is busy because of this environment's own requests says nothing of others.
    #[test]
    fn what_was_known_before_teaches_nothing() {
        let seen = Seen::default();
        for at in 0..5 {
            seen.record(key(1), bucket_at(10 + at), Timestamp::from_micros(at), at > 0);
        }
        assert!(seen.last(&key(1)).unwrap().busy_share.abs() < 1e-4);
        seen.record(key(1), bucket_at(20), Timestamp::from_micros(14), true);
        assert!(seen.last(&key(1)).unwrap().busy_share > 0.3);
    }

    #[test]
    fn memory_is_bounded_and_the_recent_survives() {
        let seen = Seen::default();
        for n in 0..10 * GENERATION {
            seen.record(key(n), bucket_at(1), Timestamp::from_micros(1), false);
            seen.record(key(usize::MAX), bucket_at(1), Timestamp::from_micros(1), false);
        }
        assert!(lock(&seen.0).len() <= 2 * GENERATION);
        assert!(seen.last(&key(10 * GENERATION - 1)).is_some());
        assert!(
            seen.last(&key(usize::MAX)).is_some(),
            "one in use all the time is never dropped"
        );
        assert_eq!(seen.last(&key(0)), None);
    }

    #[test]
    fn the_share_moves_into_the_young_generation() {
        let seen = Seen::default();
        seen.record(key(0), bucket_at(1), Timestamp::from_micros(1), true);
        for n in 1..=GENERATION {
            seen.record(key(n), bucket_at(1), Timestamp::from_micros(1), false);
        }
        seen.record(key(0), bucket_at(2), Timestamp::from_micros(2), true);
        assert!((seen.last(&key(0)).unwrap().busy_share - 0.666_667).abs() < 1e-4);
    }
}
