//! What this environment remembers of the items it has touched: enough to guess the next step's form, and to
//! refuse without a write while the last seen state proves that the request cannot fit.
//!
//! Nothing here is ever needed to be right: a forgotten bucket costs one more call to the store, never a wrong answer.

use std::sync::Mutex;

use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;
use crate::store::{CounterKey, CounterState};

/// Items per generation; both together are about 1 MB.
const GENERATION: usize = 2_048;

/// How much the newest contact weighs in the share of busy ones.
const WEIGHT: f32 = 0.2;

/// The last contact with one item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contact {
    /// What the store showed.
    pub(super) state: CounterState,
    /// When, by this environment's clock.
    pub(super) at: Timestamp,
    /// Moving average of "was busy at a contact", 0 to 1.
    pub(super) busy_share: f32,
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
        let before = seen.get(&key).map_or(0.0, |contact| contact.busy_share);
        let busy_share = before + WEIGHT * (f32::from(u8::from(busy)) - before);
        seen.insert(key, Contact { state, at, busy_share }, 1);
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
        assert_eq!((contact.state.tat, contact.at), (Some(20), Timestamp::from_micros(2)));
        // A reset by an administrator lowers it: the store is right, not the memory.
        seen.record(key(1), bucket_at(5), Timestamp::from_micros(3), false);
        assert_eq!(seen.last(&key(1)).unwrap().state.tat, Some(5));
    }

    #[test]
    fn the_share_of_busy_contacts_follows_slowly() {
        let seen = Seen::default();
        let mut shares = Vec::new();
        for busy in [true, true, true, true, false] {
            seen.record(key(1), bucket_at(1), Timestamp::from_micros(1), busy);
            shares.push(seen.last(&key(1)).unwrap().busy_share);
        }
        let expected = [0.2, 0.36, 0.488, 0.590_4, 0.472_32];
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share - expected).abs() < 1e-4, "{shares:?}");
        }
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
        assert!((seen.last(&key(0)).unwrap().busy_share - 0.36).abs() < 1e-4);
    }
}
