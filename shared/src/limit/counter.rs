//! What an item counts, for administrators: without the rules that it is held against, which are in the config.

use super::window::{self, Period, Window};
use crate::clock::Timestamp;
use crate::store::CounterState;

/// What an item counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What is counted by: `api_key`, `header:x-user-id,route`, `plan`.
    pub by: String,
    /// Which rule set: `shared`, `plan`, an override's path, or a route's id.
    pub rule: String,
    /// What was counted in the windows of now, those of the longest period last.
    pub windows: Vec<CountedWindow>,
    /// When the last of its buckets is full again; `None`: all are, or there is none.
    pub full_at: Option<Timestamp>,
}

/// What was counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedWindow {
    /// Of which quota.
    pub per: Period,
    /// How much, in units of cost.
    pub used: u64,
    /// When the window is over.
    pub end: Timestamp,
}

impl Counter {
    /// What all sort keys of counters begin with.
    pub const SORT_KEY_PREFIX: &'static str = "L#";

    /// The rule set whose items have this sort key.
    pub fn rule_of(sort_key: &str) -> &str {
        sort_key.strip_prefix(Self::SORT_KEY_PREFIX).unwrap_or(sort_key)
    }

    /// Of the item with this sort key, at this time.
    pub fn of(by: &str, sort_key: &str, state: &CounterState, now: Timestamp) -> Self {
        let counted = |per: Period| {
            let window = Window::at(per, now);
            let (_, used) = *state.windows.iter().find(|(counted, _)| *counted == window)?;
            Some(CountedWindow {
                per,
                used,
                end: window::end(per, now),
            })
        };
        let full_at = state.buckets.iter().map(|(_, tat)| Timestamp::from_micros(*tat)).max();
        Self {
            by: by.to_owned(),
            rule: Self::rule_of(sort_key).to_owned(),
            windows: Period::ALL.into_iter().filter_map(counted).collect(),
            full_at: full_at.filter(|full_at| *full_at > now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::BucketName;

    #[test]
    fn a_counter_shows_the_windows_of_now_and_a_bucket_that_is_not_full() {
        // 2024-02-29T23:59:59Z.
        let now = Timestamp::from_secs(1_709_251_199);
        let window = |name: &str, count: u64| (Window::parse(name).unwrap(), count);
        let bucket = |name: &str, after: u64| (BucketName::parse(name).unwrap(), now.micros() + after);
        let state = CounterState {
            buckets: vec![bucket("t10000x20", 1), bucket("t6000000x10", 2), bucket("t10x2", 0)],
            windows: vec![
                window("m202402", 7),
                window("d20240228", 5),
                window("d20240229", 0),
                window("h2024022922", 9),
            ],
        };
        let counter = Counter::of("plan", "L#plan", &state, now);
        let midnight = Timestamp::from_secs(1_709_251_200);
        let counted = |per, used| CountedWindow {
            per,
            used,
            end: midnight,
        };
        let expected = Counter {
            by: "plan".into(),
            rule: "plan".into(),
            windows: vec![counted(Period::Day, 0), counted(Period::Month, 7)],
            full_at: Some(Timestamp::from_micros(now.micros() + 2)),
        };
        assert_eq!(counter, expected);
        let later = Counter::of("plan", "L#plan", &state, midnight);
        assert_eq!((later.windows, later.full_at), (Vec::new(), None));
    }
}
