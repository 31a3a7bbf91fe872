//! A list that grows while a test runs, and can be waited on: lines printed, requests seen.

use std::sync::Mutex;

use tokio::sync::watch;

use crate::DEADLINE;

/// Entries in the order they came.
#[derive(Debug)]
pub struct Journal<T> {
    entries: Mutex<Vec<T>>,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    length: usize,
    closed: bool,
}

impl<T: Clone> Default for Journal<T> {
    fn default() -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            progress: watch::Sender::new(Progress::default()),
        }
    }
}

impl<T: Clone> Journal<T> {
    /// Adds an entry.
    pub fn push(&self, entry: T) {
        let mut entries = self.entries.lock().unwrap();
        entries.push(entry);
        self.progress.send_modify(|progress| progress.length = entries.len());
    }

    /// Says that no more will come, so that nobody waits in vain.
    pub fn close(&self) {
        self.progress.send_modify(|progress| progress.closed = true);
    }

    /// All entries so far.
    pub fn all(&self) -> Vec<T> {
        self.entries.lock().unwrap().clone()
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }

    /// Whether there is none so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no more will come.
    pub async fn closed(&self) {
        self.find(|_| None::<()>).await;
    }

    /// The first entry, past or to come, that `pick` takes; `None` when the journal closes or
    /// [`DEADLINE`] passes without one.
    pub async fn find<R>(&self, pick: impl FnMut(&T) -> Option<R>) -> Option<R> {
        self.find_from(0, pick).await
    }

    /// The same, among the entries from this index on.
    pub async fn find_from<R>(&self, start: usize, mut pick: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let mut progress = self.progress.subscribe();
        let search = async {
            let mut next = start;
            loop {
                let closed = progress.borrow_and_update().closed;
                for entry in self.all().iter().skip(next) {
                    next += 1;
                    if let Some(found) = pick(entry) {
                        return Some(found);
                    }
                }
                if closed {
                    return None;
                }
                progress.changed().await.ok()?;
            }
        };
        tokio::time::timeout(DEADLINE, search).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finds_what_is_there_and_what_is_to_come() {
        let journal = Journal::default();
        journal.push(1);
        assert_eq!(journal.find(|n| (*n == 1).then_some("one")).await, Some("one"));
        let (found, ()) = tokio::join!(journal.find(|n| (*n == 2).then_some("two")), async { journal.push(2) });
        assert_eq!(found, Some("two"));
        assert_eq!(journal.find_from(1, |n| Some(*n)).await, Some(2));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_closed_journal() {
        let journal = Journal::<u8>::default();
        journal.close();
        assert_eq!(journal.find(|_| Some(())).await, None);
    }
}
