//! How long each stage of a request took.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

/// The stages so far, in the order they were first entered. Serializes as a map from name to whole microseconds;
/// the running stage counts up to now.
#[derive(Debug, Default)]
pub(super) struct Stages {
    spent: Vec<(&'static str, Duration)>,
    /// The running stage's index and when it was entered.
    running: Option<(usize, Instant)>,
}

impl Stages {
    /// Ends the running stage and begins this one.
    pub(super) fn enter(&mut self, name: &'static str) {
        let now = Instant::now();
        if let Some((index, entered)) = self.running {
            self.spent[index].1 += now - entered;
        }
        let known = self.spent.iter().position(|(known, _)| *known == name);
        let index = known.unwrap_or_else(|| {
            self.spent.push((name, Duration::ZERO));
            self.spent.len() - 1
        });
        self.running = Some((index, now));
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |index: usize, spent: Duration| {
            let running = self.running.filter(|(running, _)| *running == index);
            let spent = spent + running.map_or(Duration::ZERO, |(_, entered)| entered.elapsed());
            u64::try_from(spent.as_micros()).unwrap_or(u64::MAX)
        };
        let stages = self.spent.iter().enumerate();
        serializer.collect_map(stages.map(|(index, (name, spent))| (name, micros(index, *spent))))
    }
}
