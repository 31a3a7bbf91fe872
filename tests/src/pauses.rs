//! The pauses between a client's requests, in which the other ends of idle connections may go away.
//!
//! A connection that ends in the very moment in which a request is sent on it cannot be told from one that ends
//! because of the request. So a suite that asserts what happens to connections that died in a pause must say when
//! there is one: within it, each connection ends at a time of its own; outside, none does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::seeded::Seeded;

/// Told by the client, heard by everything that holds connections.
#[derive(Clone, Debug)]
pub struct Pauses {
    seed: u64,
    parts: Arc<AtomicU64>,
    /// The number of the pause, while there is one.
    current: watch::Sender<Option<u64>>,
    /// Held while a connection is ended.
    ending: Arc<Mutex<()>>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As the protocols want it: over TLS with its farewell, then FIN.
    Orderly,
    /// FIN alone.
    Cut,
    /// RST.
    Reset,
}

/// The moment in which a connection ends; no pause is over before this is dropped.
pub type Moment = OwnedMutexGuard<()>;

impl Pauses {
    /// None yet. What happens in each depends on the seed alone.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            parts: Arc::default(),
            current: watch::Sender::new(None),
            ending: Arc::default(),
        }
    }

    /// The same pauses for something else that holds connections, which end at other times then.
    #[must_use]
    pub fn another(&self) -> Self {
        let part = self.parts.fetch_add(1, Ordering::SeqCst);
        let seed = Seeded::of(&[self.seed, part]).below(u64::MAX);
        Self { seed, ..self.clone() }
    }

    /// Waits for a while in which no request is under way, and connections may end.
    pub async fn pause(&self, number: u64, length: Duration) {
        self.current.send_replace(Some(number));
        tokio::time::sleep(length).await;
        // A connection that is ending has ended when this is held.
        let _moment = self.ending.lock().await;
        self.current.send_replace(None);
    }

    /// Returns when it is time for this connection to end: in three of four pauses, after at most so long.
    pub async fn end_of(&self, connection: u64, longest: Duration) -> (Moment, End) {
        let mut current = self.current.subscribe();
        loop {
            let pause = *current.borrow_and_update();
            let plan = pause.and_then(|number| self.plan(connection, number, longest));
            let Some((after, end)) = plan else {
                // The sender is `self`'s.
                let _ = current.changed().await;
                continue;
            };
            tokio::select! {
                _ = current.changed() => continue,
                () = tokio::time::sleep(after) => {}
            }
            let moment = Arc::clone(&self.ending).lock_owned().await;
            if *current.borrow() == pause {
                return (moment, end);
            }
        }
    }

    fn plan(&self, connection: u64, pause: u64, longest: Duration) -> Option<(Duration, End)> {
        let mut random = Seeded::of(&[self.seed, connection, pause]);
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        let after = Duration::from_micros(random.below(micros));
        let end = match random.below(4) {
            0 => End::Orderly,
            1 => End::Cut,
            2 => End::Reset,
            _ => return None,
        };
        Some((after, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_end_within_pauses_only() {
        let pauses = Pauses::seeded(1);
        let longest = Duration::from_millis(15);
        let mut ending = tokio::spawn({
            let pauses = pauses.clone();
            async move { pauses.end_of(7, longest).await.1 }
        });
        let waited = tokio::time::timeout(Duration::from_secs(1), &mut ending).await;
        assert!(waited.is_err(), "there was no pause");
        let mut number = 0;
        while !ending.is_finished() {
            pauses.pause(number, longest).await;
            number += 1;
        }
        assert!(number < 20, "{number}");
    }

    #[test]
    fn every_end_comes_and_some_connections_stay() {
        let pauses = Pauses::seeded(1);
        let plans = (0..100).map(|number| pauses.plan(1, number, Duration::from_millis(15)));
        let ends: Vec<Option<End>> = plans.map(|plan| plan.map(|(_, end)| end)).collect();
        for end in [None, Some(End::Orderly), Some(End::Cut), Some(End::Reset)] {
            assert!(ends.iter().filter(|planned| **planned == end).count() > 10, "{end:?}");
        }
    }
}
