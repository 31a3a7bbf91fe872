//! The first tier: answers in the memory of one function environment, bounded in bytes, the least used dropped first.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName};

use super::entry::Entry;
use super::key::{CacheKey, Place};
use super::selection::may_be_learned;
use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;

/// How many answers of one key are kept that `Vary` tells apart. A header with more values belongs into `vary`.
const MOST_VARIANTS: usize = 8;

/// How many writes are remembered, in each of two generations, so that no answer from before is kept after them.
const WRITES: usize = 1024;

/// How many bytes of names that were learnt are remembered, in each of two generations, beside the answers.
const LEARNED: usize = 64 * 1024;

/// How many names of one key.
const MOST_LEARNED: usize = 32;

/// The answers.
#[derive(Debug)]
pub(super) struct Memory {
    slots: Mutex<Generations<CacheKey, Arc<Slot>>>,
    /// What services were not told and answers depend on, whether those are kept or not: else the service of one that is not
    /// would be asked twice each time.
    learned: Mutex<Generations<CacheKey, Arc<[HeaderName]>>>,
    writes: Mutex<Generations<Place, Timestamp>>,
}

/// All answers of one key, the newest first.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    variants: Vec<Arc<Entry>>,
}

impl Slot {
    /// The headers that its answers say they depend on.
    pub(super) fn learned(&self) -> Vec<HeaderName> {
        let mut names: Vec<HeaderName> = Vec::new();
        for name in self.variants.iter().flat_map(|entry| entry.selection.names()) {
            if may_be_learned(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The newest answer that fits a request with these headers.
    pub(super) fn fitting(&self, sent: &HeaderMap) -> Option<&Arc<Entry>> {
        self.variants.iter().find(|entry| entry.selection.fits(sent))
    }

    fn weight(&self) -> usize {
        self.variants.iter().map(|entry| entry.weight()).sum()
    }
}

impl Memory {
    /// Of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            slots: Mutex::new(Generations::new(bytes / 2)),
            learned: Mutex::new(Generations::new(LEARNED)),
            writes: Mutex::new(Generations::new(WRITES)),
        }
    }

    /// Remembers names that answers to a key depend on.
    pub(super) fn learn(&self, key: CacheKey, names: impl Iterator<Item = HeaderName>) {
        let mut all: Vec<HeaderName> = Vec::new();
        for name in names.chain(self.learned(&key)) {
            if !all.contains(&name) && all.len() < MOST_LEARNED {
                all.push(name);
            }
        }
        let weight = all.iter().map(|name| name.as_str().len() + 64).sum::<usize>() + 128;
        lock(&self.learned).insert(key, all.into(), weight);
    }

    /// The names.
    pub(super) fn learned(&self, key: &CacheKey) -> Vec<HeaderName> {
        let known = lock(&self.learned).get(key);
        known.map_or_else(Vec::new, |names| names.to_vec())
    }

    /// The answers of a key.
    pub(super) fn get(&self, key: &CacheKey) -> Option<Arc<Slot>> {
        lock(&self.slots).get(key)
    }

    /// Keeps an answer, in the place of those that fit the same requests. `false`: it was asked for before something was
    /// written there, or takes more than all answers may.
    pub(super) fn keep(&self, key: CacheKey, place: Place, entry: &Arc<Entry>) -> bool {
        if self.is_outdated(&place, entry) {
            return false;
        }
        let mut slots = lock(&self.slots);
        let before = slots.get(&key);
        let others = before.iter().flat_map(|slot| &slot.variants);
        let others = others.filter(|other| other.selection != entry.selection).cloned();
        let all: Vec<Arc<Entry>> = std::iter::once(Arc::clone(entry))
            .chain(others)
            .take(MOST_VARIANTS)
            .collect();
        // Where they are too many bytes together, the new one alone.
        [all, vec![Arc::clone(entry)]].into_iter().any(|variants| {
            let slot = Slot { place, variants };
            let weight = slot.weight();
            slots.insert(key, Arc::new(slot), weight);
            slots.get(&key).is_some()
        })
    }

    /// Whether an answer was asked for before something was written there.
    pub(super) fn is_outdated(&self, place: &Place, entry: &Entry) -> bool {
        let written = lock(&self.writes).get(place);
        written.is_some_and(|at| entry.exchange.requested_at <= at)
    }

    /// Whether it is here already, or one that came later and fits the same requests.
    pub(super) fn has_newer(&self, key: &CacheKey, entry: &Entry) -> bool {
        self.get(key).is_some_and(|slot| {
            let mut variants = slot.variants.iter();
            variants
                .any(|own| own.selection == entry.selection && own.exchange.received_at >= entry.exchange.received_at)
        })
    }

    /// Forgets an answer.
    pub(super) fn forget(&self, key: &CacheKey, entry: &Arc<Entry>) {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.get(key) else { return };
        let others = slot.variants.iter().filter(|other| !Arc::ptr_eq(other, entry)).cloned();
        let rest = Slot {
            place: slot.place,
            variants: others.collect(),
        };
        match rest.variants.is_empty() {
            true => slots.remove(key),
            false => {
                let weight = rest.weight();
                slots.insert(*key, Arc::new(rest), weight);
            }
        }
    }

    /// Forgets all answers of a place that was written to.
    pub(super) fn written(&self, place: Place, at: Timestamp) {
        lock(&self.writes).insert(place, at, 1);
        lock(&self.slots).retain(|slot| slot.place != place);
    }

    /// The same of a write that another environment noted, unless this one knows of a later one.
    pub(super) fn written_elsewhere(&self, place: Place, at: Timestamp) {
        let known = lock(&self.writes).get(&place);
        if known.is_none_or(|known| known < at) {
            self.written(place, at);
        }
    }
}
