//! The second tier: answers in the state table, for all environments that serve the same config. Whatever goes wrong
//! there is a miss, and costs no more than a look-up may.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::entry::Entry;
use super::key::{CacheKey, Place};
use super::rules::CacheRules;
use super::wire;
use crate::clock::Timestamp;
use crate::look_up::LookUps;
use crate::path::{CanonicalPath, PathPattern};
use crate::store::{Store, StoreError};

/// The largest answer with its headers: an item is at most 400 KB, names and keys included
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const LARGEST: usize = 350_000;

/// How long an answer is used at most, and a write remembered: whoever reads an answer finds the writes after it.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The tier.
#[derive(Debug)]
pub(super) struct Table {
    store: Arc<dyn Store>,
    look_ups: LookUps,
    /// The routes that use it.
    patterns: Vec<PathPattern>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) entry: Option<Entry>,
    /// When something was written to the place.
    pub(super) written_at: Option<Timestamp>,
}

impl Table {
    pub(super) fn new(store: Arc<dyn Store>, look_ups: LookUps, patterns: Vec<PathPattern>) -> Self {
        Self {
            store,
            look_ups,
            patterns,
        }
    }

    /// An answer that may still be of use, and the last write to its place.
    pub(super) async fn find(
        &self,
        rules: &CacheRules,
        (key, place): (&CacheKey, &Place),
        now: Timestamp,
        within: Duration,
    ) -> Shelf {
        let note = place.note();
        let both = async { tokio::try_join!(self.store.cached(key), self.store.cached(&note)) };
        let (answer, note) = match self.look_ups.make(within, both).await {
            Ok(found) => found,
            Err(error) => {
                warn(&error, "read");
                return Shelf::default();
            }
        };
        let written_at = note.as_ref().and_then(written_at);
        let entry = answer.and_then(|bytes| wire::read(rules, &bytes));
        let entry = entry.filter(|entry| {
            let is_later = written_at.is_none_or(|at| entry.exchange.requested_at > at);
            is_later && now.apart(entry.exchange.received_at) < KEPT_FOR
        });
        Shelf { entry, written_at }
    }

    /// Keeps an answer for all; `false` where it is too large or the table does not take it.
    pub(super) async fn keep(&self, key: &CacheKey, entry: &Entry, within: Duration) -> bool {
        if entry.weight() > LARGEST {
            return false;
        }
        let bytes = wire::written(entry);
        if bytes.len() > LARGEST {
            return false;
        }
        let received_at = entry.exchange.received_at;
        let of_use = match entry.has_validator() {
            true => KEPT_FOR,
            false => entry.of_use_for(received_at).min(KEPT_FOR),
        };
        let call = self.store.keep_cached(key, &bytes, received_at.plus(of_use));
        self.took(self.look_ups.make(within, call).await)
    }

    /// Whether answers of this path may be in it.
    pub(super) fn holds(&self, path: &CanonicalPath) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// Notes that something was written to a place.
    pub(super) async fn note_write(&self, place: &Place, at: Timestamp, within: Duration) {
        let note = Bytes::copy_from_slice(&at.micros().to_be_bytes());
        let key = place.note();
        let call = self.store.keep_cached(&key, &note, at.plus(KEPT_FOR));
        self.took(self.look_ups.make(within, call).await);
    }

    fn took(&self, written: Result<(), StoreError>) -> bool {
        written.map_err(|error| warn(&error, "written")).is_ok()
    }
}

fn warn(error: &StoreError, what: &'static str) {
    tracing::warn!(%error, "the shared cache is not {what}");
}

/// What a note says; one that nobody can read says nothing.
fn written_at(note: &Bytes) -> Option<Timestamp> {
    let bytes: [u8; 8] = note.as_ref().try_into().ok()?;
    Some(Timestamp::from_micros(u64::from_be_bytes(bytes)))
}
