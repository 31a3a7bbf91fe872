//! Requests that wait for the same answer: one asks for it, the others take what it gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::entry::Entry;
use super::key::CacheKey;
use crate::lock::lock;

/// What the one that asks came to.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    /// It still waits.
    Aloft,
    /// An answer that others may have.
    Shared(Arc<Entry>),
    /// One that they may not, or none.
    Alone,
}

/// The requests on their way, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<CacheKey, watch::Receiver<Landing>>>>);

/// What a request does about an answer that is not there.
pub(super) enum Boarding {
    /// It asks for it.
    Lead(Lead),
    /// Another does.
    Follow(watch::Receiver<Landing>),
}

/// Asks in the name of all. Whoever waits is let go when it is dropped, whatever becomes of its request.
#[derive(Debug)]
pub(super) struct Lead {
    flights: Flights,
    key: CacheKey,
    landing: watch::Sender<Landing>,
}

impl Flights {
    /// Asks, or waits for who does.
    pub(super) fn board(&self, key: CacheKey) -> Boarding {
        let mut aloft = lock(&self.0);
        if let Some(landing) = aloft.get(&key) {
            return Boarding::Follow(landing.clone());
        }
        let (landing, waits) = watch::channel(Landing::Aloft);
        aloft.insert(key, waits);
        Boarding::Lead(Lead {
            flights: self.clone(),
            key,
            landing,
        })
    }

    /// Whether somebody asks.
    pub(super) fn is_aloft(&self, key: &CacheKey) -> bool {
        lock(&self.0).contains_key(key)
    }
}

impl Lead {
    /// Tells all who wait.
    pub(super) fn land(self, landing: Landing) {
        // Nobody may wait.
        _ = self.landing.send(landing);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        lock(&self.flights.0).remove(&self.key);
    }
}

/// What became of it; `None`: its request was given up.
pub(super) async fn landed(mut landing: watch::Receiver<Landing>) -> Option<Landing> {
    let landed = landing.wait_for(|landing| !matches!(landing, Landing::Aloft)).await;
    landed.ok().map(|landing| landing.clone())
}
