//! When the store is not asked: a breaker, per function environment.
//!
//! It opens after [`TIME_OUTS`] time-outs in a row, or [`FAILURES`] failures within [`WITHIN`]. While it is open one
//! request in [`PROBE_EVERY`] asks all the same; the first good answer closes it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
use crate::store::StoreError;

const TIME_OUTS: u32 = 2;
const FAILURES: usize = 5;
const WITHIN: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the last calls came to.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    time_outs: u32,
    /// When the last calls failed; at most [`FAILURES`].
    failures: VecDeque<Instant>,
    /// When the next call may be made; `None` while the breaker is closed.
    probe_at: Option<Instant>,
}

/// How a call failed that may have got through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// There was no answer in time: the next one will wait as long.
    TimeOut,
    /// Whatever else tells nothing.
    Other,
}

impl Breaker {
    /// Whether a call may be made now; while it is open, a probe for whoever comes first.
    pub(super) fn lets_through(&self) -> bool {
        let mut state = lock(&self.0);
        let now = Instant::now();
        match state.probe_at {
            None => true,
            Some(at) if now < at => false,
            Some(_) => {
                state.probe_at = Some(now + PROBE_EVERY);
                true
            }
        }
    }

    /// What became of a call.
    pub(super) fn heard<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) | Err(StoreError::Throttled { .. } | StoreError::Malformed(_)) => self.answered(),
            Err(StoreError::TimedOut(_)) => self.failed(Failure::TimeOut),
            Err(_) => self.failed(Failure::Other),
        }
    }

    /// The store answered, whatever it said. Failures before are forgotten where this was a probe; else they count for
    /// their ten seconds: a store that fails every other call is no better.
    fn answered(&self) {
        let mut state = lock(&self.0);
        match state.probe_at {
            Some(_) => *state = State::default(),
            None => state.time_outs = 0,
        }
    }

    /// It did not.
    fn failed(&self, how: Failure) {
        let mut state = lock(&self.0);
        let now = Instant::now();
        state.time_outs = match how {
            Failure::TimeOut => state.time_outs + 1,
            Failure::Other => 0,
        };
        if state.failures.len() == FAILURES {
            state.failures.pop_front();
        }
        state.failures.push_back(now);
        let oldest = state.failures.front().copied();
        let many = state.failures.len() == FAILURES && oldest.is_some_and(|oldest| now - oldest <= WITHIN);
        if state.time_outs >= TIME_OUTS || many || state.probe_at.is_some() {
            state.probe_at = Some(now + PROBE_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn two_time_outs_in_a_row_open_it() {
        let breaker = Breaker::default();
        breaker.failed(Failure::TimeOut);
        breaker.answered();
        breaker.failed(Failure::TimeOut);
        breaker.failed(Failure::Other);
        breaker.failed(Failure::TimeOut);
        assert!(breaker.lets_through(), "no two in a row");
        breaker.failed(Failure::TimeOut);
        assert!(!breaker.lets_through());
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_within_ten_seconds_open_it() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(Failure::Other);
            pass(Duration::from_millis(2_501)).await;
            assert!(breaker.lets_through(), "never more than four within ten seconds");
        }
        pass(WITHIN).await;
        for failures in 1..=5 {
            breaker.failed(Failure::Other);
            assert_eq!(breaker.lets_through(), failures < 5, "{failures}");
            pass(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_every_other_call_is_down() {
        let breaker = Breaker::default();
        for failures in 1..=5 {
            breaker.failed(Failure::TimeOut);
            assert_eq!(breaker.lets_through(), failures < 5, "{failures}");
            if failures < 5 {
                breaker.answered();
            }
            pass(Duration::from_millis(150)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_a_second_until_one_is_answered() {
        let breaker = Breaker::default();
        breaker.failed(Failure::TimeOut);
        breaker.failed(Failure::TimeOut);
        for _ in 0..3 {
            assert!(!breaker.lets_through());
            pass(Duration::from_millis(999)).await;
            assert!(!breaker.lets_through());
            pass(Duration::from_millis(1)).await;
            let probes = (0..100).filter(|_| breaker.lets_through()).count();
            assert_eq!(probes, 1);
        }
        pass(PROBE_EVERY).await;
        assert!(breaker.lets_through());
        breaker.failed(Failure::Other);
        assert!(!breaker.lets_through(), "a probe that failed");
        pass(PROBE_EVERY).await;
        assert!(breaker.lets_through());
        breaker.answered();
        assert!((0..100).all(|_| breaker.lets_through()));
        breaker.failed(Failure::TimeOut);
        assert!(breaker.lets_through(), "what was before is forgotten");
    }
}
